"""What one entry of the record is: the envelope, the base of all event bodies, typed items.

An event body is a frozen pydantic model that declares its items with their types, units and
number of decimal places. Table columns, forms and reference pages are generated from these
declarations; nothing about an item is written down a second time.

Body values are strings, integers, booleans, nulls, lists and objects. There are no floats: a
measured value is a decimal string in its declared unit (`"15.3"`), and a scaled integer in
tables (`153` at one decimal place), so that a limit is met exactly or not at all.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from equipoise.errors import RecordError

MissingReason = Literal[
    "not_done", "not_applicable", "unknown", "refused_by_subject", "sample_failed", "not_evaluable"
]
"""Why an item has no value. Null without a reason means: not yet known."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$")]
"""A permanent identifier of a subject, a site, a lesion, a form instance, a code."""

LONGEST_TEXT = 4000
"""Characters of a text that somebody writes."""

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
"""Free text, kept as it is."""


@dataclass(frozen=True, slots=True)
class UnderKey:
    """Marks an item that the record holds sealed under a key of its own."""


LONGEST_SEALED = 22_000
"""Characters of a sealed text: 4000 of any script and the name of their key fit."""


def _plain_or_sealed(text: str) -> str:
    if len(text) > LONGEST_TEXT and not text.startswith("sealed:"):
        raise ValueError(f"must have at most {LONGEST_TEXT} characters")
    return text


ClinicalText = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_SEALED),
    AfterValidator(_plain_or_sealed),
    UnderKey(),
]
"""Free text about a person: entered plain, kept sealed, so that a redaction destroys its key."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Unit and number of decimal places of a measured item.

    `places` fixes the scale of the integer that the item becomes in tables:
    value = integer / 10 ** places, in `unit`.
    """

    unit: str
    places: int

    def scaled(self, value: Decimal) -> int:
        """The integer that stands for `value` in tables.

        >>> Measure("mm", 1).scaled(Decimal("15.3"))
        153
        """
        return int(value.scaleb(self.places))

    def value(self, scaled: int) -> Decimal:
        """The value in `unit` that the integer `scaled` stands for.

        >>> Measure("mm", 1).value(153)
        Decimal('15.3')
        """
        return Decimal(scaled).scaleb(-self.places)


def decimal_text(value: Decimal) -> str:
    """The one canonical way to write a decimal: no exponent, no trailing zero.

    >>> decimal_text(Decimal("15.30")), decimal_text(Decimal("1E+2")), decimal_text(Decimal("-0"))
    ('15.3', '100', '0')
    """
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")


def _exact(value: object) -> object:
    """`value` as a decimal string of at most 12 digits before and after the point."""
    if isinstance(value, float | bool):
        raise ValueError("must be a decimal string such as '15.3', not a binary number")
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= 12:
        value = decimal_text(value)
    if isinstance(value, int) and abs(value) < 10**12:
        value = str(value)
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError("must be a decimal number such as 15.3")
    return value


def measured(unit: str, places: int, minimum: str | None = None, maximum: str | None = None) -> Any:
    """The type of a measured item: a decimal with a unit, fixed places and hard limits.

    >>> class Example(Body):
    ...     diameter: measured("mm", 1, "0", "500")
    >>> Example(diameter="15.30").model_dump_json()
    '{"diameter":"15.3"}'
    """
    low = None if minimum is None else Decimal(minimum)
    high = None if maximum is None else Decimal(maximum)

    def check(value: Decimal) -> Decimal:
        scaled = value.scaleb(places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"must have at most {places} decimal places ({unit})")
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"must lie between {minimum} and {maximum} {unit}")
        return value

    return Annotated[
        Decimal,
        BeforeValidator(_exact),
        AfterValidator(check),
        PlainSerializer(decimal_text, return_type=str),
        Measure(unit, places),
    ]


@lru_cache(maxsize=4096)
def _partial_date(value: str) -> str:
    """`value`, if it is such a date; the same days are checked with every event of a trial."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", value, re.ASCII)
    if match is None:
        raise ValueError("must be a date as YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = match.groups()
    try:
        datetime.date(int(year), int(month or 1), int(day or 1))
    except ValueError as error:
        raise ValueError(f"is not a date that exists ({error})") from error
    return value


_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _full_date(value: object) -> object:
    day = type(value) is datetime.date
    if not day and not (isinstance(value, str) and _FULL_DATE.fullmatch(value)):
        raise ValueError("must be a full date as YYYY-MM-DD: this item takes no partial date")
    return value


PartialDate = Annotated[str, AfterValidator(_partial_date)]
"""A date of which the day, or day and month, may be unknown: YYYY, YYYY-MM, YYYY-MM-DD."""

FullDate = Annotated[datetime.date, BeforeValidator(_full_date)]
"""A date that must be complete."""

TimeOfDay = Annotated[str, Field(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time by the clock of the hospital, as HH:MM, beside an item that says the day."""


class Body(BaseModel):
    """Base of event bodies and of the child rows nested in them.

    `TABLE` is the name of the table that the rows become. An item `x` that may be missing for a
    reason has a partner `x_missing: MissingReason | None`; a value and a reason exclude each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    TABLE: ClassVar[str] = ""

    @model_validator(mode="after")
    def _value_or_reason(self) -> Self:
        for item, reason in _with_reasons(type(self)):
            if getattr(self, reason) is not None and getattr(self, item, None) is not None:
                raise ValueError(f"{item} has both a value and a reason for being missing")
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("TABLE"):
            cls.TABLE = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


@cache
def _with_reasons(cls: type[Body]) -> tuple[tuple[str, str], ...]:
    """The items of a class that may be missing for a reason, each with the item of its reason."""
    return tuple(
        (name.removesuffix("_missing"), name)
        for name in cls.model_fields
        if name.endswith("_missing")
    )


class EventBody(Body):
    """Base of every event type. The class name is the type's name in the record.

    From the first release on a class never changes: a new version is a new class of the same TYPE
    with a higher VERSION, and an upcaster that turns the old body into the new one. It may rename,
    add and drop items, but not rename nested rows or the item that identifies them.
    """

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    def guards(self, subject: str | None) -> tuple[str, ...]:
        """Names that may occur once in a record, ever: the second line behind the lock."""
        return ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("TYPE"):
            cls.TYPE = cls.__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event that is not yet in the record: everything but seq, recorded, prev and hash."""

    type: str
    type_version: int
    body: Mapping[str, Any]
    actor: str
    role: str
    organisation: str
    study_version: str
    occurred: str | None = None
    subject: str | None = None
    site: str | None = None
    reason: str | None = None
    cause: str | None = None
    idempotency_key: str | None = None
    guards: tuple[str, ...] = ()


class Event(NamedTuple):
    """One entry of the record. `body` is canonical JSON text; `recorded` ISO 8601 UTC.

    `offset` is the server's offset from UTC in minutes; `recorded` never decreases along `seq`.
    A tuple, in the order of the stores' columns: hundreds of thousands are read at a time.
    """

    seq: int
    trial: str
    type: str
    type_version: int
    subject: str | None
    site: str | None
    occurred: str | None
    recorded: str
    offset: int
    actor: str
    role: str
    organisation: str
    reason: str | None
    cause: str | None
    study_version: str
    release: str
    idempotency_key: str | None
    body: str
    prev: str
    hash: str


def content(event: Event) -> dict[str, Any]:
    """The body of an event as JSON values; RecordError when it is no JSON object."""
    try:
        found = json.loads(event.body)
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(f"event {event.seq}: the body of a {event.type} is not JSON") from error
    if not isinstance(found, dict):
        raise RecordError(f"event {event.seq}: the body of a {event.type} is not a JSON object")
    return found
