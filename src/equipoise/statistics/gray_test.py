"""Gray's test: whether groups differ in the cumulative incidence of one kind of event.

`cause` is 0 for a censoring and a number from 1 for an event of that kind. Subjects censored at
the time of an event are at risk for it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.chi_square import ChiSquareTest, chi_square_tail, quadratic_form
from equipoise.statistics.follow_up import (
    Labels,
    by_stratum,
    checked_causes,
    checked_follow_up,
    checked_labels,
)

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_UNIT = 1e-3
"""A variance far below this is rounding: that of one event among few subjects is larger."""


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    group: Labels,
    *,
    of: int = 1,
    rho: float = 0.0,
    strata: Labels | None = None,
) -> ChiSquareTest:
    """Gray's test (1988, Ann Stat 16:1141-1154) of the cumulative incidence of cause `of`.

    It compares the groups' subdistribution hazards, each weighted by (1 - incidence)^rho and by an
    estimate of who would still be at risk had nobody had another event. The variance is that under
    the hypothesis that incidences are alike, hazards of other causes need not be; ties as in R's
    cmprsk. P is None where there is nothing to compare.

    >>> found = gray_test([1, 2, 3, 4, 5, 6], [1, 1, 2, 0, 1, 2], ["a", "a", "a", "b", "b", "b"])
    >>> round(found.statistic, 3), found.degrees_of_freedom, round(found.p, 3)
    (2.438, 1, 0.118)
    """
    kinds = checked_causes(cause)
    if of < 1:
        raise BadInput("the number of a kind of event, from 1", field="of", found=of)
    if not (math.isfinite(rho) and rho >= 0):
        raise BadInput("a finite number of 0 or more", field="rho", found=rho)
    times, _ = checked_follow_up(time, kinds > 0)
    labels, groups, layers = checked_labels(len(times), group, strata)
    number = len(labels)
    score, variance = np.zeros(number), np.zeros((number, number))
    for chosen in by_stratum(times, layers):
        part = _stratum(times[chosen], kinds[chosen], groups[chosen], number, of, rho)
        score += part[0]
        variance += part[1]
    statistic, freedom = quadratic_form(score, variance, unit=_UNIT)
    p = chi_square_tail(statistic, freedom) if freedom else None
    return ChiSquareTest(statistic, freedom, p)


def _stratum(
    times: FloatArray, kinds: IntArray, groups: IntArray, number: int, of: int, rho: float
) -> tuple[FloatArray, FloatArray]:
    """Weighted observed less expected events of each group, and their covariance.

    Arrays are times x groups. With S survival without any event and F the incidence of a group just
    before a time, n (1 - F) / S would be at risk had nobody had another event; under the
    hypothesis F is one function of all groups, whose increment is events / sum of n / S.
    """
    distinct, place = np.unique(times, return_inverse=True)
    shape = len(distinct), number
    cells = place.reshape(-1) * number + groups

    def counted(which: NDArray[np.bool_]) -> FloatArray:
        found = np.bincount(cells[which], minlength=shape[0] * shape[1]).reshape(shape)
        return found.astype(np.float64)

    n = counted(np.ones(len(times), dtype=bool))[::-1].cumsum(axis=0)[::-1]
    own, other = counted(kinds == of), counted((kinds > 0) & (kinds != of))
    share = _over(own + other, n)
    after = np.asarray(np.cumprod(1 - share, axis=0), dtype=np.float64)
    before = np.vstack([np.ones(number), after[:-1]])
    steps = before * _over(own, n)
    incidence = np.vstack([np.zeros(number), np.cumsum(steps, axis=0)[:-1]])
    standing = _over(n, before)
    events = own.sum(axis=1)
    pooled = np.cumsum(_over(events, standing.sum(axis=1)))
    past = np.append(0.0, pooled[:-1])
    weight = (1 - past) ** rho
    at_risk = standing * (1 - incidence)
    expected = at_risk * _over(events, at_risk.sum(axis=1))[:, None]
    score = (weight[:, None] * np.where(n > 0, own - expected, 0.0)).sum(axis=0)
    return score, _variance(n, own, other, before, after, standing, pooled, past, weight)


def _variance(
    n: FloatArray,
    own: FloatArray,
    other: FloatArray,
    before: FloatArray,
    after: FloatArray,
    standing: FloatArray,
    pooled: FloatArray,
    past: FloatArray,
    weight: FloatArray,
) -> FloatArray:
    """The covariance of the scores under the hypothesis: what each event in each group does to
    them, at its time and, by the incidences that it changes, afterwards."""
    events, total = own.sum(axis=1), standing.sum(axis=1)
    shares = _over(standing, total[:, None])
    # times x score x group of the event
    at_once = -shares[:, :, None] * standing[:, None, :]
    at_once[:, range(n.shape[1]), range(n.shape[1])] += standing
    at_once *= weight[:, None, None]
    rate = _over(events, total * (1 - past))
    later = np.cumsum(at_once * rate[:, None, None], axis=0)
    rest = later[-1] - later if len(later) else later
    left = np.where(after > 0, _over((1 - pooled)[:, None] * np.ones_like(n), after), 0.0)
    of_own = at_once + (1 - left)[:, None, :] * rest
    of_other = left[:, None, :] * rest
    expected = before * _over(events, total)[:, None]
    pairs = total[:, None] * before - 1
    ties = 1 - np.minimum(1, _over(np.maximum(events - 1, 0)[:, None] * np.ones_like(n), pairs))
    spread_own = np.where(n > 0, _over(ties * expected, n), 0.0)
    ties = 1 - _over(np.maximum(other - 1, 0), n - 1)
    spread_other = np.where(after > 0, ties * before**2 * _over(other, n**2), 0.0)
    return np.asarray(
        np.einsum("tik,tjk,tk->ij", of_own, of_own, spread_own)
        + np.einsum("tik,tjk,tk->ij", of_other, of_other, spread_other)
    )


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    """A quotient, 0 where nothing is below."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)
