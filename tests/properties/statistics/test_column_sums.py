"""Sums of columns are those of NumPy over what is defined, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.statistics.column_sums import column_sums


@pytest.mark.parametrize(("rows", "columns"), [(40, 7), (1000, 60), (1, 3), (0, 4)])
def test_each_row_is_added_in_turn(rows: int, columns: int) -> None:
    random = np.random.default_rng(rows)
    values = random.standard_normal((rows, columns)) * 10.0 ** random.integers(-8, 8, columns)
    values[random.random((rows, columns)) < 0.2] = np.nan
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    expected = known.sum(axis=0), filled.sum(axis=0), (filled * filled).sum(axis=0)
    for found in (column_sums(values), column_sums(np.asfortranarray(values))):
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.tobytes() == theirs.tobytes()
