"""A second programming of the time-point response, from the sources and not from the rules.

Plain loops over one subject's course, in exact decimals of a millimetre. Written from the checklist
of RECIST 1.1 (Eisenhauer 2009, its tables 1 and 2, and the EORTC's clarification that disease seen
again after a complete response is progression).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tests.harness.tumour import Course, Scan


@dataclass(frozen=True)
class Reading:
    """What one assessment shows; sums in millimetres."""

    sum: Fraction | None
    known: Fraction
    nadir: Fraction | None
    target: str | None
    non_target: str | None
    new_lesion: bool
    overall: str


def size(value: str) -> Fraction | None:
    """The millimetres that a target counts with, or nothing."""
    if value.startswith("split "):
        parts = [size(part) for part in pieces(value)]
        known = [part for part in parts if part is not None]
        return sum(known, Fraction(0)) if len(known) == len(parts) else None
    if value == "absent" or value.startswith("merged into "):
        return Fraction(0)
    if value == "too small":
        return Fraction(5)
    if value == "not evaluated":
        return None
    return Fraction(value)


def pieces(value: str) -> list[str]:
    """The pieces of a lesion that has split, or the lesion itself."""
    return value.removeprefix("split ").split(" + ")


def is_left(value: str, node: bool) -> bool | None:
    """Whether anything of a target is left: a node from 10 mm on, of pieces the largest."""
    if size(value) is None:
        return None
    found = [size(part) or Fraction(0) for part in pieces(value)]
    return max(found) >= 10 if node else max(found) > 0


def read_course(course: Course) -> list[Reading]:
    """The readings of every scan after the baseline, which is the first."""
    targets = {name: "node" in noted for name, noted in course.lesions.items()
               if noted.startswith("target")}  # fmt: skip
    others = {name: "node" in noted for name, noted in course.lesions.items()
              if noted.startswith("non-target")}  # fmt: skip
    baseline, _ = total(course.scans[0], targets)
    smallest = baseline
    complete_once = False
    readings = []
    for scan in course.scans[1:]:
        now, known = total(scan, targets)
        target = judge_targets(scan, targets, baseline, smallest)
        other = judge_others(scan, others)
        new = "unequivocal" in scan.new.values()
        overall = combine(target, other, new)
        if complete_once and disease_seen(scan, targets, others):
            overall = "PD"
        complete_once = complete_once or overall == "CR"
        readings.append(Reading(now, known, smallest, target, other, new, overall))
        if now is not None and (smallest is None or now < smallest):
            smallest = now
    return readings


def total(scan: Scan, targets: dict[str, bool]) -> tuple[Fraction | None, Fraction]:
    """The sum of all targets if every one has a value, and the sum of those that have."""
    known = Fraction(0)
    whole = bool(targets)
    for name in targets:
        value = size(scan.seen.get(name, "not evaluated"))
        if value is None:
            whole = False
        else:
            known += value
    return (known if whole else None), known


def judge_targets(
    scan: Scan, targets: dict[str, bool], baseline: Fraction | None, smallest: Fraction | None
) -> str | None:
    if not targets:
        return None
    now, known = total(scan, targets)
    gone = not any(is_left(scan.seen.get(name, "absent"), node) for name, node in targets.items())
    if now is not None and baseline != 0 and gone:
        return "CR"
    if smallest is not None:
        growth = known - smallest
        if growth >= 5 and growth >= smallest / 5:
            return "PD"
    if now is None or baseline is None or baseline == 0:
        return "NE"
    if now <= baseline * Fraction(7, 10):
        return "PR"
    return "SD"


def judge_others(scan: Scan, others: dict[str, bool]) -> str | None:
    if not others:
        return None
    states = [scan.seen.get(name, "not evaluated") for name in others]
    if "progression" in states:
        return "PD"
    if "not evaluated" in states:
        return "NE"
    if all(state == "absent" for state in states):
        return "CR"
    return "NON-CR/NON-PD"


def combine(target: str | None, other: str | None, new: bool) -> str:
    if new or target == "PD" or other == "PD":
        return "PD"
    if target is None:
        return other or "NE"
    if target == "CR":
        return "CR" if other in (None, "CR") else "PR"
    return target


def disease_seen(scan: Scan, targets: dict[str, bool], others: dict[str, bool]) -> bool:
    for name, node in targets.items():
        if is_left(scan.seen.get(name, "not evaluated"), node):
            return True
    for name, node in others.items():
        state = scan.seen.get(name, "not evaluated")
        if state == "progression" or (state == "present" and not node):
            return True
    return False
