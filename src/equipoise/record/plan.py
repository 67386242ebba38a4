"""Base classes of the study file: frozen, closed, each value with its source or its assumption."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic_core import PydanticKnownError

from equipoise.record.event import decimal_text

Code = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
"""A name that expressions, tables and exports use."""


def _exact(value: object) -> object:
    if isinstance(value, float | bool):
        raise ValueError("should be a decimal number such as 15.3, not a binary one")
    if isinstance(value, str) and not re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", value, re.ASCII):
        raise ValueError("should be a decimal number such as 15.3")
    return value


Number = Annotated[Decimal, BeforeValidator(_exact), PlainSerializer(decimal_text, return_type=str)]
"""A decimal number of the study file: at most 12 digits before and after the point."""


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError(
            "should be a time zone of the IANA database, such as Europe/Paris"
        ) from error
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""The name of a time zone in the IANA database: it knows summer time, which an offset does not."""

_MOST = 1_000_000


def _countable(value: int) -> int:
    if value > _MOST:
        raise PydanticKnownError("less_than_equal", {"le": _MOST})
    if value < -_MOST:
        raise PydanticKnownError("greater_than_equal", {"ge": -_MOST})
    return value


Count = Annotated[int, AfterValidator(_countable)]
"""A whole number of the study file: nothing in a trial counts beyond a million.

The bound is a function, since of two limits of one kind pydantic keeps but one: as `Field(ge=...)`
it would stand in the place of a field's own lower limit.
"""


class AssumedField(BaseModel):
    """A field of a part whose value was not found, and why this one was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    reason: str = Field(min_length=1)


class Plan(BaseModel):
    """A part of the study file.

    `source` says where the content was read. `assumption` says that the whole part was not found,
    and why it was taken; `assumed` says so of single fields, by name. Every assumption is listed
    by `equipoise study assumptions` and printed in reports.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = None
    assumption: str | None = None
    assumed: tuple[AssumedField, ...] = ()

    @model_validator(mode="after")
    def _assumed_fields_exist(self) -> Self:
        fields = set(type(self).model_fields) - {"source", "assumption", "assumed"}
        for name in (assumed.field for assumed in self.assumed):
            if name not in fields:
                raise ValueError(f"assumed names {name!r}; the fields here are {sorted(fields)}")
        return self


class Label(BaseModel):
    """A text in the languages of the trial; English is obligatory.

    >>> Label(en="Weight", fr="Poids").fr
    'Poids'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str = Field(min_length=1)
    fr: str | None = None


class Assumption(NamedTuple):
    """A value that was taken because none was found: where it stands, what it is, why."""

    path: str
    value: object
    reason: str


def assumptions(plan: BaseModel, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of (path in the study file, reason), in file order."""
    return ((found.path, found.reason) for found in assumed_values(plan, path))


def assumed_values(plan: BaseModel, path: str = "") -> Iterator[Assumption]:
    """Every assumption in `plan` with the value that it explains, in file order."""
    if isinstance(plan, Plan):
        if plan.assumption:
            yield Assumption(path or ".", plan, plan.assumption)
        for field, reason in ((assumed.field, assumed.reason) for assumed in plan.assumed):
            yield Assumption(f"{path}.{field}" if path else field, getattr(plan, field), reason)
    for name in type(plan).model_fields:
        yield from _inside(getattr(plan, name), f"{path}.{name}" if path else name)


def reasons(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The same pairs of a plan that is kept as plain values, such as the JSON of a scenario.

    Those of the whole come before those of its parts; parts in the order that they have here.

    >>> list(reasons({"a": {"assumption": "ours"}, "assumed": [{"field": "b", "reason": "why"}]}))
    [('b', 'why'), ('a', 'ours')]
    """
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from reasons(item, f"{path}[{_named(item, position)}]")
    if not isinstance(value, dict):
        return
    if isinstance(value.get("assumption"), str):
        yield path or ".", value["assumption"]
    assumed = value.get("assumed")
    for each in assumed if isinstance(assumed, list) else ():
        yield f"{path}.{each['field']}" if path else each["field"], each["reason"]
    for key, item in value.items():
        if key not in ("assumption", "assumed"):
            yield from reasons(item, f"{path}.{key}" if path else key)


def _inside(value: object, path: str) -> Iterator[Assumption]:
    if isinstance(value, BaseModel):
        yield from assumed_values(value, path)
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from _inside(item, f"{path}[{item_name(item, position)}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside(item, f"{path}.{key}")


def item_name(item: object, position: int) -> str:
    """How one item of a list is named in a path: by its identifying field, else its position."""
    names = (getattr(item, each, None) for each in _NAMES)
    return next((name for name in names if isinstance(name, str)), str(position))


_NAMES = ("id", "code", "version", "drug", "status", "event", "assay", "category")
"""Fields that identify an item of a list."""


def _named(item: object, position: int) -> str:
    names = (item.get(each) for each in _NAMES) if isinstance(item, dict) else ()
    return next((name for name in names if isinstance(name, str)), str(position))
