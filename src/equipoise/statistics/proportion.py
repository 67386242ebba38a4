"""One proportion, and two compared: exact and chi-square tests, differences, and intervals.

Everywhere x of n subjects have the property, and group 1 is compared with group 2: a difference
is p1 - p2, and `greater` means that p1 is the greater. Odds ratios are in `odds_ratio`.

**Edge tables never give nan.** What a table cannot estimate (a proportion of 0/0) is `None`, and
the limits are then those of the whole range. Without any information a P value is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Side = Literal["two_sided", "greater", "less"]

_SIDES = {"two_sided": 0, "greater": 1, "less": -1}
_TIE = 1.0 + 1e-7
"""Tables within this factor of the observed one's probability tie with it, as in R fisher.test."""
_COMPILE_FROM = 5000
"""Tables in one call from which machine code repays the time that loading it takes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate, `None` if the table has none, with its confidence limits."""

    estimate: float | None
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square statistic on one degree of freedom and its P value."""

    statistic: float
    p: float


def fisher_exact_p(x1: int, n1: int, x2: int, n2: int, *, side: Side = "two_sided") -> float:
    """The P value of Fisher's exact test.

    Two-sided by the minimum-likelihood rule: the sum of the probabilities, given both margins, of
    all tables no more probable than the observed one (as R fisher.test). Fisher 1935, J R Stat Soc
    98:39-82.

    >>> round(fisher_exact_p(18, 34, 6, 24, side="greater"), 4)
    0.0306
    """
    check_table(x1, n1, x2, n2)
    return float(_fisher(x1, n1, x2, n2, _side(side)))


def fisher_exact_p_batch(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, side: Side = "two_sided"
) -> FloatArray:
    """`fisher_exact_p` of many tables at once; the counts are broadcast against each other.

    >>> fisher_exact_p_batch([10, 18], 34, [2, 3], [25, 26]).round(4).tolist()
    [0.0547, 0.001]
    """
    a, m, b, n = _tables(x1, n1, x2, n2)
    p = np.empty(a.shape)
    core = compiled(_fisher_tables, _fisher, worth_it=a.size >= _COMPILE_FROM)
    core(a.flatten(), m.flatten(), b.flatten(), n.flatten(), _side(side), p.ravel())
    return p


def chi_square(
    x1: int, n1: int, x2: int, n2: int, *, continuity_correction: bool = False
) -> ChiSquare:
    """Pearson's chi-square test of two proportions, two-sided.

    With `continuity_correction` each |observed - expected| is lowered by 1/2, but not below 0
    (Yates 1934, as R chisq.test). When all subjects, or none, have the property the statistic is
    0 and P is 1.

    >>> chi_square(10, 34, 2, 25).p.__round__(6)
    0.043481
    """
    check_table(x1, n1, x2, n2)
    statistic = float(_chi_square(x1, n1, x2, n2, continuity_correction))
    return ChiSquare(statistic, _chi_square_p(statistic))


def chi_square_p_batch(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    *,
    continuity_correction: bool = False,
) -> FloatArray:
    """The P values of `chi_square` of many tables at once; the counts are broadcast.

    >>> chi_square_p_batch([10, 0], 34, [2, 0], 25).round(4).tolist()
    [0.0435, 1.0]
    """
    a, m, b, n = _tables(x1, n1, x2, n2)
    p = np.empty(a.shape)
    worth_it = a.size >= _COMPILE_FROM
    core = compiled(_chi_square_tables, _chi_square, _chi_square_p, worth_it=worth_it)
    core(a.flatten(), m.flatten(), b.flatten(), n.flatten(), continuity_correction, p.ravel())
    return p


def clopper_pearson(x: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with its exact interval (Clopper and Pearson 1934, Biometrika 26:404-413).

    Beta quantiles; the lower limit of 0/n is 0, the upper limit of n/n is 1.

    >>> clopper_pearson(0, 1)
    Estimate(estimate=0.0, lower=0.0, upper=0.975)
    """
    _check_count(x, n)
    tail = (1 - checked_level(level)) / 2
    if n == 0:
        return Estimate(None, 0.0, 1.0)
    from scipy.special import betaincinv

    lower = float(betaincinv(x, n - x + 1, tail)) if x > 0 else 0.0
    upper = float(betaincinv(x + 1, n - x, 1 - tail)) if x < n else 1.0
    return Estimate(x / n, lower, upper)


def wilson(x: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with its score interval (Wilson 1927, J Am Stat Assoc 22:209-212).

    >>> wilson(10, 10).upper
    1.0
    """
    _check_count(x, n)
    z = normal_quantile(level)
    if n == 0:
        return Estimate(None, 0.0, 1.0)
    centre = (x + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(x * (n - x) / n + z * z / 4)
    lower = 0.0 if x == 0 else centre - half
    return Estimate(x / n, lower, 1.0 if x == n else centre + half)


def risk_difference_wald(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """p1 - p2 with the normal interval of unpooled variance, cut at -1 and 1.

    It has no width when both proportions are 0 or 1: use Newcombe's, or Miettinen and Nurminen's.

    >>> round(risk_difference_wald(10, 34, 2, 25).lower, 4)
    0.0277
    """
    check_table(x1, n1, x2, n2)
    z = normal_quantile(level)
    if n1 == 0 or n2 == 0:
        return Estimate(None, -1.0, 1.0)
    p1, p2 = x1 / n1, x2 / n2
    half = z * math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return Estimate(p1 - p2, max(-1.0, p1 - p2 - half), min(1.0, p1 - p2 + half))


def risk_difference_newcombe(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """p1 - p2 with the hybrid score interval (Newcombe 1998, Stat Med 17:873-890, method 10).

    >>> round(risk_difference_newcombe(10, 10, 12, 12).lower, 4)
    -0.2775
    """
    check_table(x1, n1, x2, n2)
    if n1 == 0 or n2 == 0:
        checked_level(level)
        return Estimate(None, -1.0, 1.0)
    p1, p2 = x1 / n1, x2 / n2
    first, second = wilson(x1, n1, level), wilson(x2, n2, level)
    below = math.hypot(p1 - first.lower, second.upper - p2)
    above = math.hypot(first.upper - p1, p2 - second.lower)
    return Estimate(p1 - p2, max(-1.0, p1 - p2 - below), min(1.0, p1 - p2 + above))


def risk_difference_miettinen_nurminen(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95
) -> Estimate:
    """p1 - p2 with the score interval of Miettinen and Nurminen (1985, Stat Med 4:213-226).

    The limits are the differences whose score statistic, with variance from the maximum-likelihood
    proportions at that difference times N / (N - 1), is the normal quantile.

    >>> round(risk_difference_miettinen_nurminen(10, 34, 2, 25).lower, 4)
    0.0052
    """
    check_table(x1, n1, x2, n2)
    z = normal_quantile(level)
    if n1 == 0 or n2 == 0:
        return Estimate(None, -1.0, 1.0)
    difference = x1 / n1 - x2 / n2

    def excess(limit: float) -> Callable[[float], float]:
        return lambda candidate: _difference_score(x1, n1, x2, n2, candidate) - limit

    lower = -1.0 if difference == -1.0 else falling_root(excess(z), -1.0, difference)
    upper = 1.0 if difference == 1.0 else falling_root(excess(-z), difference, 1.0)
    return Estimate(difference, lower, upper)


PROPORTION_INTERVALS: Mapping[str, Callable[[int, int, float], Estimate]] = MappingProxyType(
    {"clopper_pearson": clopper_pearson, "wilson": wilson}
)
RISK_DIFFERENCE_INTERVALS: Mapping[str, Callable[[int, int, int, int, float], Estimate]] = (
    MappingProxyType(
        {
            "wald": risk_difference_wald,
            "newcombe": risk_difference_newcombe,
            "miettinen_nurminen": risk_difference_miettinen_nurminen,
        }
    )
)


def _side(side: Side) -> int:
    if side not in _SIDES:
        raise BadInput(f"one of {', '.join(_SIDES)}", field="side", found=side)
    return _SIDES[side]


def _check_count(x: int, n: int) -> None:
    if not 0 <= x <= n:
        raise BadInput("a count of 0 to n", found=f"{x} of {n}")


def check_table(x1: int, n1: int, x2: int, n2: int) -> None:
    """Raise BadInput unless both counts are possible: 0 <= x <= n."""
    _check_count(x1, n1)
    _check_count(x2, n2)


def _tables(*counts: ArrayLike) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    x1, n1, x2, n2 = np.broadcast_arrays(*(np.asarray(each, dtype=np.int64) for each in counts))
    bad = (x1 < 0) | (x1 > n1) | (x2 < 0) | (x2 > n2)
    if bad.any():
        at = np.unravel_index(int(bad.argmax()), bad.shape)
        check_table(int(x1[at]), int(n1[at]), int(x2[at]), int(n2[at]))
    return x1, n1, x2, n2


def checked_level(level: float) -> float:
    """`level`, if it is a confidence level strictly between 0 and 1; else BadInput."""
    if not 0 < level < 1:
        raise BadInput("a confidence level between 0 and 1", field="level", found=level)
    return level


def normal_quantile(level: float) -> float:
    """The two-sided standard normal quantile of a confidence level.

    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    return NormalDist().inv_cdf((1 + checked_level(level)) / 2)


def falling_root(excess: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses 0, by bisection to the last representable number."""
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if excess(middle) > 0:
            low = middle
        else:
            high = middle


def _difference_score(x1: int, n1: int, x2: int, n2: int, difference: float) -> float:
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
    variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * total / (total - 1)
    distance = x1 / n1 - x2 / n2 - difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance != 0 else 0.0
    return distance / math.sqrt(variance)


def _fisher(x1: int, n1: int, x2: int, n2: int, side: int) -> float:
    """Core: the tables of these margins, weighed relative to the most probable one.

    Neighbouring tables differ by a ratio of small integers, so no factorial is ever computed.
    """
    events = x1 + x2
    least, most = max(0, events - n2), min(n1, events)
    mode = min(most, max(least, (events + 1) * (n1 + 1) // (n1 + n2 + 2)))
    observed = 1.0
    for k in range(mode, x1):
        observed *= (n1 - k) * (events - k) / ((k + 1.0) * (n2 - events + k + 1.0))
    for k in range(mode, x1, -1):
        observed *= k * (n2 - events + k) / ((n1 - k + 1.0) * (events - k + 1.0))
    total = extreme = 0.0
    weight = 1.0
    for k in range(mode, most + 1):
        total += weight
        if (weight <= observed * _TIE) if side == 0 else (k - x1) * side >= 0:
            extreme += weight
        weight *= (n1 - k) * (events - k) / ((k + 1.0) * (n2 - events + k + 1.0))
    weight = 1.0
    for k in range(mode, least, -1):
        weight *= k * (n2 - events + k) / ((n1 - k + 1.0) * (events - k + 1.0))
        total += weight
        if (weight <= observed * _TIE) if side == 0 else (k - 1 - x1) * side >= 0:
            extreme += weight
    return min(1.0, extreme / total)


def _fisher_tables(
    x1: IntArray,
    n1: IntArray,
    x2: IntArray,
    n2: IntArray,
    side: int,
    p: FloatArray,
) -> None:
    for i in range(len(p)):
        p[i] = _fisher(int(x1[i]), int(n1[i]), int(x2[i]), int(n2[i]), side)


def _chi_square(x1: int, n1: int, x2: int, n2: int, continuity_correction: bool) -> float:
    """Core: N (|ad - bc| - correction)^2 over the product of the margins, 0 if one is empty."""
    total, events = n1 + n2, x1 + x2
    margins = float(n1) * n2 * events * (total - events)
    if margins == 0:
        return 0.0
    distance = abs(float(x1) * (n2 - x2) - float(x2) * (n1 - x1))
    if continuity_correction:
        distance = max(0.0, distance - total / 2)
    return total * distance * distance / margins


def _chi_square_p(statistic: float) -> float:
    """Core: the upper tail of chi-square with one degree of freedom."""
    return math.erfc(math.sqrt(statistic / 2))


def _chi_square_tables(
    x1: IntArray,
    n1: IntArray,
    x2: IntArray,
    n2: IntArray,
    continuity_correction: bool,
    p: FloatArray,
) -> None:
    for i in range(len(p)):
        statistic = _chi_square(
            int(x1[i]), int(n1[i]), int(x2[i]), int(n2[i]), continuity_correction
        )
        p[i] = _chi_square_p(statistic)
