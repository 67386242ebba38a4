"""Log-rank tests: whether groups differ in their times to an event.

Follow-up is as in `follow_up.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.statistics.chi_square import chi_square_tail, quadratic_form
from equipoise.statistics.compiled import compiled
from equipoise.statistics.follow_up import (
    Labels,
    by_stratum,
    checked_follow_up,
    checked_labels,
    sorted_trials,
)
from equipoise.statistics.log_rank_core import UNWEIGHTED, log_rank_sums, log_rank_weight
from equipoise.statistics.risk_table import two_group_log_rank, two_group_risks

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_COMPILE_FROM = 5000
"""Subjects in one call from which machine code repays the time that loading it takes."""


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


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: Labels,
    *,
    strata: Labels | None = None,
) -> LogRank:
    """The log-rank test of two or more groups, two-sided, stratified if `strata` are given.

    Observed minus expected events with the hypergeometric variance, which allows for ties (Mantel
    1966, Cancer Chemother Rep 50:163-170; R survdiff with rho = 0). Groups are in sorted order.
    Where the data hold no comparison the degrees of freedom are 0 and P is 1.

    >>> test = log_rank([1, 2, 3, 4], [True] * 4, ["a", "a", "b", "b"])
    >>> test.observed.tolist(), test.expected.round(3).tolist(), round(test.statistic, 3)
    ([2.0, 2.0], [0.833, 3.167], 2.882)
    """
    times, events = checked_follow_up(time, event)
    labels, groups, layers = checked_labels(len(times), group, strata)
    number = len(labels)
    observed, expected = np.zeros(number), np.zeros(number)
    variance, room = np.zeros((number, number)), np.zeros((3, number))
    core = compiled(log_rank_sums, log_rank_weight, worth_it=len(times) >= _COMPILE_FROM)
    for chosen in by_stratum(times, layers):
        core(
            times[chosen], events[chosen], groups[chosen], UNWEIGHTED, 0.0, 0.0,
            observed, expected, variance, room,
        )  # fmt: skip
    return log_rank_of(labels, groups, observed, expected, variance)


def log_rank_z_batch(time: ArrayLike, event: ArrayLike, group: ArrayLike) -> FloatArray:
    """The signed log-rank statistic z of two groups, for many trials of shape (trials, subjects).

    `group` is 0 or 1, negative for a subject who is not in the comparison. z is positive when
    group 0 had more events than expected, and 0 where there is nothing to compare.

    >>> log_rank_z_batch([[1, 2, 3, 4]], [[True] * 4], [[0, 0, 1, 1]]).round(3).tolist()
    [1.698]
    """
    times, events, groups = sorted_trials(time, event, group)
    z = np.zeros(len(times))
    callees = two_group_risks, two_group_log_rank
    core = compiled(_log_rank_trials, *callees, worth_it=times.size >= _COMPILE_FROM)
    core(times, events, groups, z)
    return z


def log_rank_p_batch(difference: FloatArray, variance: FloatArray) -> FloatArray:
    """P of each trial from observed less expected events (trials, groups) and their covariance.

    >>> log_rank_p_batch(np.array([[1.0, -1.0]]), np.array([[[1.0, -1.0], [-1.0, 1.0]]])).round(4)
    array([0.3173])
    """
    found = (quadratic_form(*each) for each in zip(difference, variance, strict=True))
    return np.array([chi_square_tail(*each) for each in found])


def log_rank_of(
    labels: NDArray[np.generic],
    groups: IntArray,
    observed: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
    *,
    unit: float = 1.0,
) -> LogRank:
    """The test of the sums that a core has made; `unit` is the scale of the variance."""
    statistic, freedom = quadratic_form(observed - expected, variance, unit=unit)
    return LogRank(
        groups=tuple(labels.tolist()),
        subjects=np.bincount(groups, minlength=len(labels)).astype(np.int64),
        observed=observed,
        expected=expected,
        variance=variance,
        statistic=statistic,
        degrees_of_freedom=freedom,
        p=chi_square_tail(statistic, freedom),
    )


def _log_rank_trials(times: FloatArray, events: BoolArray, groups: IntArray, z: FloatArray) -> None:
    risks = np.zeros((4, times.shape[1]))
    for trial in range(len(z)):
        rows = two_group_risks(
            times[trial], events[trial], groups[trial], 0, risks[0], risks[1], risks[2], risks[3]
        )
        difference, variance = two_group_log_rank(0, rows, risks[0], risks[1], risks[2], risks[3])
        if variance > 0.0:
            z[trial] = difference / math.sqrt(variance)
