"""Cumulative incidence of competing events: how many have had an event of each kind by a time.

`cause` is 0 for a censoring and a number from 1 for an event of that kind. Subjects censored at
the time of an event are at risk for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.statistics.follow_up import check_times, checked_causes, checked_follow_up

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class IncidenceAt:
    """Cumulative incidence of one kind of event at one time; None after the last follow-up of
    subjects of whom some are still without any event."""

    time: float
    cause: int
    incidence: float | None
    variance: float | None


def cumulative_incidence(
    time: ArrayLike, cause: ArrayLike, times: Sequence[float]
) -> tuple[IncidenceAt, ...]:
    """The cumulative incidence of each kind of event, with its variance, at each of `times`.

    The estimate of Aalen and Johansen (1978, Scand J Stat 5:141-150). The variance is Aalen's
    (1978, Ann Stat 6:534-545) with an allowance for ties, as R's cmprsk gives it: the increment
    of the hazard of d events among n has variance d (n - d) / (n^2 (n - 1)).

    >>> for at in cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1], [2]):
    ...     print(at.cause, round(at.incidence, 3), round(at.variance, 5))
    1 0.25 0.0625
    2 0.25 0.06944
    """
    kinds = checked_causes(cause)
    followed, _ = checked_follow_up(time, kinds > 0)
    check_times(np.asarray(times, dtype=np.float64))
    distinct, place = np.unique(followed, return_inverse=True)
    left = np.bincount(place, minlength=len(distinct))
    at_risk = left[::-1].cumsum()[::-1].astype(np.float64)
    any_event = np.bincount(place, weights=kinds > 0, minlength=len(distinct)).astype(np.float64)
    after = np.cumprod((at_risk - any_event) / at_risk)
    before = np.concatenate([[1.0], after])[:-1]
    found = []
    for when in times:
        known = int(np.searchsorted(distinct, when, side="right"))
        ended = len(distinct) > 0 and (when <= distinct[-1] or after[-1] == 0)
        for kind in np.unique(kinds[kinds > 0]):
            if not ended:
                found.append(IncidenceAt(float(when), int(kind), None, None))
                continue
            counted = np.bincount(place, weights=kinds == kind, minlength=len(distinct))
            own = counted[:known].astype(np.float64)
            others = any_event[:known] - own
            steps = before[:known] * own / at_risk[:known]
            share = np.zeros(known)
            rest = steps.sum() - np.cumsum(steps)
            np.divide(rest, after[:known], out=share, where=after[:known] > 0)
            risk, scale = at_risk[:known], before[:known] ** 2
            variance = scale * (
                (1 - share) ** 2 * _spread(own, risk) + share**2 * _spread(others, risk)
            )
            found.append(
                IncidenceAt(float(when), int(kind), float(steps.sum()), float(variance.sum()))
            )
    return tuple(found)


def _spread(events: FloatArray, at_risk: FloatArray) -> FloatArray:
    """Variance of events / at_risk; a single event counts whole, also that of the last at risk."""
    ties = np.where(events > 1, (events - 1) / np.maximum(at_risk - 1, 1), 0.0)
    return np.asarray(events / at_risk**2 * (1 - ties))
