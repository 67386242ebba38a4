"""Kaplan-Meier curves: survival at given times and its quantiles, with limits.

Follow-up is as in `follow_up.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.follow_up import checked_follow_up
from equipoise.statistics.proportion import normal_quantile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Transform = Literal["plain", "log", "log_log"]

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

    Greenwood's variance on the scale of S (`plain`), log S (`log`) or log(-log S) (`log_log`),
    cut at 0 and 1 (Kalbfleisch and Prentice 2002, section 1.4; R survfit `conf.type`). Before the
    first event both limits are 1. Where survival is 0 the variance is not defined: the lower limit
    is 0, and the upper one stays as it was before.

    >>> lower, upper = survival_interval(kaplan_meier([1, 2, 3], [True, True, True]))
    >>> lower.round(3).tolist(), upper.round(3).tolist()
    ([0.054, 0.009, 0.0], [0.945, 0.774, 0.774])
    """
    z = normal_quantile(level)
    lower, upper = np.ones(len(curve.time)), np.ones(len(curve.time))
    inside = (curve.survival > 0) & (curve.greenwood > 0)
    survival, error = curve.survival[inside], np.sqrt(curve.greenwood[inside])
    if transform == "plain":
        lower[inside], upper[inside] = survival * (1 - z * error), survival * (1 + z * error)
    elif transform == "log":
        lower[inside] = survival * np.exp(-z * error)
        upper[inside] = survival * np.exp(z * error)
    elif transform == "log_log":
        spread = z * error / np.log(survival)
        lower[inside] = survival ** np.exp(-spread)
        upper[inside] = survival ** np.exp(spread)
    else:
        raise BadInput("one of plain, log, log_log", field="transform", found=transform)
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
