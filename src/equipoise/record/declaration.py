"""Table columns read off the event classes: one declaration per item, and nothing written twice.

`columns(cls)` says what each item of a body becomes in its table and how it stands in the stored
JSON; `Catalogue` lists every event class of a trial with the functions that bring bodies of older
versions up to date. `equipoise.record.tables` turns events into frames with these declarations.
"""

from __future__ import annotations

import datetime
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import polars as pl

from equipoise.errors import RecordError
from equipoise.record.event import Body, EventBody, Measure

Kind = Literal["text", "integer", "boolean", "date", "measured", "list", "children"]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

COMMON: Mapping[str, pl.DataType] = types.MappingProxyType(
    {
        "replicate": pl.Int32(),
        "subject": pl.String(),
        "site": pl.String(),
        "occurred": pl.Date(),
        "seq": pl.Int64(),
        "event": pl.Int64(),
        "study_version": pl.String(),
    }
)
"""The first columns of every table.

`replicate` is 0 for a record. `event` is the seq of the original event, the row's permanent
number; `seq` is that of the event which gave the row its present content: its last correction, or
the event itself. `occurred` is null unless the date is complete.
"""

PARTIAL = "occurred_partial"
POSITION = "position"

_STORED: Mapping[Kind, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "date": pl.String(),
    "measured": pl.String(),
}
_TABLE: Mapping[Kind, pl.DataType] = {**_STORED, "date": pl.Date(), "measured": pl.Int64()}
_SCALARS: Mapping[type, Kind] = {
    str: "text",
    int: "integer",
    bool: "boolean",
    datetime.date: "date",
}


@dataclass(frozen=True, slots=True)
class Column:
    """What an item of a body is in its table (`dtype`) and in stored JSON (`stored`).

    `nullable` says whether it may be without a value. `child` is the class of the nested rows where
    `kind` is "children"; such an item has a table of its own and no column.
    """

    name: str
    kind: Kind
    dtype: pl.DataType
    stored: pl.DataType
    measure: Measure | None = None
    child: type[Body] | None = None
    nullable: bool = False


@cache
def columns(cls: type[Body]) -> tuple[Column, ...]:
    """The items of `cls` in order of declaration, nested rows included.

    Raises RecordError for an item whose type has no place in a table.
    """
    found = []
    for name, info in cls.model_fields.items():
        where = f"{cls.__name__}.{name}"
        if name in COMMON or name in (PARTIAL, POSITION):
            raise RecordError(f"{where}: every table has a column {name}; name the item otherwise")
        found.append(_column(where, name, info.annotation, tuple(info.metadata)))
    children = [column.child for column in found if column.child]
    if len(set(children)) != len(children):
        raise RecordError(f"{cls.__name__}: two items share one class of nested rows")
    return tuple(found)


def _column(where: str, name: str, annotation: Any, metadata: tuple[object, ...]) -> Column:
    bare, metadata, nullable = _unwrapped(annotation, metadata)
    measure = next((each for each in metadata if isinstance(each, Measure)), None)
    if measure is not None:
        dtypes = _TABLE["measured"], _STORED["measured"]
        return Column(name, "measured", *dtypes, measure, nullable=nullable)
    if get_origin(bare) is tuple:
        inside, _, inner_nullable = _unwrapped(get_args(bare)[0], ())
        repeated = len(get_args(bare)) == 2 and get_args(bare)[1] is Ellipsis
        if repeated and not inner_nullable:
            if isinstance(inside, type) and issubclass(inside, Body):
                if nullable:
                    raise RecordError(f"{where}: nested rows are an empty tuple, never null")
                if any(column.child for column in columns(inside)):
                    raise RecordError(f"{where}: rows nested in nested rows have no table")
                rows = pl.List(pl.Struct(stored_schema(inside)))
                return Column(name, "children", rows, rows, child=inside)
            kind = _scalar(inside)
            if kind in ("text", "integer"):
                lists = pl.List(_TABLE[kind]), pl.List(_STORED[kind])
                return Column(name, "list", *lists, nullable=nullable)
    elif (kind := _scalar(bare)) is not None:
        return Column(name, kind, _TABLE[kind], _STORED[kind], nullable=nullable)
    raise RecordError(
        f"{where}: {annotation!r} has no column type; allowed are str, Literal, int, bool, "
        "FullDate, PartialDate, measured(...), each or None, tuple[str, ...], tuple[int, ...] and "
        "tuple of a Body"
    )


def _unwrapped(
    annotation: Any, metadata: tuple[object, ...]
) -> tuple[Any, tuple[object, ...], bool]:
    """The annotation without Annotated and `| None`, what was annotated, and whether nullable."""
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            metadata = (*metadata, *annotation.__metadata__)
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            others = [each for each in get_args(annotation) if each is not type(None)]
            if len(others) != 1:
                return annotation, metadata, nullable
            annotation, nullable = others[0], True
        else:
            return annotation, metadata, nullable


def _scalar(bare: Any) -> Kind | None:
    if get_origin(bare) is Literal:
        kinds = {_SCALARS.get(type(value)) for value in get_args(bare)}
        return kinds.pop() if len(kinds) == 1 else None
    return _SCALARS.get(bare) if isinstance(bare, type) else None


def stored_schema(cls: type[Body]) -> dict[str, pl.DataType]:
    """The polars types of the stored JSON of `cls`, for reading NDJSON."""
    return {column.name: column.stored for column in columns(cls)}


def children(cls: type[Body]) -> Iterator[tuple[str, type[Body]]]:
    """Pairs (item, class of its nested rows) of `cls`."""
    for column in columns(cls):
        if column.child is not None:
            yield column.name, column.child


def has_partial_dates(cls: type[Body]) -> bool:
    """Whether the date on which an event of `cls` occurred may be partial."""
    return bool(getattr(cls, "PARTIAL_OCCURRED", False))


def schema(cls: type[Body]) -> dict[str, pl.DataType]:
    """Columns and types of the table that bodies of `cls` become.

    The common columns first; for an event that may have occurred on a partly known date
    (`PARTIAL_OCCURRED = True`) then `occurred_partial`; for nested rows then `position`, from 0;
    then the items in order of declaration. A measured item is an Int64 scaled by its places.

    >>> from equipoise.record.correction import Redacted
    >>> list(schema(Redacted).items())[7:]
    [('target', Int64), ('item', String), ('keys', List(String))]
    """
    head = dict(COMMON)
    if not issubclass(cls, EventBody):
        head[POSITION] = pl.Int64()
    elif has_partial_dates(cls):
        head[PARTIAL] = pl.String()
    return head | {each.name: each.dtype for each in columns(cls) if each.child is None}


def column_measure(cls: type[Body], column: str) -> Measure:
    """Unit and decimal places of the measured item `column` of `cls`.

    Raises RecordError when the class has no such item or it is not measured.
    """
    for each in columns(cls):
        if each.name == column and each.measure is not None:
            return each.measure
    raise RecordError(f"{cls.__name__} has no measured item {column!r}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every event class of a trial, in its newest version, and the upcasters of older ones.

    `upcasters[type, version]` is a pure function from a body of that version to a body of the
    next. Raises RecordError when two classes share a type or a table, or when a version has no
    way to the newest.
    """

    classes: tuple[type[EventBody], ...]
    upcasters: Mapping[tuple[str, int], Upcaster] = field(default_factory=dict)
    _by_type: dict[str, type[EventBody]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        tables: dict[str, type[Body]] = {}
        by_type = self._by_type
        for cls in self.classes:
            if by_type.setdefault(cls.TYPE, cls) is not cls:
                raise RecordError(f"two classes of the event type {cls.TYPE} in one catalogue")
            for each in (cls, *(child for _, child in children(cls))):
                if tables.setdefault(each.TABLE, each) is not each:
                    raise RecordError(f"{each.__name__}: the table {each.TABLE} is already taken")
            for version in range(1, cls.VERSION):
                if (cls.TYPE, version) not in self.upcasters:
                    raise RecordError(f"{cls.TYPE} version {version} has no upcaster")
        if unknown := {key[0] for key in self.upcasters} - set(by_type):
            raise RecordError(f"upcasters of unknown event types: {', '.join(sorted(unknown))}")

    def of(self, type_name: str) -> type[EventBody]:
        """The newest class of an event type; RecordError when the type is unknown."""
        if (found := self._by_type.get(type_name)) is not None:
            return found
        raise RecordError(
            f"the record holds an event of type {type_name!r}, which this release does not know; "
            "read it with the release that wrote it, or a newer one"
        )

    def upcast(self, type_name: str, version: int, body: dict[str, Any], to: int) -> dict[str, Any]:
        """`body` of `version` as a body of version `to`."""
        newest = self.of(type_name).VERSION
        if not 1 <= version <= to <= newest:
            raise RecordError(
                f"{type_name} version {version} cannot be read as version {to}: this release "
                f"knows versions 1 to {newest}"
            )
        for step in range(version, to):
            body = self.upcasters[type_name, step](body)
        return body

    def tables(self) -> dict[str, type[Body]]:
        """Every table's name and the class of its rows; nested rows follow their event."""
        found: dict[str, type[Body]] = {}
        for cls in self.classes:
            found[cls.TABLE] = cls
            found.update({child.TABLE: child for _, child in children(cls)})
        return found
