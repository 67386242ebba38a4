"""A form of the study file, to be filled in: one field an item, with unit, limits and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms

from equipoise.errors import BadInput
from equipoise.record.event import LONGEST_TEXT, Measure, decimal_text
from equipoise.study.actions import Action
from equipoise.visits.plan import Form, Item
from equipoise.web.asking import Asking
from equipoise.web.forms.action import new_key
from equipoise.web.forms.choices import Offer
from equipoise.web.forms.fields import (
    MISSING,
    ExactDecimalField,
    FullDateField,
    PartialDateField,
    plain_text,
)
from equipoise.web.wording import Words

ITEM, REASON = "item-", "missing-"


@dataclass(frozen=True, slots=True)
class Question:
    """An item of the form as the page shows it: its field, the reason's, and its limits."""

    item: Item
    answer: Any
    reason: Any
    limits: str


class StudyForm(forms.Form):
    """One instance of a form of the study file."""

    action = "FormSaved"
    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    instance = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(
        self, plan: Form, offer: Offer, data: Mapping[str, Any] | None = None, *,
        instance: str = "1", visit: str | None = None, day: str = "",
    ) -> None:  # fmt: skip
        self.plan, self.offer = plan, offer
        words = offer.words
        start = {"key": new_key(), "seen": 0, "instance": instance, "visit": visit, "occurred": day}
        super().__init__(data, initial=start)
        self.fields["occurred"] = FullDateField(label=words["form.day"], required=False)
        visits = offer.study.visits.visits
        pairs = [(each.code, words.label(each.label)) for each in visits]
        self.fields["visit"] = forms.ChoiceField(
            choices=[("", "—"), *pairs], required=False, label=words["field.visit"]
        )
        for item in plan.items:
            self.fields[ITEM + item.code] = answer_field(item, words)
            reasons = [(each, words[f"missing.{each}"]) for each in MISSING]
            self.fields[REASON + item.code] = forms.ChoiceField(
                choices=[("", words["form.answered"]), *reasons], required=False,
                label=f"{words.label(item.label)}: {words['field.missing_reason']}",
            )  # fmt: skip

    def questions(self) -> Iterator[Question]:
        """The items in the order of the study file."""
        for item in self.plan.items:
            yield Question(
                item, self[ITEM + item.code], self[REASON + item.code],
                limits(item, self.offer.words),
            )  # fmt: skip

    def body(self) -> dict[str, Any]:
        """What was entered so far, as the body of FormSaved."""
        cleaned = self.cleaned_data
        items = [
            {
                "item": each.code,
                "value": plain_text(cleaned.get(ITEM + each.code)),
                "value_missing": cleaned.get(REASON + each.code) or None,
            }
            for each in self.plan.items
        ]
        return {
            "form": self.plan.code,
            "instance": cleaned.get("instance") or "1",
            "visit": cleaned.get("visit") or None,
            "items": items,
        }

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The action that keeps the form."""
        day = self.cleaned_data.get("occurred")
        return Action(
            name="FormSaved", body=self.body(), actor=asking.person, role=asking.role,
            organisation=asking.organisation, key=self.cleaned_data.get("key", "-"),
            seen=self.cleaned_data.get("seen") or 0, subject=subject, site=site,
            occurred=day.isoformat() if day else None, recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: BadInput) -> None:
        """Put what `conduct` said beside the items that it speaks of, the rest above the form."""
        for problem in error.problems:
            names = [name.strip() for name in str(problem.field or "").split(",")]
            place = next((ITEM + name for name in names if ITEM + name in self.fields), None)
            place = place or ("occurred" if names == ["occurred"] else None)
            self.add_error(place, problem.allowed)


def answer_field(item: Item, words: Words) -> forms.Field:
    common: dict[str, Any] = {"required": False, "label": words.label(item.label)}
    match item.type:
        case "decimal":
            return ExactDecimalField(Measure(item.unit or "", item.places), **common)
        case "integer":
            widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
            return forms.IntegerField(widget=widget, **common)
        case "boolean":
            pairs = [("true", words["yes"]), ("false", words["no"])]
            return forms.ChoiceField(choices=[("", "—"), *pairs], **common)
        case "code":
            codes = [(each.code, words.label(each.label)) for each in item.codes]
            return forms.ChoiceField(choices=[("", "—"), *codes], **common)
        case "date":
            return FullDateField(**common)
        case "partial_date":
            return PartialDateField(**common)
        case _:
            widget_ = forms.Textarea(attrs={"rows": 3})
            return forms.CharField(max_length=LONGEST_TEXT, widget=widget_, **common)


def limits(item: Item, words: Words) -> str:
    """The hard limits of an item in words; nothing where there are none.

    >>> from equipoise.record.plan import Label
    >>> from equipoise.web.wording import wording
    >>> weight = Item(code="weight", label=Label(en="Weight"), type="decimal", minimum=20,
    ...               maximum=350)
    >>> limits(weight, wording("en"))
    '20 to 350'
    """
    low, high = (_shown(each, words) for each in (item.minimum, item.maximum))
    if low and high:
        return words["form.between"].format(low=low, high=high)
    if low or high:
        return words["form.at_least" if low else "form.at_most"].format(low=low, high=high)
    return ""


def _shown(value: Decimal | None, words: Words) -> str:
    text = "" if value is None else decimal_text(value)
    return text.replace(".", ",") if words.language == "fr" else text
