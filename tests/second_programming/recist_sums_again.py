"""RECIST 1.1 programmed again: sums of diameters, responses at a time point, progression.

Written from Eisenhauer 2009 (Eur J Cancer 45:228-247, sections 3.1, 4.2 to 4.4 and tables 1 and 2),
the EORTC's clarifications, the checklist of the project's facts, and the public docstrings and
columns of the rules; by somebody who has not read the rules. One subject at a time, in loops over
lists and exact fractions of a millimetre.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.second_programming.rows_by_subject import Row

TABLES = (
    "tumour_assessed", "lesion_identified", "target_measured", "fragment_measured",
    "non_target_observed", "new_lesion_observed", "procedure_recorded", "randomised",
    "death_recorded", "subsequent_therapy_recorded",
)  # fmt: skip

TREATED = {
    "surgery", "resection", "radiotherapy", "irradiation", "embolisation", "chemoembolisation",
    "radioembolisation", "ablation", "radiofrequency_ablation", "cryotherapy",
}  # fmt: skip


@dataclass(frozen=True)
class Conventions:
    """What the standard leaves open, as its data file has it."""

    known_sum_shows_progression: bool = True
    reappearance_is_progression: bool = True
    equivocal_new_lesion_dates_back: bool = True
    not_evaluable_between: int = 1
    stable_between: int = 0
    treated_lesion_is_evaluable: bool = False
    markers_count_for_complete_response: bool = False


@dataclass
class Scan:
    """One assessment by one evaluator, and what the second programming makes of it."""

    order: int
    name: str
    day: datetime.date | None
    baseline: bool
    markers: str | None
    targets: dict[str, Row]
    fragments: dict[str, list[Row]]
    others: dict[str, Row]
    new: dict[str, str]
    followed: tuple[str, ...] = ()
    followed_others: tuple[str, ...] = ()
    missing: int = 0
    known: Fraction = Fraction(0)
    total: Fraction | None = None
    baseline_sum: Fraction | None = None
    nadir: Fraction | None = None
    nadir_order: int | None = None
    all_gone: bool | None = None
    target_response: str | None = None
    other_response: str | None = None
    reappeared: bool = False
    overall: str | None = None


def evaluators(subject: dict[str, list[Row]]) -> list[str]:
    return sorted({row["evaluator"] for row in subject["tumour_assessed"]})


def scans_of(subject: dict[str, list[Row]], evaluator: str) -> list[Scan]:
    """The assessments of one evaluator in time."""

    def beneath(table: str, event: int) -> list[Row]:
        return [row for row in subject[table] if row["event"] == event]

    mine = [row for row in subject["tumour_assessed"] if row["evaluator"] == evaluator]
    mine.sort(key=lambda row: (row["occurred"] or datetime.date.min, row["event"]))
    scans = []
    for order, row in enumerate(mine):
        fragments: dict[str, list[Row]] = {}
        for piece in beneath("fragment_measured", row["event"]):
            fragments.setdefault(piece["lesion"], []).append(piece)
        scans.append(
            Scan(
                order=order,
                name=row["assessment"],
                day=row["occurred"],
                baseline=row["baseline"],
                markers=row["markers"],
                targets={each["lesion"]: each for each in beneath("target_measured", row["event"])},
                fragments=fragments,
                others={
                    each["lesion"]: each for each in beneath("non_target_observed", row["event"])
                },
                new={
                    each["lesion"]: each["certainty"]
                    for each in beneath("new_lesion_observed", row["event"])
                },
            )
        )
    return scans


def read_scans(
    subject: dict[str, list[Row]], evaluator: str, conventions: Conventions
) -> list[Scan]:
    """The assessments of one evaluator with sums, responses and what has come back."""
    node = {
        row["lesion"]: row["node"]
        for row in subject["lesion_identified"]
        if row["evaluator"] == evaluator
    }
    scans = scans_of(subject, evaluator)
    base: Scan | None = None
    since: list[Scan] = []  # the baseline in force and what followed it, before this one
    complete_before = False
    for scan in scans:
        if scan.baseline:
            base, since, complete_before = scan, [], False
        if base is None:
            scan.target_response = "NE"
            scan.overall = "NE"
            continue
        treated = _treated(subject, evaluator, base, scan, conventions)
        scan.followed = _chosen(subject, evaluator, "target", base)
        scan.followed_others = _chosen(subject, evaluator, "non_target", base)
        _add_up(scan, node, treated)
        scan.baseline_sum = base.total
        for earlier in since:
            if earlier.total is not None and (scan.nadir is None or earlier.total < scan.nadir):
                scan.nadir, scan.nadir_order = earlier.total, earlier.order
        since.append(scan)
        if scan.baseline:
            continue
        scan.target_response = _judge_targets(scan, conventions)
        scan.other_response = _judge_others(scan, node, treated, conventions)
        back = _disease_is_seen(scan, node, treated)
        scan.reappeared = complete_before and back
        counts = scan.reappeared and conventions.reappearance_is_progression
        scan.overall = "PD" if counts else _overall(scan)
        complete_before = complete_before or scan.overall == "CR"
    return scans


def _chosen(
    subject: dict[str, list[Row]], evaluator: str, role: str, base: Scan
) -> tuple[str, ...]:
    """The lesions that the evaluator had chosen in that role on the day of the baseline."""
    return tuple(
        row["lesion"]
        for row in subject["lesion_identified"]
        if row["evaluator"] == evaluator and row["role"] == role
        if base.day is None or row["occurred"] is None or row["occurred"] <= base.day
    )


def _treated(
    subject: dict[str, list[Row]], evaluator: str, base: Scan, scan: Scan, conventions: Conventions
) -> set[str]:
    """Lesions operated on, irradiated, embolised or ablated between baseline and this scan."""
    if conventions.treated_lesion_is_evaluable:
        return set()
    found = set()
    for row in subject["procedure_recorded"]:
        if row["evaluator"] != evaluator or row["lesion"] is None or row["occurred"] is None:
            continue
        if row["procedure"].lower() not in TREATED or scan.day is None or base.day is None:
            continue
        if base.day <= row["occurred"] < scan.day:
            found.add(row["lesion"])
    return found


def _millimetres(hundredths: int | None) -> Fraction | None:
    return None if hundredths is None else Fraction(hundredths, 100)


def _size(row: Row) -> Fraction | None:
    """What one measured thing counts: a lesion or a piece of one."""
    size = _millimetres(row["diameter"])
    if row["state"] == "absent":
        return Fraction(0)
    if row["state"] == "too_small":
        return Fraction(5) if size is None else size
    if row["state"] == "measured":
        return size
    return None


def lesion_size(scan: Scan, lesion: str, treated: set[str]) -> Fraction | None:
    """What one target counts at one scan, nothing where that is not known."""
    row = scan.targets.get(lesion)
    if row is None or lesion in treated:
        return None
    if row["state"] == "merged":
        return Fraction(0)
    if row["state"] != "split":
        return _size(row)
    pieces = [_size(piece) for piece in scan.fragments.get(lesion, [])]
    if not pieces or None in pieces:
        return None
    return sum((piece for piece in pieces if piece is not None), Fraction(0))


def _add_up(scan: Scan, node: dict[str, bool], treated: set[str]) -> None:
    there = False
    for lesion in scan.followed:
        size = lesion_size(scan, lesion, treated)
        if size is None:
            scan.missing += 1
            continue
        scan.known += size
        there = there or _is_seen(scan, lesion, node.get(lesion, False))
    if scan.followed:
        scan.total = scan.known if scan.missing == 0 else None
        scan.all_gone = False if there else (True if scan.missing == 0 else None)


def _is_seen(scan: Scan, lesion: str, is_node: bool) -> bool:
    """A node is normal below 10 mm, in pieces if each is; other lesions show whatever their size.

    The article adds the pieces of lesions other than nodes; of nodes it says nothing.
    """
    row = scan.targets[lesion]
    parts = scan.fragments.get(lesion, []) if row["state"] == "split" else [row]
    sizes = [size for size in map(_size, parts) if size is not None]
    return any(size >= 10 if is_node else size > 0 for size in sizes)


def _judge_targets(scan: Scan, conventions: Conventions) -> str | None:
    if not scan.followed:
        return None
    if scan.all_gone and scan.baseline_sum != 0:
        return "CR"
    enough = scan.missing == 0 or conventions.known_sum_shows_progression
    if enough and scan.nadir is not None:
        rise = scan.known - scan.nadir
        if rise >= 5 and rise / Fraction(20, 100) >= scan.nadir:
            return "PD"
    if scan.total is None or not scan.baseline_sum:
        return "NE"
    if (scan.baseline_sum - scan.total) / scan.baseline_sum >= Fraction(30, 100):
        return "PR"
    return "SD"


def _other_is_gone(row: Row, is_node: bool) -> bool:
    if row["state"] == "absent":
        return True
    size = _millimetres(row["diameter"])
    return row["state"] == "present" and is_node and size is not None and size < 10


def _judge_others(
    scan: Scan, node: dict[str, bool], treated: set[str], conventions: Conventions
) -> str | None:
    rows = [None if name in treated else scan.others.get(name) for name in scan.followed_others]
    states = [None if row is None else row["state"] for row in rows]
    if any(row["state"] == "unequivocal_progression" for row in scan.others.values()):
        return "PD"
    if None in states or "not_evaluated" in states:
        return "NE"
    gone = all(
        row is not None and _other_is_gone(row, node.get(name, False))
        for name, row in zip(scan.followed_others, rows, strict=True)
    )
    if rows and not gone:
        return "NON-CR/NON-PD"
    disease = bool(scan.followed or rows)
    markers = conventions.markers_count_for_complete_response and disease
    if markers and scan.markers != "normal":
        return "NE" if scan.markers is None else "NON-CR/NON-PD"
    return "CR" if rows else None


def _disease_is_seen(scan: Scan, node: dict[str, bool], treated: set[str]) -> bool:
    """Any target that is there; any non-target lesion; a non-target node that has progressed.

    A new lesion is progression without this.
    """
    for lesion in scan.followed:
        if lesion_size(scan, lesion, treated) is None:
            continue
        if _is_seen(scan, lesion, node.get(lesion, False)):
            return True
    for lesion, row in scan.others.items():
        if row["state"] == "unequivocal_progression":
            return True
        if lesion not in treated and row["state"] == "present" and not node.get(lesion, False):
            return True
    return False


def _overall(scan: Scan) -> str:
    """Tables 1 and 2 of the article."""
    target, other = scan.target_response, scan.other_response
    if "unequivocal" in scan.new.values() or target == "PD" or other == "PD":
        return "PD"
    if target == "CR":
        return "CR" if other in (None, "CR") else "PR"
    if target in ("PR", "SD", "NE"):
        return target
    return other or "NE"


@dataclass(frozen=True)
class Progression:
    """When and where disease progressed, after what was last seen of it."""

    scan: Scan | None
    last_adequate: datetime.date | None


def _first_baseline(scans: Sequence[Scan]) -> int:
    """The place of the first baseline; before it nothing is new."""
    return next((scan.order for scan in scans if scan.baseline), len(scans))


def progression_of(scans: Sequence[Scan], conventions: Conventions) -> Progression:
    """The first PD, or where a new lesion was first seen that later turned out to be one."""
    at = next((scan for scan in scans if scan.overall == "PD"), None)
    if conventions.equivocal_new_lesion_dates_back:
        for scan in scans[_first_baseline(scans) :]:
            doubtful = {name for name, sure in scan.new.items() if sure == "equivocal"}
            later = [each.new for each in scans[scan.order + 1 :] if each.overall == "PD"]
            if any(new.get(name) == "unequivocal" for new in later for name in doubtful):
                at = scan if at is None or scan.order < at.order else at
                break
    last = None
    for scan in scans:
        if at is not None and scan.order >= at.order:
            break
        if scan.overall not in (None, "NE"):
            last = scan.day
    return Progression(at, last)


def hundredths(size: Fraction | None) -> int | None:
    """Back to the unit of the tables, exactly."""
    if size is None:
        return None
    assert (size * 100).denominator == 1
    return int(size * 100)


def rows_of(scan: Scan) -> dict[str, Any]:
    """The columns of `target_sum` that the specification settles."""
    return {
        "occurred": scan.day,
        "baseline": scan.baseline,
        "order": scan.order,
        "targets": len(scan.followed),
        "not_evaluated": scan.missing,
        "diameter_sum": hundredths(scan.total),
        "known_sum": hundredths(scan.known),
        "baseline_sum": hundredths(scan.baseline_sum),
        "nadir": hundredths(scan.nadir),
        "nadir_order": scan.nadir_order,
        "all_gone": scan.all_gone,
    }
