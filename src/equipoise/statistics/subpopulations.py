"""An effect over a continuous marker, window by window: the subpopulation treatment effect plot.

Bonetti and Gelber 2000, Stat Med 19:2595-2609; 2004, Biostatistics 5:465-481 (sliding windows).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows over the values of a marker: the first and last value of each, and how many are in.

    `inside` has a row for each window and a column for each subject.
    """

    first: FloatArray
    last: FloatArray
    median: FloatArray
    subjects: IntArray
    inside: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class WindowedDifference:
    """The difference of two proportions in each window: counts of both groups, p1 - p2, its error.

    The estimate is nan in a window without subjects of both groups. Neighbouring windows share
    subjects: their estimates are not independent.
    """

    first: FloatArray
    last: FloatArray
    median: FloatArray
    x1: IntArray
    n1: IntArray
    x2: IntArray
    n2: IntArray
    estimate: FloatArray
    standard_error: FloatArray


def sliding_windows(marker: ArrayLike, *, size: int, overlap: int) -> Windows:
    """Windows of `size` subjects or more, neighbours having at most `overlap` of them in common.

    In order of the marker (r2 and r1 of the paper). A window takes whole values: it begins where at
    most `overlap` subjects of the last window come again and takes values until it has `size`
    subjects; the last one takes what is left where a further one would have fewer.

    >>> windows = sliding_windows([1, 2, 3, 4, 5, 6, 7, 8], size=4, overlap=2)
    >>> windows.first.tolist(), windows.last.tolist()
    ([1.0, 3.0, 5.0], [4.0, 6.0, 8.0])
    """
    values = np.asarray(marker, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise BadInput("a finite value for each subject", field="marker")
    if not 1 <= size <= len(values):
        raise BadInput(f"1 to {len(values)} subjects", field="size", found=size)
    if not 0 <= overlap < size:
        raise BadInput("0 or more, and less than size", field="overlap", found=overlap)
    steps, numbers = np.unique(values, return_counts=True)
    upto = np.cumsum(numbers)
    begins, ends, begin = [], [], 0
    while True:
        before = int(upto[begin - 1]) if begin else 0
        end = int(np.searchsorted(upto, before + size))
        begins.append(begin)
        ends.append(min(end, len(steps) - 1))
        if end >= len(steps) - 1:
            break
        begin = int(np.searchsorted(upto, upto[end] - overlap)) + 1
        if len(values) - (int(upto[begin - 1])) < size:
            ends[-1] = len(steps) - 1
            break
    first, last = steps[begins], steps[ends]
    inside = (values >= first[:, None]) & (values <= last[:, None])
    median = np.array([np.median(values[row]) for row in inside])
    return Windows(first, last, median, inside.sum(axis=1).astype(np.int64), inside)


def windowed_difference(
    marker: ArrayLike, group: ArrayLike, has: ArrayLike, *, size: int, overlap: int
) -> WindowedDifference:
    """The difference of proportions of group 0 and group 1 in each window over the marker.

    >>> found = windowed_difference(
    ...     [1, 2, 3, 4, 5, 6, 7, 8], [0, 1] * 4, [1, 0, 1, 1, 0, 1, 0, 1], size=4, overlap=2)
    >>> found.estimate.tolist()
    [0.5, -0.5, -1.0]
    """
    windows = sliding_windows(marker, size=size, overlap=overlap)
    groups, found = np.asarray(group), np.asarray(has)
    for array, field in ((groups, "group"), (found, "has")):
        if array.shape != windows.inside.shape[1:] or not np.isin(array, (0, 1)).all():
            raise BadInput("0 or 1 for each subject", field=field)
    inside = windows.inside.astype(np.int64)
    x1, x2 = inside @ ((groups == 0) & (found == 1)), inside @ ((groups == 1) & (found == 1))
    n1, n2 = inside @ (groups == 0), inside @ (groups == 1)
    estimate, error = np.full(len(n1), np.nan), np.full(len(n1), np.nan)
    both = (n1 > 0) & (n2 > 0)
    p1, p2 = x1[both] / n1[both], x2[both] / n2[both]
    estimate[both] = p1 - p2
    error[both] = np.sqrt(p1 * (1 - p1) / n1[both] + p2 * (1 - p2) / n2[both])
    return WindowedDifference(
        windows.first, windows.last, windows.median, x1, n1, x2, n2, estimate, error
    )
