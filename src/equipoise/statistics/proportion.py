"""Two proportions compared: Fisher's exact and chi-square tests; what all their intervals share.

Everywhere x of n subjects have the property, and group 1 is compared with group 2: `greater` means
that p1 is the greater. Intervals are in `binomial_interval` (of one proportion), `risk_difference`,
`risk_ratio` and `odds_ratio`, unconditional exact tests in `rejection`.

**Edge tables never give nan.** What a table cannot estimate (a proportion of 0/0) is `None`, and
the limits are then those of the whole range. Without any information a P value is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Side = Literal["two_sided", "greater", "less"]
FisherRule = Literal["min_likelihood", "central"]

_SIDES = {"two_sided": 0, "greater": 1, "less": -1}
_TIE = 1.0 + 1e-7
"""Tables within this factor of the observed one's probability tie with it, as in R fisher.test."""
_MOST_COUNTED = 1_000_000
"""Subjects in a group up to which an exact interval looks at every count."""
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


def fisher_exact_p(
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    *,
    side: Side = "two_sided",
    mid_p: bool = False,
    rule: FisherRule = "min_likelihood",
) -> float:
    """The P value of Fisher's exact test (1935, J R Stat Soc 98:39-82).

    Two-sided by the minimum-likelihood rule: the sum of the probabilities, given both margins, of
    all tables no more probable than the observed one (as R fisher.test). By the rule `central` it
    is twice the smaller one-sided P, but not more than 1. With `mid_p` the tables that are as
    probable as the observed one count half (Lancaster 1961, J Am Stat Assoc 56:223-234), on one
    side and by `central` the observed table alone.

    >>> round(fisher_exact_p(18, 34, 6, 24, side="greater"), 4)
    0.0306
    >>> round(fisher_exact_p(10, 34, 2, 25, mid_p=True), 4)
    0.0371
    """
    check_table(x1, n1, x2, n2)
    if rule not in ("min_likelihood", "central"):
        raise BadInput("one of min_likelihood, central", field="rule", found=rule)
    direction = _side(side)
    core = _fisher_mid_p if mid_p else _fisher
    if direction == 0 and rule == "central":
        return min(1.0, 2 * min(core(x1, n1, x2, n2, 1), core(x1, n1, x2, n2, -1)))
    return float(core(x1, n1, x2, n2, direction))


def fisher_exact_p_batch(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    *,
    side: Side = "two_sided",
    mid_p: bool = False,
    machine_code: bool | None = None,
) -> FloatArray:
    """`fisher_exact_p` of many tables at once; the counts are broadcast against each other.

    `machine_code` says whether it is used, None: where so many tables repay loading it. The values
    are the same.

    >>> fisher_exact_p_batch([10, 18], 34, [2, 3], [25, 26]).round(4).tolist()
    [0.0547, 0.001]
    """
    a, m, b, n = _tables(x1, n1, x2, n2)
    p = np.empty(a.shape)
    worth_it = _worth_it(a.size, machine_code)
    if mid_p:
        core = compiled(_fisher_mid_p_tables, _fisher, _fisher_mid_p, worth_it=worth_it)
    else:
        core = compiled(_fisher_tables, _fisher, worth_it=worth_it)
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
    machine_code: bool | None = None,
) -> FloatArray:
    """The P values of `chi_square` of many tables at once; the counts are broadcast.

    `machine_code` as in `fisher_exact_p_batch`.

    >>> chi_square_p_batch([10, 0], 34, [2, 0], 25).round(4).tolist()
    [0.0435, 1.0]
    """
    a, m, b, n = _tables(x1, n1, x2, n2)
    p = np.empty(a.shape)
    worth_it = _worth_it(a.size, machine_code)
    core = compiled(_chi_square_tables, _chi_square, _chi_square_p, worth_it=worth_it)
    core(a.flatten(), m.flatten(), b.flatten(), n.flatten(), continuity_correction, p.ravel())
    return p


def _worth_it(tables: int, machine_code: bool | None) -> bool:
    return tables >= _COMPILE_FROM if machine_code is None else machine_code


def _side(side: Side) -> int:
    if side not in _SIDES:
        raise BadInput(f"one of {', '.join(_SIDES)}", field="side", found=side)
    return _SIDES[side]


def check_count(x: int, n: int) -> None:
    """Raise BadInput unless the count is possible: 0 <= x <= n."""
    if not 0 <= x <= n:
        raise BadInput("a count of 0 to n", found=f"{x} of {n}")


def check_table(x1: int, n1: int, x2: int, n2: int) -> None:
    """Raise BadInput unless both counts are possible: 0 <= x <= n."""
    check_count(x1, n1)
    check_count(x2, n2)


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


def unbounded_root(
    excess: Callable[[float], float], low: float | None = None, high: float | None = None
) -> float:
    """Where a falling function crosses 0; an end of the search that is `None` is looked for."""
    if low is None:
        low, step = min(0.0, high or 0.0) - 1.0, 1.0
        while excess(low) < 0:
            low, step = low - step, 2 * step
    if high is None:
        high, step = max(0.0, low) + 1.0, 1.0
        while excess(high) > 0:
            high, step = high + step, 2 * step
    return falling_root(excess, low, high)


def score_limits(ratio: float, z: float, score: Callable[[float], float]) -> Estimate:
    """A ratio with the limits at which its score statistic, which falls with the ratio, is z, -z.

    The lower limit of 0 is 0, the upper limit of infinity infinite.
    """
    centre = math.log(ratio) if 0 < ratio < math.inf else None
    lower, upper = 0.0, math.inf
    if ratio > 0:
        lower = math.exp(unbounded_root(lambda t: score(math.exp(t)) - z, high=centre))
    if ratio < math.inf:
        upper = math.exp(unbounded_root(lambda t: score(math.exp(t)) + z, low=centre))
    return Estimate(ratio, lower, upper)


def log_binomial(n: int) -> FloatArray:
    """The logarithms of the binomial coefficients C(n, 0) to C(n, n).

    BadInput for more subjects than are looked at one by one.

    >>> np.exp(log_binomial(3)).round(6).tolist()
    [1.0, 3.0, 3.0, 1.0]
    """
    if n > _MOST_COUNTED:
        raise BadInput(f"at most {_MOST_COUNTED} subjects in a group", field="n", found=n)
    from scipy.special import gammaln

    k = np.arange(n + 1.0)
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)


def _fisher(x1: int, n1: int, x2: int, n2: int, side: int, ties: bool = True) -> float:
    """Core: the tables of these margins, weighed relative to the most probable one.

    Neighbouring tables differ by a ratio of small integers, so no factorial is ever computed.
    Without `ties` only tables that are more extreme than the observed one count.
    """
    reach, step = (_TIE, 0) if ties else (2 - _TIE, 1)
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
        if (weight <= observed * reach) if side == 0 else (k - x1) * side >= step:
            extreme += weight
        weight *= (n1 - k) * (events - k) / ((k + 1.0) * (n2 - events + k + 1.0))
    weight = 1.0
    for k in range(mode, least, -1):
        weight *= k * (n2 - events + k) / ((n1 - k + 1.0) * (events - k + 1.0))
        total += weight
        if (weight <= observed * reach) if side == 0 else (k - 1 - x1) * side >= step:
            extreme += weight
    return min(1.0, extreme / total)


def _fisher_mid_p(x1: int, n1: int, x2: int, n2: int, side: int) -> float:
    """Core: the mean of P with and without the tables that tie with the observed one."""
    return (_fisher(x1, n1, x2, n2, side) + _fisher(x1, n1, x2, n2, side, False)) / 2


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


def _fisher_mid_p_tables(
    x1: IntArray,
    n1: IntArray,
    x2: IntArray,
    n2: IntArray,
    side: int,
    p: FloatArray,
) -> None:
    for i in range(len(p)):
        p[i] = _fisher_mid_p(int(x1[i]), int(n1[i]), int(x2[i]), int(n2[i]), side)


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
