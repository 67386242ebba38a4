"""Whether the answers on a form can be recorded, and the one text in which each is kept."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache
from typing import Final, Literal

import polars as pl
from pydantic import TypeAdapter, ValidationError

from equipoise.errors import BadInput
from equipoise.record.event import PartialDate, decimal_text
from equipoise.record.expression import Expression
from equipoise.visits.events import FormItem
from equipoise.visits.plan import Check, Form, Item, VisitsPlan
from equipoise.visits.subject_item import item_type, items_of

_DECIMAL: Final = re.compile(r"(-?\d{1,12}(?:\.\d{1,12})?)(?: (.+))?", re.ASCII)
_INTEGER: Final = re.compile(r"(-?\d{1,15})(?: (.+))?", re.ASCII)
_PARTIAL: Final[TypeAdapter[str]] = TypeAdapter(PartialDate)
_FULL: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FULL_LENGTH: Final = len("YYYY-MM-DD")
_LONGEST_TEXT: Final = 4000


def check_form(
    plan: VisitsPlan,
    form_code: str,
    items: Iterable[FormItem],
    *,
    today: datetime.date,
    known: Callable[[], pl.DataFrame] | None = None,
) -> tuple[FormItem, ...]:
    """The answers in canonical text, one for each item of the form in its order.

    An item that need not be answered and is not becomes an answer without value and reason: not
    yet known, and open to a correction. A number may be followed by its unit, which must be the
    declared one. Nothing may lie after `today`; a partial date must be able to lie before.

    Raises BadInput for a form that the plan does not have, or with every problem of the answers:
    unknown or repeated items, a required answer that has neither value nor reason, a value of
    another type or unit, with too many places, beyond a hard limit or of no declared code. Hard
    checks of the form are judged once every answer is right by itself. A check that reads items of
    other forms asks `known` for the subject's row of `subject_item`; what is not yet known makes no
    check fail.
    """
    form = next((form for form in plan.forms if form.code == form_code), None)
    if form is None:
        codes = ", ".join(each.code for each in plan.forms)
        raise BadInput(f"must be a form of the study: {codes}", field="form", found=form_code)
    given = tuple(items)
    where = f"form {form.code}"
    problems = list(_strays(form, given, where))
    by_code = {answer.item: answer for answer in given}
    answers = []
    for item in form.items:
        try:
            answers.append(_answer(item, by_code.get(item.code), today))
        except ValueError as error:
            value = by_code[item.code].value if item.code in by_code else None
            problems.append(BadInput(str(error), where=where, field=item.code, found=value))
    if not problems:
        problems = list(_failed_checks(plan, form, answers, known, where))
    if problems:
        raise BadInput.together(problems)
    return tuple(answers)


def _strays(form: Form, given: tuple[FormItem, ...], where: str) -> Iterator[BadInput]:
    """Answers to items that the form does not have, or has been given already."""
    codes = [item.code for item in form.items]
    seen: set[str] = set()
    for answer in given:
        if answer.item not in codes:
            allowed = f"must be an item of the form: {', '.join(codes)}"
            yield BadInput(allowed, where=where, field="items", found=answer.item)
        elif answer.item in seen:
            yield BadInput("must be answered once", where=where, field=answer.item)
        seen.add(answer.item)


def _answer(item: Item, answer: FormItem | None, today: datetime.date) -> FormItem:
    """The answer with its value in canonical text; ValueError says what is allowed."""
    if answer is None or answer.value is None:
        if item.required and (answer is None or answer.value_missing is None):
            raise ValueError("must have a value or a reason for being missing")
        return answer or FormItem(item=item.code)
    return FormItem(item=item.code, value=canonical_value(item, answer.value, today=today))


def canonical_value(item: Item, text: str, *, today: datetime.date) -> str:
    """The one way to write the answer `text` to `item`; ValueError says what is allowed instead.

    >>> from equipoise.record.plan import Label
    >>> weight = Item(code="weight", label=Label(en="Weight"), type="decimal", places=1, unit="kg")
    >>> canonical_value(weight, "70.50 kg", today=datetime.date(2024, 1, 1))
    '70.5'
    """
    match item.type:
        case "decimal" | "integer":
            return _number(item, text)
        case "boolean":
            return _one_of(text, ["true", "false"])
        case "code":
            return _one_of(text, [each.code for each in item.codes])
        case "date":
            if not _FULL.fullmatch(text):
                raise ValueError(
                    "must be a full date as YYYY-MM-DD: this item takes no partial date"
                )
            return _past(text, today)
        case "partial_date":
            return _past(text, today)
        case "text":
            return _free_text(text)


def _number(item: Item, text: str) -> str:
    whole = item.type == "integer"
    match = (_INTEGER if whole else _DECIMAL).fullmatch(text)
    if match is None:
        example = "15" if whole else "15.3"
        raise ValueError(f"must be {'a whole' if whole else 'a decimal'} number such as {example}")
    if match[2] is not None and match[2] != item.unit:
        raise ValueError(f"must be in {item.unit}" if item.unit else "must be without a unit")
    value = Decimal(match[1])
    unit = f" {item.unit}" if item.unit else ""
    if value != round(value, item.places) and not whole:
        raise ValueError(
            f"must have at most {item.places} decimal places{unit and f' ({item.unit})'}"
        )
    if item.minimum is not None and value < item.minimum:
        raise ValueError(f"must be at least {decimal_text(item.minimum)}{unit}")
    if item.maximum is not None and value > item.maximum:
        raise ValueError(f"must be at most {decimal_text(item.maximum)}{unit}")
    return decimal_text(value)


def _one_of(text: str, allowed: list[str]) -> str:
    if text not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}")
    return text


def _past(text: str, today: datetime.date) -> str:
    """A date, perhaps partial, that exists and whose first possible day is not after today."""
    try:
        _PARTIAL.validate_python(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    if datetime.date.fromisoformat(f"{text}-01-01"[:_FULL_LENGTH]) > today:
        raise ValueError(f"must not lie after today ({today.isoformat()})")
    return text


def _free_text(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST_TEXT:
        raise ValueError(f"must be a text of 1 to {_LONGEST_TEXT} characters")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text if letter not in "\n\t"):
        raise ValueError("must be a text without control characters")
    return text


def _failed_checks(
    plan: VisitsPlan,
    form: Form,
    answers: Iterable[FormItem],
    known: Callable[[], pl.DataFrame] | None,
    where: str,
) -> Iterator[BadInput]:
    """The hard checks of the form that are false for these answers."""
    for check, row in false_checks(plan, form, answers, known, severity="hard"):
        found = ", ".join(f"{each.name} = {each.item()}" for each in row)
        allowed = f"must pass the check {check.id}: {check.wording.en}"
        names = ", ".join(each.name for each in row)
        yield BadInput(allowed, where=where, field=names, found=found)


def false_checks(
    plan: VisitsPlan,
    form: Form,
    answers: Iterable[FormItem],
    known: Callable[[], pl.DataFrame] | None,
    *,
    severity: Literal["hard", "soft"],
) -> Iterator[tuple[Check, list[pl.Series]]]:
    """The checks of one severity that are false for these answers in canonical text, each with the
    values that it read. What is not yet known makes no check false."""
    checks = [check for check in form.checks if check.severity == severity]
    if not checks:
        return
    texts = {answer.item: answer.value for answer in answers}
    own = {item.code: item for item in form.items}
    for check in checks:
        expression = _expression(check.expression)
        elsewhere = set(expression.items) - set(own)
        others = _others(plan, known) if elsewhere else pl.DataFrame()
        row = [
            others[name] if name in elsewhere else _column(own[name], texts.get(name))
            for name in expression.items
        ]
        if expression.evaluate(pl.DataFrame(row)).item() is False:
            yield check, row


def _column(item: Item, text: str | None) -> pl.Series:
    """An answer in canonical text as a column of one row, of the type of the item."""
    value: object = text
    match item.type:
        case "decimal" if text is not None:
            value = Decimal(text)
        case "integer" if text is not None:
            value = int(text)
        case "boolean" if text is not None:
            value = text == "true"
        case "date" if text is not None:
            value = datetime.date.fromisoformat(text)
    return pl.Series(item.code, [value], dtype=item_type(item))


def _others(plan: VisitsPlan, known: Callable[[], pl.DataFrame] | None) -> pl.DataFrame:
    """One row of what is known from other forms."""
    row = None if known is None else known()
    if row is not None and len(row) == 1:
        return row
    types: dict[str, pl.DataType] = {item.code: item_type(item) for item in items_of(plan)}
    for consent in plan.consents:
        types |= {
            f"consent_{consent.code}": pl.Boolean(),
            f"consent_{consent.code}_date": pl.Date(),
        }
    types |= {"screening_date": pl.Date(), "treatment_start_date": pl.Date()}
    return pl.DataFrame({name: [None] for name in types}, schema=types)


@cache
def _expression(text: str) -> Expression:
    return Expression(text)
