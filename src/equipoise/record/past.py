"""What a table said at a position of the record: rows that came later left out, and what was
corrected later put back.

A table holds what stands now. What stood before a correction is in the correction, which is a row
of the table `corrected`: the first one after a position tells the value that stood there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from equipoise.errors import RecordError
from equipoise.record.columns import kept
from equipoise.record.correction import OCCURRED
from equipoise.record.declaration import PARTIAL, POSITION, Column, children, columns
from equipoise.record.event import Body, EventBody
from equipoise.record.reading import occurred_of, value_of
from equipoise.record.rule import Columns
from equipoise.record.subject_rows import Numbers, gathered

CORRECTED: Columns = {
    "replicate": pl.Int32, "subject": pl.String, "seq": pl.Int64, "target": pl.Int64,
    "target_version": pl.Int64, "item": pl.String, "old": pl.String,
    "old_missing": pl.String,
}  # fmt: skip
"""What of the table `corrected` is read."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """How corrections address the rows of a table: the version of its event class and the items.

    Rows that are nested stand in the item `field`, and are told apart by the item `identifier`.
    """

    version: int
    items: Mapping[str, Column]
    field: str | None = None
    identifier: str = POSITION


def addressed(cls: type[EventBody]) -> Iterator[tuple[str, Addressed]]:
    """Names of the table of `cls` and of those of its nested rows, each with its addresses."""
    yield cls.TABLE, Addressed(cls.VERSION, _items(cls))
    for field, child in children(cls):
        identifier = getattr(child, "ID", POSITION)
        yield child.TABLE, Addressed(cls.VERSION, _items(child), field, identifier)


def _items(cls: type[Body]) -> Mapping[str, Column]:
    return {each.name: each for each in columns(cls) if each.child is None}


def as_it_stood(
    frame: pl.DataFrame, corrected: pl.DataFrame, at: Numbers, how: Addressed
) -> pl.DataFrame:
    """The rows of `frame` that the record held at the position `at` of each, as they read then.

    `seq` is that of the last correction of the row up to the position, or of the event.

    >>> from equipoise.record.correction import Redacted
    >>> [name for name, _ in addressed(Redacted)]
    ['redacted']
    """
    there = frame["event"].to_numpy() <= at
    frame, at = kept(frame, there), at[there]
    later = frame["seq"].to_numpy() > at
    if not later.any():
        return frame
    changes = _changes(frame, corrected, np.flatnonzero(later), at, how)
    undone = changes.filter(pl.col("seq") > pl.col("at"))
    undone = undone.sort("seq").unique(["row", "name"], keep="first", maintain_order=True)
    if wrong := set(undone["target_version"]) - {how.version}:
        raise RecordError(
            f"a correction of an event of version {min(wrong)} cannot be undone in a table of "
            f"version {how.version}"
        )
    for (name,), mine in undone.group_by("name", maintain_order=True):
        frame = _put_back(frame, str(name), mine, how)
    return frame.with_columns(_seqs(frame, changes, np.flatnonzero(later)))


def _changes(
    frame: pl.DataFrame, corrected: pl.DataFrame, rows: Numbers, at: Numbers, how: Addressed
) -> pl.DataFrame:
    """The corrections of `rows` of `frame`: row, its position, seq, name of the item, old value."""
    own = pl.col("item") == OCCURRED
    if how.field is None:
        mine, identifier = ~pl.col("item").str.contains("/"), pl.lit("")
    else:
        nested = pl.col("item").str.extract_groups(r"^([^/]+)/(.+)/([^/]+)$")
        same = nested.struct.field("2") == pl.col("identifier")
        mine = own | ((nested.struct.field("1") == how.field) & same).fill_null(False)
        identifier = pl.col(how.identifier).cast(pl.String)
    wanted = frame[rows].select(
        "replicate",
        pl.col("event").alias("target"),
        identifier.alias("identifier"),
        pl.Series("row", rows),
        pl.Series("at", at[rows]),
    )
    name = pl.col("item").str.extract(r"([^/]+)$").alias("name")
    asked = corrected.select(*(each for each in CORRECTED if each != "subject"))
    return (
        wanted.join(asked, on=["replicate", "target"])
        .filter(mine)
        .select("row", "at", "seq", "target_version", name, "old", "old_missing")
    )


def _put_back(frame: pl.DataFrame, name: str, mine: pl.DataFrame, how: Addressed) -> pl.DataFrame:
    """`frame` with the old values of `mine` in the column `name`."""
    found = [None if text is None else json.loads(text) for text in mine["old"]]
    rows = mine["row"].to_numpy()
    if name == OCCURRED:
        pairs = [occurred_of(text) for text in found]
        frame = _with(frame, OCCURRED, [day for day, _ in pairs], rows)
        if PARTIAL in frame.columns:
            frame = _with(frame, PARTIAL, [partial for _, partial in pairs], rows)
        return frame
    if name in how.items:
        frame = _with(frame, name, [value_of(value, how.items[name]) for value in found], rows)
    if f"{name}_missing" in how.items:
        frame = _with(frame, f"{name}_missing", mine["old_missing"].to_list(), rows)
    return frame


def _with(frame: pl.DataFrame, name: str, values: list[object], rows: Numbers) -> pl.DataFrame:
    """`frame` with `values` in the column `name` at `rows`."""
    column = frame[name]
    places = np.arange(len(frame))
    places[rows] = len(frame) + np.arange(len(rows))
    put = pl.concat([column, pl.Series(name, values, dtype=column.dtype)])
    return frame.with_columns(gathered(put, places))


def _seqs(frame: pl.DataFrame, changes: pl.DataFrame, rows: Numbers) -> pl.Series:
    """The seq of each row, of `rows` as it was at their position."""
    seq = frame["seq"].to_numpy().copy()
    seq[rows] = frame["event"].to_numpy()[rows]
    known = changes.filter(pl.col("seq") <= pl.col("at"))
    np.maximum.at(seq, known["row"].to_numpy(), known["seq"].to_numpy())
    return pl.Series("seq", seq)
