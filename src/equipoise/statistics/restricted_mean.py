"""Restricted mean survival time: the mean time lived without the event up to a horizon.

It is the area under the Kaplan-Meier curve up to `tau`, in the unit of the times (Royston and
Parmar 2013, BMC Med Res Methodol 13:152). Group 1 is compared with group 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from equipoise.errors import BadInput
from equipoise.statistics.kaplan_meier import KaplanMeier
from equipoise.statistics.proportion import normal_quantile


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """The mean time up to `tau` with its standard error and normal limits.

    All but `tau` are `None` where follow-up ends before `tau` and survival is not 0.
    """

    tau: float
    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Contrast:
    """A difference or ratio with its limits, and P of the hypothesis that there is none.

    `standard_error` is that of a difference, or of the logarithm of a ratio.
    """

    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class RestrictedMeanContrast:
    """Two groups' restricted means: their difference, their ratio, and the ratio of times lost.

    The time lost is `tau` less the restricted mean.
    """

    first: RestrictedMean
    second: RestrictedMean
    difference: Contrast
    ratio: Contrast
    ratio_of_time_lost: Contrast


_NONE = Contrast(None, None, None, None, None)


def restricted_mean(
    curve: KaplanMeier, tau: float, *, level: float = 0.95, extend: bool = False
) -> RestrictedMean:
    """The area under the curve from 0 to `tau`, with Greenwood's variance.

    The variance is the sum over the times of events of (the area from there to `tau`)^2
    d / (n (n - d)), as R survRM2 and print.survfit. `extend` holds survival at its last value
    after the last follow-up, as print.survfit does; otherwise such a mean has no estimate.

    >>> from equipoise.statistics.kaplan_meier import kaplan_meier
    >>> restricted_mean(kaplan_meier([1, 2, 3], [True, True, True]), 2.5).estimate.__round__(4)
    1.8333
    """
    if not (math.isfinite(tau) and tau > 0):
        raise BadInput("a finite time above 0", field="tau", found=tau)
    z = normal_quantile(level)
    known = len(curve.time) > 0 and (curve.survival[-1] == 0 or tau <= curve.time[-1])
    if not known and not (extend and len(curve.time)):
        return RestrictedMean(tau, None, None, None, None)
    used = curve.time <= tau
    survival = np.concatenate(([1.0], curve.survival[used]))
    areas = np.diff(np.concatenate(([0.0], curve.time[used], [tau]))) * survival
    remaining = areas[::-1].cumsum()[::-1][1:]
    n, d = curve.at_risk[used], curve.events[used]
    terms = np.divide(d, n * (n - d), out=np.zeros(len(n)), where=n > d)
    estimate, error = float(areas.sum()), math.sqrt((remaining**2 * terms).sum())
    return RestrictedMean(tau, estimate, error, estimate - z * error, estimate + z * error)


def restricted_mean_contrast(
    curve1: KaplanMeier,
    curve2: KaplanMeier,
    tau: float,
    *,
    level: float = 0.95,
    extend: bool = False,
) -> RestrictedMeanContrast:
    """Group 1 against group 2: difference and ratios of restricted means, normal limits and P.

    Ratios by the delta method on the logarithm (Uno and others 2014, J Clin Oncol 32:2380-2385; R
    survRM2). A contrast has no estimate where a mean has none or a ratio's part is 0; and no P
    without a variance.

    >>> from equipoise.statistics.kaplan_meier import kaplan_meier
    >>> curves = kaplan_meier([3, 5, 9], [1, 1, 0]), kaplan_meier([1, 4, 9], [1, 1, 1])
    >>> round(restricted_mean_contrast(*curves, 6).difference.estimate, 3)
    1.0
    """
    first = restricted_mean(curve1, tau, level=level, extend=extend)
    second = restricted_mean(curve2, tau, level=level, extend=extend)
    if (
        first.estimate is None
        or second.estimate is None
        or first.standard_error is None
        or second.standard_error is None
    ):
        return RestrictedMeanContrast(first, second, _NONE, _NONE, _NONE)
    a, b = (first.estimate, first.standard_error), (second.estimate, second.standard_error)
    z = normal_quantile(level)
    return RestrictedMeanContrast(
        first,
        second,
        _normal(a[0] - b[0], math.hypot(a[1], b[1]), z),
        _ratio(a, b, z),
        _ratio((tau - a[0], a[1]), (tau - b[0], b[1]), z),
    )


def _ratio(a: tuple[float, float], b: tuple[float, float], z: float) -> Contrast:
    """The ratio of two means with their errors."""
    if a[0] <= 0 or b[0] <= 0:
        return _NONE
    found = _normal(math.log(a[0] / b[0]), math.hypot(a[1] / a[0], b[1] / b[0]), z)
    estimate, lower, upper = (
        None if each is None else math.exp(each)
        for each in (found.estimate, found.lower, found.upper)
    )
    return Contrast(estimate, found.standard_error, lower, upper, found.p)


def _normal(estimate: float, error: float, z: float) -> Contrast:
    if error == 0.0:
        return Contrast(estimate, 0.0, estimate, estimate, None)
    p = math.erfc(abs(estimate) / error / math.sqrt(2))
    return Contrast(estimate, error, estimate - z * error, estimate + z * error, p)
