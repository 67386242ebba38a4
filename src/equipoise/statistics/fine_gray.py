"""Subdistribution hazards: how covariates act on the cumulative incidence of one kind of event.

`cause` is 0 for a censoring and a number from 1 for an event of that kind; `covariates` has a row
for each subject and a column for each coefficient. Who has had another event stays at risk, with
the weight of the chance not to have been censored since (Fine and Gray 1999, J Am Stat Assoc
94:496-509). Subjects censored at the time of an event are at risk for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.cox import HazardEffect, wald_p
from equipoise.statistics.divergence import diverging, undetermined
from equipoise.statistics.follow_up import checked_causes, checked_follow_up
from equipoise.statistics.proportion import normal_quantile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_STEPS = 100
_EQUAL = 1e-13
_LONGEST = 5.0
"""No step moves a linear predictor further."""
_RANK = 1e-10
_DIVERGING = 1e-2
"""A coefficient that still moves this far when the likelihood no longer rises goes to infinity."""


@dataclass(frozen=True, slots=True, eq=False)
class FineGrayFit:
    """Coefficients, their robust covariance and the log pseudo-likelihood there and at 0.

    `undetermined` are the covariates of which the events say nothing beside the others, `diverging`
    those whose coefficient has no finite estimate.
    """

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: float
    log_likelihood_at_0: float
    undetermined: BoolArray
    diverging: BoolArray


def fine_gray_fit(
    time: ArrayLike, cause: ArrayLike, covariates: ArrayLike, *, of: int = 1
) -> FineGrayFit:
    """The model of proportional subdistribution hazards of cause `of`, as R's cmprsk::crr.

    The chance not to be censored is the Kaplan-Meier estimate of all subjects just before a time;
    ties by Breslow's approximation. The covariance is the sandwich of the paper, which knows that
    this chance is estimated.

    >>> fit = fine_gray_fit([1, 2, 3, 4, 5], [1, 2, 1, 0, 1], [[0], [1], [1], [0], [0]])
    >>> round(float(fit.coefficients[0]), 4)
    -0.3401
    """
    data = _data(time, cause, covariates, of)
    width = data.values.shape[1]
    reach = np.abs(data.values).max(axis=0, initial=0.0)
    beta = np.zeros(width)
    value, score, known = _pass(data, beta)
    at_0, first = value, known
    step = np.zeros(width)
    for _ in range(_STEPS):
        step = np.linalg.pinv(known, rcond=_RANK, hermitian=True) @ score
        size = min(1.0, _LONGEST / max(float(np.abs(step) @ reach), _LONGEST))
        for _ in range(20):
            reached, score, known = _pass(data, beta + size * step)
            if reached >= value - _EQUAL * (1 + abs(value)):
                break
            size /= 2
        beta, rise, value = beta + size * step, reached - value, reached
        if abs(rise) <= _EQUAL * (1 + abs(value)):
            break
    blank = undetermined(first, reach)
    lost = diverging(first, known)
    endless = ~blank & ((np.abs(step) > _DIVERGING) | lost)
    inverse = np.linalg.pinv(known, rcond=_RANK, hermitian=True)
    parts = _influence(data, beta)
    covariance = inverse @ (parts.T @ parts) @ inverse
    return FineGrayFit(beta, covariance, value, at_0, blank, endless)


def fine_gray_effect(
    time: ArrayLike,
    cause: ArrayLike,
    covariates: ArrayLike,
    column: int,
    *,
    of: int = 1,
    level: float = 0.95,
) -> HazardEffect:
    """One coefficient with robust Wald limits, on the scale of the logarithm, and P.

    >>> found = fine_gray_effect([1, 2, 3, 4, 5], [1, 2, 1, 0, 1], [[0], [1], [1], [0], [0]], 0)
    >>> round(found.estimate, 4), round(found.p, 3)
    (-0.3401, 0.735)
    """
    fit = fine_gray_fit(time, cause, covariates, of=of)
    if not 0 <= column < len(fit.coefficients):
        raise BadInput(
            f"a column from 0 to {len(fit.coefficients) - 1}", field="column", found=column
        )
    endless = tuple(np.flatnonzero(fit.diverging).tolist())
    freedom = 0 if fit.undetermined[column] else 1
    variance = float(fit.covariance[column, column])
    if not freedom or column in endless or variance <= 0:
        return HazardEffect(None, None, None, None, None, None, freedom, endless)
    estimate, error = float(fit.coefficients[column]), math.sqrt(variance)
    half = normal_quantile(level) * error
    test = (estimate / error) ** 2, float(wald_p(estimate, variance))
    return HazardEffect(estimate, error, estimate - half, estimate + half, *test, 1, endless)


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """Subjects sorted by time: covariates, who has the event and who another one, and the `place`
    of each one's time. Of every distinct time `starts` is the first subject, `events` and
    `censored` are how many there are, `free` is the chance not to be censored before it."""

    values: FloatArray
    own: BoolArray
    other: BoolArray
    lost: BoolArray
    place: IntArray
    starts: IntArray
    events: FloatArray
    censored: FloatArray
    free: FloatArray


def _data(time: ArrayLike, cause: ArrayLike, covariates: ArrayLike, of: int) -> _Data:
    kinds = checked_causes(cause)
    times, _ = checked_follow_up(time, kinds > 0)
    values = np.asarray(covariates, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(times) or not values.shape[1]:
        rule = f"a row of covariates for each of the {len(times)} times"
        raise BadInput(rule, field="covariates", found=values.shape)
    if not np.isfinite(values).all():
        raise BadInput("finite numbers", field="covariates", found="one that is not")
    if of < 1:
        raise BadInput("the number of a kind of event, from 1", field="of", found=of)
    order = np.argsort(times, kind="stable")
    kinds = kinds[order]
    values = values[order] - (values.mean(axis=0) if len(values) else 0.0)
    _, starts, place = np.unique(times[order], return_index=True, return_inverse=True)
    own, lost = kinds == of, kinds == 0
    events, censored = (
        np.bincount(place[which], minlength=len(starts)).astype(np.float64) for which in (own, lost)
    )
    free = np.append(1.0, np.cumprod(1 - censored / (len(times) - starts)))[: len(starts)]
    return _Data(values, own, ~own & ~lost, lost, place, starts, events, censored, free)


def _sums(data: _Data, each: FloatArray) -> FloatArray:
    """Of every distinct time the weighted sum of `each` over those at risk for the event."""
    there = each[::-1].cumsum(axis=0)[::-1][data.starts]
    weight = np.where(data.other, 1 / data.free[data.place], 0.0) if len(each) else np.zeros(0)
    shape = (-1,) + (1,) * (each.ndim - 1)
    gone = np.zeros((len(data.starts), *each.shape[1:]))
    np.add.at(gone, data.place, weight.reshape(shape) * each)
    past = gone.cumsum(axis=0) - gone
    return np.asarray(there + data.free.reshape(shape) * past)


def _pass(data: _Data, beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """The log pseudo-likelihood with its score and information."""
    linear = data.values @ beta
    risk = np.exp(linear)
    weighted = risk[:, None] * data.values
    used = data.events > 0
    s0, s1 = _sums(data, risk)[used], _sums(data, weighted)[used]
    s2 = _sums(data, weighted[:, :, None] * data.values[:, None, :])[used]
    events, mean = data.events[used], s1 / s0[:, None]
    spread = s2 / s0[:, None, None] - mean[:, :, None] * mean[:, None, :]
    value = float(linear[data.own].sum() - events @ np.log(s0))
    score = data.values[data.own].sum(axis=0) - events @ mean
    return value, score, np.asarray(np.einsum("t,tij->ij", events, spread))


def _influence(data: _Data, beta: FloatArray) -> FloatArray:
    """What each subject contributes to the score, also by the chance not to be censored that is
    estimated from it: eta + psi of the paper's section 4."""
    risk = np.exp(data.values @ beta)
    s0 = _sums(data, risk)
    mean = _sums(data, risk[:, None] * data.values) / s0[:, None]
    rate = data.events / s0
    z, place, r = data.values, data.place, risk[:, None]

    def upto(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Integrals of 1 and of the mean covariate, up to and with each time."""
        steps = rate * weights
        return steps.cumsum()[:, None], (steps[:, None] * mean).cumsum(axis=0)

    whole, mean_whole = upto(np.ones(len(rate)))
    eta = -r * (z * whole[place] - mean_whole[place])
    eta[data.own] += z[data.own] - mean[place[data.own]]
    some, mean_some = upto(data.free)
    rest, mean_rest = some[-1:] - some, mean_some[-1:] - mean_some
    scale = np.where(data.other, risk / data.free[place], 0.0)[:, None]
    eta -= scale * (z * rest[place] - mean_rest[place])
    # q: what one censoring at each time changes from then on, of those who had another event
    # before it; "from then on" with the time itself, as the paper and crr have it.
    sums, firsts = np.zeros((len(rate), 1)), np.zeros_like(mean)
    np.add.at(sums, place, scale)
    np.add.at(firsts, place, scale * z)
    sums, firsts = sums.cumsum(axis=0) - sums, firsts.cumsum(axis=0) - firsts
    now = (rate * data.free)[:, None]
    q = firsts * (rest + now) - sums * (mean_rest + now * mean)
    at_risk = (len(z) - data.starts)[:, None]
    compensator = (q * data.censored[:, None] / at_risk**2).cumsum(axis=0)
    psi = -compensator[place]
    psi[data.lost] += (q / at_risk)[place[data.lost]]
    return np.asarray(eta + psi)
