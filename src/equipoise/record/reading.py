"""Stored events of one type as frames: many at once by NDJSON, or a few one by one.

Both ways give the same frames, and both take decimal strings to scaled integers without passing
through a float. The first costs some milliseconds however few the events, so that a subject's
handful of events goes the second way: one action of `conduct` reads one subject. The second way
also tells which event does not fit its class, and is asked when the first one stumbles.

What a body says was checked when it was written. Here only its form is: every item of the declared
kind, and none without a value that must have one.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final

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
from equipoise.record.event import Body, Event, EventBody, Measure, content

Changed = Mapping[int, Standing]
Frames = Iterator[tuple[str, pl.DataFrame]]

FEW = 150
"""Up to so many events are cheaper to open one by one (benchmarks/bench_tables.py)."""

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PARTIAL_DATE: Final = re.compile(r"[0-9]{4}(-[0-9]{2})?")
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")


def frames(cls: type[EventBody], events: Sequence[Event], changed: Changed) -> Frames:
    """Names and frames of the table of `cls` and of those of its nested rows, in order of `events`.

    `changed` holds what events say that were corrected or are of an older version. Raises
    RecordError, naming the event, for one that does not fit its class.
    """
    if len(events) > FEW and not _has_lists(cls):
        try:
            return iter(list(_scanned(cls, events, changed)))
        except _Unfit:
            pass
    return _opened(cls, events, changed)


def _has_lists(cls: type[Body]) -> bool:
    """Whether an item is a list, in which polars would take numbers for their text unnoticed."""
    return any(
        each.kind == "list" or (each.child is not None and _has_lists(each.child))
        for each in columns(cls)
    )


class _Unfit(Exception):
    """Something among many events is not as declared; what it is, opening them will tell."""


_FIELDS: Final = ("subject", "site", "occurred", "seq", "study_version", "body")
_INTEGERS: Final = range(-(2**63), 2**63)
_PYTHON: Final[Mapping[pl.DataType, type]] = {
    pl.String(): str,
    pl.Int64(): int,
    pl.Boolean(): bool,
    pl.List(pl.String()): str,
    pl.List(pl.Int64()): int,
}
"""What a stored value, or each of a list, is when it is opened."""


# Many events: the text goes into polars as it is.


def _scanned(cls: type[EventBody], events: Sequence[Event], changed: Changed) -> Frames:
    head, bodies = _heads(cls, events, changed)
    found = {cls.TABLE: head.hstack(_parsed(bodies, cls))}
    for item, child in children(cls):
        places = pl.int_ranges(0, pl.col(item).list.len(), dtype=pl.Int64).alias(POSITION)
        rows = (
            found[cls.TABLE]
            .select(*COMMON, item)
            .filter(pl.col(item).list.len() > 0)
            .with_columns(places, seq=pl.col("event"))
            .explode(item, POSITION)
        )
        if rows[item].null_count():
            raise _Unfit
        found[child.TABLE] = rows.unnest(item)
    classes = [cls, *(child for _, child in children(cls))]
    _refuse_numbers_for_texts(bodies, [(found[each.TABLE], each) for each in classes])
    yield cls.TABLE, _typed(found[cls.TABLE], cls)
    for item, child in children(cls):
        marks = [
            (seq, position, by)
            for seq, now in changed.items()
            for (name, position), by in now.rows.items()
            if name == item
        ]
        yield child.TABLE, _marked(_typed(found[child.TABLE], child), marks)


def _parsed(bodies: Sequence[str], cls: type[Body]) -> list[pl.Series]:
    """The stored items of JSON objects, one to a text; nested rows as structs."""
    declared = stored_schema(cls)
    if not declared:
        return []
    joined = "\n".join(bodies)
    if joined.count("\n") != len(bodies) - 1:
        raise _Unfit
    try:
        found = pl.read_ndjson(joined.encode(), schema=declared)
    except (pl.exceptions.PolarsError, UnicodeEncodeError) as error:
        raise _Unfit from error
    if len(found) != len(bodies):
        raise _Unfit
    return found.get_columns()


def _refuse_numbers_for_texts(
    bodies: Sequence[str], found: Sequence[tuple[pl.DataFrame, type[Body]]]
) -> None:
    """Each text that was read stands in quotes: polars takes a number for its text, unasked."""
    given: dict[str, int] = {}
    for frame, cls in found:
        for column in columns(cls):
            if column.stored == pl.String():
                count = len(frame) - frame[column.name].null_count()
                given[column.name] = given.get(column.name, 0) + count
    joined = "\n".join(bodies)
    if any(joined.count(f'"{name}":"') != count for name, count in given.items()):
        raise _Unfit


def _heads(
    cls: type[EventBody], events: Sequence[Event], changed: Changed
) -> tuple[pl.DataFrame, list[str]]:
    """The common columns of `events`, and their bodies as text in the newest version."""
    subjects, sites, dates, seqs, versions, texts = (
        list(map(attrgetter(name), events)) for name in _FIELDS
    )
    last = list(seqs)
    for place, seq in enumerate(seqs) if changed else ():
        if (now := changed.get(seq)) is not None:
            dates[place], last[place], texts[place] = now.occurred, now.seq, canonical(now.body)
    head = pl.DataFrame(
        {
            "subject": subjects,
            "site": sites,
            "occurred": dates,
            "seq": last,
            "event": seqs,
            "study_version": versions,
        },
        schema={name: dtype for name, dtype in COMMON.items() if name != "replicate"}
        | {"occurred": pl.String()},
    )
    day = pl.col("occurred")
    complete = day.str.len_bytes() == 10
    partial = head.select(pl.when(~complete).then(day).alias(PARTIAL)).to_series()
    if not partial.str.contains(r"^[0-9]{4}(-[0-9]{2})?$").all():
        raise _Unfit
    return head.select(
        pl.lit(0, pl.Int32).alias("replicate"),
        "subject",
        "site",
        _days(head.select(pl.when(complete).then(day)).to_series()),
        "seq",
        "event",
        "study_version",
        *([partial] if has_partial_dates(cls) else []),
    ), texts


def _typed(frame: pl.DataFrame, cls: type[Body]) -> pl.DataFrame:
    """`frame` of stored values with the columns and types of the table of `cls`."""
    if any(not each.nullable and frame[each.name].null_count() for each in columns(cls)):
        raise _Unfit
    return frame.select(
        *(name for name in schema(cls) if name in (*COMMON, PARTIAL, POSITION)),
        *(_converted(frame[each.name], each) for each in columns(cls) if each.child is None),
    )


def _converted(values: pl.Series, column: Column) -> pl.Series:
    if column.kind == "date":
        return _days(values)
    if column.measure is None:
        return values
    places = column.measure.places
    fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    if not values.str.contains(rf"^-?[0-9]{{1,12}}{fraction}$").all():
        raise _Unfit
    return values.cast(pl.Decimal(38, places)).to_physical().cast(pl.Int64)


def _days(texts: pl.Series) -> pl.Series:
    """Full dates of the calendar, which begins with the year 1."""
    if not texts.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$").all():
        raise _Unfit
    try:
        days = texts.str.to_date("%Y-%m-%d")
    except pl.exceptions.PolarsError as error:
        raise _Unfit from error
    if not (days.dt.year() > 0).all():
        raise _Unfit
    return days


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
        body = content(event) if now is None else now.body
        try:
            day, partial = occurred_of(event.occurred if now is None else now.occurred)
            first = (0, event.subject, event.site, day)
            last = (event.seq, event.study_version)
            by = event.seq if now is None else now.seq
            extra = (partial,) if has_partial_dates(cls) else ()
            own.append((*first, by, *last, *extra, *values(body)))
            for name, read in readers.items():
                for position, row in enumerate(_rows(body, name)):
                    by = event.seq if now is None else now.rows.get((name, position), event.seq)
                    nested[name].append((*first, by, *last, position, *read(row)))
        except ValueError as error:
            raise RecordError(f"event {event.seq} is no {cls.__name__}: {error}") from error
    yield cls.TABLE, _built(own, cls)
    for name, child in children(cls):
        if nested[name]:
            yield child.TABLE, _built(nested[name], child)


@cache
def _declared(cls: type[Body]) -> Mapping[str, pl.DataType]:
    """`schema` of a class, asked for with every event that is opened."""
    return schema(cls)


def _built(found: list[tuple[Any, ...]], cls: type[Body]) -> pl.DataFrame:
    declared = _declared(cls)
    try:
        return pl.from_dicts([dict(zip(declared, row, strict=True)) for row in found], declared)
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise RecordError(f"a stored {cls.__name__} does not fit its class: {error}") from error


def occurred_of(text: str | None) -> tuple[datetime.date | None, str | None]:
    """A complete date, or the text of a partial one."""
    if text is None:
        return None, None
    if _PARTIAL_DATE.fullmatch(text):
        return None, text
    return _date(text), None


def _rows(body: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    rows = body.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{name} is not a list of rows")
    return rows


@cache
def _reader(cls: type[Body]) -> Callable[[Mapping[str, Any]], list[Any]]:
    """A function from a stored body to the values of its table row; ValueError if it is none."""
    wanted = [(each.name, each) for each in columns(cls) if each.child is None]

    def read(body: Mapping[str, Any]) -> list[Any]:
        return [value_of(body.get(name), column) for name, column in wanted]

    return read


def value_of(value: Any, column: Column) -> Any:
    if value is None:
        if not column.nullable:
            raise ValueError(f"{column.name} is not there")
        return None
    plain = _PYTHON[column.stored]
    fits = value.__class__ is plain
    if column.kind == "list":
        if value.__class__ is list and all(each.__class__ is plain for each in value):
            return value
    elif column.kind == "integer":
        if fits and value in _INTEGERS:
            return value
    elif fits:
        if column.measure is not None:
            return _whole(value, column.name, column.measure)
        return _date(value) if column.kind == "date" else value
    raise ValueError(f"{column.name} = {value!r} is not of the kind {column.kind}")


def _date(text: str) -> datetime.date:
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date")
    return datetime.date.fromisoformat(text)


def _whole(text: str, name: str, measure: Measure) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name} = {text!r} is not a decimal number")
    scaled = Decimal(text).scaleb(measure.places)
    if scaled != int(scaled):
        raise ValueError(
            f"{name} = {text} has more than {measure.places} decimal places ({measure.unit})"
        )
    return int(scaled)
