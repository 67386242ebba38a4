"""The Cox model of two groups: one coefficient, the logarithm of the hazard ratio of 1 against 0.

All that the partial likelihood holds is who was at risk at each event (`risk_table`), so that one
step of Newton's method costs one division for each event. Ties by Efron's approximation: each of d
events at one time has its own risk set, of which a share of the d is taken off.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.compiled import compiled
from equipoise.statistics.risk_table import two_group_risks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_COMPILE_FROM = 2000
"""Subjects in one call from which machine code repays the time that loading it takes."""

FITTED, MONOTONE, UNDETERMINED = 0, 1, 2
_STEPS = 60
_SMALL = 1e-7
"""After a step as small as this the next would be far below rounding (Newton is quadratic)."""
_LONGEST = 3.0


def cox_risk_sets(
    rows: int,
    efron: bool,
    died: FloatArray,
    died_second: FloatArray,
    first: FloatArray,
    second: FloatArray,
    in_first: FloatArray,
    in_second: FloatArray,
) -> int:
    """Core: the risk set of every event, as the weights of the two groups; how many there are."""
    events = 0
    for row in range(rows):
        deaths = died[row]
        if deaths == 1.0:
            in_first[events], in_second[events] = first[row], second[row]
            events += 1
        elif not efron:
            for _ in range(int(deaths)):
                in_first[events], in_second[events] = first[row], second[row]
                events += 1
        else:
            for place in range(int(deaths)):
                share = place / deaths
                in_first[events] = first[row] - share * (deaths - died_second[row])
                in_second[events] = second[row] - share * died_second[row]
                events += 1
    return events


def cox_two_groups(
    events: int,
    deaths: float,
    in_first: FloatArray,
    in_second: FloatArray,
    shares: FloatArray,
) -> tuple[float, float, int]:
    """Core: coefficient, information, and FITTED, MONOTONE or UNDETERMINED.

    `deaths` are the events of group 1, `shares` is room for one number an event. The score falls
    with the coefficient; where it does not reach 0 the likelihood is monotone and there is no
    estimate.
    """
    never, always = 0, 0
    for event in range(events):
        never += 1 if in_second[event] <= 0.0 else 0
        always += 1 if in_first[event] <= 0.0 else 0
    if never + always == events:
        return 0.0, 0.0, UNDETERMINED
    if deaths >= events - never or deaths <= always:
        return 0.0, 0.0, MONOTONE
    beta, low, high = 0.0, -np.inf, np.inf
    information = 0.0
    for _ in range(_STEPS):
        expected, information = cox_two_groups_pass(beta, events, in_first, in_second, shares)
        score = deaths - expected
        if score > 0.0:
            low = beta
        else:
            high = beta
        step = score / information if information > 0.0 else math.copysign(_LONGEST, score)
        step = max(-_LONGEST, min(_LONGEST, step))
        if beta + step <= low or beta + step >= high:
            step = (low + high) / 2 - beta if low > -np.inf and high < np.inf else step
        beta += step
        if abs(step) <= _SMALL:
            break
    information = cox_two_groups_pass(beta, events, in_first, in_second, shares)[1]
    return beta, information, FITTED


def cox_two_groups_pass(
    beta: float, events: int, in_first: FloatArray, in_second: FloatArray, shares: FloatArray
) -> tuple[float, float]:
    """Core: expected events of group 1, and information; four sums side by side, for speed."""
    ratio = math.exp(beta)
    for event in range(events):
        weight = in_second[event] * ratio
        shares[event] = weight / (in_first[event] + weight)
    e0 = e1 = e2 = e3 = 0.0
    v0 = v1 = v2 = v3 = 0.0
    whole = events - events % 4
    for event in range(0, whole, 4):
        s0, s1, s2, s3 = shares[event], shares[event + 1], shares[event + 2], shares[event + 3]
        e0, e1, e2, e3 = e0 + s0, e1 + s1, e2 + s2, e3 + s3
        v0, v1 = v0 + (s0 - s0 * s0), v1 + (s1 - s1 * s1)
        v2, v3 = v2 + (s2 - s2 * s2), v3 + (s3 - s3 * s3)
    for event in range(whole, events):
        share = shares[event]
        e0 += share
        v0 += share - share * share
    return (e0 + e1) + (e2 + e3), (v0 + v1) + (v2 + v3)


def cox_two_groups_likelihood(
    beta: float, events: int, deaths: float, in_first: FloatArray, in_second: FloatArray
) -> float:
    """Core: the log partial likelihood at `beta`."""
    ratio = math.exp(beta)
    value = beta * deaths
    for event in range(events):
        value -= math.log(in_first[event] + in_second[event] * ratio)
    return value


def two_groups_core(subjects: int) -> Any:
    """`cox_two_group_trials`, as machine code where so many subjects are worth it."""
    callees = (
        two_group_risks, cox_risk_sets, cox_two_groups_pass, cox_two_groups,
        cox_two_groups_likelihood,
    )  # fmt: skip
    return compiled(cox_two_group_trials, *callees, worth_it=subjects >= _COMPILE_FROM)


def cox_two_group_trials(
    time: FloatArray,
    event: BoolArray,
    group: IntArray,
    stratum: IntArray,
    chosen: BoolArray,
    efron: bool,
    beta: FloatArray,
    information: FloatArray,
    value: FloatArray,
    fitted: BoolArray,
) -> None:
    """Core: coefficient of group 0 against 1, information and log-likelihood of every trial that
    is `chosen` and has a finite coefficient; subjects are sorted by stratum and time."""
    width = time.shape[1]
    risks, sets = np.zeros((4, width)), np.zeros((3, width))
    for trial in range(len(time)):
        if not chosen[trial]:
            continue
        begin, rows = 0, 0
        while begin < width:
            end = begin + 1
            while end < width and stratum[trial, end] == stratum[trial, begin]:
                end += 1
            rows = two_group_risks(
                time[trial, begin:end], event[trial, begin:end], group[trial, begin:end], rows,
                risks[0], risks[1], risks[2], risks[3],
            )  # fmt: skip
            begin = end
        events = cox_risk_sets(
            rows, efron, risks[0], risks[1], risks[2], risks[3], sets[0], sets[1]
        )
        deaths = 0.0
        for row in range(rows):
            deaths += risks[0, row] - risks[1, row]
        found, known, state = cox_two_groups(events, deaths, sets[1], sets[0], sets[2])
        fitted[trial] = state == FITTED
        if fitted[trial]:
            beta[trial], information[trial] = found, known
            value[trial] = cox_two_groups_likelihood(found, events, deaths, sets[1], sets[0])
