"""A trial of 1 000 subjects and 500 000 events, from one that was rehearsed: the record of the
load test.

MGMT-NET is rehearsed through conduct. Its subjects are entered again under other numbers, and each
is given more visits' worth of laboratory reports, forms and medicines, until the record has its
size. The last subjects stop where they could be randomised today. Every body is an event's of the
catalogue, with its guards, and is appended by `append_many`, in the order of time.
"""

from __future__ import annotations

import datetime
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from equipoise.oversight.events import GrantGiven
from equipoise.record.event import Draft, Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.sqlite import SqliteLog
from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import load_scenario
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.load import load_study, study_path
from equipoise.workflow.rehearse import replayed

STUDY, TRIAL = "mgmt-net", "load"
BUSY = 5
"""Rehearsed subjects of a hospital that has users of the load test."""
AT_ONCE = 2000
DAY = datetime.timedelta(days=1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_READY = "EligibilityConfirmed"


def rehearsed_record(folder: Path) -> Path:
    """One trial through conduct, kept in `folder` for the next time."""
    path = folder / "rehearsed.sqlite3"
    if not path.exists():
        scenario = load_scenario(study_path(STUDY).parent, "planning")
        one = rehearsed([Version(0, load_study(STUDY))], scenario, 1, [0])
        made = folder / "making.sqlite3"
        with (
            closing(SqliteLog.create(made, trial=TRIAL)) as log,
            closing(KeyStore.create(folder / "rehearsed.keys")) as keys,
        ):
            replayed(one, 0, log, keys)
        made.rename(path)
    return path


@dataclass(slots=True)
class _Entry:
    """An event of the new record: when, what; `old` is its seq in the rehearsal, if it has one."""

    recorded: str
    old: tuple[int, int] | None
    event: Event


@dataclass(slots=True)
class _Made:
    """What is counted while the record is made: allocations, and seqs of what is corrected."""

    seqs: dict[tuple[int, int], int] = field(default_factory=dict)
    allocations: Counter[str] = field(default_factory=Counter)


def make(
    log: Log, folder: Path, *, subjects: int, events: int | None, people: int, waiting: bool = True
) -> None:
    """Fill the empty `log`; `folder` holds the rehearsal. The keys are copied by `keys_for`.

    `events`: how many there are to be, None: those of the rehearsed subjects alone. `waiting`: the
    subjects that come last wait for their arm.
    """
    with closing(SqliteLog(rehearsed_record(folder))) as source:
        known = source.read()
    entries = _entries(known, subjects, events, waiting)
    entries += _grants(known, people)
    entries.sort(key=lambda each: each.recorded)
    made, rest, seq = _Made(), iter(entries), 0
    while together := list(islice(rest, AT_ONCE)):
        written = []
        for each in together:
            seq += 1
            if each.old is not None:
                made.seqs[each.old] = seq
            written.append(_draft(each, made))
        log.append_many(written, recorded=datetime.datetime.fromisoformat(together[-1].recorded))


def keys_for(folder: Path, place: Path) -> None:
    """The rehearsal's keys beside the new record: they open the sealed seed of its scheme."""
    shutil.copyfile(folder / "rehearsed.keys", place)
    place.chmod(0o600)


def _entries(known: list[Event], subjects: int, events: int | None, waiting: bool) -> list[_Entry]:
    own: dict[str, list[Event]] = {}
    for event in known:
        if event.subject is not None:
            own.setdefault(event.subject, []).append(event)
    found = [_Entry(e.recorded, (0, e.seq), e) for e in known if e.subject is None]
    last = datetime.date.fromisoformat(known[-1].recorded[:10])
    copies = -(-subjects // len(own))
    courses: list[tuple[int, list[Event]]] = []
    for copy, number in [(copy, number) for copy in range(copies) for number in own][:subjects]:
        mine = [_renamed(e, number, copy) for e in own[number]]
        courses.append((copy, _waiting(mine, last) if waiting and copy == copies - 1 else mine))
    found += [_Entry(e.recorded, (copy, e.seq), e) for copy, mine in courses for e in mine]
    lacking = 0 if events is None else events - len(found)
    grown = [mine for copy, mine in courses if not waiting or copy < copies - 1]
    for place, mine in enumerate(grown if lacking > 0 else ()):
        share = lacking // len(grown) + (place < lacking % len(grown))
        found += [_Entry(e.recorded, None, e) for e in _more(mine, share)]
    return found


def _renamed(event: Event, number: str, copy: int) -> Event:
    site, _, place = number.rpartition("-")
    new = f"{site}-{int(place) + 1000 * copy:04}"
    return event._replace(
        subject=new, body=event.body.replace(number, new),
        idempotency_key=f"copy-{copy}-{str(event.idempotency_key).partition('#')[0]}-{event.seq}",
    )  # fmt: skip


def _waiting(mine: list[Event], last: datetime.date) -> list[Event]:
    """A subject up to the confirmation of eligibility, which is of yesterday; whoever never got so
    far is as they were."""
    at = next((place for place, e in enumerate(mine) if e.type == _READY), None)
    if at is None:
        return mine
    by = last - DAY - datetime.date.fromisoformat(str(mine[at].occurred))

    def later(found: re.Match[str]) -> str:
        return (datetime.date.fromisoformat(found[0]) + by).isoformat()

    return [
        e._replace(
            recorded=_DATE.sub(later, e.recorded), occurred=_DATE.sub(later, str(e.occurred)),
            body=_DATE.sub(later, e.body),
        )
        for e in mine[: at + 1]
    ]  # fmt: skip


def _more(mine: list[Event], number: int) -> Iterator[Event]:
    """So many more reports, forms and medicines, spread over the subject's time in the trial."""
    first = datetime.date.fromisoformat(mine[0].recorded[:10])
    days = max((datetime.date.fromisoformat(mine[-1].recorded[:10]) - first).days, 1)
    report = next((e for e in mine if e.type == "LaboratoryReported"), None)
    form = next(e for e in mine if e.type == "FormSaved" and '"form":"performance"' in e.body)
    for place in range(number):
        day = first + DAY * (1 + place * (days - 1) // number)
        kind = place % 4
        if kind == 0 and report is not None:
            model, body = report, {**json.loads(report.body), "report": f"more-{place}"}
        elif kind == 3:
            model = form._replace(type="ConcomitantMedicationRecorded", type_version=1)
            body = {
                "entry": f"more-{place}",
                "drug": "octreotide",
                "drug_class": None,
                "drug_class_missing": "not_done",
                "start": None,
                "end": None,
                "ongoing": True,
            }
        else:
            model = form
            body = {**json.loads(form.body), "instance": f"more-{place}", "visit": None}
        yield model._replace(
            body=json.dumps(body), occurred=day.isoformat(), reason=None,
            recorded=f"{day.isoformat()}T08:00:00.000000Z",
            idempotency_key=f"more-{model.subject}-{place}",
        )  # fmt: skip


def _grants(known: list[Event], people: int) -> list[_Entry]:
    """An investigator more for each user of the load test, hospital by hospital."""
    entered = Counter(str(e.site) for e in known if e.type == "SubjectScreened")
    sites = [site for site, number in entered.most_common() if number >= BUSY]
    given = next(e for e in known if e.type == "GrantGiven")
    opened = max(e.recorded for e in known if e.type in ("SiteOpened", "StudyVersionActivated"))
    found = []
    for number in range(people):
        site = sites[number % len(sites)]
        body = GrantGiven(
            person=person(number), granted_role="investigator", granted_site=site
        ).model_dump_json()
        event = given._replace(body=body, idempotency_key=f"load-grant-{number}")
        found.append(_Entry(opened, None, event))
    return found


def person(number: int) -> str:
    """The name of a user of the load test."""
    return f"load-{number:02}"


def _draft(entry: _Entry, made: _Made) -> Draft:
    event = entry.event
    body: dict[str, Any] = json.loads(event.body)
    if event.type == "Randomised":
        made.allocations[""] += 1
        made.allocations[body["stratum"]] += 1
        body["allocation"] = made.allocations[""]
        body["stratum_allocation"] = made.allocations[body["stratum"]]
    if event.type == "Corrected":
        assert entry.old is not None
        body["target"] = made.seqs[entry.old[0], body["target"]]
    model = CATALOGUE.of(event.type).model_validate(body)
    return Draft(
        type=event.type, type_version=event.type_version, body=body, actor=event.actor,
        role=event.role, organisation=event.organisation, study_version=event.study_version,
        occurred=event.occurred, subject=event.subject, site=event.site, reason=event.reason,
        cause=event.cause, idempotency_key=event.idempotency_key,
        guards=model.guards(event.subject),
    )  # fmt: skip
