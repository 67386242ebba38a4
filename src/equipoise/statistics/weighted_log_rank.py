"""Weighted log-rank tests: differences that come early or late count for more.

Follow-up is as in `follow_up.py`. With all weights 1 the test is that of `log_rank.py`.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled
from equipoise.statistics.follow_up import (
    Labels,
    by_stratum,
    checked_follow_up,
    checked_labels,
    sorted_trials,
)
from equipoise.statistics.log_rank import LogRank, log_rank_of
from equipoise.statistics.log_rank_core import log_rank_sums, log_rank_weight

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Weights = Literal["fleming_harrington", "gehan", "tarone_ware", "peto"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)

_COMPILE_FROM = 5000
"""Subjects in one call from which machine code repays the time that loading it takes."""


def weighted_log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: Labels,
    *,
    weights: Weights = "fleming_harrington",
    rho: float = 0.0,
    gamma: float = 0.0,
    strata: Labels | None = None,
) -> LogRank:
    """A weighted log-rank test of two or more groups, two-sided, stratified if `strata` are given.

    `observed`, `expected` and `variance` are sums with weight w, and w^2 for the variance. With S
    the survival of all groups of the stratum just before the time and n the number at risk, w is

    - `fleming_harrington`: S^rho (1 - S)^gamma (Fleming and Harrington 1991, Counting Processes
      and Survival Analysis, section 7.3; rho 1 and gamma 0 is R survdiff's Peto-Peto test);
    - `gehan`: n (Gehan 1965, Biometrika 52:203-223; Breslow 1970);
    - `tarone_ware`: the square root of n (Tarone and Ware 1977, Biometrika 64:156-160);
    - `peto`: the product of 1 - d / (n + 1) up to and with the time (Peto and Peto 1972, J R Stat
      Soc A 135:185-207, as Andersen and others 1993).

    >>> test = weighted_log_rank([1, 2, 3, 4], [True] * 4, ["a", "a", "b", "b"], weights="gehan")
    >>> test.observed.tolist(), test.expected.round(3).tolist()
    ([7.0, 3.0], [3.0, 7.0])
    """
    times, events = checked_follow_up(time, event)
    labels, groups, layers = checked_labels(len(times), group, strata)
    scheme = _scheme(weights, rho, gamma)
    number = len(labels)
    observed, expected = np.zeros(number), np.zeros(number)
    variance, room = np.zeros((number, number)), np.zeros((3, number))
    core = compiled(log_rank_sums, log_rank_weight, worth_it=len(times) >= _COMPILE_FROM)
    largest = 0.0
    for chosen in by_stratum(times, layers):
        weight = core(
            times[chosen], events[chosen], groups[chosen], scheme, float(rho), float(gamma),
            observed, expected, variance, room,
        )  # fmt: skip
        largest = max(largest, weight)
    return log_rank_of(labels, groups, observed, expected, variance, unit=largest**2)


def weighted_log_rank_z_batch(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    weights: Weights = "fleming_harrington",
    rho: float = 0.0,
    gamma: float = 0.0,
) -> FloatArray:
    """The signed weighted statistic z of two groups, for many trials of shape (trials, subjects).

    `group` is 0 or 1, negative for a subject who is not in the comparison. z is positive when
    group 0 had more events than expected, and 0 where there is nothing to compare.

    >>> trials = [[1, 2, 3, 4]], [[True] * 4], [[0, 0, 1, 1]]
    >>> weighted_log_rank_z_batch(*trials, rho=1).round(3).tolist()
    [1.633]
    """
    scheme = _scheme(weights, rho, gamma)
    times, events, groups = sorted_trials(time, event, group)
    z = np.zeros(len(times))
    callees = log_rank_sums, log_rank_weight
    core = compiled(_weighted_trials, *callees, worth_it=times.size >= _COMPILE_FROM)
    core(times, events, groups, scheme, float(rho), float(gamma), z)
    return z


def _scheme(weights: Weights, rho: float, gamma: float) -> int:
    if weights not in WEIGHTS:
        raise BadInput(f"one of {', '.join(WEIGHTS)}", field="weights", found=weights)
    for field, power in (("rho", rho), ("gamma", gamma)):
        if not (math.isfinite(power) and power >= 0):
            raise BadInput("a finite number of 0 or more", field=field, found=power)
    return WEIGHTS.index(weights)


def _weighted_trials(
    times: FloatArray,
    events: BoolArray,
    groups: IntArray,
    scheme: int,
    rho: float,
    gamma: float,
    z: FloatArray,
) -> None:
    room = np.zeros((3, 2))
    for trial in range(len(z)):
        observed, expected, variance = np.zeros(2), np.zeros(2), np.zeros((2, 2))
        log_rank_sums(
            times[trial], events[trial], groups[trial], scheme, rho, gamma,
            observed, expected, variance, room,
        )  # fmt: skip
        if variance[0, 0] > 0.0:
            z[trial] = (observed[0] - expected[0]) / math.sqrt(variance[0, 0])
