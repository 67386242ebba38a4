"""Closed testing over two stages, the second of which may be chosen in the light of the first.

After the first stage hypotheses may be dropped (populations, arms) and sizes changed. Each
intersection of hypotheses has a P value from each stage, of its own patients; they are combined by
the inverse normal method with weights fixed before. A hypothesis is rejected when all
intersections that hold it are; those dropped can no longer be (Lehmacher and Wassmer 1999,
Biometrics 55:1286-1290; Posch et al. 2005, Stat Med 24:3697-3714; for the enrichment of a
population Brannath et al. 2009, Stat Med 28:1445-1463).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import inner_probability, one_of, probability
from equipoise.statistics.compiled import compiled
from equipoise.statistics.trial_draws import normal_quantile_core, normal_share

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Intersection = Literal["simes", "bonferroni"]

_MOST = 10
"""Hypotheses; their intersections are all looked at."""
_COMPILE_FROM = 1000
"""Trials in one call from which machine code repays the time that loading it takes."""


@dataclass(frozen=True, slots=True)
class AdaptiveTest:
    """Which hypotheses are rejected at the interim look, and which by the end, those included."""

    rejected_first: tuple[bool, ...]
    rejected: tuple[bool, ...]


def combined_p(first: float, second: float, *, information: float) -> float:
    """The P value of both stages by the inverse normal method, the first having this share.

    1 - Phi(sqrt t z1 + sqrt(1 - t) z2). `information` is the share planned, whatever came of it.

    >>> round(combined_p(0.10, 0.03, information=0.5), 4)
    0.0127
    """
    for value, field in ((first, "first"), (second, "second")):
        probability(value, field)
    share = inner_probability(information, "information")
    return normal_share(-combined_z(first, second, share))


def adaptive_test(
    first: Sequence[float],
    second: Sequence[float | None],
    *,
    information: float,
    critical: Sequence[float],
    intersection: Intersection = "simes",
) -> AdaptiveTest:
    """The closed test of one-sided P values of the first stage and of the second alone.

    `second` is null for a hypothesis that was dropped. `critical` are the critical values of Z at
    the interim look and at the end: `group_sequential.critical_values([information, 1])`, or
    infinity and the normal quantile without an early rejection. Intersections are tested by Simes'
    test (for positively dependent statistics, as of a population and a part of it) or Bonferroni's.

    >>> adaptive_test([0.20, 0.02], [None, 0.01], information=0.5,
    ...               critical=[2.7965, 1.9774]).rejected
    (False, True)
    """
    if len(first) != len(second):
        raise BadInput(f"{len(first)} P values, as in first", field="second", found=list(second))
    later = [[math.nan if p is None else p for p in second]]
    both = [
        _rejections([list(first)], given, information, critical, intersection)[0]
        for given in ([[math.nan] * len(first)], later)
    ]
    return AdaptiveTest(*(tuple(bool(each) for each in row) for row in both))


def adaptive_test_batch(
    first: ArrayLike,
    second: ArrayLike,
    *,
    information: float,
    critical: Sequence[float],
    intersection: Intersection = "simes",
) -> BoolArray:
    """What is rejected by the end: trials in rows, hypotheses in columns; nan for what was dropped.

    >>> adaptive_test_batch([[0.20, 0.02], [0.3, 0.4]], [[np.nan, 0.01], [0.01, 0.5]],
    ...                     information=0.5, critical=[2.7965, 1.9774]).tolist()
    [[False, True], [False, False]]
    """
    return _rejections(first, second, information, critical, intersection)


def combined_z(first: float, second: float, information: float) -> float:
    """Core: the inverse normal combination of two P values, as a normal statistic."""
    if first >= 1.0 or second >= 1.0:
        return -math.inf
    return math.sqrt(information) * z_of_p(first) + math.sqrt(1.0 - information) * z_of_p(second)


def z_of_p(p: float) -> float:
    """Core: the normal statistic with this upper tail, at most 37.

    >>> round(z_of_p(0.025), 4)
    1.96
    """
    if p >= 1.0:
        return -math.inf
    return -normal_quantile_core(max(p, 1e-300))


def intersection_p(p: FloatArray, members: int, simes: bool, ordered: FloatArray) -> float:
    """Core: the P value of the intersection of the hypotheses whose bits are in `members`.

    Those whose P value is nan are left out; 1 if none is left. `ordered` is scratch.
    """
    count = 0
    for i in range(len(p)):
        if members >> i & 1 and p[i] == p[i]:
            place = count
            while place > 0 and ordered[place - 1] > p[i]:
                ordered[place] = ordered[place - 1]
                place -= 1
            ordered[place] = p[i]
            count += 1
    least = 1.0
    for place in range(count if simes else min(count, 1)):
        least = min(least, ordered[place] * count / (place + 1))
    return least


def closed_rejections(
    first: FloatArray,
    second: FloatArray,
    information: float,
    critical: FloatArray,
    simes: bool,
    rejected: BoolArray,
) -> None:
    """Core: which hypotheses of one trial are rejected by the end."""
    n = len(first)
    ordered = np.empty(n)
    for i in range(n):
        rejected[i] = True
    for members in range(1, 1 << n):
        early = intersection_p(first, members, simes, ordered)
        stands = z_of_p(early) < critical[0]
        if stands:
            going_on = False
            for i in range(n):
                if members >> i & 1 and second[i] == second[i]:
                    going_on = True
            if going_on:
                late = intersection_p(second, members, simes, ordered)
                stands = combined_z(early, late, information) < critical[1]
        if stands:
            for i in range(n):
                if members >> i & 1:
                    rejected[i] = False


def _all_rejections(
    first: FloatArray,
    second: FloatArray,
    information: float,
    critical: FloatArray,
    simes: bool,
    rejected: BoolArray,
) -> None:
    for trial in range(len(first)):
        closed_rejections(
            first[trial], second[trial], information, critical, simes, rejected[trial]
        )


def _rejections(
    first: ArrayLike,
    second: ArrayLike,
    information: float,
    critical: Sequence[float],
    intersection: str,
) -> BoolArray:
    early = np.ascontiguousarray(first, dtype=np.float64)
    late = np.ascontiguousarray(second, dtype=np.float64)
    if early.ndim != 2 or not 1 <= early.shape[1] <= _MOST or not _are_p(early):
        allowed = f"P values of 0 to 1 for 1 to {_MOST} hypotheses"
        raise BadInput(allowed, field="first", found=early.tolist()[:3])
    if late.shape != early.shape or not _are_p(late[~np.isnan(late)]):
        raise BadInput("P values of 0 to 1, or none", field="second", found=late.tolist()[:3])
    if len(critical) != 2 or math.isnan(critical[0]) or math.isnan(critical[1]):
        raise BadInput("two critical values of Z", field="critical", found=list(critical))
    one_of(intersection, ("simes", "bonferroni"), "intersection")
    share = inner_probability(information, "information")
    rejected = np.empty(early.shape, dtype=np.bool_)
    core = compiled(
        _all_rejections,
        normal_quantile_core,
        z_of_p,
        combined_z,
        intersection_p,
        closed_rejections,
        worth_it=len(early) >= _COMPILE_FROM,
    )
    limits = np.array(critical, dtype=np.float64)
    core(early, late, share, limits, intersection == "simes", rejected)
    return rejected


def _are_p(values: FloatArray) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())
