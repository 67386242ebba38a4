"""Django fields made from an item's declaration: kind, unit, places, limits, missing reasons.

A field places errors and reads what people type, in their language; what may be recorded is
checked again by the model and by the rules, and only they decide.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from django import forms
from django.utils import formats
from pydantic import TypeAdapter, ValidationError

from equipoise.record.declaration import Column
from equipoise.record.event import (
    LONGEST_TEXT,
    Measure,
    MissingReason,
    PartialDate,
    TimeOfDay,
    decimal_text,
)
from equipoise.web.forms.choices import Choices
from equipoise.web.wording import Words

_PARTIAL: TypeAdapter[str] = TypeAdapter(PartialDate)
MISSING = get_args(MissingReason)


class ExactDecimalField(forms.DecimalField):
    """A decimal as the person writes it: 15,3 and 15.3 alike; never a binary number."""

    def __init__(self, measure: Measure | None = None, **options: Any) -> None:
        self.measure = measure
        super().__init__(**options)
        self.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        """The decimal, None for nothing; ValidationError for what is no number."""
        if value in self.empty_values:
            return None
        text = str(value).strip().replace("\u202f", "").replace("\u00a0", "").replace(" ", "")
        if text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        return super().to_python(text)

    def prepare_value(self, value: Any) -> Any:
        """A recorded decimal in the language of the page."""
        try:
            text = decimal_text(Decimal(str(value)))
        except ArithmeticError:
            return value
        return text.replace(".", formats.get_format("DECIMAL_SEPARATOR"))


class PartialDateField(forms.CharField):
    """A date of which day, or day and month, may be unknown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.widget = forms.TextInput(
            attrs={"inputmode": "numeric", "placeholder": "YYYY-MM-DD", "autocomplete": "off",
                   "class": "date partial"}
        )  # fmt: skip

    def clean(self, value: Any) -> str:
        """The date as YYYY, YYYY-MM or YYYY-MM-DD; 3/2024 and 14/3/2024 are understood."""
        text = str(super().clean(value) or "").strip()
        if not text:
            return ""
        parts = text.replace(".", "/").split("/")
        if len(parts) in (2, 3) and all(part.isdigit() for part in parts) and len(parts[-1]) == 4:
            text = "-".join([parts[-1], *(part.zfill(2) for part in reversed(parts[:-1]))])
        try:
            return _PARTIAL.validate_python(text)
        except ValidationError as error:
            raise forms.ValidationError(
                error.errors()[0]["msg"].removeprefix("Value error, ")
            ) from error


class FullDateField(forms.DateField):
    """A whole date, by the browser's own calendar."""

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"], **options)
        self.widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class TimeOfDayField(forms.TimeField):
    """A time of the day in hours and minutes, by the browser's own clock."""

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H.%M", "%Hh%M"], **options)
        self.widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


def literal_values(annotation: Any) -> tuple[Any, ...]:
    """The values of a Literal, inside Annotated or `| None` too; none for another type.

    >>> literal_values(Literal["a", "b"] | None)
    ('a', 'b')
    """
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    for inside in get_args(annotation):
        if found := literal_values(inside):
            return found
    return ()


def field_for(
    action: str, column: Column, annotation: Any, *, offered: Choices | None, required: bool,
    long: bool, words: Words,
) -> forms.Field:  # fmt: skip
    """The field of one item. `offered`: its codes where the study or the record gives them."""
    common: dict[str, Any] = {
        "required": required,
        "label": words.of(f"field.{action}.{column.name}", f"field.{column.name}"),
    }
    if column.kind == "boolean":
        pairs = [("true", words["yes"]), ("false", words["no"])]
        return _choice(pairs, common)
    if values := literal_values(annotation):
        coded = [
            (str(each), words.of(f"code.{action}.{column.name}.{each}", f"code.{each}"))
            for each in values
        ]
        return _choice(coded, common)
    if offered is not None and column.kind == "text":
        return _choice(offered, common)
    if column.kind == "measured":
        return ExactDecimalField(measure=column.measure, **common)
    if column.kind == "integer":
        widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
        return forms.IntegerField(widget=widget, **common)
    if column.kind == "date":
        return FullDateField(**common)
    if _holds(annotation, PartialDate):
        return PartialDateField(**common)
    if _holds(annotation, TimeOfDay):
        return TimeOfDayField(**common)
    if column.kind == "list":
        return forms.CharField(help_text=words["hint.list"], **common)
    widget_type = forms.Textarea(attrs={"rows": 3}) if long else forms.TextInput()
    return forms.CharField(max_length=LONGEST_TEXT, widget=widget_type, **common)


def _holds(annotation: Any, kind: Any) -> bool:
    """Whether an annotation is of a kind of item, or of that or nothing."""
    return annotation is kind or any(_holds(each, kind) for each in get_args(annotation))


def _choice(pairs: Choices, common: dict[str, Any]) -> forms.ChoiceField:
    return forms.ChoiceField(choices=[("", "—"), *pairs], **common)


def plain(column: Column, value: Any) -> Any:
    """A cleaned value as an action's body takes it; None for nothing.

    >>> import polars as pl
    >>> yes_or_no = Column("x", "boolean", pl.Boolean(), pl.Boolean())
    >>> plain(yes_or_no, "true"), plain(yes_or_no, "")
    (True, None)
    """
    if value is None or value == "":
        return None
    if column.kind == "boolean":
        return value == "true" if isinstance(value, str) else bool(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return f"{value:%H:%M}"
    if column.kind == "integer":
        return int(value)
    if column.kind == "list":
        return [each.strip() for each in str(value).split(",") if each.strip()]
    return value


def plain_text(value: Any) -> str | None:
    """A cleaned value as the answer to an item of a study form takes it.

    >>> plain_text(Decimal("70.50")), plain_text(True), plain_text(""), plain_text(7)
    ('70.5', 'true', None, '7')
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)
