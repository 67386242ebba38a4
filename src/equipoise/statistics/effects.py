"""One coefficient of a regression in each of many trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """The tested coefficient of each trial, its standard error, and P of the test.

    nan where the effect of a single trial has None: more than one coefficient is tested, the data
    do not determine it, or it has no finite estimate.
    """

    estimate: FloatArray
    standard_error: FloatArray
    p: FloatArray


def effects(
    coefficient: FloatArray, variance: FloatArray, known: NDArray[np.bool_], p: FloatArray
) -> Effects:
    """The effects of trials, nan where the coefficient is not `known`.

    >>> found = effects(np.array([1.0]), np.array([4.0]), np.array([True]), np.array([0.6]))
    >>> found.standard_error.tolist()
    [2.0]
    """
    error = np.sqrt(np.where(known, variance, np.nan))
    return Effects(np.where(known, coefficient, np.nan), error, p)
