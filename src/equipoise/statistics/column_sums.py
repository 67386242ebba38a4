"""Sums of the columns of many trials, of what is defined in each, in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.statistics.compiled import compiled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_COMPILE_FROM = 5000
"""Values in one call from which machine code repays the time that loading it takes."""


def column_sums(values: ArrayLike) -> tuple[IntArray, FloatArray, FloatArray]:
    """Of each column how many values are not nan, their sum, and the sum of their squares.

    Rows are added one after another, from the first on, so that the bits depend on the values
    alone.

    >>> [each.tolist() for each in column_sums([[1.0, np.nan], [2.0, 3.0]])]
    [[2, 1], [3.0, 3.0], [5.0, 9.0]]
    """
    rows = np.ascontiguousarray(values, dtype=np.float64)
    columns = rows.shape[1]
    defined = np.zeros(columns, dtype=np.int64)
    total, squares = np.zeros(columns), np.zeros(columns)
    core = compiled(_add_rows, worth_it=rows.size >= _COMPILE_FROM)
    core(rows, defined, total, squares)
    return defined, total, squares


def _add_rows(rows: FloatArray, defined: IntArray, total: FloatArray, squares: FloatArray) -> None:
    for row in range(len(rows)):
        mine = rows[row]
        for column in range(len(total)):
            value = mine[column]
            known = value == value
            value = value if known else 0.0
            defined[column] += np.int64(known)
            total[column] += value
            squares[column] += value * value
