"""The difference of two proportions, p1 - p2, with its intervals.

x1 of n1 subjects in group 1 have the property, x2 of n2 in group 2. Where a group is empty the
estimate is `None`, with limits -1 and 1. No function gives limits outside -1 to 1 unless it is
asked to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from equipoise.statistics.binomial_interval import wilson, wilson_corrected
from equipoise.statistics.proportion import (
    Estimate,
    check_table,
    checked_level,
    falling_root,
    normal_quantile,
)


def risk_difference_wald(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """p1 - p2 with the normal interval of unpooled variance, cut at -1 and 1.

    It has no width when both proportions are 0 or 1: use Newcombe's, or Miettinen and Nurminen's.

    >>> round(risk_difference_wald(10, 34, 2, 25).lower, 4)
    0.0277
    """
    return _wald(x1, n1, x2, n2, level, corrected=False)


def risk_difference_wald_corrected(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95
) -> Estimate:
    """p1 - p2 with the normal interval, corrected for continuity, cut at -1 and 1.

    Wider on both sides by half of 1/n1 + 1/n2, but not by more than the difference, as R prop.test
    (Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, section 3.2).

    >>> round(risk_difference_wald_corrected(10, 34, 2, 25).lower, 4)
    -0.007
    """
    return _wald(x1, n1, x2, n2, level, corrected=True)


def risk_difference_newcombe(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """p1 - p2 with the hybrid score interval (Newcombe 1998, Stat Med 17:873-890, method 10).

    >>> round(risk_difference_newcombe(10, 10, 12, 12).lower, 4)
    -0.2775
    """
    return _hybrid(x1, n1, x2, n2, level, wilson)


def risk_difference_newcombe_corrected(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95, *, null: float | None = None
) -> Estimate:
    """p1 - p2 with the hybrid score interval, corrected for continuity (Newcombe's method 11).

    `null` limits the correction of both proportions: see `wilson_corrected`.

    >>> round(risk_difference_newcombe_corrected(10, 10, 12, 12).lower, 4)
    -0.3445
    """
    return _hybrid(
        x1, n1, x2, n2, level, lambda x, n, level: wilson_corrected(x, n, level, null=null)
    )


def risk_difference_agresti_caffo(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95, *, cut: bool = True
) -> Estimate:
    """p1 - p2 with Wald's interval after one subject with and one without is added to each group.

    Agresti and Caffo 2000, Am Stat 54:280-288. The estimate is that of the table as it is. Limits
    outside -1 to 1 are `cut` to it.

    >>> round(risk_difference_agresti_caffo(10, 34, 2, 25).lower, 4)
    0.0029
    """
    check_table(x1, n1, x2, n2)
    z = normal_quantile(level)
    if n1 == 0 or n2 == 0:
        return Estimate(None, -1.0, 1.0)
    p1, p2 = (x1 + 1) / (n1 + 2), (x2 + 1) / (n2 + 2)
    half = z * math.sqrt(p1 * (1 - p1) / (n1 + 2) + p2 * (1 - p2) / (n2 + 2))
    lower, upper = p1 - p2 - half, p1 - p2 + half
    limits = (max(-1.0, lower), min(1.0, upper)) if cut else (lower, upper)
    return Estimate(x1 / n1 - x2 / n2, *limits)


def risk_difference_miettinen_nurminen(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95
) -> Estimate:
    """p1 - p2 with the score interval of Miettinen and Nurminen (1985, Stat Med 4:213-226).

    The limits are the differences whose score statistic, with variance from the maximum-likelihood
    proportions at that difference times N / (N - 1), is the normal quantile.

    >>> round(risk_difference_miettinen_nurminen(10, 34, 2, 25).lower, 4)
    0.0052
    """
    return _by_score(x1, n1, x2, n2, level, corrected=True)


def risk_difference_mee(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """p1 - p2 with the score interval of Mee (1984, Biometrics 40:1175-1176).

    That of Miettinen and Nurminen without N / (N - 1); the test that it inverts is the one of
    Farrington and Manning (1990, Stat Med 9:1447-1454).

    >>> round(risk_difference_mee(10, 34, 2, 25).lower, 4)
    0.0072
    """
    return _by_score(x1, n1, x2, n2, level, corrected=False)


RISK_DIFFERENCE_INTERVALS: Mapping[str, Callable[[int, int, int, int, float], Estimate]] = (
    MappingProxyType(
        {
            "wald": risk_difference_wald,
            "wald_corrected": risk_difference_wald_corrected,
            "newcombe": risk_difference_newcombe,
            "newcombe_corrected": risk_difference_newcombe_corrected,
            "agresti_caffo": risk_difference_agresti_caffo,
            "miettinen_nurminen": risk_difference_miettinen_nurminen,
            "mee": risk_difference_mee,
        }
    )
)


def _wald(x1: int, n1: int, x2: int, n2: int, level: float, *, corrected: bool) -> Estimate:
    check_table(x1, n1, x2, n2)
    z = normal_quantile(level)
    if n1 == 0 or n2 == 0:
        return Estimate(None, -1.0, 1.0)
    p1, p2 = x1 / n1, x2 / n2
    half = z * math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    if corrected:
        half += min((1 / n1 + 1 / n2) / 2, abs(p1 - p2))
    return Estimate(p1 - p2, max(-1.0, p1 - p2 - half), min(1.0, p1 - p2 + half))


def _hybrid(
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    level: float,
    single: Callable[[int, int, float], Estimate],
) -> Estimate:
    """Newcombe's limits from those of the two proportions."""
    check_table(x1, n1, x2, n2)
    if n1 == 0 or n2 == 0:
        checked_level(level)
        return Estimate(None, -1.0, 1.0)
    p1, p2 = x1 / n1, x2 / n2
    first, second = single(x1, n1, level), single(x2, n2, level)
    below = math.hypot(p1 - first.lower, second.upper - p2)
    above = math.hypot(first.upper - p1, p2 - second.lower)
    return Estimate(p1 - p2, max(-1.0, p1 - p2 - below), min(1.0, p1 - p2 + above))


def _by_score(x1: int, n1: int, x2: int, n2: int, level: float, *, corrected: bool) -> Estimate:
    check_table(x1, n1, x2, n2)
    z = normal_quantile(level)
    if n1 == 0 or n2 == 0:
        return Estimate(None, -1.0, 1.0)
    difference, total = x1 / n1 - x2 / n2, n1 + n2
    factor = total / (total - 1) if corrected else 1.0

    def excess(limit: float) -> Callable[[float], float]:
        return lambda candidate: _score(x1, n1, x2, n2, candidate, factor) - limit

    lower = -1.0 if difference == -1.0 else falling_root(excess(z), -1.0, difference)
    upper = 1.0 if difference == 1.0 else falling_root(excess(-z), difference, 1.0)
    return Estimate(difference, lower, upper)


def _score(x1: int, n1: int, x2: int, n2: int, difference: float, factor: float) -> float:
    """The score statistic at `difference`; the restricted p2 solves the cubic of the paper."""
    total, events = n1 + n2, x1 + x2
    cubic = ((n1 + 2 * n2) * difference - total - events) / (3 * total)
    linear = ((n2 * difference - total - 2 * x2) * difference + events) / (3 * total)
    constant = x2 * difference * (1 - difference) / (2 * total)
    shift = cubic**3 - 1.5 * linear * cubic + constant
    radius = math.copysign(math.sqrt(max(0.0, cubic**2 - linear)), shift)
    cosine = shift / radius**3 if radius != 0 else 0.0
    angle = (math.pi + math.acos(max(-1.0, min(1.0, cosine)))) / 3
    p2 = 2 * radius * math.cos(angle) - cubic
    p2 = max(0.0, -difference, min(p2, 1.0, 1.0 - difference))
    p1 = max(0.0, min(1.0, p2 + difference))
    variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * factor
    distance = x1 / n1 - x2 / n2 - difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance != 0 else 0.0
    return distance / math.sqrt(variance)
