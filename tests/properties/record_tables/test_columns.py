"""Few rows go through lists and many through polars: both ways give the same columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.record import columns, sources, subject_rows

TEXTS = st.lists(st.none() | st.sampled_from(["", "a", "b", "15.34", "15.3"]), max_size=12)
TRUTHS = st.lists(st.none() | st.booleans(), max_size=12)
NUMBERS = st.lists(st.integers(-1, 9), max_size=12)
LISTS = st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=12)


def numbers(found: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(found, dtype=np.int64)


def plain(found: Any) -> Any:
    """What a function gave, as lists, with the types of columns."""
    match found:
        case pl.Series():
            return found.name, found.dtype, found.to_list()
        case pl.DataFrame():
            return found.schema, found.rows()
        case np.ndarray():
            return found.dtype.kind, found.tolist()
        case _:
            return [plain(each) for each in found]


def both(work: Callable[[], Any]) -> tuple[Any, Any]:
    """What `work` gives where every number of rows is few, and where none is."""
    found = []
    for limit in (10**6, -1):
        with (
            patch.object(columns, "FEW", limit), patch.object(columns, "SOME", limit),
            patch.object(sources, "FEW", limit), patch.object(subject_rows, "FEW", limit),
            patch.object(subject_rows, "SOME", limit),
        ):  # fmt: skip
            found.append(plain(work()))
    few, many = found
    return few, many


@pytest.mark.parametrize(
    "work",
    [
        columns.present,
        lambda texts: columns.among(texts, ["a", "15.3"]),
        lambda texts: columns.matching(texts, r"\.[0-9]{2,}"),
        subject_rows.coded,
        lambda texts: columns.filled(texts, pl.Series(["c"] * len(texts), dtype=pl.String)),
    ],
)
@given(texts=TEXTS)
def test_texts(work: Callable[[pl.Series], Any], texts: list[str | None]) -> None:
    column = pl.Series("text", texts, dtype=pl.String)
    few, many = both(lambda: work(column))
    assert few == many


@given(truths=TRUTHS)
def test_truths(truths: list[bool | None]) -> None:
    column = pl.Series("flag", truths, dtype=pl.Boolean)
    few, many = both(lambda: columns.true(column))
    assert few == many == ("b", [value is True for value in truths])
    found = np.array([value is True for value in truths], dtype=np.bool_)
    few, many = both(lambda: [columns.flags("flag", found), columns.present(column)])
    assert few == many


@given(found=NUMBERS)
def test_numbers(found: list[int]) -> None:
    places = numbers(found)
    shown = [number if number >= 0 else None for number in found]
    few, many = both(lambda: columns.optional("n", places, places >= 0))
    assert few == many == ("n", pl.Int64, shown)
    few, many = both(lambda: columns.optional_frame(["a", "b"], [places, places[::-1]]))
    assert few == many
    texts = [f"text {number}" for number in range(10)]
    few, many = both(lambda: columns.named("t", texts, places))
    assert few == many
    assert few[2] == [None if number is None else texts[number] for number in shown]
    values = pl.Series("t", texts)
    few, many = both(lambda: columns.gathered_frame(["a", "b"], values, np.stack([places] * 2)))
    assert few == many
    few, many = both(lambda: subject_rows.whole(pl.Series(shown, dtype=pl.Int64)))
    assert few == many


@given(lists=LISTS)
def test_lists(lists: list[list[int]]) -> None:
    column = pl.Series("seqs", lists, dtype=pl.List(pl.Int64))
    few, many = both(lambda: columns.exploded(column))
    assert few == many
    assert few[1][1] == [number for each in lists for number in each]
    whole = column.filter(column.list.len() > 0)
    few, many = both(lambda: columns.firsts(whole))
    assert few == many


@given(rows=st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 9)), max_size=12))
def test_sources(rows: list[tuple[int, int]]) -> None:
    group, seq = (numbers([row[place] for row in rows]) for place in (0, 1))
    few, many = both(
        lambda: [
            sources.array_sources([group, seq]), subject_rows.grouped_sources(group, seq, 5),
        ]
    )  # fmt: skip
    assert few == many
    assert few[0][2] == [sorted({number for number in row if number >= 0}) for row in rows]
