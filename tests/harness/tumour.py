"""The course of a tumour as a clinician would note it down, and as the events that record it.

Days count from randomisation (day 0). A lesion is `target`, `non-target` or either with `node`;
after commas its organ, side, kind, `treated before`, `progressed since` (`target, kidney, left`).
A lesion's value at a scan is a number of millimetres, perhaps `by` a method (`12 by mri`), or
`absent`, `too small`, `not evaluated`, `merged into T2`, `split 12 + 8`; of a non-target lesion
`absent`, `present`, `progression`, `not evaluated`, of a non-target node also its short axis. A
lesion that is not named at a scan was not looked at.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from equipoise.record.tables import Tables
from equipoise.response.events import LesionKind
from tests.harness.history import tables_of

DAY_0 = datetime.date(2024, 1, 1)
ROLES = {"target": "target", "non-target": "non_target"}
ITEMS = {"method": "modality", "slices": "slice_thickness", "markers": "markers"}
STATES = {
    "absent": "absent",
    "present": "present",
    "too small": "too_small",
    "not evaluated": "not_evaluated",
    "progression": "unequivocal_progression",
}


def date_of(day: int) -> str:
    """The calendar day of a day from randomisation.

    >>> date_of(0), date_of(-1)
    ('2024-01-01', '2023-12-31')
    """
    return (DAY_0 + datetime.timedelta(days=day)).isoformat()


@dataclass(frozen=True)
class Scan:
    """One assessment: its day, what was seen of each lesion, and new lesions with certainty."""

    day: int
    seen: Mapping[str, str] = field(default_factory=dict)
    new: Mapping[str, str] = field(default_factory=dict)
    baseline: bool = False
    items: Mapping[str, str] = field(default_factory=dict)
    """Of the whole assessment: `method`, `slices` (mm), `markers`."""


@dataclass(frozen=True)
class Course:
    """A subject's lesions (`target`, `non-target node`, ...), scans and fate.

    `death` is a day or a partly known date (`2024-03`); `therapy` the day of a subsequent one.
    """

    lesions: Mapping[str, str]
    scans: tuple[Scan, ...]
    randomised: int | None = 0
    death: int | str | None = None
    therapy: int | None = None
    first_cycle: int | None = None
    procedures: tuple[Mapping[str, Any], ...] = ()
    """Each with `day`, `procedure` and the `lesion` it treats."""

    @classmethod
    def read(cls, noted: Mapping[str, Any]) -> Course:
        """A course as the case files note it."""
        first = _texts(noted["baseline"])
        items = {name: first.pop(name) for name in ITEMS if name in first}
        scans = [Scan(noted.get("baseline_day", -7), first, baseline=True, items=items)]
        for scan in noted.get("scans", ()):
            seen = {name: value for name, value in scan.items() if name in noted["lesions"]}
            items = {name: str(scan[name]) for name in ITEMS if name in scan}
            new = _texts(scan.get("new", {}))
            scans.append(Scan(scan["day"], _texts(seen), new, items=items))
        return cls(
            lesions=noted["lesions"],
            scans=tuple(scans),
            randomised=noted.get("randomised", 0),
            death=noted.get("death"),
            therapy=noted.get("therapy"),
            first_cycle=noted.get("first_cycle"),
            procedures=tuple(noted.get("procedures", ())),
        )


def _texts(noted: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in noted.items()}


def assessment_name(number: int) -> str:
    """The identifier of the assessment of that number, from 0."""
    return f"A{number}"


def entries(course: Course, evaluator: str = "central") -> Iterator[dict[str, Any]]:
    """The events of `course` in the order in which they happened."""
    known: set[str] = set()
    randomised = course.randomised
    for number, scan in enumerate(course.scans):
        if randomised is not None and scan.day >= randomised and not scan.baseline:
            yield _randomised(randomised)
            randomised = None
        if not known:
            for name, role in course.lesions.items():
                yield _identified(scan, name, role, evaluator)
            known.update(course.lesions)
        for name in scan.new:
            if name not in known:
                yield _identified(scan, name, "new", evaluator)
                known.add(name)
        yield _assessed(course, scan, number, evaluator)
    if randomised is not None:
        yield _randomised(randomised)
    if course.first_cycle is not None:
        cycle = {"cycle": 1, "regimen": "R", "height": "170", "weight": "70"}
        yield {"event": "CycleStarted", "on": date_of(course.first_cycle), **cycle}
    if course.therapy is not None:
        therapy = {"entry": "S1", "therapy": "systemic"}
        yield {"event": "SubsequentTherapyRecorded", "on": date_of(course.therapy), **therapy}
    for number, each in enumerate(course.procedures):
        what = {name: each[name] for name in ("procedure", "lesion") if name in each}
        who = {"entry": f"P{number}", "evaluator": evaluator if "lesion" in each else None}
        yield {"event": "ProcedureRecorded", "on": date_of(each["day"]), **what, **who}
    if course.death is not None:
        day = date_of(course.death) if isinstance(course.death, int) else course.death
        yield {"event": "DeathRecorded", "on": day, "cause": "disease"}


def _identified(scan: Scan, name: str, noted: str, evaluator: str) -> dict[str, Any]:
    role, *words = noted.split(", ")
    node = role.endswith(" node")
    items: dict[str, Any] = {"organ": "node" if node else "liver"}
    for word in words:
        kind = word.replace(" ", "_")
        if kind in get_args(LesionKind):
            items["kind"] = kind
        elif kind in ("treated_before", "progressed_since"):
            items[kind] = True
        elif word in ("left", "right"):
            items["side"] = word
        else:
            items["organ"] = word
    role = ROLES.get(role.removesuffix(" node"), role)
    identity = {"lesion": name, "evaluator": evaluator, "role": role, "node": node}
    return {"event": "LesionIdentified", "on": date_of(scan.day), **identity, **items}


def _randomised(day: int) -> dict[str, Any]:
    return {
        "event": "Randomised", "on": date_of(day), "scheme": "main", "scheme_version": "1",
        "allocation": 1, "stratum": "all", "stratum_allocation": 1, "factors": [],
        "marker_status": "DEFICIENT", "status_rule": "r1", "arm": "A",
    }  # fmt: skip


def _assessed(course: Course, scan: Scan, number: int, evaluator: str) -> dict[str, Any]:
    role = {name: noted.split(",")[0].split()[0] for name, noted in course.lesions.items()}
    targets = [_target(name, v) for name, v in scan.seen.items() if role[name] == "target"]
    others = [
        {"lesion": name, **({"state": STATES[v]} if v in STATES else _sized(v, "present"))}
        for name, v in scan.seen.items()
        if role[name] == "non-target"
    ]
    pieces = [
        {"fragment": f"{name}.{place}", "lesion": name, **_seen(piece)}
        for name, value in scan.seen.items()
        if value.startswith("split ")
        for place, piece in enumerate(value.removeprefix("split ").split(" + "))
    ]
    return {
        "event": "TumourAssessed", "on": date_of(scan.day), "evaluator": evaluator,
        "assessment": assessment_name(number), "visit": "imaging", "baseline": scan.baseline,
        "modality": "ct", **{ITEMS[name]: value for name, value in scan.items.items()},
        "targets": targets, "non_targets": others, "fragments": pieces,
        "new_lesions": [{"lesion": name, "certainty": sure} for name, sure in scan.new.items()],
    }  # fmt: skip


def _target(name: str, value: str) -> dict[str, Any]:
    size, _, method = value.partition(" by ")
    found: dict[str, Any] = {"lesion": name, **({"method": method} if method else {})}
    if value.startswith("split "):
        return {**found, "state": "split"}
    if value.startswith("merged into "):
        return {**found, "state": "merged", "merged_into": value.removeprefix("merged into ")}
    return {**found, **_seen(size)}


def _seen(value: str) -> dict[str, Any]:
    return {"state": STATES[value]} if value in STATES else _sized(value, "measured")


def _sized(value: str, state: str) -> dict[str, Any]:
    return {"state": state, "diameter": value}


def course_tables(course: Course, *, subject: str = "01-001", replicate: int = 0) -> Tables:
    """The event tables of `course`."""
    return tables_of(entries(course), subject=subject, replicate=replicate)
