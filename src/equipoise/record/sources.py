"""Where a derived row comes from: the sorted, distinct `seq` of the rows that decided it.

Every derived table ends with a column `sources List(Int64)`. It is built here, so that each rule
means the same by it: no nulls inside, each number once, smallest first, an empty list where no row
decided.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

SOURCES_NAME = "sources"
"""The name of the column."""

_NONE = np.iinfo(np.int64).max


def row_sources(*seqs: pl.Series) -> pl.Series:
    """The sources of each row from columns of the same length that each hold a `seq` or null.

    >>> first, second = pl.Series([7, 5, None]), pl.Series([3, 5, None], dtype=pl.Int64)
    >>> row_sources(first, second).to_list()
    [[3, 7], [5], []]
    """
    distinct: list[pl.Series] = []
    for seq in seqs:
        if not any(seq.equals(other) for other in distinct):
            distinct.append(seq)
    if len(distinct) == 1:
        frame = distinct[0].cast(pl.Int64).alias(SOURCES_NAME).to_frame()
        one = pl.concat_list(SOURCES_NAME)
        if distinct[0].null_count():
            none = pl.lit([], dtype=pl.List(pl.Int64))
            one = pl.when(pl.col(SOURCES_NAME).is_not_null()).then(one).otherwise(none)
        return frame.select(one.alias(SOURCES_NAME)).to_series()
    if not distinct or not len(distinct[0]):
        return pl.Series(SOURCES_NAME, [], dtype=pl.List(pl.Int64))
    found = np.column_stack([seq.cast(pl.Int64).fill_null(_NONE).to_numpy() for seq in distinct])
    found.sort(axis=1)
    found[:, 1:][found[:, 1:] == found[:, :-1]] = _NONE
    lists = pl.Series(SOURCES_NAME, found).arr.to_list()
    return lists.list.eval(pl.element().filter(pl.element() != _NONE))


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
