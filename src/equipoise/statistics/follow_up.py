"""Follow-up times with right censoring: what every analysis of times to an event is given.

Subjects censored at the time of an event are at risk for it. Times tie when they are the same
number, so compute them alike from whole days. `event` is true for an event, false for a
censoring.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Labels = Sequence[str] | Sequence[int] | NDArray[np.int64]


def checked_follow_up(time: ArrayLike, event: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Times and event indicators of one group of subjects as arrays, refused if impossible."""
    times, events = np.asarray(time, dtype=np.float64), np.asarray(event)
    if times.ndim != 1 or times.shape != events.shape:
        raise BadInput(
            "one time and one event indicator for each subject", found=(times.shape, events.shape)
        )
    if not np.isin(events, (0, 1)).all():
        raise BadInput("true or false (1 or 0)", field="event", found=events.max())
    check_times(times)
    return times, events.astype(np.bool_)


def check_times(times: FloatArray) -> None:
    """Refuse times that are not finite or below 0."""
    bad = ~(np.isfinite(times) & (times >= 0))
    if bad.any():
        raise BadInput("a finite time of 0 or more", field="time", found=times[bad][0])


def checked_causes(cause: ArrayLike) -> IntArray:
    """Kinds of events as whole numbers of 0 (a censoring) and more; else BadInput."""
    kinds = np.asarray(cause)
    if kinds.dtype.kind not in "biu" or (kinds < 0).any():
        raise BadInput("0 for a censoring, 1 or more for an event", field="cause", found=cause)
    return kinds.astype(np.int64)


def checked_labels(
    subjects: int, group: Labels, strata: Labels | None
) -> tuple[NDArray[np.generic], IntArray, NDArray[np.generic]]:
    """The groups' names in sorted order, the place of each subject's, and its stratum (or 0)."""
    labels, groups = np.unique(np.asarray(group), return_inverse=True)
    layers = np.zeros(subjects) if strata is None else np.asarray(strata)
    if len(groups) != subjects or len(layers) != subjects:
        raise BadInput(
            f"a group and a stratum for each of the {subjects} times",
            found=f"{len(groups)} groups, {len(layers)} strata",
        )
    return labels, groups, layers


def sorted_trials(
    time: ArrayLike, event: ArrayLike, group: ArrayLike
) -> tuple[FloatArray, BoolArray, IntArray]:
    """Many trials of two groups, shape (trials, subjects), each sorted by time.

    `group` is 0 or 1, negative for a subject who is not in the comparison.
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
    return (
        np.take_along_axis(times, order, axis=1),
        np.take_along_axis(events, order, axis=1),
        np.take_along_axis(groups, order, axis=1),
    )


def by_stratum(time: FloatArray, strata: NDArray[np.generic]) -> list[IntArray]:
    """The places of the subjects of each stratum, sorted by time; strata in sorted order.

    >>> [places.tolist() for places in by_stratum(np.array([3.0, 1.0, 2.0]), np.array([1, 1, 0]))]
    [[2], [1, 0]]
    """
    labels, stratum = np.unique(strata, return_inverse=True)
    order = np.lexsort((time, stratum.reshape(-1)))
    starts = np.searchsorted(stratum.reshape(-1)[order], np.arange(1, len(labels)))
    return [places for places in np.split(order, starts) if len(places)]
