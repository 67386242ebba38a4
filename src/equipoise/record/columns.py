"""Columns as arrays and back, quick for the few rows of one subject and for a hundred thousand.

One operation of polars takes longer to start than a few rows take to go through, so up to FEW rows
go through lists. What is returned is the same either way.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from equipoise.record.short_column import beside, short_column
from equipoise.record.sources import FEW
from equipoise.record.subject_rows import SOME, Flags, Numbers, gathered


def present(column: pl.Series) -> Flags:
    """Whether each value is there, not null.

    >>> present(pl.Series([7, None])).tolist()
    [True, False]
    """
    nulls = column.null_count()
    if nulls in (0, len(column)):
        return np.full(len(column), not nulls)
    if len(column) <= SOME:
        return np.array([value is not None for value in column.to_list()], dtype=np.bool_)
    return column.is_not_null().to_numpy()


def among(column: pl.Series, names: Collection[str]) -> Flags:
    """Whether each text is one of `names`; null is none of them.

    >>> among(pl.Series(["a", "b", None]), ["a", "c"]).tolist()
    [True, False, False]
    """
    if len(column) <= SOME:
        wanted = {*names}
        return np.array([text in wanted for text in column.to_list()], dtype=np.bool_)
    return column.is_in([*names]).fill_null(False).to_numpy()


def matching(column: pl.Series, pattern: str) -> Flags:
    r"""Whether each text has a part that matches the regular expression; null has none.

    >>> matching(pl.Series(["15.34", "15.3", None]), r"\.[0-9]{2,}").tolist()
    [True, False, False]
    """
    if len(column) <= SOME:
        found = re.compile(pattern).search
        return np.array(
            [text is not None and bool(found(text)) for text in column.to_list()], dtype=np.bool_
        )
    return column.str.contains(pattern).fill_null(False).to_numpy()


def true(column: pl.Series) -> Flags:
    """Whether each truth value is true, neither false nor null.

    >>> true(pl.Series([True, False, None])).tolist()
    [True, False, False]
    """
    if not column.null_count():
        return column.to_numpy()
    if len(column) <= SOME:
        return np.array([value is True for value in column.to_list()], dtype=np.bool_)
    return column.fill_null(False).to_numpy()


def optional(name: str, numbers: Numbers, there: Flags) -> pl.Series:
    """A column of whole numbers, null where one is not there.

    >>> optional("days", np.array([7, 0]), np.array([True, False])).to_list()
    [7, None]
    """
    if len(numbers) <= FEW:
        pairs = zip(numbers.tolist(), there.tolist(), strict=True)
        found = [number if known else None for number, known in pairs]
        return short_column(name, found, pl.Int64())
    column = pl.Series(name, numbers)
    return column if there.all() else column.set(pl.Series(~there), None)


def whole_numbers(name: str, numbers: Numbers) -> pl.Series:
    """A column of whole numbers, each of them there."""
    if len(numbers) <= FEW:
        return short_column(name, numbers.tolist(), pl.Int64())
    return pl.Series(name, numbers)


def optional_frame(names: Sequence[str], columns: Sequence[Numbers]) -> pl.DataFrame:
    """Columns of whole numbers called `names`, null where a number is negative.

    >>> optional_frame(["a", "b"], [np.array([7, -1]), np.array([-1, 8])]).rows()
    [(7, None), (None, 8)]
    """
    if not columns or len(columns[0]) <= FEW:
        rows = zip(*(column.tolist() for column in columns), strict=True)
        known = [[number if number >= 0 else None for number in row] for row in rows]
        return pl.DataFrame(known, schema=dict.fromkeys(names, pl.Int64), orient="row")
    pairs = zip(names, columns, strict=True)
    return pl.DataFrame([optional(name, column, column >= 0) for name, column in pairs])


def gathered_frame(names: Sequence[str], values: pl.Series, places: Numbers) -> pl.DataFrame:
    """A column called by each of `names`: `values` at the row of `places` for it, as `gathered`.

    >>> gathered_frame(["a", "b"], pl.Series(["x", "y"]), np.array([[1, -1], [0, 1]])).rows()
    [('y', 'x'), (None, 'y')]
    """
    height = places.shape[1]
    if height <= FEW:
        known = [*values.to_list(), None]
        rows = [[known[place] for place in row] for row in places.T.tolist()]
        return pl.DataFrame(rows, schema=dict.fromkeys(names, values.dtype), orient="row")
    column = gathered(values, places.ravel())
    return pl.DataFrame(
        [column.slice(place * height, height).alias(name) for place, name in enumerate(names)]
    )


def flags(name: str, values: Flags) -> pl.Series:
    """A column of truth values."""
    if len(values) <= FEW:
        return short_column(name, values.tolist(), pl.Boolean())
    return pl.Series(name, values)


def named(name: str, texts: Sequence[str | None], places: Numbers) -> pl.Series:
    """A column of those of `texts` that stand at `places`, null where a place is -1.

    >>> named("arm", ["A", "B"], np.array([1, -1, 0])).to_list()
    ['B', None, 'A']
    """
    if len(places) <= FEW:
        found = [texts[place] if place >= 0 else None for place in places.tolist()]
        return short_column(name, found, pl.String())
    return gathered(pl.Series(name, texts, dtype=pl.String), places)


def filled(column: pl.Series, other: pl.Series) -> pl.Series:
    """`column`, and `other` where it is null.

    >>> filled(pl.Series(["a", None]), pl.Series(["b", "c"])).to_list()
    ['a', 'c']
    """
    nulls = column.null_count()
    if nulls in (0, len(column)):
        return other.alias(column.name) if nulls else column
    return column.zip_with(column.is_not_null(), other)


def kept(frame: pl.DataFrame, rows: Flags) -> pl.DataFrame:
    """The rows of `frame` that are flagged, in their order."""
    places = np.flatnonzero(rows)
    number, first = len(places), int(places[0]) if len(places) else 0
    if not number or places[-1] - first == number - 1:
        return frame if number == len(frame) else frame.slice(first, number)
    if len(frame) <= SOME:
        flagged = short_column("", rows.tolist(), pl.Boolean())
        return beside([column.filter(flagged) for column in frame.get_columns()])
    return frame[places] if number <= SOME else frame.filter(pl.Series(rows))


def firsts(lists: pl.Series) -> Numbers:
    """The first number of each list; none may be empty."""
    if len(lists) <= FEW:
        return np.array([each[0] for each in lists.to_list()], dtype=np.int64)
    return lists.list.first().to_numpy()


def exploded(lists: pl.Series) -> tuple[Numbers, Numbers]:
    """Every number of every list, and the row of the list that each is from.

    >>> rows, numbers = exploded(pl.Series([[3, 7], [], [5]]))
    >>> rows.tolist(), numbers.tolist()
    ([0, 0, 2], [3, 7, 5])
    """
    rows = np.arange(len(lists))
    if len(lists) <= FEW:
        found = lists.to_list()
        numbers = np.array([number for each in found for number in each], dtype=np.int64)
        return np.repeat(rows, [len(each) for each in found]), numbers
    lengths = lists.list.len().to_numpy().astype(np.int64)
    return np.repeat(rows, lengths), lists.explode(empty_as_null=False).to_numpy()
