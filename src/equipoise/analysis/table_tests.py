"""P of the tests of two proportions that an analysis plan can name, for one trial or for many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.proportion import Side, chi_square_p_batch, fisher_exact_p_batch
from equipoise.statistics.rejection import barnard_p, boschloo_p

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class TableTest(Protocol):
    """P of each of many tables; `machine_code` as in `fisher_exact_p_batch`."""

    def __call__(
        self,
        x1: IntArray,
        n1: IntArray,
        x2: IntArray,
        n2: IntArray,
        side: Side,
        machine_code: bool | None = None,
    ) -> FloatArray: ...


def _fisher(*, mid_p: bool) -> TableTest:
    def batch(
        x1: IntArray,
        n1: IntArray,
        x2: IntArray,
        n2: IntArray,
        side: Side,
        machine_code: bool | None = None,
    ) -> FloatArray:
        return fisher_exact_p_batch(
            x1, n1, x2, n2, side=side, mid_p=mid_p, machine_code=machine_code
        )

    return batch


def _chi_square(*, corrected: bool) -> TableTest:
    def batch(
        x1: IntArray,
        n1: IntArray,
        x2: IntArray,
        n2: IntArray,
        side: Side,
        machine_code: bool | None = None,
    ) -> FloatArray:
        return chi_square_p_batch(
            x1, n1, x2, n2, continuity_correction=corrected, machine_code=machine_code
        )

    return batch


def _each_table_once(p: Callable[..., float]) -> TableTest:
    """An unconditional test takes milliseconds a table: equal tables are computed once."""

    def batch(
        x1: IntArray,
        n1: IntArray,
        x2: IntArray,
        n2: IntArray,
        side: Side,
        machine_code: bool | None = None,
    ) -> FloatArray:
        tables, place = np.unique(np.stack([x1, n1, x2, n2]), axis=1, return_inverse=True)
        found = [p(*(int(count) for count in table), side=side) for table in tables.T]
        return np.array(found, dtype=np.float64)[place.reshape(-1)]

    return batch


TABLE_TESTS: Mapping[str, TableTest] = MappingProxyType(
    {
        "fisher": _fisher(mid_p=False),
        "fisher_mid_p": _fisher(mid_p=True),
        "chi_square": _chi_square(corrected=False),
        "chi_square_corrected": _chi_square(corrected=True),
        "boschloo": _each_table_once(boschloo_p),
        "barnard": _each_table_once(barnard_p),
    }
)
"""By method of the plan: counts as arrays of one value per trial, and the side; P of each trial."""
