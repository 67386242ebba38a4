"""Subjects as row numbers: what rules over many replicates group, join and sort by.

A rule that sees a hundred thousand rows of two hundred trials spends its time on hashing names.
`SubjectRows` does that once per table and gives whole numbers instead; the arithmetic on them is
numpy's. Nothing here knows what the rows mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.rule import KEY
from equipoise.record.sources import SOURCES_NAME

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

SEQ_BITS = 40
"""A `seq` needs fewer: a day or a row packed with a seq in one number keeps its order."""

_SEQ = 2**SEQ_BITS - 1
_EARLIEST, _LATEST = np.iinfo(np.int64).max, np.iinfo(np.int64).min
_TABLE_LIMIT = 20_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """For each subject a day and the `seq` of the event that gave it; null where there is none."""

    day: pl.Series
    seq: pl.Series


class SubjectRows:
    """The distinct subjects of some tables in order of replicate and subject, with their rows.

    >>> frame = pl.DataFrame({"replicate": [0, 0, 0], "subject": ["b", "a", "b"]})
    >>> subjects = SubjectRows(frame)
    >>> subjects.key["subject"].to_list(), subjects.rows(frame).tolist()
    (['a', 'b'], [1, 0, 1])
    """

    def __init__(self, *frames: pl.DataFrame) -> None:
        parts = [frame.select(pl.col("replicate").cast(pl.Int32), "subject") for frame in frames]
        self.key = pl.concat(parts).unique().sort(*KEY)
        self._names = self.key.select("subject").unique().with_row_index("code")
        replicates = self.key["replicate"].to_numpy()
        self._first = int(replicates.min()) if len(replicates) else 0
        self._width = int(replicates.max()) - self._first + 1 if len(replicates) else 0
        self._place: Numbers | None = None
        if self._width * len(self._names) <= _TABLE_LIMIT:
            self._place = np.full(self._width * len(self._names), -1, dtype=np.int64)
            self._place[self._codes(self.key)] = np.arange(len(self.key))

    def __len__(self) -> int:
        return len(self.key)

    def _codes(self, frame: pl.DataFrame) -> Numbers:
        """One number for each pair of replicate and name; -1 for names that are not known."""
        code = frame.select("subject").join(
            self._names, on="subject", how="left", maintain_order="left"
        )
        names = code["code"].cast(pl.Int64).fill_null(-1).to_numpy()
        replicates = frame["replicate"].to_numpy().astype(np.int64) - self._first
        known = (names >= 0) & (replicates >= 0) & (replicates < self._width)
        return np.where(known, replicates * len(self._names) + names, -1)

    def rows(self, frame: pl.DataFrame) -> Numbers:
        """For each row of `frame` the row of its subject; -1 for a subject that is not known."""
        if frame.is_empty() or not len(self):
            return np.full(len(frame), -1, dtype=np.int64)
        same = frame.select(
            (pl.col("subject") != pl.col("subject").shift())
            | (pl.col("replicate") != pl.col("replicate").shift())
        )
        heads = same.to_series().fill_null(True).to_numpy()
        if 4 * int(heads.sum()) > len(frame):
            return self._rows(frame)
        found: Numbers = self._rows(frame.filter(heads))[np.cumsum(heads) - 1]
        return found

    def _rows(self, frame: pl.DataFrame) -> Numbers:
        if self._place is None:
            numbered = self.key.with_row_index("row")
            found = frame.select(*KEY).join(numbered, [*KEY], "left", maintain_order="left")
            return found["row"].cast(pl.Int64).fill_null(-1).to_numpy()
        codes = self._codes(frame)
        rows: Numbers = np.where(codes >= 0, self._place[codes], -1)
        return rows

    def first(self, frame: pl.DataFrame, rows: Numbers | None = None) -> Found:
        """Of each subject the first complete `occurred` in `frame`, on a tie the lowest seq."""
        return self._extreme(frame, rows, latest=False)

    def last(self, frame: pl.DataFrame, rows: Numbers | None = None) -> Found:
        """Of each subject the last complete `occurred` in `frame`, on a tie the highest seq."""
        return self._extreme(frame, rows, latest=True)

    def _extreme(self, frame: pl.DataFrame, rows: Numbers | None, *, latest: bool) -> Found:
        rows = self.rows(frame) if rows is None else rows
        days = frame["occurred"].to_physical().cast(pl.Int64)
        there = days.is_not_null().to_numpy() & (rows >= 0)
        packed = pack(days.fill_null(0).to_numpy(), frame["seq"].to_numpy())
        none = _LATEST if latest else _EARLIEST
        extreme = np.full(len(self), none, dtype=np.int64)
        (np.maximum if latest else np.minimum).at(extreme, rows[there], packed[there])
        return unpacked(extreme, extreme != none)

    def any(self, rows: Numbers) -> Flags:
        """Whether each subject is among `rows`."""
        found = np.zeros(len(self), dtype=np.bool_)
        found[rows[rows >= 0]] = True
        return found


def pack(number: Numbers, seq: Numbers) -> Numbers:
    """One number that sorts as `number`, then as `seq`."""
    return (number << SEQ_BITS) + seq


def unpacked(packed: Numbers, there: Flags) -> Found:
    """Days and seqs of packed numbers, null where not `there`."""
    frame = pl.DataFrame({"day": packed >> SEQ_BITS, "seq": packed & _SEQ, "there": there})
    day, seq = pl.col("day").cast(pl.Int32, strict=False).cast(pl.Date), pl.col("seq")
    found = frame.select(pl.when("there").then(day), pl.when("there").then(seq))
    return Found(found["day"], found["seq"])


def coded(names: pl.Series) -> tuple[pl.Series, Numbers]:
    """The distinct names in order, and the place of each of `names` among them.

    >>> distinct, codes = coded(pl.Series(["b", "a", "b"]))
    >>> distinct.to_list(), codes.tolist()
    (['a', 'b'], [1, 0, 1])
    """
    distinct = names.unique().drop_nulls().sort()
    codes = names.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).fill_null(-1)
    return distinct, codes.to_numpy()


def parent_rows(events: pl.DataFrame, nested: pl.DataFrame) -> Numbers:
    """For each nested row the row in `events` of the event that it belongs to; -1 if none does."""
    keys, wanted = (
        pack(frame["replicate"].to_numpy().astype(np.int64), frame["event"].to_numpy())
        for frame in (events, nested)
    )
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    heads = np.concatenate(([True], wanted[1:] != wanted[:-1]))[: len(wanted)]
    found = np.searchsorted(keys, wanted[heads])
    found[found == len(keys)] = 0
    parents = np.where(keys[found] == wanted[heads], order[found], -1) if len(keys) else found - 1
    found_for: Numbers = parents[np.cumsum(heads) - 1]
    return found_for


def gathered(values: pl.Series, places: NDArray[Any]) -> pl.Series:
    """`values` at `places`, null where a place is negative."""
    where = pl.Series(places)
    return values.gather(where.set(where < 0, None)) if (places < 0).any() else values.gather(where)


def grouped_sources(groups: Numbers, seqs: Numbers, number: int) -> pl.Series:
    """The sources of each of `number` groups, where row i with `seqs[i]` is of group `groups[i]`.

    >>> grouped_sources(np.array([2, 0, 2, 2]), np.array([4, 1, 2, 4]), 3).to_list()
    [[1], [], [2, 4]]
    """
    pairs = np.sort(pack(groups[groups >= 0], seqs[groups >= 0]))
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs
    frame = pl.DataFrame({"group": pairs >> SEQ_BITS, SOURCES_NAME: pairs & _SEQ})
    frame = frame.with_columns(pl.col("group").set_sorted())
    lists = frame.group_by("group", maintain_order=True).agg(SOURCES_NAME)
    places = np.full(number, -1, dtype=np.int64)
    places[lists["group"].to_numpy()] = np.arange(len(lists))
    found = gathered(lists[SOURCES_NAME], places)
    empty = pl.Series([[]], dtype=pl.List(pl.Int64))
    return found if (places >= 0).all() else found.zip_with(found.is_not_null(), empty)
