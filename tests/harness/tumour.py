"""The course of a tumour as a clinician would note it down, and as the events that record it.

Days count from randomisation (day 0). A lesion's value at a scan is a number of millimetres, or
`absent`, `too small`, `not evaluated`; of a non-target lesion `absent`, `present`, `progression`,
`not evaluated`. A lesion that is not named at a scan was not looked at.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from equipoise.record.tables import Tables
from tests.harness.history import tables_of

DAY_0 = datetime.date(2024, 1, 1)
ROLES = {"target": "target", "non-target": "non_target"}
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

    @classmethod
    def read(cls, noted: Mapping[str, Any]) -> Course:
        """A course as the case files note it."""
        scans = [Scan(noted.get("baseline_day", -7), _texts(noted["baseline"]), baseline=True)]
        for scan in noted.get("scans", ()):
            seen = {name: value for name, value in scan.items() if name in noted["lesions"]}
            scans.append(Scan(scan["day"], _texts(seen), _texts(scan.get("new", {}))))
        return cls(
            lesions=noted["lesions"],
            scans=tuple(scans),
            randomised=noted.get("randomised", 0),
            death=noted.get("death"),
            therapy=noted.get("therapy"),
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
                yield _identified(scan, name, ROLES[role.split()[0]], "node" in role, evaluator)
            known.update(course.lesions)
        for name in scan.new:
            if name not in known:
                yield _identified(scan, name, "new", False, evaluator)
                known.add(name)
        yield _assessed(course, scan, number, evaluator)
    if randomised is not None:
        yield _randomised(randomised)
    if course.therapy is not None:
        therapy = {"entry": "S1", "therapy": "systemic"}
        yield {"event": "SubsequentTherapyRecorded", "on": date_of(course.therapy), **therapy}
    if course.death is not None:
        day = date_of(course.death) if isinstance(course.death, int) else course.death
        yield {"event": "DeathRecorded", "on": day, "cause": "disease"}


def _identified(scan: Scan, name: str, role: str, node: bool, evaluator: str) -> dict[str, Any]:
    where = {"organ": "node" if node else "liver", "node": node, "role": role}
    identity = {"lesion": name, "evaluator": evaluator}
    return {"event": "LesionIdentified", "on": date_of(scan.day), **identity, **where}


def _randomised(day: int) -> dict[str, Any]:
    return {
        "event": "Randomised", "on": date_of(day), "scheme": "main", "scheme_version": "1",
        "allocation": 1, "stratum": "all", "stratum_allocation": 1, "factors": [],
        "marker_status": "DEFICIENT", "status_rule": "r1", "arm": "A",
    }  # fmt: skip


def _assessed(course: Course, scan: Scan, number: int, evaluator: str) -> dict[str, Any]:
    role = {name: noted.split()[0] for name, noted in course.lesions.items()}
    targets = [
        {"lesion": name, "state": STATES[value]}
        if value in STATES
        else {"lesion": name, "state": "measured", "diameter": value}
        for name, value in scan.seen.items()
        if role[name] == "target"
    ]
    others = [
        {"lesion": name, "state": STATES[value]}
        for name, value in scan.seen.items()
        if role[name] == "non-target"
    ]
    return {
        "event": "TumourAssessed", "on": date_of(scan.day), "evaluator": evaluator,
        "assessment": assessment_name(number), "visit": "imaging", "baseline": scan.baseline,
        "modality": "ct",
        "targets": targets, "non_targets": others,
        "new_lesions": [{"lesion": name, "certainty": sure} for name, sure in scan.new.items()],
    }  # fmt: skip


def course_tables(course: Course, *, subject: str = "01-001", replicate: int = 0) -> Tables:
    """The event tables of `course`."""
    return tables_of(entries(course), subject=subject, replicate=replicate)
