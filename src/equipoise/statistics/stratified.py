"""Two groups compared within strata: Mantel-Haenszel, exact conditional, Breslow-Day.

In stratum s `x1[s]` of `n1[s]` subjects in group 1 have the property, `x2[s]` of `n2[s]` in group
2. The batch functions take arrays of shape (trials, strata). A stratum in which a group is empty,
or in which all subjects or none have the property, says nothing and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import one_of
from equipoise.statistics.chi_square import chi_square_tails
from equipoise.statistics.exact_limits import TIE, exact_ratio, probabilities
from equipoise.statistics.odds_ratio import fitted_count, table_counts
from equipoise.statistics.proportion import ChiSquare, Estimate, Side, normal_quantile

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """A chi-square test that all strata have one odds ratio; P is None without two strata."""

    statistic: float | None
    degrees_of_freedom: int
    p: float | None


@dataclass(frozen=True, slots=True)
class ConditionalOddsRatio:
    """A common odds ratio with Wald's limits and P; `standard_error` is that of its logarithm."""

    estimate: float | None
    standard_error: float | None
    lower: float
    upper: float
    p: float | None


def mantel_haenszel(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> Estimate:
    """The common odds ratio (Mantel and Haenszel 1959, J Natl Cancer Inst 22:719-748).

    Its limits are those of Robins, Breslow and Greenland (1986, Biometrics 42:311-323), as in R
    mantelhaen.test. Where it is 0 or infinite the limits are 0 and infinity.

    >>> round(mantel_haenszel([10, 0], [20, 14], [2, 0], [9, 16]).upper, 2)
    21.16
    """
    a, m, b, n = checked_strata(x1, n1, x2, n2)
    z = normal_quantile(level)
    total = np.maximum(m + n, 1.0)
    concordant, discordant = (a * (n - b) / total)[0], ((m - a) * b / total)[0]
    r, s = concordant.sum(), discordant.sum()
    if r == 0 or s == 0:
        return Estimate(None if r == s else math.inf if r > 0 else 0.0, 0.0, math.inf)
    p, q = ((a + n - b) / total)[0], ((m - a + b) / total)[0]
    variance = (p * concordant).sum() / (2 * r * r) + (q * discordant).sum() / (2 * s * s)
    variance += (p * discordant + q * concordant).sum() / (2 * r * s)
    half = z * math.sqrt(variance)
    return Estimate(float(r / s), float(r / s * math.exp(-half)), float(r / s * math.exp(half)))


def mantel_haenszel_p_batch(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    *,
    continuity_correction: bool = False,
) -> FloatArray:
    """P of the Cochran-Mantel-Haenszel test in each trial, two-sided; 1 without information.

    >>> mantel_haenszel_p_batch([18, 3], [34, 26], [6, 7], [24, 18]).round(4).tolist()
    [0.6596]
    """
    return _association(*checked_strata(x1, n1, x2, n2), continuity_correction)[1]


def mantel_haenszel_test(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    *,
    continuity_correction: bool = False,
) -> ChiSquare:
    """The Cochran-Mantel-Haenszel test of one trial, two-sided, as R mantelhaen.test.

    Without information the statistic is 0 and P is 1.

    >>> round(mantel_haenszel_test([18, 3], [34, 26], [6, 7], [24, 18]).statistic, 4)
    0.194
    """
    statistic, p = _association(*checked_strata(x1, n1, x2, n2), continuity_correction)
    return ChiSquare(float(statistic[0]), float(p[0]))


def _association(
    a: FloatArray, m: FloatArray, b: FloatArray, n: FloatArray, continuity_correction: bool
) -> tuple[FloatArray, FloatArray]:
    """Statistic and P of the Cochran-Mantel-Haenszel test in each trial."""
    total, events = m + n, a + b
    size = np.maximum(total, 1.0)
    difference = np.abs((a - m * events / size).sum(axis=1))
    spread = m * n * events * (total - events) / (size**2 * np.maximum(total - 1, 1.0))
    variance = spread.sum(axis=1)
    if continuity_correction:
        difference = np.maximum(0.0, difference - 0.5)
    informed = variance > 0
    statistic = np.divide(difference**2, variance, out=np.zeros_like(variance), where=informed)
    one = np.ones(len(a), dtype=np.int64)
    return statistic, np.where(informed, chi_square_tails(statistic, one), 1.0)


def exact_stratified_p(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, side: Side = "two_sided"
) -> float:
    """P of the exact conditional test that the common odds ratio is 1.

    Given the margins of every stratum the sum of x1 is a sum of hypergeometric counts. Two-sided
    by the minimum-likelihood rule, as R mantelhaen.test(exact = TRUE); with one stratum this is
    Fisher's test (Gart 1970, Biometrika 57:471-475).

    >>> round(exact_stratified_p([10, 0], [20, 14], [2, 0], [9, 16]), 3)
    0.234
    """
    counts, weights, observed = _conditional(x1, n1, x2, n2)
    one_of(side, get_args(Side), "side")
    shares = np.exp(weights - weights.max())
    if side == "greater":
        extreme = counts >= observed
    elif side == "less":
        extreme = counts <= observed
    else:
        extreme = shares <= shares[counts == observed] * TIE
    return min(1.0, float(shares[extreme].sum() / shares.sum()))


def odds_ratio_stratified(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> Estimate:
    """The conditional maximum-likelihood common odds ratio with its exact interval.

    >>> round(odds_ratio_stratified([18, 3], [34, 26], [6, 7], [24, 18]).estimate, 3)
    1.211
    """
    counts, weights, observed = _conditional(x1, n1, x2, n2)
    return exact_ratio(counts, weights, observed, level)


def conditional_logistic(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> ConditionalOddsRatio:
    """The same estimate with Wald's limits and test: conditional logistic regression (R clogit).

    The standard error of the logarithm is 1 / the standard deviation of the sum of x1 at the
    estimate, given the margins (Breslow and Day 1980, section 7.1). Where the estimate is 0,
    infinite or missing there is none: the limits are 0 and infinity, and P is None.

    >>> round(conditional_logistic([10, 0], [20, 14], [2, 0], [9, 16]).p, 2)
    0.18
    """
    z = normal_quantile(level)
    counts, weights, observed = _conditional(x1, n1, x2, n2)
    estimate = exact_ratio(counts, weights, observed, level).estimate
    if estimate is None or estimate in (0.0, math.inf):
        return ConditionalOddsRatio(estimate, None, 0.0, math.inf, None)
    log_ratio = math.log(estimate)
    shares = probabilities(counts, weights, log_ratio)
    error = 1 / math.sqrt(float(shares @ (counts - shares @ counts) ** 2))
    limits = math.exp(log_ratio - z * error), math.exp(log_ratio + z * error)
    p = math.erfc(abs(log_ratio) / error / math.sqrt(2))
    return ConditionalOddsRatio(estimate, error, *limits, p)


def breslow_day(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, tarone: bool = False
) -> Heterogeneity:
    """The test of Breslow and Day that the strata have one odds ratio, that of Mantel-Haenszel.

    Breslow and Day 1980, Statistical Methods in Cancer Research I, equation 4.30; `tarone` takes
    off what the estimated ratio costs (Tarone 1985, Biometrika 72:91-95).

    >>> round(breslow_day([18, 3], [34, 26], [6, 7], [24, 18]).p, 4)
    0.0027
    """
    a, m, b, n = checked_strata(x1, n1, x2, n2)
    statistic, freedom, p = _breslow_day(a, m, b, n, tarone=tarone)
    if np.isnan(p[0]):
        return Heterogeneity(None, int(freedom[0]), None)
    return Heterogeneity(float(statistic[0]), int(freedom[0]), float(p[0]))


def breslow_day_p_batch(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, tarone: bool = False
) -> FloatArray:
    """P of `breslow_day` in each trial; nan with fewer than two strata or an extreme common ratio.

    >>> breslow_day_p_batch([[18, 3]], [[34, 26]], [[6, 7]], [[24, 18]]).round(4).tolist()
    [0.0027]
    """
    return _breslow_day(*checked_strata(x1, n1, x2, n2), tarone=tarone)[2]


def _breslow_day(
    a: FloatArray, m: FloatArray, b: FloatArray, n: FloatArray, *, tarone: bool
) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    total, events = m + n, a + b
    informed = (m > 0) & (n > 0) & (events > 0) & (events < total)
    size = np.maximum(total, 1.0)
    r, s = (a * (n - b) / size).sum(axis=1), ((m - a) * b / size).sum(axis=1)
    freedom = np.maximum(informed.sum(axis=1) - 1, 0).astype(np.int64)
    usable = (freedom > 0) & (r > 0) & (s > 0)
    ratio = np.where(usable, r / np.where(s > 0, s, 1.0), 1.0)[:, None]
    fitted = fitted_count(m, n, events, ratio)
    cells = [np.where(informed, each, 1.0) for each in (fitted, events - fitted, m - fitted)]
    last = np.where(informed, n - events + fitted, 1.0)
    variance = 1 / (1 / cells[0] + 1 / cells[1] + 1 / cells[2] + 1 / last)
    difference = np.where(informed, a - fitted, 0.0)
    statistic = (difference**2 / variance).sum(axis=1)
    if tarone:
        spread = np.where(informed, variance, 0.0).sum(axis=1)
        statistic -= difference.sum(axis=1) ** 2 / np.where(spread > 0, spread, 1.0)
    p = np.where(usable, chi_square_tails(statistic, freedom), np.nan)
    return statistic, freedom, p


def _conditional(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike
) -> tuple[FloatArray, FloatArray, int]:
    """Possible sums of x1, the logarithms of their numbers of ways, and the observed sum."""
    a, m, b, n = (each[0].astype(np.int64).tolist() for each in checked_strata(x1, n1, x2, n2))
    ways, least = np.ones(1), 0
    for first, size1, second, size2 in zip(a, m, b, n, strict=True):
        events = first + second
        possible, logs = table_counts(size1, size2, events)
        ways = np.convolve(ways, np.exp(logs - logs.max()))
        ways /= ways.max()
        least += int(possible[0])
    counts = np.arange(least, least + len(ways), dtype=np.float64)
    with np.errstate(divide="ignore"):
        return counts, np.log(ways), sum(a)


def checked_strata(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The counts as arrays (trials, strata); BadInput if they differ in shape or cannot be."""
    arrays = [np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in (x1, n1, x2, n2)]
    if len({each.shape for each in arrays}) != 1:
        raise BadInput("four counts for each stratum", found=[each.shape for each in arrays])
    a, m, b, n = arrays
    if ((a < 0) | (a > m) | (b < 0) | (b > n)).any():
        raise BadInput("counts of 0 to n in each stratum", found=[each.tolist() for each in arrays])
    return a, m, b, n
