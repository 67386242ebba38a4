"""Risk differences and ratios of two groups, common to strata: those of Mantel and Haenszel.

In stratum s `x1[s]` of `n1[s]` subjects in group 1 have the property, `x2[s]` of `n2[s]` in group
2; group 1 is compared with group 2. A stratum in which a group is empty changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.statistics.checked import one_of
from equipoise.statistics.proportion import normal_quantile
from equipoise.statistics.stratified import checked_strata

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CommonRisk:
    """A common difference or ratio with Wald's limits and P of the hypothesis that there is none.

    `standard_error` is that of a difference, or of the logarithm of a ratio. What the strata cannot
    estimate is None; the limits are then those of the whole range.
    """

    estimate: float | None
    standard_error: float | None
    lower: float
    upper: float
    p: float | None


def risk_difference_mantel_haenszel(
    x1: ArrayLike,
    n1: ArrayLike,
    x2: ArrayLike,
    n2: ArrayLike,
    level: float = 0.95,
    *,
    variance: str = "sato",
) -> CommonRisk:
    """The common p1 - p2, each stratum with the weight n1 n2 / (n1 + n2).

    Its variance is that of `sato` (1989, Biometrics 45:1323-1324), right both for few large and for
    many small strata if the difference is one, or of `greenland_robins` (1985, Biometrics
    41:55-68), which adds up those of the strata. Limits are cut at -1 and 1.

    >>> found = risk_difference_mantel_haenszel([18, 3], [34, 26], [6, 7], [24, 18])
    >>> round(found.estimate, 4), round(found.standard_error, 4)
    (0.0414, 0.0973)
    """
    one_of(variance, ("sato", "greenland_robins"), "variance")
    z = normal_quantile(level)
    a, m, b, n = _informed(x1, n1, x2, n2)
    total = m + n
    weight = float((m * n / total).sum())
    if weight == 0:
        return CommonRisk(None, None, -1.0, 1.0, None)
    estimate = float(((a * n - b * m) / total).sum()) / weight
    if variance == "sato":
        p = (m * m * b - n * n * a + m * n * (n - m) / 2) / total**2
        q = (a * (n - b) + b * (m - a)) / (2 * total)
        spread = estimate * float(p.sum()) + float(q.sum())
    else:
        each = a * (m - a) / m**3 + b * (n - b) / n**3
        spread = float((each * (m * n / total) ** 2).sum())
    error = math.sqrt(max(0.0, spread)) / weight
    if error == 0:
        return CommonRisk(estimate, 0.0, estimate, estimate, None)
    lower, upper = max(-1.0, estimate - z * error), min(1.0, estimate + z * error)
    return CommonRisk(estimate, error, lower, upper, _p(estimate / error))


def risk_ratio_mantel_haenszel(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> CommonRisk:
    """The common p1 / p2 with limits that are normal on the scale of the logarithm.

    Variance of Greenland and Robins (1985, Biometrics 41:55-68), right both for few large and for
    many small strata. Where the ratio is 0 or infinite the limits are 0 and infinity.

    >>> found = risk_ratio_mantel_haenszel([18, 3], [34, 26], [6, 7], [24, 18])
    >>> round(found.estimate, 4), round(found.standard_error, 4)
    (1.1335, 0.2981)
    """
    z = normal_quantile(level)
    a, m, b, n = _informed(x1, n1, x2, n2)
    total = m + n
    first, second = float((a * n / total).sum()), float((b * m / total).sum())
    if first == 0 or second == 0:
        estimate = None if first == second else math.inf if first > 0 else 0.0
        return CommonRisk(estimate, None, 0.0, math.inf, None)
    spread = float(((m * n * (a + b) - a * b * total) / total**2).sum())
    error = math.sqrt(max(0.0, spread / (first * second)))
    ratio = first / second
    if error == 0:
        return CommonRisk(ratio, 0.0, ratio, ratio, None)
    factor = math.exp(z * error)
    return CommonRisk(ratio, error, ratio / factor, ratio * factor, _p(math.log(ratio) / error))


def _p(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))


def _informed(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The strata in which neither group is empty."""
    a, m, b, n = (each[0] for each in checked_strata(x1, n1, x2, n2))
    both = (m > 0) & (n > 0)
    return a[both], m[both], b[both], n[both]
