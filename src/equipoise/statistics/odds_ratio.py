"""Odds ratios of two proportions, with their intervals.

x1 of n1 subjects in group 1 have the property, x2 of n2 in group 2; the ratio is odds1 / odds2.

**Edge tables never give nan.** When both groups are 0/n, or both n/n, or one is empty, the odds
ratio cannot be estimated: the estimate is `None`, with limits 0 and infinity. An infinite
estimate or limit is `math.inf`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.proportion import (
    Estimate,
    check_table,
    checked_level,
    falling_root,
    normal_quantile,
)


def odds_ratio_woolf(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """The sample odds ratio with the logit interval (Woolf 1955, Ann Hum Genet 19:251-253).

    A table with an empty cell has no standard error: the limits are 0 and infinity, and nothing
    is added to the cells.

    >>> round(odds_ratio_woolf(10, 20, 2, 9).upper, 2)
    21.16
    """
    check_table(x1, n1, x2, n2)
    z = normal_quantile(level)
    cells = (x1, n1 - x1, x2, n2 - x2)
    if min(cells) == 0:
        return Estimate(_edge_odds_ratio(*cells), 0.0, math.inf)
    log_ratio = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    half = z * math.sqrt(sum(1 / cell for cell in cells))
    return Estimate(math.exp(log_ratio), math.exp(log_ratio - half), math.exp(log_ratio + half))


def odds_ratio_conditional(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """The conditional maximum-likelihood odds ratio with the exact interval of R fisher.test.

    Given both margins x1 is noncentral hypergeometric. The estimate gives it the observed mean;
    the limits give the tails up to and from x1 the probability (1 - level) / 2 each (Cornfield
    1956). At the least possible x1 estimate and lower limit are 0, at the greatest infinite.

    >>> round(odds_ratio_conditional(5, 20, 0, 20).lower, 4)
    1.0241
    """
    check_table(x1, n1, x2, n2)
    least, most = max(0, x1 + x2 - n2), min(n1, x1 + x2)
    counts = np.arange(least, most + 1, dtype=np.float64)
    weights = np.array([log_ways(k, n1, x1 + x2 - k, n2) for k in range(least, most + 1)])
    return conditional_estimate(counts, weights, x1, level)


def conditional_estimate(
    counts: NDArray[np.float64], weights: NDArray[np.float64], observed: int, level: float
) -> Estimate:
    """The odds ratio of a count whose probabilities are in proportion to exp(weight) ratio^count.

    Maximum likelihood and exact limits; 0 or infinite at the ends of the range of `counts`, None
    where there is one possible count only.
    """
    tail = (1 - checked_level(level)) / 2
    least, most = counts[0], counts[-1]

    def probabilities(log_ratio: float) -> NDArray[np.float64]:
        exponents = weights + counts * log_ratio
        shares = np.exp(exponents - exponents.max())
        return np.asarray(shares / shares.sum(), dtype=np.float64)

    def solved(excess: Callable[[float], float]) -> float:
        """exp of the log odds ratio at which a falling function is 0."""
        reach = 1.0
        while excess(-reach) < 0 or excess(reach) > 0:
            reach *= 2
        return math.exp(falling_root(excess, -reach, reach))

    lower, upper = 0.0, math.inf
    if observed > least:
        lower = solved(lambda t: tail - float(probabilities(t)[counts >= observed].sum()))
    if observed < most:
        upper = solved(lambda t: float(probabilities(t)[counts <= observed].sum()) - tail)
    if least < observed < most:
        return Estimate(solved(lambda t: observed - float(probabilities(t) @ counts)), lower, upper)
    return Estimate(None if least == most else 0.0 if observed == least else math.inf, lower, upper)


ODDS_RATIO_INTERVALS: Mapping[str, Callable[[int, int, int, int, float], Estimate]] = (
    MappingProxyType({"woolf": odds_ratio_woolf, "conditional_exact": odds_ratio_conditional})
)


def _edge_odds_ratio(a: int, b: int, c: int, d: int) -> float | None:
    """The sample odds ratio of a table with an empty cell: 0, infinite, or None for 0 / 0."""
    if a * d == 0:
        return None if b * c == 0 else 0.0
    return math.inf


def log_ways(k1: int, n1: int, k2: int, n2: int) -> float:
    """log of C(n1, k1) C(n2, k2)."""
    return sum(
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        for k, n in ((k1, n1), (k2, n2))
    )
