"""Events as tables, one pass per event type over the stored text, and table rows as bodies again.

`tables(events, catalogue)` gives a polars frame for every event class and every class of nested
rows: the columns are those of `schema`, the rows sorted by replicate, event and position. The text
of a body goes straight into polars; only bodies that were corrected, or are of an older version,
are opened in Python. Decimal strings become scaled integers without passing through a float.
`rows` is the way back: the simulator draws tables and hands their rows to `conduct` as actions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from equipoise.errors import RecordError
from equipoise.record.correction import Standing, corrected, standing
from equipoise.record.declaration import (
    COMMON,
    PARTIAL,
    POSITION,
    Catalogue,
    Column,
    children,
    column_measure,
    columns,
    has_partial_dates,
    schema,
    stored_schema,
)
from equipoise.record.event import Body, Event, EventBody, Measure

__all__ = [
    "Catalogue",
    "Row",
    "Tables",
    "column_measure",
    "empty_tables",
    "rows",
    "schema",
    "tables",
]

Tables = dict[str, pl.DataFrame]


def empty_tables(catalogue: Catalogue) -> Tables:
    """Every table of `catalogue` without rows."""
    return {name: pl.DataFrame(schema=schema(cls)) for name, cls in catalogue.tables().items()}


def tables(events: Iterable[Event], catalogue: Catalogue) -> Tables:
    """Every table of `catalogue` as `events` and the corrections among them leave it.

    Tables of nested rows stand beside those of their events. The result does not depend on the
    order of `events`; reading subject by subject and concatenating gives the same rows. Raises
    RecordError for an unknown event type, an unknown version, a body that does not fit its class,
    or a correction without its target.
    """
    events = list(events)
    changed = corrected(events, catalogue)
    by_type: dict[str, list[Event]] = {}
    for event in events:
        by_type.setdefault(event.type, []).append(event)
    parts: dict[str, list[pl.DataFrame]] = {}
    for name, found in by_type.items():
        cls = catalogue.of(name)
        for event in found:
            if event.type_version != cls.VERSION and event.seq not in changed:
                changed[event.seq] = standing(event, (), catalogue)
        for table, frame in _frames(cls, found, changed):
            parts.setdefault(table, []).append(frame)
    result = empty_tables(catalogue)
    for table, frames in parts.items():
        key = ["event", POSITION] if POSITION in frames[0].columns else ["event"]
        result[table] = pl.concat(frames).sort(key)
    return result


def _frames(
    cls: type[EventBody], events: Sequence[Event], changed: Mapping[int, Standing]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The table of the events of one type, then the tables of the rows nested in them."""
    head, bodies = _heads(cls, events, changed)
    frame = head.hstack(_parsed(bodies, stored_schema(cls), cls))
    yield cls.TABLE, _typed(frame, cls)
    for item, child in children(cls):
        places = pl.int_ranges(0, pl.col(item).list.len(), dtype=pl.Int64).alias(POSITION)
        nested = (
            frame.select(*COMMON, item)
            .filter(pl.col(item).list.len() > 0)
            .with_columns(places, seq=pl.col("event"))
            .explode(item, POSITION)
        )
        texts = nested.drop_in_place(item).to_list()
        typed = _typed(nested.hstack(_parsed(texts, stored_schema(child), child)), child)
        marks = [
            (seq, position, by)
            for seq, now in changed.items()
            for (name, position), by in now.rows.items()
            if name == item
        ]
        yield child.TABLE, _marked(typed, marks)


def _parsed(
    texts: Sequence[str], declared: Mapping[str, pl.DataType], cls: type[Body]
) -> list[pl.Series]:
    """The stored items of JSON objects, one to a text; nested objects stay text."""
    if not declared or not texts:
        return [pl.Series(name, [], dtype) for name, dtype in declared.items()]
    try:
        found = pl.read_ndjson("\n".join(texts).encode(), schema=declared)
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"a stored {cls.__name__} does not fit its class: {error}") from error
    if len(found) != len(texts):
        raise RecordError(f"{len(texts)} bodies of {cls.__name__} gave {len(found)} rows")
    return found.get_columns()


def _heads(
    cls: type[EventBody], events: Sequence[Event], changed: Mapping[int, Standing]
) -> tuple[pl.DataFrame, list[str]]:
    """The common columns of `events`, and their bodies as text in the newest version."""
    subjects = [event.subject for event in events]
    sites = [event.site for event in events]
    dates = [event.occurred for event in events]
    seqs = [event.seq for event in events]
    versions = [event.study_version for event in events]
    texts = [event.body for event in events]
    last = list(seqs)
    for place, seq in enumerate(seqs):
        if (now := changed.get(seq)) is not None:
            dates[place], last[place] = now.occurred, now.seq
            texts[place] = json.dumps(now.body, ensure_ascii=False)
    occurred = pl.col("occurred")
    head = pl.DataFrame(
        {
            "replicate": pl.zeros(len(events), pl.Int32, eager=True),
            "subject": pl.Series(subjects, dtype=pl.String),
            "site": pl.Series(sites, dtype=pl.String),
            "occurred": pl.Series(dates, dtype=pl.String),
            "seq": pl.Series(last, dtype=pl.Int64),
            "event": pl.Series(seqs, dtype=pl.Int64),
            "study_version": pl.Series(versions, dtype=pl.String),
        }
    )
    complete = occurred.str.len_bytes() == 10
    partial = [pl.when(~complete).then(occurred).alias(PARTIAL)] if has_partial_dates(cls) else []
    return head.with_columns(
        pl.when(complete).then(occurred).str.to_date("%Y-%m-%d"), *partial
    ), texts


def _typed(frame: pl.DataFrame, cls: type[Body]) -> pl.DataFrame:
    """`frame` of stored values with the columns and types of the table of `cls`."""
    try:
        typed = frame.select(
            *(name for name in schema(cls) if name in (*COMMON, PARTIAL, POSITION)),
            *(_converted(each) for each in columns(cls) if each.child is None),
        )
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"a stored {cls.__name__} does not fit its class: {error}") from error
    for each in columns(cls):
        if each.measure is not None:
            _refuse_rounding(frame[each.name], cls, each.name, each.measure)
    return typed


def _converted(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.measure is not None:
        return value.cast(pl.Decimal(38, column.measure.places)).to_physical().cast(pl.Int64)
    return value.str.to_date("%Y-%m-%d") if column.kind == "date" else value


def _refuse_rounding(text: pl.Series, cls: type[Body], name: str, measure: Measure) -> None:
    decimals = text.str.split(".").list.get(1, null_on_oob=True).str.len_bytes()
    if (decimals > measure.places).any():
        raise RecordError(
            f"a stored {cls.__name__} has an item {name} with more than {measure.places} decimal "
            f"places ({measure.unit}): {text.filter(decimals > measure.places)[0]}"
        )


def _marked(frame: pl.DataFrame, marks: Sequence[tuple[int, int, int]]) -> pl.DataFrame:
    """Nested rows with the seq of the correction that changed them last."""
    if not marks:
        return frame
    by = pl.DataFrame(
        marks, schema={"event": pl.Int64, POSITION: pl.Int64, "_by": pl.Int64}, orient="row"
    )
    return frame.join(by, on=["event", POSITION], how="left", maintain_order="left").select(
        pl.coalesce("_by", "seq").alias("seq") if name == "seq" else name for name in frame.columns
    )


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
    for values, each in zip(head.iter_rows(), _plain(body, cls), strict=True):
        yield Row._make((*values, each))


def _plain(body: pl.DataFrame, cls: type[EventBody]) -> Iterator[dict[str, Any]]:
    if not body.columns:
        raise RecordError(f"{cls.__name__} has no items")
    nested = [name for name, _ in children(cls)]
    for each in body.iter_rows(named=True):
        for name in nested:
            each[name] = each[name] or []
        yield each


def _stored(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.kind == "date":
        return value.dt.to_string("%Y-%m-%d")
    return value if column.measure is None else _decimal_text(value, column.measure.places)


def _decimal_text(value: pl.Expr, places: int) -> pl.Expr:
    """Scaled integers as `equipoise.record.event.decimal_text` writes their values."""
    size = value.abs()
    whole = (size // 10**places).cast(pl.String)
    rest = (size % 10**places).cast(pl.String).str.zfill(places).str.strip_chars_end("0")
    sign = pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    point = pl.when(rest == "").then(pl.lit("")).otherwise(pl.lit("."))
    return pl.when(value.is_not_null()).then(pl.concat_str(sign, whole, point, rest))
