"""Where a derived row comes from: the sorted, distinct `seq` of the rows that decided it.

Every derived table ends with a column `sources List(Int64)`. It is built here, so that each rule
means the same by it: no nulls inside, each number once, smallest first, an empty list where no row
decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.short_column import short_column

SOURCES_NAME = "sources"
"""The name of the column."""

FEW = 64
"""Up to so many rows plain lists are faster than starting one operation on columns after another:
the rows of one subject in a live action."""


def listed(
    lists: Sequence[Sequence[Any]], name: str = SOURCES_NAME, kind: Any = pl.Int64
) -> pl.Series:
    """A column of lists of values of one kind.

    Lists of one length are laid side by side and cut at once, which takes a fraction of the time.

    >>> listed([[3, 7], [5], []]).to_list()
    [[3, 7], [5], []]
    """
    runs = [[*run] for _, run in groupby(lists, len)]
    if len(runs) > _RUNS and kind == pl.Int64:
        longest = max(len(each) for each in lists)
        filled = [[*each, *[None] * (longest - len(each))] for each in lists]
        return _of_one_length(filled, name, kind).list.drop_nulls()
    if not runs or 2 * len(runs) > 1 + len(lists):
        return short_column(name, lists, pl.List(kind))
    parts = [_of_one_length(run, name, kind) for run in runs]
    return pl.concat(parts) if len(parts) > 1 else parts[0]


_RUNS = 10
"""From so many runs of lists of one length on it is quicker to fill all up and empty them again."""


def _of_one_length(lists: Sequence[Sequence[Any]], name: str, kind: Any) -> pl.Series:
    length = len(lists[0])
    if not length:
        return pl.Series(name, [[]], dtype=pl.List(kind)).new_from_index(0, len(lists))
    values = short_column(name, [value for each in lists for value in each], kind)
    return values.reshape((len(lists), length)).cast(pl.List(kind))


def row_sources(*seqs: pl.Series) -> pl.Series:
    """The sources of each row from columns of the same length that each hold a `seq` or null.

    >>> first, second = pl.Series([7, 5, None]), pl.Series([3, 5, None], dtype=pl.Int64)
    >>> row_sources(first, second).to_list()
    [[3, 7], [5], []]
    """
    return array_sources([seq.cast(pl.Int64).fill_null(-1).to_numpy() for seq in seqs])


def array_sources(seqs: Sequence[NDArray[np.int64]]) -> pl.Series:
    """The sources of each row from arrays of the same length; a negative number is no `seq`.

    >>> array_sources([np.array([7, 5, -1]), np.array([3, 5, -1])]).to_list()
    [[3, 7], [5], []]
    """
    if not seqs or not len(seqs[0]):
        return pl.Series(SOURCES_NAME, [], dtype=pl.List(pl.Int64))
    if len(seqs[0]) <= FEW:
        rows = zip(*(seq.tolist() for seq in seqs), strict=True)
        lists = [sorted({seq for seq in row if seq >= 0}) for row in rows]
        return listed(lists)
    distinct: list[NDArray[np.int64]] = []
    for seq in seqs:
        if not any(np.array_equal(seq, other) for other in distinct):
            distinct.append(seq)
    if len(distinct) == 1 and (distinct[0] >= 0).all():
        return pl.Series(SOURCES_NAME, distinct[0]).reshape((-1, 1)).cast(pl.List(pl.Int64))
    found = _sorted_columns(distinct)
    for lower, upper in reversed(list(pairwise(found))):
        upper[upper == lower] = -1
    every = pl.Series(SOURCES_NAME, np.column_stack(found)).arr.to_list()
    if all((each >= 0).all() for each in found):
        return every
    return every.list.eval(pl.element().filter(pl.element() >= 0))


def _sorted_columns(columns: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """`columns` with the numbers of each row in ascending order: a few comparisons of columns are
    many times faster than a sort of every row.

    >>> [column.tolist() for column in _sorted_columns([np.array([7, 5]), np.array([3, 6])])]
    [[3, 5], [7, 6]]
    """
    found = list(columns)
    for last in range(len(found) - 1, 0, -1):
        for place in range(last):
            lower, upper = found[place], found[place + 1]
            found[place], found[place + 1] = np.minimum(lower, upper), np.maximum(lower, upper)
    return found


def group_sources(frame: pl.DataFrame, key: Sequence[str], seq: str = "seq") -> pl.DataFrame:
    """The columns `key` and `sources`: of each group of rows, from its column `seq`.

    `seq` may be a column of numbers or of lists of numbers. Sorted by `key`.

    >>> frame = pl.DataFrame({"subject": ["b", "a", "b", "b"], "seq": [4, 1, 2, 4]})
    >>> group_sources(frame, ["subject"]).rows()
    [('a', [1]), ('b', [2, 4])]
    """
    pairs = frame.select(*key, pl.col(seq).alias(SOURCES_NAME))
    if isinstance(pairs.schema[SOURCES_NAME], pl.List):
        pairs = pairs.explode(SOURCES_NAME)
    pairs = pairs.unique().sort(*key, SOURCES_NAME)
    return pairs.group_by(key, maintain_order=True).agg(pl.col(SOURCES_NAME).drop_nulls())
