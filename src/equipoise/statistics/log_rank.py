"""Log-rank tests: whether groups differ in their times to an event.

Follow-up is as in `follow_up.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled
from equipoise.statistics.follow_up import check_times, checked_follow_up
from equipoise.statistics.risk_table import two_group_log_rank, two_group_risks

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_EQUAL = 1e-9
"""An eigenvalue of the variance this small beside the largest is 0."""
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
    group: Sequence[str] | Sequence[int] | NDArray[np.int64],
    *,
    strata: Sequence[str] | Sequence[int] | NDArray[np.int64] | None = None,
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
    labels, groups = np.unique(np.asarray(group), return_inverse=True)
    layers = np.zeros(len(times)) if strata is None else np.asarray(strata)
    if len(groups) != len(times) or len(layers) != len(times):
        raise BadInput(
            f"a group and a stratum for each of the {len(times)} times",
            found=f"{len(groups)} groups, {len(layers)} strata",
        )
    number = len(labels)
    observed, expected = np.zeros(number), np.zeros(number)
    variance = np.zeros((number, number))
    core = compiled(_log_rank, worth_it=len(times) >= _COMPILE_FROM)
    for layer in np.unique(layers):
        chosen = np.flatnonzero(layers == layer)
        order = chosen[np.argsort(times[chosen], kind="stable")]
        core(times[order], events[order], groups[order], observed, expected, variance)
    statistic, freedom = _quadratic_form(observed - expected, variance)
    return LogRank(
        groups=tuple(labels.tolist()),
        subjects=np.bincount(groups, minlength=number).astype(np.int64),
        observed=observed,
        expected=expected,
        variance=variance,
        statistic=statistic,
        degrees_of_freedom=freedom,
        p=_chi_square_tail(statistic, freedom),
    )


def log_rank_z_batch(time: ArrayLike, event: ArrayLike, group: ArrayLike) -> FloatArray:
    """The signed log-rank statistic z of two groups, for many trials of shape (trials, subjects).

    `group` is 0 or 1, negative for a subject who is not in the comparison. z is positive when
    group 0 had more events than expected, and 0 where there is nothing to compare.

    >>> log_rank_z_batch([[1, 2, 3, 4]], [[True] * 4], [[0, 0, 1, 1]]).round(3).tolist()
    [1.698]
    """
    times, events = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.bool_)
    groups = np.asarray(group, dtype=np.int64)
    if times.ndim != 2 or not times.shape == events.shape == groups.shape:
        raise BadInput(
            "times, events and groups of one shape (trials, subjects)",
            found=(times.shape, events.shape, groups.shape),
        )
    if groups.max(initial=0) > 1:
        raise BadInput("group 0, 1, or negative", found=groups.max())
    check_times(times[groups >= 0])
    order = np.argsort(times, axis=1, kind="stable")
    z = np.zeros(len(times))
    callees = two_group_risks, two_group_log_rank
    core = compiled(_log_rank_trials, *callees, worth_it=times.size >= _COMPILE_FROM)
    core(
        np.take_along_axis(times, order, axis=1),
        np.take_along_axis(events, order, axis=1),
        np.take_along_axis(groups, order, axis=1),
        z,
    )
    return z


def log_rank_p_batch(difference: FloatArray, variance: FloatArray) -> FloatArray:
    """P of each trial from observed less expected events (trials, groups) and their covariance.

    >>> log_rank_p_batch(np.array([[1.0, -1.0]]), np.array([[[1.0, -1.0], [-1.0, 1.0]]])).round(4)
    array([0.3173])
    """
    found = (_quadratic_form(*each) for each in zip(difference, variance, strict=True))
    return np.array([_chi_square_tail(*each) for each in found])


def _quadratic_form(difference: FloatArray, variance: FloatArray) -> tuple[float, int]:
    """difference' variance^- difference and the rank: the groups sum to 0, so one is redundant."""
    values, vectors = np.linalg.eigh(variance)
    kept = values > _EQUAL * max(1.0, float(values.max(initial=0.0)))
    projected = vectors[:, kept].T @ difference
    return float((projected**2 / values[kept]).sum()), int(kept.sum())


def _chi_square_tail(statistic: float, freedom: int) -> float:
    if freedom == 0:
        return 1.0
    if freedom == 1:
        return math.erfc(math.sqrt(statistic / 2))
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))


def _log_rank(
    times: FloatArray | IntArray,
    events: BoolArray,
    groups: IntArray,
    observed: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
) -> None:
    """Core: add one stratum, sorted by time, to the sums; a negative group is left out."""
    number = len(observed)
    at_risk = np.zeros(number)
    for subject in range(len(times)):
        if groups[subject] >= 0:
            at_risk[groups[subject]] += 1.0
    subject = 0
    died, left = np.zeros(number), np.zeros(number)
    while subject < len(times):
        died[:] = 0.0
        left[:] = 0.0
        now = times[subject]
        while subject < len(times) and times[subject] == now:
            group = groups[subject]
            if group >= 0:
                left[group] += 1.0
                if events[subject]:
                    died[group] += 1.0
            subject += 1
        deaths, total = died.sum(), at_risk.sum()
        if deaths > 0:
            spread = deaths * (total - deaths) / (total - 1.0) if total > 1.0 else 0.0
            for i in range(number):
                share = at_risk[i] / total
                observed[i] += died[i]
                expected[i] += deaths * share
                variance[i, i] += spread * share
                for j in range(number):
                    variance[i, j] -= spread * share * at_risk[j] / total
        at_risk -= left


def _log_rank_trials(times: FloatArray, events: BoolArray, groups: IntArray, z: FloatArray) -> None:
    risks = np.zeros((4, times.shape[1]))
    for trial in range(len(z)):
        rows = two_group_risks(
            times[trial], events[trial], groups[trial], 0, risks[0], risks[1], risks[2], risks[3]
        )
        difference, variance = two_group_log_rank(0, rows, risks[0], risks[1], risks[2], risks[3])
        if variance > 0.0:
            z[trial] = difference / math.sqrt(variance)
