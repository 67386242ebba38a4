"""What an entry says, in words: labels of items and codes, decimals and units of the language.

`sight` decides what is to be seen; here what is seen is put into words of the study and of the
pages. No code stands where somebody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from equipoise.oversight.signature import CASE_BOOK
from equipoise.record.declaration import Column, columns
from equipoise.record.event import Body
from equipoise.study.catalogue import CATALOGUE
from equipoise.visits import plan as visits
from equipoise.web.asking import Asking
from equipoise.web.doing import offer_to
from equipoise.web.forms.choices import Offer, choices
from equipoise.web.forms.fields import literal_values
from equipoise.web.query_view import item_label
from equipoise.web.sight import Item, Shown

UNITLESS = "as given"


@dataclass(frozen=True, slots=True)
class Line:
    """One item in words: what it is called, what it says or why not; nested rows as lines."""

    label: str
    text: str = ""
    state: str | None = None
    rows: tuple[tuple[Line, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Telling:
    """Puts entries into words, for one subject and one language."""

    asking: Asking
    subject: str
    offer: Offer
    known: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, asking: Asking, subject: str) -> Telling:
        """The telling of a subject's entries to the person who asks."""
        return cls(asking, subject, offer_to(asking, subject))

    def entries(self, events: Iterable[Shown]) -> list[tuple[Shown, tuple[Line, ...]]]:
        """Entries as somebody sees them, each with its lines."""
        return [(shown, self.lines(shown)) for shown in events]

    def lines(self, shown: Shown) -> tuple[Line, ...]:
        """The items of an entry that say something, in their order."""
        event_type = shown.event.type
        plan = None
        if event_type == "FormSaved":
            forms = {each.code: each for each in self.offer.study.visits.forms}
            told = shown.item("form")
            plan = forms.get(str(told.value)) if told else None
        lines = tuple(self._lines(event_type, CATALOGUE.of(event_type), shown.items, plan))
        return self._about(shown, lines)

    def _about(self, shown: Shown, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """The lines of an entry that speaks of an item of another: what that is called."""
        target, item = shown.item("target"), shown.item("item")
        if target is None or item is None or not (target.value and item.value):
            return lines
        named = item_label(self.asking, self.subject, target.value, item.value)
        return tuple(
            replace(line, text=named) if line.text == item.value else line for line in lines
        )

    def _lines(
        self, event_type: str, model: type[Body], items: Iterable[Item], plan: visits.Form | None
    ) -> Iterator[Line]:
        declared = {each.name: each for each in columns(model)}
        for item in items:
            column = declared.get(item.name)
            label = self._label(event_type, item.name)
            if item.rows:
                child = column.child if column else None
                rows = [
                    _of_form(self.offer, plan, row) if plan
                    else tuple(self._lines(event_type, child, row, None)) if child else ()
                    for row in item.rows
                ]  # fmt: skip
                yield Line(label, rows=tuple(row for row in rows if row))
            elif item.state:
                yield Line(label, state=item.state)
            elif item.value not in (None, [], ""):
                yield Line(label, self._text(event_type, model, column, item))

    def _label(self, event_type: str, name: str) -> str:
        return self.offer.words.of(f"field.{event_type}.{name}", f"field.{name}")

    def _text(self, event_type: str, model: type[Body], column: Column | None, item: Item) -> str:
        words, value = self.offer.words, item.value
        if isinstance(value, bool):
            return words["yes" if value else "no"]
        many = value if isinstance(value, list) else [value]
        if column is not None and column.kind == "measured":
            unit = column.measure.unit if column.measure else UNITLESS
            told = decimal(words.language, value)
            return told if unit == UNITLESS or "unit" in unit else f"{told} {unit}"
        return ", ".join(self._code(event_type, model, item.name, each) for each in many)

    def _code(self, event_type: str, model: type[Body], name: str, value: Any) -> str:
        """A code by its label of the study or its word of the pages; any other value as it is."""
        if value in _codes(model, name):
            return self.offer.words.of(f"code.{event_type}.{name}.{value}", f"code.{value}")
        if (event_type, name) not in self.known:
            found = _OF_EVENTS[name](self.offer) if name in _OF_EVENTS else None
            labels = dict(found or choices(event_type, name, self.offer) or ())
            self.known[event_type, name] = labels
        return self.known[event_type, name].get(str(value), str(value))


def decimal(language: str, value: Any) -> str:
    """A decimal of the record in a language.

    >>> decimal("fr", "81.44")
    '81,44'
    """
    return str(value).replace(".", ",") if language == "fr" else str(value)


@cache
def _codes(model: type[Body], name: str) -> tuple[Any, ...]:
    info = model.model_fields.get(name)
    return literal_values(info.annotation) if info else ()


def _arms(offer: Offer) -> Iterator[tuple[str, str]]:
    yield from offer.named((each.code, each.label) for each in offer.study.randomisation.arms)


def _statuses(offer: Offer) -> Iterator[tuple[str, str]]:
    statuses = offer.study.biomarker.marker.statuses
    yield from offer.named((each.code, each.label) for each in statuses)


def _regimens(offer: Offer) -> Iterator[tuple[str, str]]:
    yield from offer.named((each.code, each.label) for each in offer.study.treatment.regimens)


def _drugs(offer: Offer) -> Iterator[tuple[str, str]]:
    doses = {d.drug: d.label for r in offer.study.treatment.regimens for d in r.doses}
    yield from offer.named(doses.items())


def _evaluators(offer: Offer) -> Iterator[tuple[str, str]]:
    yield from offer.named((each.code, each.label) for each in offer.study.response.evaluators)


def _scopes(offer: Offer) -> Iterator[tuple[str, str]]:
    yield CASE_BOOK, offer.words["code.case_book"]


_OF_EVENTS: Mapping[str, Callable[[Offer], Iterator[tuple[str, str]]]] = {
    "arm": _arms,
    "drug": _drugs,
    "evaluator": _evaluators,
    "marker_status": _statuses,
    "regimen": _regimens,
    "scope": _scopes,
}
"""Items that a form does not ask for, or asks for by their codes alone."""


def _of_form(offer: Offer, plan: visits.Form, row: tuple[Item, ...]) -> tuple[Line, ...]:
    """An item of a form of the study: its answer, or why it has none."""
    words = offer.words
    code = str(row[0].value)
    item = next((each for each in plan.items if each.code == code), None)
    label = words.label(item.label) if item else code
    for each in row[1:]:
        if each.state:
            return (Line(label, state=each.state),)
        if each.name.endswith("_missing") and each.value is not None:
            return (Line(label, words.of(f"missing.{each.value}")),)
        if each.value is not None:
            return (Line(label, answer(offer, item, str(each.value))),)
    return ()


def answer(offer: Offer, item: visits.Item | None, value: str) -> str:
    """An answer to an item of a form, as the study and the language say it."""
    words = offer.words
    if item is None:
        return value
    if item.type == "boolean":
        return words["yes" if value == "true" else "no"]
    if item.type == "code":
        return {each.code: words.label(each.label) for each in item.codes}.get(value, value)
    told = decimal(words.language, value) if item.type == "decimal" else value
    return f"{told} {item.unit}" if item.unit else told
