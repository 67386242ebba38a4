"""The form of any action, generated from its input model: envelope, items, rows.

`ActionForm` reads what was posted into the body of an action, hands nothing on that Django could
not read, and puts what `conduct` says back to the item that it speaks of.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from equipoise.conduct.admission import MADE_TODAY, REASON_NEEDED
from equipoise.conduct.days import NEEDED
from equipoise.errors import BadInput
from equipoise.record.declaration import Column, columns
from equipoise.record.event import Body, UnderKey
from equipoise.study.actions import Action
from equipoise.study.catalogue import ACTIONS
from equipoise.web.asking import Asking
from equipoise.web.forms.choices import Offer, choices
from equipoise.web.forms.fields import (
    MISSING,
    FullDateField,
    PartialDateField,
    field_for,
    plain,
)

REASON = "_missing"
MOST_ROWS = 60
UNDATED = frozenset(
    {
        "Correct", "Redact", "QueryRaised", "QueryAnswered", "QueryClosed", "QueryReopened",
        "SourceVerified",
        "Locked", "Unlocked", "Signed", "Exported", "CertifiedCopyMade", "CutOffDeclared",
        "AnalyseCutOff",
        "IdentityRevealed", "BreakCode", "PersonUnblinded", "AuditTrailReviewed", "RecordIdentity",
        "ActivateScheme", "ReproduceAllocations", "AdoptStudyVersion", "AccessReviewed",
    }
)  # fmt: skip
"""Actions of which the day is that of their recording: no day is asked for."""


def new_key() -> str:
    """A key that makes a form count once, however often it is sent."""
    return f"web-{secrets.token_hex(12)}"


def item_fields(cls: type[Body], action: str, offer: Offer) -> Iterator[tuple[Column, forms.Field]]:
    """The fields of a model's items, each item that may lack for a reason with its reason's."""
    words = offer.words
    for column in columns(cls):
        info = cls.model_fields[column.name]
        if column.kind == "children":
            continue
        if column.name.endswith(REASON):
            pairs = [(each, words[f"missing.{each}"]) for each in MISSING]
            yield (
                column,
                forms.ChoiceField(
                    choices=[("", "—"), *pairs], required=False, label=words["field.missing_reason"]
                ),
            )
            continue
        nullable = column.nullable or not info.is_required()
        long = any(isinstance(each, UnderKey) for each in info.metadata)
        long = long or "UnderKey" in str(info.annotation)
        field = field_for(
            action, column, info.annotation,
            offered=choices(action, column.name, offer),
            required=not nullable, long=long, words=words,
        )  # fmt: skip
        if not info.is_required() and info.default not in (None, ()):
            field.initial = str(info.default).lower() if column.kind == "boolean" else info.default
        yield column, field


class RowForm(forms.Form):
    """One nested row: a lesion, a result, a control."""


class ActionForm(forms.Form):
    """The form of one action; `rows` are its nested rows by item."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(
        self,
        action: str,
        offer: Offer,
        data: Mapping[str, Any] | None = None,
        *,
        seen: int = 0,
        initial: Mapping[str, Any] | None = None,
        fixed: Mapping[str, Any] | None = None,
        leave_out: frozenset[str] = frozenset(),
    ) -> None:
        """`fixed`: items that the page itself gives, and nobody is asked for."""
        self.action, self.offer, self.model = action, offer, ACTIONS[action]
        self.fixed = dict(fixed or {})
        start = {"key": new_key(), "seen": seen, **(initial or {})}
        super().__init__(data, initial=start)
        words = offer.words
        if action not in UNDATED and action not in MADE_TODAY:
            partial = getattr(self.model, "PARTIAL_OCCURRED", False)
            kind = PartialDateField if partial else FullDateField
            self.fields["occurred"] = kind(
                required=action in NEEDED,
                label=words.of(f"field.{action}.occurred", "field.occurred"),
            )
        self._columns: dict[str, Column] = {}
        for column, field in item_fields(self.model, action, offer):
            if column.name not in self.fixed and column.name not in leave_out:
                self._columns[column.name] = column
                self.fields[column.name] = field
        if action in REASON_NEEDED or "reason" in (initial or {}):
            self.fields["reason"] = forms.CharField(
                label=words["field.reason"], widget=forms.Textarea(attrs={"rows": 2}),
                required=action in REASON_NEEDED, max_length=2000,
            )  # fmt: skip
        self.rows = {
            column.name: self._row_forms(column, data, (initial or {}).get(column.name, ()))
            for column in columns(self.model)
            if column.child is not None
            and column.name not in self.fixed
            and column.name not in leave_out
        }

    def _row_forms(
        self, column: Column, data: Mapping[str, Any] | None, initial: Any
    ) -> list[forms.Form]:
        if data is None:
            number = len(initial)
        else:
            told = str(data.get(f"{column.name}-rows", "0"))
            number = min(int(told) if told.isdigit() else 0, MOST_ROWS)
        return [
            self.row_form(column, str(place), data, initial[place] if place < len(initial) else {})
            for place in range(number)
        ]

    def row_form(
        self, column: Column, place: str, data: Mapping[str, Any] | None, initial: Any
    ) -> forms.Form:
        """The form of one row of a nested item; `place` is its number in the page."""
        assert column.child is not None
        form = RowForm(data, prefix=f"{column.name}-{place}", initial=dict(initial),
                       empty_permitted=True, use_required_attribute=False)  # fmt: skip
        for child, field in item_fields(column.child, self.action, self.offer):
            form.fields[child.name] = field
        return form

    def blank_row(self, item: str) -> forms.Form:
        """A row without a number."""
        column = next(each for each in columns(self.model) if each.name == item)
        return self.row_form(column, "__place__", None, {})

    @property
    def blank_rows(self) -> dict[str, forms.Form]:
        """The rows that a page copies when another is asked for, by item."""
        return {item: self.blank_row(item) for item in self.rows}

    def is_valid(self) -> bool:
        """Whether everything could be read: items and rows."""
        rows = [form.is_valid() for forms_ in self.rows.values() for form in forms_]
        return super().is_valid() and all(rows)

    def body(self) -> dict[str, Any]:
        """What was entered, as the action's body. Rows left empty are no rows."""
        found = {
            name: plain(column, self.cleaned_data.get(name))
            for name, column in self._columns.items()
        }
        found = {name: value for name, value in found.items() if value is not None}
        for item, rows in self.rows.items():
            child = next(each.child for each in columns(self.model) if each.name == item)
            assert child is not None
            entered = [_row(child, form.cleaned_data) for form in rows if form.has_changed()]
            found[item] = [row for row in entered if row]
        return {**found, **self.fixed}

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The action of the person who asks, from what was entered."""
        occurred = self.cleaned_data.get("occurred")
        return Action(
            name=self.action, body=self.body(), actor=asking.person, role=asking.role,
            organisation=asking.organisation, key=self.cleaned_data["key"],
            seen=self.cleaned_data["seen"], subject=subject, site=site,
            occurred=str(occurred) if occurred else None,
            reason=self.cleaned_data.get("reason") or None, recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: BadInput) -> None:
        """Put what `conduct` said beside the items that it speaks of, the rest above the form."""
        for problem in error.problems:
            for text in str(problem.allowed).split("; "):
                name = str(problem.field or "") or _named(text)
                self.add_error(name if name in self.fields else None, text)


def _row(child: type[Body], cleaned: Mapping[str, Any]) -> dict[str, Any]:
    found = {each.name: plain(each, cleaned.get(each.name)) for each in columns(child)}
    return {name: value for name, value in found.items() if value is not None}


def _named(text: str) -> str:
    """The item that a message of a model begins with.

    >>> _named("cycle: must be 1 or more"), _named("nothing in front")
    ('cycle', '')
    """
    found = re.match(r"([a-z_][a-z0-9_]*)(?:\.[0-9a-z_.]+)?: ", text)
    return found.group(1) if found else ""
