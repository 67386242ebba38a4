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
    times, events = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.bool_)
    places = np.asarray(group, dtype=np.int64)
    if times.ndim != 2 or not times.shape == events.shape == places.shape:
        raise BadInput(
            "times, events and groups of one shape (trials, subjects)",
            found=(times.shape, events.shape, places.shape),
        )
    remaining, z = 1 - inner_probability(probability, "probability"), normal_quantile(level)
    found = np.full((len(times), groups, 3), np.nan)
    core = compiled(
        _quantiles_of_trials, quantile_of_group, log_log_limits,
        worth_it=times.size >= _COMPILE_FROM,
    )  # fmt: skip
    core(times, events, places, remaining, z, found)
    return found


def log_log_limits(survival: float, greenwood: float, z: float) -> tuple[float, float]:
    """Core: limits of a survival probability between 0 and 1 from Greenwood's sum."""
    spread = z * math.sqrt(greenwood) / math.log(survival)
    return survival ** math.exp(-spread), survival ** math.exp(spread)


def quantile_of_group(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    group: int,
    remaining: float,
    z: float,
    found: FloatArray,
) -> None:
    """Core: where survival of one group, and its limits, come down to `remaining`.

    `found` has room for the three times, and holds nan. Where a curve stops at `remaining` itself
    the answer is the middle of that step.
    """
    at_risk = 0
    for subject in range(len(times)):
        at_risk += int(groups[subject] == group)
    survival, greenwood, upper_before = 1.0, 0.0, 1.0
    equal_from_0 = equal_from_1 = equal_from_2 = -1.0
    last, subject = 0.0, 0
    while subject < len(times):
        now, died, left = times[subject], 0, 0
        while subject < len(times) and times[subject] == now:
            if groups[subject] == group:
                left += 1
                died += int(events[subject])
            subject += 1
        if left == 0:
            continue
        survival *= (at_risk - died) / at_risk
        after = at_risk * (at_risk - died)
        if died > 0 and after > 0:
            greenwood += died / after
        lower, upper = 1.0, 1.0
        if after == 0 and died > 0:
            lower, upper = 0.0, upper_before
        elif greenwood > 0.0:
            lower, upper = log_log_limits(survival, greenwood, z)
        upper_before = upper
        at_risk -= left
        last = now
        for curve in range(3):
            value = survival if curve == 0 else lower if curve == 1 else upper
            begun = equal_from_0
            if curve == 1:
                begun = equal_from_1
            elif curve == 2:
                begun = equal_from_2
            if not np.isnan(found[curve]) or value > remaining + _EQUAL:
                continue
            if value < remaining - _EQUAL:
                found[curve] = now if begun < 0.0 else (begun + now) / 2
            elif begun < 0.0:
                if curve == 0:
                    equal_from_0 = now
                elif curve == 1:
                    equal_from_1 = now
                else:
                    equal_from_2 = now
    for curve in range(3):
        begun = equal_from_0 if curve == 0 else equal_from_1 if curve == 1 else equal_from_2
        if np.isnan(found[curve]) and begun >= 0.0:
            found[curve] = (begun + last) / 2


def _quantiles_of_trials(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    remaining: float,
    z: float,
    found: FloatArray,
) -> None:
    for trial in range(len(times)):
        for group in range(found.shape[1]):
            quantile_of_group(
                times[trial], events[trial], groups[trial], group, remaining, z, found[trial, group]
            )
