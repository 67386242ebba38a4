"""Quantiles of the time to event in many trials at once, with limits on the log-log scale.

What `survival_quantile` gives of one curve, found in one pass over the sorted follow-up, so that a
simulated trial costs no more than its patients. Follow-up is as in `follow_up.py`.
"""

from __future__ import annotations

import math
from functools import cache

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
    found = np.full((len(times), 3 * groups), np.nan)
    core = compiled(_quantiles_of_trials, *CALLEES, worth_it=times.size >= _COMPILE_FROM)
    core(times, events, places, remaining, z, limit_bounds(remaining), found)
    return found.reshape(len(times), groups, 3)


_CELLS = 512


@cache
def limit_bounds(remaining: float) -> FloatArray:
    """Bounds that tell without logarithms that a limit is above `remaining`, (2, cells of S).

    With L = -log S and R = -log `remaining` the lower limit has come down where z times the root of
    Greenwood's sum is at least L log(R / L), the upper one where it is at most L log(L / R). So the
    lower one is above where its square is less than the least of the first row's cell, the upper
    one where it is more than the greatest of the second row's.
    """
    wanted, slack = -math.log(remaining), 1e-6 / remaining
    with np.errstate(divide="ignore", invalid="ignore"):
        at = -np.log(np.arange(_CELLS + 2) / _CELLS)
        distance = np.nan_to_num(at * np.log(at / wanted), nan=0.0, posinf=np.inf)
    least, greatest = np.maximum(0.0, -distance), np.maximum(0.0, distance)
    # Concave up to R, and 0 at 0 and from R on; the other rises from R on, and with falling S.
    least = np.maximum(0.0, np.minimum(least[:-1], least[1:]) - slack)
    return np.array([least**2, (greatest[:-1] + slack) ** 2])


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
    times: IntArray | FloatArray,
    events: IntArray,
    unit: float,
    remaining: float,
    z: float,
    bounds: FloatArray,
    begun: FloatArray,
    found: FloatArray,
) -> None:
    """Core: where survival of the subjects of one group, and its limits, come down to `remaining`.

    `times` are sorted, and divided by `unit`. Where a curve stops at `remaining` itself the answer
    is the middle of that step. It steps at times of events only, and limits are worked out where
    they can matter: the upper one is never below the curve, and `bounds` are `limit_bounds`.
    """
    begun[:] = -1.0
    survival, greenwood = 1.0, 0.0
    size, subject = len(times), 0
    while subject < size and np.isnan(found[0] + found[1] + found[2]):
        first, died = subject, 0
        while subject < size and times[subject] == times[first]:
            died += events[subject]
            subject += 1
        if died == 0:
            continue
        at_risk, now, upper = size - first, times[first] / unit, 1.0
        after = at_risk - died
        if after == 0 and greenwood > 0.0:
            upper = lower_limit(survival, greenwood, -z)
        survival *= after / at_risk
        if after > 0:
            greenwood += died / (at_risk * after)
        spread, cell = z * z * greenwood, np.uintp(survival * _CELLS)
        if np.isnan(found[1]):
            lower = 0.0 if after == 0 else 1.0
            if after > 0 and spread >= bounds[0, cell]:
                lower = lower_limit(survival, greenwood, z)
            come_down(1, lower, now, remaining, begun, found)
        if survival <= remaining + _EQUAL:
            if after > 0 and spread <= bounds[1, cell]:
                upper = lower_limit(survival, greenwood, -z)
            come_down(0, survival, now, remaining, begun, found)
            come_down(2, upper, now, remaining, begun, found)
    for curve in range(3):
        if np.isnan(found[curve]) and begun[curve] >= 0.0:
            found[curve] = (begun[curve] + times[size - 1] / unit) / 2


def quantiles_of_groups(
    times: IntArray | FloatArray,
    events: BoolArray,
    groups: IntArray,
    many: int,
    unit: float,
    remaining: float,
    z: float,
    bounds: FloatArray,
    own_times: IntArray | FloatArray,
    own_events: IntArray,
    ends: IntArray,
    begun: FloatArray,
    found: FloatArray,
) -> None:
    """Core: `quantile_of_group` of each of `many` groups: three numbers each in `found`.

    Subjects are first laid out group by group in `own_times` and `own_events`; `ends` is room for
    one number more than there are groups, `begun` for three.
    """
    ends[: many + 1] = 0
    for subject in range(len(times)):
        group = groups[subject]
        ends[np.uintp(group + 1 if 0 <= group < many else 0)] += 1
    ends[0] = 0
    for group in range(many):
        ends[group + 1] += ends[group]
    for subject in range(len(times)):
        group = groups[subject]
        if 0 <= group < many:
            place = np.uintp(ends[np.uintp(group)])
            own_times[place], own_events[place] = times[subject], int(events[subject])
            ends[np.uintp(group)] += 1
    begin = 0
    for group in range(many):
        mine = found[3 * group : 3 * group + 3]
        mine[:] = np.nan
        quantile_of_group(
            own_times[begin : ends[group]], own_events[begin : ends[group]], unit, remaining, z,
            bounds, begun, mine,
        )  # fmt: skip
        begin = ends[group]


CALLEES = (quantiles_of_groups, quantile_of_group, come_down, lower_limit)
"""Every core of quantiles."""


def _quantiles_of_trials(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    remaining: float,
    z: float,
    bounds: FloatArray,
    found: FloatArray,
) -> None:
    many, subjects = found.shape[1] // 3, times.shape[1]
    own_times, own_events = np.empty(subjects), np.empty(subjects, np.int64)
    ends, begun = np.empty(many + 1, np.int64), np.empty(3)
    for trial in range(len(times)):
        quantiles_of_groups(
            times[trial], events[trial], groups[trial], many, 1.0, remaining, z, bounds,
            own_times, own_events, ends, begun, found[trial],
        )  # fmt: skip
