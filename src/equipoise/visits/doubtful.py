"""What on a form may be right and is unusual: it is asked about, and never refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from equipoise.record.plan import Label
from equipoise.visits.events import FormItem
from equipoise.visits.form import canonical_value, false_checks
from equipoise.visits.plan import Form, Item, VisitsPlan


class Doubt(NamedTuple):
    """One finding: the items that it speaks of, and the wording of the soft check that is false,
    or the limits between which the value of the item was expected."""

    items: tuple[str, ...]
    wording: Label | None = None
    expected: tuple[Decimal | None, Decimal | None] | None = None


def doubtful(
    plan: VisitsPlan,
    form: Form,
    items: Iterable[FormItem],
    *,
    today: datetime.date,
    known: Callable[[], pl.DataFrame] | None = None,
) -> list[Doubt]:
    """Values beyond the `expected_` limits of their item, then soft checks that are false, in the
    order of the form. Answers that cannot be recorded at all are left out: `check_form` tells them.

    >>> label = Label(en="Weight")
    >>> weight = Item(code="weight", label=label, type="decimal", expected_maximum="130")
    >>> form = Form(code="vital_signs", label=label, items=(weight,))
    >>> plan = VisitsPlan(consents=(), forms=(form,), visits=())
    >>> told = doubtful(plan, form, [FormItem(item="weight", value="171")],
    ...                 today=datetime.date(2024, 1, 1))
    >>> told[0].items, told[0].expected
    (('weight',), (None, Decimal('130')))
    """
    answers = list(_readable(form, items, today))
    texts = {each.item: each.value for each in answers}
    found = [
        Doubt((item.code,), expected=(item.expected_minimum, item.expected_maximum))
        for item in form.items
        if _unusual(item, texts.get(item.code))
    ]
    for check, row in false_checks(plan, form, answers, known, severity="soft"):
        found.append(Doubt(tuple(each.name for each in row), check.wording))
    return found


def _readable(
    form: Form, items: Iterable[FormItem], today: datetime.date
) -> Iterator[FormItem]:  # fmt: skip
    by_code = {item.code: item for item in form.items}
    for answer in items:
        if answer.item not in by_code or answer.value is None:
            continue
        try:
            text = canonical_value(by_code[answer.item], answer.value, today=today)
        except ValueError:
            continue
        yield FormItem(item=answer.item, value=text)


def _unusual(item: Item, text: str | None) -> bool:
    if text is None or item.type not in ("decimal", "integer"):
        return False
    value, low, high = Decimal(text), item.expected_minimum, item.expected_maximum
    return (low is not None and value < low) or (high is not None and value > high)
