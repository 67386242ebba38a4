"""A short column is the one that polars makes of the same values."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from equipoise.record import short_column as module
from equipoise.record.short_column import beside, short_column

INTEGERS = st.integers(-(2**63), 2**63 - 1)
KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (pl.String(), st.text()),
    (pl.Int64(), INTEGERS),
    (pl.Int32(), st.integers(-(2**31), 2**31 - 1)),
    (pl.Boolean(), st.booleans()),
    (pl.Date(), st.dates(datetime.date(1, 1, 1))),
    (pl.List(pl.Int64()), st.lists(INTEGERS, max_size=3)),
    (pl.List(pl.String()), st.lists(st.text(), max_size=3)),
]


def test_polars_offers_the_short_way() -> None:
    """Without it everything is as before, and live actions take a tenth longer."""
    assert module._SHORT is not None


@pytest.mark.parametrize("kind, values", KINDS, ids=[str(kind) for kind, _ in KINDS])
@given(data=st.data())
def test_as_polars_makes_it(kind: Any, values: st.SearchStrategy[Any], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.none() | values, max_size=6))
    expected = pl.Series("name", drawn, dtype=kind)
    found = short_column("name", drawn, kind)
    assert found.dtype == kind
    assert_series_equal(found, expected)
    other = expected.alias("other")
    assert beside([found, other]).equals(pl.DataFrame([expected, other]))


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises((TypeError, pl.exceptions.PolarsError)):
        short_column("name", ["seven"], pl.Int64())
