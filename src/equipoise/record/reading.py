"""Stored events of one type as frames: many at once by NDJSON, or a few one by one.

Both ways give the same frames, and both take decimal strings to scaled integers without passing
through a float. The first costs some milliseconds however few the events, so that a subject's
handful of events goes the second way: one action of `conduct` reads one subject.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from equipoise.errors import RecordError
from equipoise.record.canonical import canonical
from equipoise.record.correction import Standing
from equipoise.record.declaration import (
    COMMON,
    PARTIAL,
    POSITION,
    Column,
    children,
    columns,
    has_partial_dates,
    schema,
    stored_schema,
)
from equipoise.record.event import Body, Event, EventBody, Measure

Changed = Mapping[int, Standing]
Frames = Iterator[tuple[str, pl.DataFrame]]

FEW = 150
"""Up to so many events are cheaper to open one by one (benchmarks/tables.py)."""


def frames(cls: type[EventBody], events: Sequence[Event], changed: Changed) -> Frames:
    """Names and frames of the table of `cls` and of those of its nested rows, in order of `events`.

    `changed` holds what events say that were corrected or are of an older version.
    """
    return (_opened if len(events) <= FEW else _scanned)(cls, events, changed)


# Many events: the text goes into polars as it is.


def _scanned(cls: type[EventBody], events: Sequence[Event], changed: Changed) -> Frames:
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
    cls: type[EventBody], events: Sequence[Event], changed: Changed
) -> tuple[pl.DataFrame, list[str]]:
    """The common columns of `events`, and their bodies as text in the newest version."""
    dates = [event.occurred for event in events]
    last = [event.seq for event in events]
    texts = [event.body for event in events]
    for place, event in enumerate(events) if changed else ():
        if (now := changed.get(event.seq)) is not None:
            dates[place], last[place], texts[place] = now.occurred, now.seq, canonical(now.body)
    head = pl.DataFrame(
        {
            "subject": [event.subject for event in events],
            "site": [event.site for event in events],
            "occurred": dates,
            "seq": last,
            "event": [event.seq for event in events],
            "study_version": [event.study_version for event in events],
        },
        schema={name: dtype for name, dtype in COMMON.items() if name != "replicate"}
        | {"occurred": pl.String()},
    )
    occurred = pl.col("occurred")
    complete = occurred.str.len_bytes() == 10
    return head.select(
        pl.lit(0, pl.Int32).alias("replicate"),
        "subject",
        "site",
        pl.when(complete).then(occurred).str.to_date("%Y-%m-%d"),
        "seq",
        "event",
        "study_version",
        *([pl.when(~complete).then(occurred).alias(PARTIAL)] if has_partial_dates(cls) else []),
    ), texts


def _typed(frame: pl.DataFrame, cls: type[Body]) -> pl.DataFrame:
    """`frame` of stored values with the columns and types of the table of `cls`."""
    for each in columns(cls):
        if each.measure is not None:
            _refuse_rounding(frame[each.name], cls, each.measure)
    try:
        return frame.select(
            *(name for name in schema(cls) if name in (*COMMON, PARTIAL, POSITION)),
            *(_converted(each) for each in columns(cls) if each.child is None),
        )
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"a stored {cls.__name__} does not fit its class: {error}") from error


def _converted(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.measure is not None:
        return value.cast(pl.Decimal(38, column.measure.places)).to_physical().cast(pl.Int64)
    return value.str.to_date("%Y-%m-%d") if column.kind == "date" else value


def _refuse_rounding(text: pl.Series, cls: type[Body], measure: Measure) -> None:
    decimals = text.str.split(".").list.get(1, null_on_oob=True).str.len_bytes()
    if (decimals > measure.places).any():
        raise _too_fine(cls, text.name, measure, text.filter(decimals > measure.places)[0])


def _too_fine(cls: type[Body], name: str, measure: Measure, text: str) -> RecordError:
    return RecordError(
        f"a stored {cls.__name__} has {name} = {text}, more than {measure.places} decimal places "
        f"({measure.unit})"
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


# A few events: each is opened.


def _opened(cls: type[EventBody], events: Sequence[Event], changed: Changed) -> Frames:
    own: list[tuple[Any, ...]] = []
    nested: dict[str, list[tuple[Any, ...]]] = {name: [] for name, _ in children(cls)}
    values = _reader(cls)
    readers = {name: _reader(child) for name, child in children(cls)}
    for event in events:
        now = changed.get(event.seq)
        body = json.loads(event.body) if now is None else now.body
        occurred = event.occurred if now is None else now.occurred
        day = _date(occurred) if occurred is not None and len(occurred) == 10 else None
        first = (0, event.subject, event.site, day)
        last = (event.seq, event.study_version)
        partial = (occurred if day is None else None,) if has_partial_dates(cls) else ()
        own.append((*first, event.seq if now is None else now.seq, *last, *partial, *values(body)))
        for name, read in readers.items():
            for position, row in enumerate(body.get(name) or ()):
                by = event.seq if now is None else now.rows.get((name, position), event.seq)
                nested[name].append((*first, by, *last, position, *read(row)))
    yield cls.TABLE, _built(own, cls)
    for name, child in children(cls):
        yield child.TABLE, _built(nested[name], child)


def _built(found: list[tuple[Any, ...]], cls: type[Body]) -> pl.DataFrame:
    try:
        return pl.DataFrame(found, schema=schema(cls), orient="row")
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise RecordError(f"a stored {cls.__name__} does not fit its class: {error}") from error


def _reader(cls: type[Body]) -> Callable[[Mapping[str, Any]], list[Any]]:
    """A function from a stored body to the values of its table row."""
    wanted = [(each.name, each) for each in columns(cls) if each.child is None]

    def read(body: Mapping[str, Any]) -> list[Any]:
        return [
            value
            if (value := body.get(name)) is None or column.kind not in ("date", "measured")
            else (_date(value) if column.measure is None else _whole(value, cls, column))
            for name, column in wanted
        ]

    return read


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise RecordError(f"a stored date is not one: {text!r}") from error


def _whole(text: str, cls: type[Body], column: Column) -> int:
    assert column.measure is not None
    try:
        scaled = Decimal(text).scaleb(column.measure.places)
        whole = int(scaled)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise RecordError(f"a stored {cls.__name__} has {column.name} = {text!r}") from error
    if whole != scaled:
        raise _too_fine(cls, column.name, column.measure, text)
    return whole
