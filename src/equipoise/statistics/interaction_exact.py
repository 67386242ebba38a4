"""Exact power of the tests of interaction of two strata and two arms: every outcome is looked at.

The normal power of `interaction` rests on the variance at the design's rates. In cells as small as
those of a marker trial the test is discrete, and cannot reject at all where a cell is 0 or n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.binomial import binomial_probabilities
from equipoise.statistics.checked import inner_probability, one_of, probability

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Test = Literal["wald", "likelihood_ratio", "difference"]

_TESTS = ("wald", "likelihood_ratio", "difference")
_MOST_OUTCOMES = 20_000_000
_AT_ONCE = 2_000_000
"""Outcomes that are held in memory at a time."""
_HALVINGS = 60
_WIDEST = 60.0
"""Common log odds ratios are looked for within this size."""


def interaction_exact_power(
    n: Sequence[Sequence[int]],
    p: Sequence[Sequence[float]],
    *,
    alpha: float = 0.05,
    test: Test = "wald",
) -> float:
    """The probability that the two-sided test of interaction rejects, over all four counts.

    `n` and `p` hold subjects and response rates: a row for each of two strata, a column for each
    of two arms. With rates that have no interaction it is the exact size of the test there.

    - `wald`: the interaction of the logistic model, the difference of the log odds ratios, with
      the variance of the observed counts; no rejection where a count is 0 or n;
    - `likelihood_ratio`: the same model, against that with a common odds ratio;
    - `difference`: the difference of the risk differences, with the variance of the observed
      rates; where there is none, two different ones are as different as can be.

    >>> round(interaction_exact_power([[20, 10], [11, 11]], [[0.50, 0.25], [0.15, 0.25]]), 4)
    0.1055
    """
    one_of(test, _TESTS, "test")
    inner_probability(alpha, "alpha")
    sizes = _table(n, "n")
    if (sizes < 1).any() or (sizes % 1 != 0).any():
        raise BadInput("whole subjects, at least one in each cell", field="n", found=n)
    outcomes = float(np.prod(sizes + 1.0))
    if outcomes > _MOST_OUTCOMES:
        raise BadInput(f"at most {_MOST_OUTCOMES} outcomes of all cells", field="n", found=n)
    rates = _table(p, "p")
    for rate in rates.ravel():
        probability(float(rate), "p")
    strata = [_Stratum(int(a), int(b)) for a, b in sizes]
    chances = [
        np.outer(binomial_probabilities(s.n1, float(a)), binomial_probabilities(s.n2, float(b)))
        for s, (a, b) in zip(strata, rates, strict=True)
    ]
    first, second = (chance.ravel() for chance in chances)
    critical = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    step, power = max(1, _AT_ONCE // len(second)), 0.0
    for begin in range(0, len(first), step):
        rows = np.arange(begin, min(begin + step, len(first)))
        rejected = _statistic(strata[0], rows, strata[1], test) >= critical
        power += float(first[rows] @ (rejected @ second))
    return power


class _Stratum:
    """All outcomes of one stratum: responses `x1` of n1 and `x2` of n2, one after the other."""

    def __init__(self, n1: int, n2: int) -> None:
        self.n1, self.n2 = n1, n2
        x1, x2 = np.divmod(np.arange((n1 + 1) * (n2 + 1)), n2 + 1)
        self.x1, self.x2, self.total = x1, x2, x1 + x2

    def log_odds_ratio(self) -> tuple[FloatArray, FloatArray]:
        """The log odds ratio and its variance, infinite where a count is 0 or n."""
        cells = (self.x1, self.n1 - self.x1, self.x2, self.n2 - self.x2)
        a, b, c, d = (each.astype(np.float64) for each in cells)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = 1 / a + 1 / b + 1 / c + 1 / d
            value = np.log(a) - np.log(b) - np.log(c) + np.log(d)
        return np.where(np.isfinite(variance), value, 0.0), variance

    def difference(self) -> tuple[FloatArray, FloatArray]:
        """The difference of the proportions, and its variance."""
        p1, p2 = self.x1 / self.n1, self.x2 / self.n2
        return p1 - p2, p1 * (1 - p1) / self.n1 + p2 * (1 - p2) / self.n2

    def expected(self, total: IntArray, log_ratio: FloatArray) -> FloatArray:
        """The fitted x1, given both margins and a common odds ratio: the root of a quadratic.

        Of its two forms the one that subtracts nothing is taken.
        """
        low = np.maximum(0, total - self.n2).astype(np.float64)
        high = np.minimum(self.n1, total).astype(np.float64)
        ratio = np.exp(log_ratio)
        linear = ratio * (self.n1 + total) + self.n2 - total
        root = np.sqrt(np.maximum(0.0, linear**2 - 4 * (ratio - 1) * ratio * self.n1 * total))
        fitted = np.zeros(len(ratio))
        plus = linear > 0
        np.divide(2 * ratio * self.n1 * total, linear + root, out=fitted, where=plus)
        np.divide(linear - root, 2 * (ratio - 1), out=fitted, where=~plus)
        return np.asarray(np.clip(fitted, low, high))

    def deviance(self, rows: IntArray, fitted: FloatArray) -> FloatArray:
        """Twice the sum of x log(x / fitted) over the four cells of these outcomes."""
        x1 = self.x1[rows].astype(np.float64)
        total = self.total[rows]
        observed = (x1, self.n1 - x1, total - x1, self.n2 - total + x1)
        expected = (fitted, self.n1 - fitted, total - fitted, self.n2 - total + fitted)
        found = np.zeros(len(rows))
        for seen, hoped in zip(observed, expected, strict=True):
            inside = (seen > 0) & (hoped > 0)
            ratio = np.divide(seen, hoped, out=np.ones(len(rows)), where=inside)
            found += 2 * seen * np.log(ratio)
        return found


def _statistic(one: _Stratum, rows: IntArray, two: _Stratum, test: str) -> FloatArray:
    """The statistic, chi-square with 1 degree, by outcomes of the first stratum and the second."""
    if test == "likelihood_ratio":
        return _likelihood_ratio(one, rows, two)
    scale = _Stratum.log_odds_ratio if test == "wald" else _Stratum.difference
    (value1, variance1), (value2, variance2) = scale(one), scale(two)
    apart = value1[rows][:, None] - value2[None, :]
    variance = variance1[rows][:, None] + variance2[None, :]
    statistic = np.where(np.abs(apart) > 1e-12, math.inf, 0.0)
    if test == "wald":
        statistic[:] = 0.0
    np.divide(apart**2, variance, out=statistic, where=(variance > 0) & np.isfinite(variance))
    return statistic


def _likelihood_ratio(one: _Stratum, rows: IntArray, two: _Stratum) -> FloatArray:
    """Outcomes with the same margins and the same sum of x1 have the same common odds ratio."""
    shape = (len(rows), len(two.x1))
    margins = np.stack(
        [
            np.broadcast_to(one.total[rows][:, None], shape).ravel(),
            np.broadcast_to(two.total[None, :], shape).ravel(),
            (one.x1[rows][:, None] + two.x1[None, :]).ravel(),
        ]
    )
    width = np.array([one.n1 + one.n2, two.n1 + two.n2, one.n1 + two.n1]) + 1
    code = (margins[0] * width[1] + margins[1]) * width[2] + margins[2]
    distinct, place = np.unique(code, return_inverse=True)
    rest, observed = np.divmod(distinct, width[2])
    total1, total2 = np.divmod(rest, width[1])
    low, high = np.full(len(distinct), -_WIDEST), np.full(len(distinct), _WIDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        few = one.expected(total1, middle) + two.expected(total2, middle) < observed
        low, high = np.where(few, middle, low), np.where(few, high, middle)
    ratio = ((low + high) / 2)[place]
    at_one, at_two = np.repeat(rows, shape[1]), np.tile(np.arange(shape[1]), shape[0])
    statistic = one.deviance(at_one, one.expected(one.total[at_one], ratio))
    statistic += two.deviance(at_two, two.expected(two.total[at_two], ratio))
    return np.asarray(statistic.reshape(shape))


def _table(values: Sequence[Sequence[float]], field: str) -> FloatArray:
    if len(values) != 2 or any(len(row) != 2 for row in values):
        raise BadInput("two strata with two arms each", field=field, found=values)
    return np.asarray(values, dtype=np.float64)
