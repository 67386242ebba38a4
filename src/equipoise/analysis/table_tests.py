"""P of the tests of two proportions that an analysis plan can name, for one trial or for many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.proportion import Side, chi_square_p_batch, fisher_exact_p_batch
from equipoise.statistics.rejection import barnard_p, boschloo_p

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
TableTest = Callable[[IntArray, IntArray, IntArray, IntArray, Side], FloatArray]


def _each_table_once(p: Callable[..., float]) -> TableTest:
    """An unconditional test takes milliseconds a table: equal tables are computed once."""

    def batch(x1: IntArray, n1: IntArray, x2: IntArray, n2: IntArray, side: Side) -> FloatArray:
        tables, place = np.unique(np.stack([x1, n1, x2, n2]), axis=1, return_inverse=True)
        found = [p(*(int(count) for count in table), side=side) for table in tables.T]
        return np.array(found, dtype=np.float64)[place.reshape(-1)]

    return batch


TABLE_TESTS: Mapping[str, TableTest] = MappingProxyType(
    {
        "fisher": lambda x1, n1, x2, n2, side: fisher_exact_p_batch(x1, n1, x2, n2, side=side),
        "fisher_mid_p": lambda x1, n1, x2, n2, side: fisher_exact_p_batch(
            x1, n1, x2, n2, side=side, mid_p=True
        ),
        "chi_square": lambda x1, n1, x2, n2, _: chi_square_p_batch(x1, n1, x2, n2),
        "chi_square_corrected": lambda x1, n1, x2, n2, _: chi_square_p_batch(
            x1, n1, x2, n2, continuity_correction=True
        ),
        "boschloo": _each_table_once(boschloo_p),
        "barnard": _each_table_once(barnard_p),
    }
)
"""By method of the plan: counts as arrays of one value per trial, and the side; P of each trial."""
