"""A rehearsed trial sent through `conduct`, action by action, into a record.

The entries that the simulator drew are what people would have done; here synthetic accounts do it.
No decision is taken over from the simulation: whether a subject is eligible and which arm they get
is decided again by `conduct`, and must come out the same.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from equipoise.conduct.conductor import Conductor
from equipoise.conduct.opening import open_trial
from equipoise.eligibility.entry import unsettled
from equipoise.oversight.events import TrialOpened
from equipoise.randomisation.approval import approval_sha256, list_sha256
from equipoise.randomisation.events import ActivateScheme
from equipoise.record.canonical import canonical
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.tables import Row, Tables, rows
from equipoise.simulation.run import Rehearsal, Version
from equipoise.simulation.scenario import scenario_text
from equipoise.study.access import ACTION_ROLES, SITE_ROLES
from equipoise.study.actions import Action
from equipoise.study.catalogue import ASKED_FOR, DECIDED, EVENTS
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, needed
from equipoise.study.factor_levels import factor_levels
from equipoise.study.load import study_text
from equipoise.treatment.events import CycleStarted

ORGANISATION = "Rehearsal"
ADMINISTRATOR = "rehearsal-administrator"
READ = frozenset({"LesionIdentified", "TumourAssessed"})
"""What a reader enters in a rehearsal."""
BY_NURSES = frozenset({"VisitRecorded", "SampleCollected", "LaboratoryReported", "DoseGiven"})
"""What a nurse records in a rehearsal."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay did: the seq in the record of every entry, by its seq in the rehearsal."""

    replicate: int
    seq: dict[int, int]
    events: int


def replayed(
    rehearsal: Rehearsal,
    replicate: int,
    log: Log,
    keys: KeyStore,
    *,
    progress: Progress = lambda done, total: None,
) -> Replay:
    """Send one replicate of `rehearsal` into the empty record `log`.

    `progress` is told entries done and in all. Raises whatever `conduct` raises: a rehearsal that
    conduct refuses is a contradiction in the software, and stops.
    """
    first = rehearsal.versions[0]
    clock = _Clock(rehearsal)
    opened = TrialOpened(
        mode="rehearsal",
        study=first.study.id,
        scenario=rehearsal.scenario.name,
        scenario_seed=rehearsal.seed,
        scenario_replicate=replicate,
        scenario_text=scenario_text(rehearsal.scenario),
    )
    open_trial(
        log, first.study, administrator=ADMINISTRATOR, organisation=ORGANISATION, opened=opened,
        recorded=clock.at(0),
    )  # fmt: skip
    conductor = Conductor(log, keys)
    _found(conductor, first.study, clock)
    _go_live(conductor, first, clock)
    pending = list(rehearsal.versions[1:])
    entered = {
        name: frame.filter(pl.col("replicate") == replicate)
        for name, frame in rehearsal.entries.tables(corrected=False).items()
    }
    entries = sorted(_entries(rehearsal, replicate, entered), key=lambda entry: entry.row.event)
    seqs: dict[int, int] = {}
    seen: dict[str, int] = {}
    unmet = _unmet_at_first_dose(rehearsal.versions, entered)
    for done, entry in enumerate(entries):
        day = clock.day_of(entry.day)
        while pending and pending[0].day <= day:
            version = pending.pop(0)
            _act(
                conductor, clock, version.day, "AdoptStudyVersion",
                {"study": study_text(version.study)}, "data_manager",
                f"adopt-{version.study.version}",
            )  # fmt: skip
            _go_live(conductor, version, clock)
        action = _action(entry, clock, seqs, seen, first.study)
        if entry.name == CycleStarted.TYPE and entry.row.event in unmet:
            action = replace(action, reason="treated all the same")
        written = conductor.act(action)
        seqs[entry.row.event] = written[0].seq
        if entry.row.subject is not None:
            seen[entry.row.subject] = written[-1].seq
        progress(done + 1, len(entries))
    return Replay(replicate, seqs, log.head().seq)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One thing that somebody does: an event to record, a decision to ask for, a correction."""

    name: str
    row: Row
    day: str


class _Clock:
    """The scenario's clock: days of the trial, at eight in the morning, UTC."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.start = rehearsal.scenario.start

    def at(self, day: int) -> datetime.datetime:
        """The moment on a day of the trial."""
        found = self.start + datetime.timedelta(days=day)
        return datetime.datetime.combine(found, datetime.time(8), tzinfo=datetime.UTC)

    def day_of(self, day: str) -> int:
        """The day of the trial of a date."""
        return (datetime.date.fromisoformat(day) - self.start).days


def _entries(rehearsal: Rehearsal, replicate: int, entered: Tables) -> Iterator[_Entry]:
    """Everything that happened in a replicate, each with the content it was first entered with."""
    for cls in EVENTS:
        frame = entered[cls.TABLE]
        if cls.TYPE in DECIDED and cls.TYPE not in ASKED_FOR:
            continue
        if frame.is_empty():
            continue
        for row in rows(entered, cls):
            yield _Entry(cls.TYPE, row, row.occurred or "")
    for change in (
        rehearsal.entries.changes().filter(pl.col("replicate") == replicate).iter_rows(named=True)
    ):
        body = {
            "target": change["target"],
            "item": f"items/{change['item']}/value",
            "new": canonical(change["new"]),
        }
        day = change["occurred"].isoformat()
        row = Row(
            replicate, change["seq"], change["subject"], change["site"], None,
            change["study_version"], body,
        )  # fmt: skip
        yield _Entry("Correct", row, day)


def _unmet_at_first_dose(versions: Sequence[Version], entered: Tables) -> frozenset[int]:
    """The first cycles that began although a criterion judged provisionally was not met: a site
    gives a reason for them."""
    first = entered[CycleStarted.TABLE].filter(cycle=1).select("subject", "study_version", "event")
    until = first.select("subject", until="event")
    read = {name for rule in needed("entry_eligibility") for name in rule.requires}
    known = {
        name: frame.join(until, "subject", maintain_order="left").filter(
            pl.col("event") <= pl.col("until")
        )
        if {"subject", "event"} <= set(frame.columns) else frame
        for name, frame in entered.items() if name in read
    }  # fmt: skip
    found: set[int] = set()
    for version in versions:
        if not any(each.provisional for each in version.study.eligibility.criteria):
            continue
        judged = derive(known, version.study, upto="entry_eligibility")["entry_eligibility"]
        open_ = unsettled(judged, version.study.eligibility, provisional=True)
        began = first.filter(study_version=version.study.version)
        found |= set(began.join(open_, "subject", "semi")["event"])
    return frozenset(found)


def _action(
    entry: _Entry, clock: _Clock, seqs: dict[int, int], seen: dict[str, int], study: Study
) -> Action:
    row, name, body = entry.row, entry.name, dict(entry.row.body)
    if name in ASKED_FOR:
        name, body = ASKED_FOR[name], {}
    if name == "Correct":
        body["target"] = seqs[body["target"]]
    role = _role(name, body, study)
    return Action(
        name=name,
        body=body,
        actor=account(role, row.site),
        role=role,
        organisation=ORGANISATION,
        key=f"rehearsal-{row.event}",
        seen=seen.get(row.subject or "", 0),
        subject=row.subject,
        site=row.site,
        occurred=row.occurred,
        reason="transcription error" if name == "Correct" else None,
        recorded=clock.at(clock.day_of(entry.day)),
    )


def _role(action: str, body: Mapping[str, Any], study: Study) -> str:
    """The role that does this in a rehearsal: a blinded reader reads, a nurse does BY_NURSES, the
    investigator whatever else a site may, the laboratory its own."""
    allowed = ACTION_ROLES[action]
    blinded = {each.code for each in study.response.evaluators if each.blinded_to_marker}
    read = action in READ and body["evaluator"] in blinded
    first = "reader" if read else "nurse" if action in BY_NURSES else "investigator"
    order = (first, "investigator", "laboratory")
    return next((role for role in order if role in allowed), min(allowed))


def account(role: str, site: str | None) -> str:
    """The synthetic account of a role, at a site where the role is a site's."""
    return f"rehearsal-{role}" + (f"-{site}" if role in SITE_ROLES else "")


def _found(conductor: Conductor, study: Study, clock: _Clock) -> None:
    """Give the synthetic accounts their grants and open the sites."""
    central = (
        "data_manager", "statistician", "laboratory", "reader", "safety_officer", "auditor",
        "monitor",
    )  # fmt: skip
    grants: list[tuple[str, str | None]] = [(role, None) for role in central]
    grants += [(role, site.code) for site in study.sites for role in sorted(SITE_ROLES)]
    for role, site in grants:
        body = {"person": account(role, site), "granted_role": role, "granted_site": site}
        _act(conductor, clock, 0, "GrantGiven", body, "administrator", f"grant-{role}-{site}")
    for site_row in study.sites:
        _act(
            conductor, clock, 0, "SiteOpened", {"name": site_row.name}, "data_manager",
            f"open-{site_row.code}", site=site_row.code,
        )  # fmt: skip


def _go_live(conductor: Conductor, version: Version, clock: _Clock) -> None:
    """Activate a version at every site; sign and activate its scheme where that is new."""
    study, day = version.study, version.day
    for site in study.sites:
        body = {"version": study.version, "approval": "rehearsal"}
        key = f"live-{study.version}-{site.code}"
        _act(
            conductor, clock, day, "StudyVersionActivated", body, "data_manager", key,
            site=site.code,
        )  # fmt: skip
    scheme = study.randomisation.scheme
    if (scheme.code, scheme.version) in conductor.state.schemes:
        return
    number = conductor.state.dummy[0]
    asked = ActivateScheme(
        dummy_seed=number,
        dummy_sha256=list_sha256(study.randomisation, factor_levels(study), number),
        accepted="Rehearsal: the guess rate was not simulated.",
    )
    signed = {
        "meaning": "approval",
        "scope": f"scheme {scheme.code} {scheme.version}",
        "content_sha256": approval_sha256(study.randomisation, asked),
        "reauthenticated": True,
    }
    name = f"{scheme.code}-{scheme.version}"
    _act(conductor, clock, day, "Signed", signed, "statistician", f"sign-{name}")
    _act(
        conductor, clock, day, "ActivateScheme", asked.model_dump(mode="json"), "statistician",
        f"activate-{name}",
        site=study.sites[0].code,
    )  # fmt: skip


def _act(
    conductor: Conductor,
    clock: _Clock,
    day: int,
    name: str,
    body: dict[str, Any],
    role: str,
    key: str,
    *,
    site: str | None = None,
) -> None:
    actor = ADMINISTRATOR if role == "administrator" else account(role, site)
    conductor.act(
        Action(
            name=name,
            body=body,
            actor=actor,
            role=role,
            organisation=ORGANISATION,
            key=f"rehearsal-{key}",
            site=site,
            occurred=clock.at(day).date().isoformat(),
            recorded=clock.at(day),
        )
    )
