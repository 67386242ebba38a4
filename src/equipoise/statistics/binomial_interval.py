"""One proportion: its intervals, and the exact test of a given one.

x of n subjects have the property. The estimate is x / n, and `None` where nobody is counted: the
limits are then 0 and 1. No function gives limits outside 0 to 1 unless it is asked to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

from equipoise.statistics.checked import one_of, probability
from equipoise.statistics.exact_limits import Rule, exact_ratio
from equipoise.statistics.proportion import (
    Estimate,
    Side,
    check_count,
    checked_level,
    log_binomial,
    normal_quantile,
)


def clopper_pearson(x: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with its exact interval (Clopper and Pearson 1934, Biometrika 26:404-413).

    Beta quantiles; the lower limit of 0/n is 0, the upper limit of n/n is 1.

    >>> clopper_pearson(0, 1)
    Estimate(estimate=0.0, lower=0.0, upper=0.975)
    """
    return _beta(x, n, level, 0.0, 1.0)


def jeffreys(x: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with the equal-tailed interval of Jeffreys' prior, Beta(1/2, 1/2).

    The lower limit of 0/n is 0 and the upper limit of n/n is 1 (Brown, Cai and DasGupta 2001, Stat
    Sci 16:101-133).

    >>> round(jeffreys(10, 34).lower, 4)
    0.1623
    """
    return _beta(x, n, level, 0.5, 0.5)


def wilson(x: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with its score interval (Wilson 1927, J Am Stat Assoc 22:209-212).

    >>> wilson(10, 10).upper
    1.0
    """
    return _score(x, n, level, 0.0)


def wilson_corrected(x: int, n: int, level: float = 0.95, *, null: float | None = None) -> Estimate:
    """A proportion with its score interval, corrected for continuity.

    Both limits are those of a count that lies 1/2 further out (Newcombe 1998, Stat Med 17:857-872,
    method 4). With `null` the correction is not greater than the distance of x from n * null: R's
    prop.test does so, with a null of 1/2 if none is given.

    >>> round(wilson_corrected(10, 34).lower, 4)
    0.1571
    """
    correction = 0.5
    if null is not None:
        correction = min(0.5, abs(x - n * probability(null, "null")))
    return _score(x, n, level, correction)


def agresti_coull(x: int, n: int, level: float = 0.95, *, cut: bool = True) -> Estimate:
    """A proportion with Wald's interval about the centre of Wilson's.

    Agresti and Coull 1998, Am Stat 52:119-126: z^2 subjects more, half of them with the property.
    Limits outside 0 to 1 are `cut` to it; R's binom.confint leaves them.

    >>> agresti_coull(10, 10).upper, round(agresti_coull(10, 10, cut=False).upper, 4)
    (1.0, 1.0434)
    """
    check_count(x, n)
    z = normal_quantile(level)
    if n == 0:
        return Estimate(None, 0.0, 1.0)
    size = n + z * z
    centre = (x + z * z / 2) / size
    half = z * math.sqrt(centre * (1 - centre) / size)
    lower, upper = centre - half, centre + half
    return Estimate(x / n, *((max(0.0, lower), min(1.0, upper)) if cut else (lower, upper)))


def mid_p(x: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with the limits of the exact tails that count half of what is observed.

    Berry and Armitage 1995, Statistician 44:417-423.

    >>> round(mid_p(0, 1).upper, 6)
    0.95
    """
    return _exact(x, n, level, "mid_p")


def blaker(x: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with the limits of Blaker's exact test (2000, Can J Stat 28:783-798).

    They lie within those of Clopper and Pearson, and cover as surely.

    >>> round(blaker(10, 34).lower, 3)
    0.152
    """
    return _exact(x, n, level, "blaker")


def binomial_p(x: int, n: int, null: float, *, side: Side = "two_sided") -> float:
    """The P value of the exact binomial test that the proportion is `null`.

    Two-sided by the minimum-likelihood rule, as R binom.test. Without subjects it is 1.

    >>> round(binomial_p(10, 34, 0.15), 4)
    0.028
    """
    check_count(x, n)
    one_of(side, tuple(_SIDES), "side")
    probability(null, "null")
    if n == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(x, n, null, _SIDES[side]).pvalue)


_SIDES: Mapping[Side, Literal["two-sided", "greater", "less"]] = MappingProxyType(
    {"two_sided": "two-sided", "greater": "greater", "less": "less"}
)
"""The sides in the words of scipy."""

PROPORTION_INTERVALS: Mapping[str, Callable[[int, int, float], Estimate]] = MappingProxyType(
    {
        "clopper_pearson": clopper_pearson,
        "wilson": wilson,
        "wilson_corrected": wilson_corrected,
        "jeffreys": jeffreys,
        "agresti_coull": agresti_coull,
        "mid_p": mid_p,
        "blaker": blaker,
    }
)


def _beta(x: int, n: int, level: float, before: float, after: float) -> Estimate:
    """Quantiles of Beta(x + before, n - x + after) and, for the upper limit, the reverse."""
    check_count(x, n)
    tail = (1 - checked_level(level)) / 2
    if n == 0:
        return Estimate(None, 0.0, 1.0)
    from scipy.special import betaincinv

    lower = float(betaincinv(x + before, n - x + after, tail)) if x > 0 else 0.0
    upper = float(betaincinv(x + after, n - x + before, 1 - tail)) if x < n else 1.0
    return Estimate(x / n, lower, upper)


def _score(x: int, n: int, level: float, correction: float) -> Estimate:
    check_count(x, n)
    z = normal_quantile(level)
    if n == 0:
        return Estimate(None, 0.0, 1.0)

    def limit(count: float, sign: int) -> float:
        spread = math.sqrt(count * (n - count) / n + z * z / 4)
        return (count + z * z / 2 + sign * z * spread) / (n + z * z)

    low, high = x - correction, x + correction
    return Estimate(x / n, limit(low, -1) if low > 0 else 0.0, limit(high, 1) if high < n else 1.0)


def _exact(x: int, n: int, level: float, rule: Rule) -> Estimate:
    """The limits of the odds, as proportions."""
    check_count(x, n)
    checked_level(level)
    if n == 0:
        return Estimate(None, 0.0, 1.0)
    odds = exact_ratio(np.arange(n + 1.0), log_binomial(n), x, level, rule)
    lower = odds.lower / (1 + odds.lower)
    return Estimate(x / n, lower, 1.0 if odds.upper == math.inf else odds.upper / (1 + odds.upper))
