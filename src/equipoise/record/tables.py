"""Events as tables, one pass per event type over the stored text, and table rows as bodies again.

`tables(events, catalogue)` gives a polars frame for every event class and every class of nested
rows: the columns are those of `schema`, the rows sorted by replicate, event and position. How the
text of bodies is read is the business of `equipoise.record.reading`.
`rows` is the way back: the simulator draws tables and hands their rows to `conduct` as actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from equipoise.record.correction import Corrected, corrected, standing
from equipoise.record.declaration import (
    PARTIAL,
    POSITION,
    Catalogue,
    Column,
    children,
    column_measure,
    columns,
    schema,
)
from equipoise.record.event import Body, Event, EventBody
from equipoise.record.reading import frames
from equipoise.record.scaled import scaled_text

__all__ = [
    "Catalogue",
    "Row",
    "Tables",
    "appended",
    "column_measure",
    "empty_tables",
    "rows",
    "schema",
    "tables",
]

Tables = dict[str, pl.DataFrame]


def empty_tables(catalogue: Catalogue) -> Tables:
    """Every table of `catalogue` without rows."""
    return {name: _empty(cls).clone() for name, cls in catalogue.tables().items()}


@cache
def _empty(cls: type[Body]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema(cls))


def tables(events: Iterable[Event], catalogue: Catalogue) -> Tables:
    """Every table of `catalogue` as `events` and the corrections among them leave it.

    Tables of nested rows stand beside those of their events. The result does not depend on the
    order of `events`; reading subject by subject and concatenating gives the same rows. Raises
    RecordError for an unknown event type, an unknown version, a body that does not fit its class,
    or a correction without its target.
    """
    result = empty_tables(catalogue)
    parts: dict[str, list[pl.DataFrame]] = {}
    for table, frame in _tables_of(list(events), catalogue):
        parts.setdefault(table, []).append(frame)
    for table, found in parts.items():
        result[table] = _sorted(pl.concat(found) if len(found) > 1 else found[0])
    return result


def _tables_of(events: Sequence[Event], catalogue: Catalogue) -> Iterator[tuple[str, pl.DataFrame]]:
    changed = corrected(events, catalogue)
    by_type: dict[str, list[Event]] = {}
    for event in events:
        by_type.setdefault(event.type, []).append(event)
    for name, found in by_type.items():
        cls = catalogue.of(name)
        for event in found:
            if event.type_version != cls.VERSION and event.seq not in changed:
                changed[event.seq] = standing(event, (), catalogue)
        yield from frames(cls, found, changed)


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    key = ["event", POSITION] if POSITION in frame.columns else ["event"]
    if len(key) == 1 and bool((np.diff(frame["event"].to_numpy()) > 0).all()):
        return frame
    return frame.sort(key) if len(frame) > 1 else frame


def appended(
    found: Tables, earlier: Sequence[Event], later: Sequence[Event], catalogue: Catalogue
) -> Tables:
    """The tables of `earlier` and `later` together, given `found`, the tables of `earlier`.

    For a writer that keeps a subject's tables and adds what it has just recorded: only tables of
    new events are touched, unless one of them is a correction. `later` follows `earlier` in seq.
    """
    if any(event.type == Corrected.TYPE for event in later):
        return tables([*earlier, *later], catalogue)
    result = dict(found)
    for table, frame in _tables_of(later, catalogue):
        grown = result[table].clone().extend(frame)
        result[table] = grown if result[table] is found[table] else _sorted(grown)
    return result


class Row(NamedTuple):
    """A table row as an event: what `conduct` needs to record it."""

    replicate: int
    event: int
    subject: str | None
    site: str | None
    occurred: str | None
    study_version: str
    body: dict[str, Any]


def rows(found: Mapping[str, pl.DataFrame], cls: type[EventBody]) -> Iterator[Row]:
    """The rows of the table of `cls` in its order, each with the body that it came from.

    Nested rows are taken from their own tables, in order of position. `tables` of events with
    these bodies gives the same tables again.
    """
    frame = found[cls.TABLE]
    key = ["replicate", "event"]
    for item, child in children(cls):
        nested = found[child.TABLE].sort(*key, POSITION)
        fields = [_stored(each).alias(each.name) for each in columns(child)]
        lists = nested.group_by(key, maintain_order=True).agg(pl.struct(fields).alias(item))
        frame = frame.join(lists, on=key, how="left", maintain_order="left")
    occurred = pl.col("occurred").dt.to_string("%Y-%m-%d")
    if PARTIAL in frame.columns:
        occurred = occurred.fill_null(pl.col(PARTIAL))
    head = frame.select(*key, "subject", "site", occurred, "study_version")
    body = frame.select(_stored(each).alias(each.name) for each in columns(cls))
    bodies = _plain(body, cls) if body.columns else ({} for _ in range(len(frame)))
    for values, each in zip(head.iter_rows(), bodies, strict=True):
        yield Row._make((*values, each))


def _plain(body: pl.DataFrame, cls: type[EventBody]) -> Iterator[dict[str, Any]]:
    nested = [name for name, _ in children(cls)]
    for each in body.iter_rows(named=True):
        for name in nested:
            each[name] = each[name] or []
        yield each


def _stored(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.kind == "date":
        return value.dt.to_string("%Y-%m-%d")
    return value if column.measure is None else scaled_text(value, column.measure.places)
