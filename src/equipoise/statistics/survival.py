"""Times to an event with right censoring: Kaplan-Meier curves, quantiles, log-rank tests.

Subjects censored at the time of an event are at risk for it. Times tie when they are the same
number, so compute them alike from whole days. `event` is true for an event, false for a
censoring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled
from equipoise.statistics.proportion import normal_quantile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Transform = Literal["plain", "log", "log_log"]

_EQUAL = 1e-9
"""Survival probabilities this close are one and the same step: they differ by rounding only."""
_COMPILE_FROM = 5000
"""Subjects in one call from which machine code repays the time that loading it takes."""


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


@dataclass(frozen=True, slots=True, eq=False)
class LogRank:
    """A log-rank test: what each group had and was expected to have, and the statistic.

    `variance` is the covariance matrix of `observed`; `z` is positive when the first of two
    groups had more events than expected, and None for more than two.
    """

    groups: tuple[str | int, ...]
    subjects: IntArray
    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    statistic: float
    degrees_of_freedom: int
    p: float

    @property
    def z(self) -> float | None:
        """The signed standardised difference of the first of two groups."""
        if len(self.groups) != 2:
            return None
        return math.copysign(math.sqrt(self.statistic), self.observed[0] - self.expected[0])


def kaplan_meier(time: ArrayLike, event: ArrayLike) -> KaplanMeier:
    """The product-limit estimate of survival (Kaplan and Meier 1958, J Am Stat Assoc 53:457-481).

    >>> kaplan_meier([1, 2, 2, 3], [True, True, False, True]).survival.tolist()
    [0.75, 0.5, 0.0]
    """
    times, events = _checked(time, event)
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


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: Sequence[str] | Sequence[int] | NDArray[np.int64],
    *,
    strata: Sequence[str] | Sequence[int] | NDArray[np.int64] | None = None,
) -> LogRank:
    """The log-rank test of two or more groups, two-sided, stratified if `strata` are given.

    Observed minus expected events with the hypergeometric variance, which allows for ties (Mantel
    1966, Cancer Chemother Rep 50:163-170; R survdiff with rho = 0). Groups are in sorted order.
    Where the data hold no comparison the degrees of freedom are 0 and P is 1.

    >>> test = log_rank([1, 2, 3, 4], [True] * 4, ["a", "a", "b", "b"])
    >>> test.observed.tolist(), test.expected.round(3).tolist(), round(test.statistic, 3)
    ([2.0, 2.0], [0.833, 3.167], 2.882)
    """
    times, events = _checked(time, event)
    labels, groups = np.unique(np.asarray(group), return_inverse=True)
    layers = np.zeros(len(times)) if strata is None else np.asarray(strata)
    if len(groups) != len(times) or len(layers) != len(times):
        raise BadInput(
            f"a group and a stratum for each of the {len(times)} times",
            found=f"{len(groups)} groups, {len(layers)} strata",
        )
    number = len(labels)
    observed, expected = np.zeros(number), np.zeros(number)
    variance = np.zeros((number, number))
    for layer in np.unique(layers):
        chosen = np.flatnonzero(layers == layer)
        order = chosen[np.argsort(times[chosen], kind="stable")]
        _log_rank(times[order], events[order], groups[order], observed, expected, variance)
    statistic, freedom = _quadratic_form(observed - expected, variance)
    return LogRank(
        groups=tuple(labels.tolist()),
        subjects=np.bincount(groups, minlength=number).astype(np.int64),
        observed=observed,
        expected=expected,
        variance=variance,
        statistic=statistic,
        degrees_of_freedom=freedom,
        p=_chi_square_tail(statistic, freedom),
    )


def log_rank_z_batch(time: ArrayLike, event: ArrayLike, group: ArrayLike) -> FloatArray:
    """The signed log-rank statistic z of two groups, for many trials of shape (trials, subjects).

    `group` is 0 or 1, negative for a subject who is not in the comparison. z is positive when
    group 0 had more events than expected, and 0 where there is nothing to compare.

    >>> log_rank_z_batch([[1, 2, 3, 4]], [[True] * 4], [[0, 0, 1, 1]]).round(3).tolist()
    [1.698]
    """
    times, events = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.bool_)
    groups = np.asarray(group, dtype=np.int64)
    if times.ndim != 2 or not times.shape == events.shape == groups.shape:
        raise BadInput(
            "times, events and groups of one shape (trials, subjects)",
            found=(times.shape, events.shape, groups.shape),
        )
    if groups.max(initial=0) > 1:
        raise BadInput("group 0, 1, or negative", found=groups.max())
    _check_times(times[groups >= 0])
    order = np.argsort(times, axis=1, kind="stable")
    z = np.zeros(len(times))
    core = compiled(_log_rank_trials, _log_rank, worth_it=times.size >= _COMPILE_FROM)
    core(
        np.take_along_axis(times, order, axis=1),
        np.take_along_axis(events, order, axis=1),
        np.take_along_axis(groups, order, axis=1),
        z,
    )
    return z


def _checked(time: ArrayLike, event: ArrayLike) -> tuple[FloatArray, BoolArray]:
    times, events = np.asarray(time, dtype=np.float64), np.asarray(event)
    if times.ndim != 1 or times.shape != events.shape:
        raise BadInput(
            "one time and one event indicator for each subject", found=(times.shape, events.shape)
        )
    if not np.isin(events, (0, 1)).all():
        raise BadInput("true or false (1 or 0)", field="event", found=events.max())
    _check_times(times)
    return times, events.astype(np.bool_)


def _check_times(times: FloatArray) -> None:
    bad = ~(np.isfinite(times) & (times >= 0))
    if bad.any():
        raise BadInput("a finite time of 0 or more", field="time", found=times[bad][0])


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


def _quadratic_form(difference: FloatArray, variance: FloatArray) -> tuple[float, int]:
    """difference' variance^- difference and the rank: the groups sum to 0, so one is redundant."""
    values, vectors = np.linalg.eigh(variance)
    kept = values > _EQUAL * max(1.0, float(values.max(initial=0.0)))
    projected = vectors[:, kept].T @ difference
    return float((projected**2 / values[kept]).sum()), int(kept.sum())


def _chi_square_tail(statistic: float, freedom: int) -> float:
    if freedom == 0:
        return 1.0
    if freedom == 1:
        return math.erfc(math.sqrt(statistic / 2))
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))


def _log_rank(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    observed: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
) -> None:
    """Core: add one stratum, sorted by time, to the sums; a negative group is left out."""
    number = len(observed)
    at_risk = np.zeros(number)
    for subject in range(len(times)):
        if groups[subject] >= 0:
            at_risk[groups[subject]] += 1.0
    subject = 0
    died, left = np.zeros(number), np.zeros(number)
    while subject < len(times):
        died[:] = 0.0
        left[:] = 0.0
        now = times[subject]
        while subject < len(times) and times[subject] == now:
            group = groups[subject]
            if group >= 0:
                left[group] += 1.0
                if events[subject]:
                    died[group] += 1.0
            subject += 1
        deaths, total = died.sum(), at_risk.sum()
        if deaths > 0:
            spread = deaths * (total - deaths) / (total - 1.0) if total > 1.0 else 0.0
            for i in range(number):
                share = at_risk[i] / total
                observed[i] += died[i]
                expected[i] += deaths * share
                variance[i, i] += spread * share
                for j in range(number):
                    variance[i, j] -= spread * share * at_risk[j] / total
        at_risk -= left


def _log_rank_trials(times: FloatArray, events: BoolArray, groups: IntArray, z: FloatArray) -> None:
    for trial in range(len(z)):
        observed, expected, variance = np.zeros(2), np.zeros(2), np.zeros((2, 2))
        _log_rank(times[trial], events[trial], groups[trial], observed, expected, variance)
        if variance[0, 0] > 0.0:
            z[trial] = (observed[0] - expected[0]) / math.sqrt(variance[0, 0])
