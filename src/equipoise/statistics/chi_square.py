"""Chi-square tests of a vector that should be 0, by its covariance matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_EQUAL = 1e-9
"""An eigenvalue of the variance this small beside the largest is 0."""


@dataclass(frozen=True, slots=True)
class ChiSquareTest:
    """A chi-square statistic; P is `None` where nothing can be tested (no degrees of freedom)."""

    statistic: float
    degrees_of_freedom: int
    p: float | None


def quadratic_form(
    difference: FloatArray, variance: FloatArray, *, unit: float = 1.0
) -> tuple[float, int]:
    """difference' variance^- difference and the rank of the variance.

    Eigenvalues that are rounding beside the largest, or beside `unit`, count as 0: where
    differences of groups sum to 0, one group is redundant.

    >>> quadratic_form(np.array([1.0, 2.0]), np.diag([1.0, 4.0]))
    (2.0, 2)
    """
    values, vectors = np.linalg.eigh(variance)
    kept = values > _EQUAL * max(unit, float(values.max(initial=0.0)))
    projected = vectors[:, kept].T @ difference
    return float((projected**2 / values[kept]).sum()), int(kept.sum())


def chi_square_tails(statistic: FloatArray, freedom: IntArray) -> FloatArray:
    """`chi_square_tail` of many statistics; nan without degrees of freedom, or for nan.

    >>> chi_square_tails(np.array([3.841, 5.991, 1.0]), np.array([1, 2, 0])).round(3).tolist()
    [0.05, 0.05, nan]
    """
    from scipy.special import chdtrc, erfc

    p = np.full(statistic.shape, np.nan)
    one, more = (freedom == 1) & ~np.isnan(statistic), freedom > 1
    p[one] = erfc(np.sqrt(np.maximum(0.0, statistic[one]) / 2))
    p[more] = chdtrc(freedom[more], np.maximum(0.0, statistic[more]))
    return p


def chi_square_tail(statistic: float, freedom: int) -> float:
    """P of a chi-square statistic; 1 without degrees of freedom.

    >>> round(chi_square_tail(3.841, 1), 3)
    0.05
    """
    if freedom == 0:
        return 1.0
    if freedom == 1:
        return math.erfc(math.sqrt(statistic / 2))
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))
