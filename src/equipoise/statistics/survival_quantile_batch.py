"""Quantiles of the time to event in many trials at once, with limits on the log-log scale.

What `survival_quantile` gives of one curve, found in one pass over the sorted follow-up, so that a
simulated trial costs no more than its patients. Follow-up is as in `follow_up.py`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import inner_probability
from equipoise.statistics.compiled import compiled
from equipoise.statistics.proportion import normal_quantile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_EQUAL = 1e-9
"""Survival probabilities this close are one and the same step: they differ by rounding only."""
_COMPILE_FROM = 5000
"""Subjects in one call from which machine code repays the time that loading it takes."""


def survival_quantile_batch(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    groups: int,
    probability: float = 0.5,
    *,
    level: float = 0.95,
) -> FloatArray:
    """`survival_quantile` of each of `groups` in many trials, log-log limits; nan: not reached.

    `time`, `event` and `group` (0, 1, ..., negative for who is left out) have the shape (trials,
    subjects), each trial sorted by time. Returned are estimate, lower and upper limit along the
    last axis of an array of shape (trials, groups, 3).

    >>> survival_quantile_batch([[1, 2, 3, 4]], [[True] * 4], [[0] * 4], 1).round(3).tolist()
    [[[2.5, 1.0, nan]]]
    """
    times = np.ascontiguousarray(time, dtype=np.float64)
    events = np.ascontiguousarray(event, dtype=np.bool_)
    places = np.ascontiguousarray(group, dtype=np.int64)
    if times.ndim != 2 or not times.shape == events.shape == places.shape:
        raise BadInput(
            "times, events and groups of one shape (trials, subjects)",
            found=(times.shape, events.shape, places.shape),
        )
    remaining, z = 1 - inner_probability(probability, "probability"), normal_quantile(level)
    found = np.full((len(times), groups, 3), np.nan)
    core = compiled(
        _quantiles_of_trials, quantile_of_group, come_down, lower_limit,
        worth_it=times.size >= _COMPILE_FROM,
    )  # fmt: skip
    core(times, events, places, remaining, z, found)
    return found


def lower_limit(survival: float, greenwood: float, z: float) -> float:
    """Core: log-log limit of a survival probability between 0 and 1 from Greenwood's sum; the upper
    one for -z."""
    logarithm = math.log(survival)
    return math.exp(logarithm * math.exp(-z * math.sqrt(greenwood) / logarithm))


def come_down(
    curve: int, value: float, now: float, remaining: float, begun: FloatArray, found: FloatArray
) -> None:
    """Core: note where a curve comes down to `remaining`; where it stops there, when that began."""
    if not np.isnan(found[curve]) or value > remaining + _EQUAL:
        return
    if value < remaining - _EQUAL:
        found[curve] = now if begun[curve] < 0.0 else (begun[curve] + now) / 2
    elif begun[curve] < 0.0:
        begun[curve] = now


def quantile_of_group(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    group: int,
    remaining: float,
    z: float,
    begun: FloatArray,
    found: FloatArray,
) -> None:
    """Core: where survival of one group, and its limits, come down to `remaining`.

    `found` has room for the three times, and holds nan. Where a curve stops at `remaining` itself
    the answer is the middle of that step. Limits are worked out where they can matter: the upper
    one is never below the curve.
    """
    at_risk = 0
    for subject in range(len(times)):
        at_risk += int(groups[subject] == group)
    begun[:] = -1.0
    survival, greenwood = 1.0, 0.0
    last, subject = 0.0, 0
    while subject < len(times) and np.isnan(found[0] + found[1] + found[2]):
        now, died, left = times[subject], 0, 0
        while subject < len(times) and times[subject] == now:
            if groups[subject] == group:
                left += 1
                died += int(events[subject])
            subject += 1
        if left == 0:
            continue
        after, upper = at_risk - died, 1.0
        ended = died > 0 and after == 0
        if ended and greenwood > 0.0:
            upper = lower_limit(survival, greenwood, -z)
        survival *= after / at_risk
        if died > 0 and after > 0:
            greenwood += died / (at_risk * after)
        if np.isnan(found[1]):
            lower = 0.0 if ended else 1.0
            if not ended and greenwood > 0.0:
                lower = lower_limit(survival, greenwood, z)
            come_down(1, lower, now, remaining, begun, found)
        if survival <= remaining + _EQUAL:
            if not ended and greenwood > 0.0:
                upper = lower_limit(survival, greenwood, -z)
            come_down(0, survival, now, remaining, begun, found)
            come_down(2, upper, now, remaining, begun, found)
        at_risk -= left
        last = now
    for curve in range(3):
        if np.isnan(found[curve]) and begun[curve] >= 0.0:
            found[curve] = (begun[curve] + last) / 2


def _quantiles_of_trials(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    remaining: float,
    z: float,
    found: FloatArray,
) -> None:
    begun = np.empty(3)
    for trial in range(len(times)):
        for group in range(found.shape[1]):
            quantile_of_group(
                times[trial], events[trial], groups[trial], group, remaining, z, begun,
                found[trial, group],
            )  # fmt: skip
