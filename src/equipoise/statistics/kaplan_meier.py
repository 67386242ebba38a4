"""Kaplan-Meier curves: survival at given times and its quantiles, with limits.

Follow-up is as in `follow_up.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.follow_up import checked_follow_up
from equipoise.statistics.proportion import normal_quantile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Transform = Literal["plain", "log", "log_log", "arcsin", "logit"]

TRANSFORMS: tuple[Transform, ...] = get_args(Transform)

_EQUAL = 1e-9
"""Survival probabilities this close are one and the same step: they differ by rounding only."""


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """A product-limit curve: one entry for each distinct time of an event or a censoring.

    `at_risk` counts the subjects just before `time`, `survival` is the probability just after it;
    `greenwood` is the variance of log survival, the sum of d / (n (n - d)); infinite where
    survival is 0.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    greenwood: FloatArray


@dataclass(frozen=True, slots=True)
class SurvivalAt:
    """Survival at one time; `None` after the last follow-up of a curve that has not reached 0."""

    time: float
    at_risk: int
    survival: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class NormalQuantile:
    """A quantile with normal limits; `density` is that of the time to event at the quantile.

    All but the estimate are `None` where survival does not fall far enough to tell the density.
    """

    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    density: float | None


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of the time to event and its confidence limits; `None` is "not reached"."""

    estimate: float | None
    lower: float | None
    upper: float | None


def kaplan_meier(time: ArrayLike, event: ArrayLike) -> KaplanMeier:
    """The product-limit estimate of survival (Kaplan and Meier 1958, J Am Stat Assoc 53:457-481).

    >>> kaplan_meier([1, 2, 2, 3], [True, True, False, True]).survival.tolist()
    [0.75, 0.5, 0.0]
    """
    times, events = checked_follow_up(time, event)
    distinct, place = np.unique(times, return_inverse=True)
    died = np.bincount(place, weights=events, minlength=len(distinct)).astype(np.int64)
    left = np.bincount(place, minlength=len(distinct)).astype(np.int64)
    at_risk = left[::-1].cumsum()[::-1]
    survival = np.cumprod((at_risk - died) / at_risk)
    remaining = at_risk * (at_risk - died)
    terms = np.full(len(distinct), math.inf)
    np.divide(died, remaining, out=terms, where=remaining > 0)
    terms[died == 0] = 0.0
    return KaplanMeier(distinct, at_risk, died, left - died, survival, np.cumsum(terms))


def survival_interval(
    curve: KaplanMeier, *, level: float = 0.95, transform: Transform = "log_log"
) -> tuple[FloatArray, FloatArray]:
    """Pointwise lower and upper limits of survival, at the curve's times.

    Greenwood's variance on the scale of S (`plain`), log S (`log`), log(-log S) (`log_log`), the
    arcsine of the square root of S (`arcsin`) or log(S / (1 - S)) (`logit`), cut at 0 and 1
    (Kalbfleisch and Prentice 2002, section 1.4; Borgan and Liestol 1990, Scand J Stat 17:35-41; R
    survfit `conf.type`). Before the first event both limits are 1. Where survival is 0 the variance
    is not defined: the lower limit is 0, and the upper one stays as it was before.

    >>> lower, upper = survival_interval(kaplan_meier([1, 2, 3], [True, True, True]))
    >>> lower.round(3).tolist(), upper.round(3).tolist()
    ([0.054, 0.009, 0.0], [0.945, 0.774, 0.774])
    """
    z = normal_quantile(level)
    lower, upper = np.ones(len(curve.time)), np.ones(len(curve.time))
    inside = (curve.survival > 0) & (curve.greenwood > 0)
    half = z * np.sqrt(curve.greenwood[inside])
    lower[inside], upper[inside] = _limits(curve.survival[inside], half, transform)
    ended = curve.survival == 0
    if ended.any():
        first = int(ended.argmax())
        lower[ended] = 0.0
        upper[ended] = upper[first - 1] if first > 0 else 1.0
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def survival_at(
    curve: KaplanMeier,
    times: Sequence[float],
    *,
    level: float = 0.95,
    transform: Transform = "log_log",
) -> tuple[SurvivalAt, ...]:
    """Survival with its standard error (Greenwood) and limits at each of `times`.

    >>> point = survival_at(kaplan_meier([1, 2, 4], [True, False, True]), [3])[0]
    >>> point.at_risk, round(point.survival, 3)
    (1, 0.667)
    """
    lower, upper = survival_interval(curve, level=level, transform=transform)
    return tuple(_survival_at(curve, lower, upper, float(time)) for time in times)


def survival_quantile(
    curve: KaplanMeier,
    probability: float = 0.5,
    *,
    level: float = 0.95,
    transform: Transform = "log_log",
) -> Quantile:
    """The time by which `probability` of the subjects have had the event; 0.5 is the median.

    The estimate is the first time at which survival is at or below 1 - `probability`; where it is
    exactly that, the middle of the step (up to the last follow-up if no event ends it). The limits
    are found in the same way on the curve's pointwise limits (Brookmeyer and Crowley 1982,
    Biometrics 38:29-41; `plain` is theirs, the others as R quantile.survfit).

    >>> survival_quantile(kaplan_meier([1, 2, 3, 4], [True] * 4)).estimate
    2.5
    """
    if not 0 < probability < 1:
        raise BadInput("a probability between 0 and 1", field="probability", found=probability)
    lower, upper = survival_interval(curve, level=level, transform=transform)
    remaining = 1 - probability
    return Quantile(
        _crossing(curve.time, curve.survival, remaining),
        _crossing(curve.time, lower, remaining),
        _crossing(curve.time, upper, remaining),
    )


def normal_quantile_of_survival(
    curve: KaplanMeier, probability: float = 0.5, *, level: float = 0.95, width: float = 0.05
) -> NormalQuantile:
    """A quantile of the time to event with its standard error and normal limits, cut at 0.

    The standard error is that of survival at the quantile, divided by the density there: how far
    survival falls from the last time at which it is at or above 1 - `probability` + `width` (0
    if none) to the first at which it is at or below 1 - `probability` - `width`, for each unit of
    time (Collett 2015, Modelling Survival Data in Medical Research, 3rd edition, section 2.4).

    >>> times, events = [10, 13, 18, 19, 23, 30], [1, 0, 0, 1, 0, 1]
    >>> normal_quantile_of_survival(kaplan_meier(times, events)).estimate
    30.0
    """
    found = survival_quantile(curve, probability, level=level).estimate
    remaining = 1 - probability
    above = np.flatnonzero(curve.survival >= remaining + width - _EQUAL)
    below = np.flatnonzero(curve.survival <= remaining - width + _EQUAL)
    if found is None or len(below) == 0:
        return NormalQuantile(found, None, None, None, None)
    start, high = (curve.time[above[-1]], curve.survival[above[-1]]) if len(above) else (0.0, 1.0)
    end, low = curve.time[below[0]], curve.survival[below[0]]
    density = float((high - low) / (end - start))
    error = survival_at(curve, [found])[0].standard_error
    if error is None or error == 0.0:
        return NormalQuantile(found, None, None, None, density)
    half = normal_quantile(level) * error / density
    return NormalQuantile(found, error / density, max(0.0, found - half), found + half, density)


def _limits(
    survival: FloatArray, half: FloatArray, transform: Transform
) -> tuple[FloatArray, FloatArray]:
    """Limits of survival strictly between 0 and 1; `half` is z times the error of log survival."""
    if transform == "plain":
        return survival * (1 - half), survival * (1 + half)
    if transform == "log":
        return survival * np.exp(-half), survival * np.exp(half)
    if transform == "log_log":
        spread = half / np.log(survival)
        return survival ** np.exp(-spread), survival ** np.exp(spread)
    odds = survival / (1 - survival)
    if transform == "arcsin":
        angle, spread = np.arcsin(np.sqrt(survival)), half / 2 * np.sqrt(odds)
        lowest, highest = np.maximum(0, angle - spread), np.minimum(math.pi / 2, angle + spread)
        return np.sin(lowest) ** 2, np.sin(highest) ** 2
    if transform == "logit":
        factor = np.exp(half / (1 - survival))
        return odds / (odds + factor), odds * factor / (1 + odds * factor)
    raise BadInput(f"one of {', '.join(TRANSFORMS)}", field="transform", found=transform)


def _survival_at(
    curve: KaplanMeier, lower: FloatArray, upper: FloatArray, time: float
) -> SurvivalAt:
    known = int(np.searchsorted(curve.time, time, side="right")) - 1
    at_risk = int((curve.events + curve.censored)[curve.time >= time].sum())
    ended = len(curve.time) > 0 and curve.survival[-1] == 0
    if len(curve.time) == 0 or (time > curve.time[-1] and not ended):
        return SurvivalAt(time, at_risk, None, None, None, None)
    if known < 0:
        return SurvivalAt(time, at_risk, 1.0, 0.0, 1.0, 1.0)
    survival = float(curve.survival[known])
    error = survival * math.sqrt(curve.greenwood[known]) if survival > 0 else 0.0
    return SurvivalAt(time, at_risk, survival, error, float(lower[known]), float(upper[known]))


def _crossing(time: FloatArray, curve: FloatArray, remaining: float) -> float | None:
    """The first time at which `curve` is at or below `remaining`; the middle of an equal step."""
    reached = np.flatnonzero(curve <= remaining + _EQUAL)
    if len(reached) == 0:
        return None
    first = reached[0]
    if curve[first] < remaining - _EQUAL:
        return float(time[first])
    below = np.flatnonzero(curve < remaining - _EQUAL)
    return float((time[first] + time[below[0] if len(below) else -1]) / 2)
