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
from numpy.typing import ArrayLike, NDArray

from equipoise.statistics.exact_limits import Rule, exact_p, exact_ratio
from equipoise.statistics.proportion import (
    Estimate,
    check_table,
    log_binomial,
    normal_quantile,
    score_limits,
)

FloatArray = NDArray[np.float64]


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
        return Estimate(_sample_odds_ratio(*cells), 0.0, math.inf)
    return _logit(*cells, z)


def odds_ratio_haldane_anscombe(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95
) -> Estimate:
    """The odds ratio and its logit interval after 1/2 is added to every cell, empty ones or none.

    Haldane 1956, Ann Hum Genet 20:309-311; Anscombe 1956, Biometrika 43:461-464. Where both groups
    are empty it is 1, with limits as wide as four halves make them.

    >>> round(odds_ratio_haldane_anscombe(5, 20, 0, 20).lower, 4)
    0.7469
    """
    check_table(x1, n1, x2, n2)
    return _logit(x1 + 0.5, n1 - x1 + 0.5, x2 + 0.5, n2 - x2 + 0.5, normal_quantile(level))


def odds_ratio_miettinen_nurminen(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95
) -> Estimate:
    """The sample odds ratio with the score interval of Miettinen and Nurminen (1985).

    Stat Med 4:213-226. The limits are the odds ratios at which x1 lies the normal quantile of
    standard errors from its fitted value, with variance from the maximum-likelihood proportions at
    that odds ratio times N / (N - 1).

    >>> round(odds_ratio_miettinen_nurminen(5, 20, 0, 20).lower, 2)
    1.52
    """
    check_table(x1, n1, x2, n2)
    z, total, events = normal_quantile(level), n1 + n2, x1 + x2
    ratio = _sample_odds_ratio(x1, n1 - x1, x2, n2 - x2)
    if ratio is None:
        return Estimate(None, 0.0, math.inf)

    def score(candidate: float) -> float:
        fitted = float(fitted_count(n1, n2, events, candidate))
        cells = (fitted, n1 - fitted, events - fitted, n2 - events + fitted)
        if min(cells) <= 0:
            return math.copysign(math.inf, x1 - fitted)
        spread = sum(1 / cell for cell in cells)
        return (x1 - fitted) * math.sqrt(spread * (total - 1) / total)

    return score_limits(ratio, z, score)


def odds_ratio_conditional(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """The conditional maximum-likelihood odds ratio with the exact interval of R fisher.test.

    Given both margins x1 is noncentral hypergeometric. The estimate gives it the observed mean;
    the limits give the tails up to and from x1 the probability (1 - level) / 2 each (Cornfield
    1956). At the least possible x1 estimate and lower limit are 0, at the greatest infinite.

    >>> round(odds_ratio_conditional(5, 20, 0, 20).lower, 4)
    1.0241
    """
    return _exact(x1, n1, x2, n2, level, "central")


def odds_ratio_mid_p(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """The conditional odds ratio with the limits of tails that count half of the observed table.

    Berry and Armitage 1995, Statistician 44:417-423; the test is Fisher's central mid-P.

    >>> round(odds_ratio_mid_p(5, 20, 0, 20).lower, 4)
    1.3833
    """
    return _exact(x1, n1, x2, n2, level, "mid_p")


def odds_ratio_min_likelihood(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """The conditional odds ratio with the limits of the two-sided test of R fisher.test.

    The outermost odds ratios that its minimum-likelihood rule does not reject (Fay 2010,
    Biostatistics 11:373-374; R exact2x2).

    >>> round(odds_ratio_min_likelihood(10, 34, 2, 25).lower, 4)
    0.9314
    """
    return _exact(x1, n1, x2, n2, level, "min_likelihood")


def odds_ratio_blaker(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """The conditional odds ratio with the limits of Blaker's exact test (2000).

    Can J Stat 28:783-798. They lie within those of `odds_ratio_conditional`, and cover as surely.

    >>> round(odds_ratio_blaker(3, 26, 7, 18).upper, 4)
    1.0777
    """
    return _exact(x1, n1, x2, n2, level, "blaker")


def blaker_p(x1: int, n1: int, x2: int, n2: int) -> float:
    """The P value of Blaker's exact test given both margins, which `odds_ratio_blaker` inverts.

    >>> round(blaker_p(3, 26, 7, 18), 4)
    0.0644
    """
    check_table(x1, n1, x2, n2)
    return exact_p(*table_counts(n1, n2, x1 + x2), x1, "blaker")


ODDS_RATIO_INTERVALS: Mapping[str, Callable[[int, int, int, int, float], Estimate]] = (
    MappingProxyType(
        {
            "woolf": odds_ratio_woolf,
            "conditional_exact": odds_ratio_conditional,
            "haldane_anscombe": odds_ratio_haldane_anscombe,
            "miettinen_nurminen": odds_ratio_miettinen_nurminen,
            "mid_p": odds_ratio_mid_p,
            "min_likelihood": odds_ratio_min_likelihood,
            "blaker": odds_ratio_blaker,
        }
    )
)


def table_counts(n1: int, n2: int, events: int) -> tuple[FloatArray, FloatArray]:
    """The possible x1 given both margins, and the logarithms of their numbers of ways."""
    least, most = max(0, events - n2), min(n1, events)
    first = log_binomial(n1)[least : most + 1]
    second = log_binomial(n2)[events - most : events - least + 1][::-1]
    return np.arange(least, most + 1.0), first + second


def fitted_count(n1: ArrayLike, n2: ArrayLike, events: ArrayLike, ratio: ArrayLike) -> FloatArray:
    """The x1 at which a table of these margins has this odds ratio: the root within its range."""
    m, n, total, r = (np.asarray(each, dtype=np.float64) for each in (n1, n2, events, ratio))
    quadratic = 1 - r
    linear = n - total + r * (m + total)
    constant = -r * m * total
    root = np.sqrt(np.maximum(0.0, linear**2 - 4 * quadratic * constant))
    # The form that does not cancel, and that has the limit m * events / total at a ratio of 1.
    return np.asarray(-2 * constant / np.where(linear + root > 0, linear + root, 1.0))


def _exact(x1: int, n1: int, x2: int, n2: int, level: float, rule: Rule) -> Estimate:
    check_table(x1, n1, x2, n2)
    return exact_ratio(*table_counts(n1, n2, x1 + x2), x1, level, rule)


def _logit(a: float, b: float, c: float, d: float, z: float) -> Estimate:
    log_ratio = math.log(a * d / (b * c))
    half = z * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return Estimate(math.exp(log_ratio), math.exp(log_ratio - half), math.exp(log_ratio + half))


def _sample_odds_ratio(a: int, b: int, c: int, d: int) -> float | None:
    """ad / bc: infinite where only bc is 0, None for 0 / 0."""
    if b * c == 0:
        return None if a * d == 0 else math.inf
    return a * d / (b * c)
