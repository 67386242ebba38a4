"""Subjects as row numbers: what rules over many replicates group, join and sort by.

A rule that sees a hundred thousand rows of two hundred trials spends its time on hashing names,
and a rule that sees one subject on starting up one small operation after another. `SubjectRows`
hashes once per table and gives whole numbers instead; the arithmetic on them is numpy's. Nothing
here knows what the rows mean.

In arrays NONE stands for null: for a day (counted from 1970-01-01), and -1 for a place or a `seq`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.rule import KEY
from equipoise.record.short_column import beside, short_column
from equipoise.record.sources import FEW, SOURCES_NAME, listed

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NONE = np.iinfo(np.int64).min
"""The number that stands for a day that is not known: numpy's NaT."""

SEQ_BITS = 40
"""A `seq` needs fewer: a day or a row packed with a seq in one number keeps its order."""

SOME = 1000
"""Up to so many values one pass through a list is quicker than one operation of polars."""

_SEQ = 2**SEQ_BITS - 1
_NEVER = np.iinfo(np.int64).max
_TABLE_LIMIT = 20_000_000


class Dated(NamedTuple):
    """Events as arrays: the row of the subject of each, its complete day, its seq."""

    rows: Numbers
    days: Numbers
    seqs: Numbers


class Found(NamedTuple):
    """For each subject a day (NONE if there is none) and the seq that gave it (-1)."""

    day: Numbers
    seq: Numbers

    @property
    def date(self) -> pl.Series:
        """The days as a column of dates."""
        return dates(self.day)


class SubjectRows:
    """The distinct subjects of some tables in order of replicate and subject, with their rows.

    >>> frame = pl.DataFrame({"replicate": [0, 0, 0], "subject": ["b", "a", "b"]})
    >>> subjects = SubjectRows(frame)
    >>> subjects.key["subject"].to_list(), subjects.rows(frame).tolist()
    (['a', 'b'], [1, 0, 1])
    """

    def __init__(self, *frames: pl.DataFrame) -> None:
        self._seen: list[tuple[pl.DataFrame, Numbers]] = []
        self._few = _few_subjects(frames)
        self._frames = frames if self._few is None else ()

    @cached_property
    def key(self) -> pl.DataFrame:
        """The columns replicate and subject, a row for each subject."""
        if self._few is not None:
            columns = zip(KEY.items(), zip(*self._few, strict=True), strict=True)
            return beside([short_column(name, of, kind) for (name, kind), of in columns])
        parts = [
            frame.select(pl.col("replicate").cast(pl.Int32), "subject") for frame in self._frames
        ]
        return pl.concat(parts).unique().sort(*KEY)

    @cached_property
    def _names(self) -> pl.DataFrame:
        return self.key.select("subject").unique().with_row_index("code")

    @cached_property
    def _replicates(self) -> tuple[int, int]:
        """The lowest replicate, and how many there are from it to the highest."""
        replicates = self.key["replicate"].to_numpy()
        first = int(replicates.min()) if len(replicates) else 0
        return first, int(replicates.max()) - first + 1 if len(replicates) else 0

    @cached_property
    def _place(self) -> Numbers | None:
        """The row of each pair of replicate and name; None if there were too many pairs."""
        size = self._replicates[1] * len(self._names)
        if size > _TABLE_LIMIT:
            return None
        place = np.full(size, -1, dtype=np.int64)
        place[self._codes(self.key)] = np.arange(len(self.key))
        return place

    def __len__(self) -> int:
        return len(self.key) if self._few is None else len(self._few)

    def _codes(self, frame: pl.DataFrame) -> Numbers:
        """One number for each pair of replicate and name; -1 for names that are not known."""
        code = frame.select("subject").join(
            self._names, on="subject", how="left", maintain_order="left"
        )
        names = code["code"].cast(pl.Int64).fill_null(-1).to_numpy()
        first, width = self._replicates
        replicates = frame["replicate"].to_numpy().astype(np.int64) - first
        known = (names >= 0) & (replicates >= 0) & (replicates < width)
        return np.where(known, replicates * len(self._names) + names, -1)

    def rows(self, frame: pl.DataFrame) -> Numbers:
        """For each row of `frame` the row of its subject; -1 for a subject that is not known."""
        for seen, found in self._seen:
            if seen is frame:
                return found
        found = _fixed(self._rows_of(frame))
        self._seen.append((frame, found))
        return found

    def _rows_of(self, frame: pl.DataFrame) -> Numbers:
        if frame.is_empty() or not len(self):
            return np.full(len(frame), -1, dtype=np.int64)
        if self._few is not None and len(frame) <= FEW:
            pairs = zip(frame["replicate"].to_list(), frame["subject"].to_list(), strict=True)
            return np.array([self._few.get(pair, -1) for pair in pairs], dtype=np.int64)
        if self._few is not None and len(self) == 1:
            return _rows_of_one(frame, *next(iter(self._few)))
        if len(frame) < 2 * len(self):
            return self._rows(frame)
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

    def dated(self, frame: pl.DataFrame) -> Dated:
        """The events of `frame` (columns replicate, subject, occurred, seq) as arrays."""
        if frame.is_empty():
            return Dated(*(np.empty(0, dtype=np.int64) for _ in range(3)))
        return Dated(self.rows(frame), days(frame["occurred"]), frame["seq"].to_numpy())

    def first(self, events: Dated, among: Flags | None = None) -> Found:
        """Of each subject the first complete day (of those `among`), on a tie the lowest seq."""
        return self._extreme(events, among, np.minimum, _NEVER)

    def last(self, events: Dated, among: Flags | None = None) -> Found:
        """Of each subject the last complete day (of those `among`), on a tie the highest seq."""
        return self._extreme(events, among, np.maximum, NONE)

    def _extreme(self, events: Dated, among: Flags | None, chosen: Any, none: int) -> Found:
        there = (events.days != NONE) & (events.rows >= 0)
        there = there if among is None else there & among
        extreme = np.full(len(self), none, dtype=np.int64)
        chosen.at(extreme, events.rows[there], pack(events.days[there], events.seqs[there]))
        return unpacked(extreme, extreme != none)


def _few_subjects(frames: Sequence[pl.DataFrame]) -> dict[tuple[int, str], int] | None:
    """Replicate and name of each subject with its row, where rows are few or all of one subject, as
    in a live action; else None."""
    found: set[tuple[int, str]] = set()
    few = sum(len(frame) for frame in frames) <= FEW
    for frame in frames:
        replicates, names = frame["replicate"], frame["subject"]
        if names.null_count():
            return None
        if len(frame) <= FEW:
            found |= set(zip(replicates.to_list(), names.to_list(), strict=True))
        elif (replicates == replicates[0]).all() and (names == names[0]).all():
            found.add((replicates[0], names[0]))
        else:
            return None
        if len(found) > 1 and not few:
            return None
    return {pair: row for row, pair in enumerate(sorted(found))} or None


def _rows_of_one(frame: pl.DataFrame, replicate: int, name: str) -> Numbers:
    """0 for each row of the one subject, else -1."""
    names = frame["subject"]
    mine = (names.fill_null("") if names.null_count() else names) == name
    return np.where(mine.to_numpy() & (frame["replicate"].to_numpy() == replicate), 0, -1)


def _fixed(rows: Numbers) -> Numbers:
    """Rows that are given to several callers, of whom none may change them."""
    rows.flags.writeable = False
    return rows


def pack(number: Numbers, seq: Numbers | np.int64) -> Numbers:
    """One number that sorts as `number`, then as `seq`."""
    return (number << SEQ_BITS) + seq


def split(packed: Numbers) -> tuple[Numbers, Numbers]:
    """The two parts of packed numbers."""
    return packed >> SEQ_BITS, packed & _SEQ


def unpacked(packed: Numbers, there: Flags) -> Found:
    """Days and seqs of packed numbers, none where not `there`."""
    return Found(
        np.where(there, packed >> SEQ_BITS, NONE), np.where(there, packed & _SEQ, np.int64(-1))
    )


def days(dates: pl.Series) -> Numbers:
    """A column of dates as days from 1970-01-01, NONE where it is null.

    >>> days(pl.Series(["1970-01-03", None]).str.to_date()).tolist() == [2, NONE]
    True
    """
    return whole(dates.cast(pl.Int64))


def whole(values: pl.Series, none: int = NONE) -> Numbers:
    """A column of whole numbers, `none` where it is null.

    >>> whole(pl.Series([7, None]), -1).tolist()
    [7, -1]
    """
    values = values if values.dtype == pl.Int64 else values.cast(pl.Int64)
    if not values.null_count():
        return values.to_numpy()
    if len(values) <= FEW:
        found = [none if number is None else number for number in values.to_list()]
        return np.array(found, dtype=np.int64)
    return values.fill_null(none).to_numpy()


def dates(numbers: Numbers) -> pl.Series:
    """Days from 1970-01-01 as a column of dates, null where they are NONE."""
    if len(numbers) <= FEW:
        found = [None if day == NONE else day for day in numbers.tolist()]
        return short_column("", found, pl.Int32()).cast(pl.Date)
    return pl.Series(numbers.view("datetime64[D]"), dtype=pl.Date)


def coded(names: pl.Series) -> tuple[pl.Series, Numbers]:
    """The distinct names in order, and the place of each of `names` among them.

    >>> names, codes = coded(pl.Series(["b", "a", "b"]))
    >>> names.to_list(), codes.tolist()
    (['a', 'b'], [1, 0, 1])
    """
    if len(names) <= SOME:
        texts = names.to_list()
        known = sorted(set(texts) - {None})
        places = {name: place for place, name in enumerate(known)} | {None: -1}
        found = np.array([places[name] for name in texts], dtype=np.int64)
        return short_column(names.name, known, pl.String()), found
    names = names.cast(pl.String)
    distinct = names.unique().drop_nulls().sort()
    codes = names.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).fill_null(-1)
    return distinct, codes.to_numpy()


def parent_rows(events: pl.DataFrame, nested: pl.DataFrame) -> Numbers:
    """For each nested row the row in `events` of the event that it belongs to; -1 if none does."""
    keys, wanted = (
        pack(frame["replicate"].to_numpy().astype(np.int64), frame["event"].to_numpy())
        for frame in (events, nested)
    )
    if not len(keys) or not len(wanted):
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    heads = np.concatenate(([True], wanted[1:] != wanted[:-1]))
    found = np.searchsorted(keys, wanted[heads])
    found[found == len(keys)] = 0
    parents = np.where(keys[found] == wanted[heads], order[found], -1)
    found_for: Numbers = parents[np.cumsum(heads) - 1]
    return found_for


def in_order(frame: pl.DataFrame, key: Numbers) -> pl.DataFrame:
    """The rows of `frame` in ascending order of `key`; on a tie as they were."""
    if (key[1:] >= key[:-1]).all():
        return frame
    return frame[np.argsort(key, kind="stable")]


def gathered(values: pl.Series, places: Numbers) -> pl.Series:
    """`values` at `places`, null where a place is -1."""
    if len(values) <= FEW and len(places) <= FEW and values.dtype.base_type() in _AS_LISTS:
        known = [*values.to_list(), None]
        found = [known[place] for place in places.tolist()]
        if isinstance(values.dtype, pl.List) and None not in found:
            return listed(found, values.name, values.dtype.inner)
        return short_column(values.name, found, values.dtype)
    if not (places < 0).any():
        return values[places]
    nothing = pl.Series(values.name, [None], dtype=values.dtype)
    return pl.concat([values, nothing])[np.where(places < 0, len(values), places)]


_AS_LISTS: Sequence[Any] = (pl.String, pl.Int64, pl.Int32, pl.Boolean, pl.Date, pl.List)


def grouped_sources(groups: Numbers, seqs: Numbers, number: int) -> pl.Series:
    """The sources of each of `number` groups, where row i with `seqs[i]` is of group `groups[i]`.

    A negative group or seq counts for nothing.

    >>> grouped_sources(np.array([2, 0, 2, 2]), np.array([4, 1, 2, 4]), 3).to_list()
    [[1], [], [2, 4]]
    """
    if len(groups) <= FEW and number <= FEW:
        of_each: list[set[int]] = [set() for _ in range(number)]
        for group, seq in zip(groups.tolist(), seqs.tolist(), strict=True):
            if group >= 0 and seq >= 0:
                of_each[group].add(seq)
        return listed([sorted(each) for each in of_each])
    there = (groups >= 0) & (seqs >= 0)
    pairs = pack(groups[there], seqs[there])
    if not (pairs[1:] >= pairs[:-1]).all():
        pairs.sort()
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs
    values = pl.Series(SOURCES_NAME, pairs & _SEQ)
    return grouped_lists(pairs >> SEQ_BITS, values, number)


def grouped_lists(groups: Numbers, values: pl.Series, number: int) -> pl.Series:
    """The values of each of `number` groups as a list; `groups` ascend, an absent one is empty."""
    if number <= FEW:
        of_each: list[list[Any]] = [[] for _ in range(number)]
        for group, value in zip(groups.tolist(), values.to_list(), strict=True):
            of_each[group].append(value)
        return listed(of_each, values.name, values.dtype)
    if len(groups) == number and (groups == np.arange(number)).all():
        return values.reshape((-1, 1)).cast(pl.List(values.dtype))
    frame = pl.DataFrame({"group": pl.Series(groups).set_sorted(), values.name: values})
    lists = frame.group_by("group", maintain_order=True).agg(values.name)
    places = np.full(number, len(lists), dtype=np.int64)
    places[lists["group"].to_numpy()] = np.arange(len(lists))
    empty = pl.Series(values.name, [[]], dtype=pl.List(values.dtype))
    return pl.concat([lists[values.name], empty])[places].alias(values.name)
