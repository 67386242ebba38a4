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
    found = np.full((len(times), 3 * groups), np.nan)
    core = compiled(_quantiles_of_trials, *CALLEES, worth_it=times.size >= _COMPILE_FROM)
    core(times, events, places, remaining, z, found)
    return found.reshape(len(times), groups, 3)


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


def limit_may_be_down(
    survival: float, greenwood: float, remaining: float, z: float, upper: bool
) -> bool:
    """Core: False where a limit is above `remaining` for sure, told without its transcendentals.

    With L = -log S and R = -log `remaining` the lower limit has come down where z sqrt(G) is at
    least L log(R / L), the upper one where it is at most L log(L / R). L lies between
    2 (1 - S) / (1 + S) and (1 - S^2) / 2 S, log x between 2 (x - 1) / (x + 1) and (x - 1 / x) / 2;
    L log(R / L) is concave.
    """
    spread, wanted = z * z * greenwood, -math.log(remaining)
    most, slack = (1.0 - survival * survival) / (2.0 * survival), 1e-6 / remaining
    if upper:
        reach = max(0.0, (most * most / wanted - wanted) / 2.0) + slack
        return spread <= reach * reach
    if most >= wanted:
        return True
    least = 2.0 * (1.0 - survival) / (1.0 + survival)
    reach = min(
        2.0 * least * (wanted - least) / (wanted + least),
        2.0 * most * (wanted - most) / (wanted + most),
    ) - slack  # fmt: skip
    return reach <= 0.0 or spread >= reach * reach


def quantile_of_group(
    times: IntArray | FloatArray,
    events: IntArray,
    unit: float,
    remaining: float,
    z: float,
    begun: FloatArray,
    found: FloatArray,
) -> None:
    """Core: where survival of the subjects of one group, and its limits, come down to `remaining`.

    `times` are sorted, and divided by `unit`. Where a curve stops at `remaining` itself the answer
    is the middle of that step. It steps at times of events only, and limits are worked out where
    they can matter: the upper one is never below the curve.
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
        if np.isnan(found[1]):
            lower = 0.0 if after == 0 else 1.0
            if after > 0 and limit_may_be_down(survival, greenwood, remaining, z, False):
                lower = lower_limit(survival, greenwood, z)
            come_down(1, lower, now, remaining, begun, found)
        if survival <= remaining + _EQUAL:
            if after > 0 and limit_may_be_down(survival, greenwood, remaining, z, True):
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
            begun, mine,
        )  # fmt: skip
        begin = ends[group]


CALLEES = (quantiles_of_groups, quantile_of_group, limit_may_be_down, come_down, lower_limit)
"""Every core of quantiles."""


def _quantiles_of_trials(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    remaining: float,
    z: float,
    found: FloatArray,
) -> None:
    many, subjects = found.shape[1] // 3, times.shape[1]
    own_times, own_events = np.empty(subjects), np.empty(subjects, np.int64)
    ends, begun = np.empty(many + 1, np.int64), np.empty(3)
    for trial in range(len(times)):
        quantiles_of_groups(
            times[trial], events[trial], groups[trial], many, 1.0, remaining, z, own_times,
            own_events, ends, begun, found[trial],
        )  # fmt: skip
