"""Fields of the forms about harm: the term with its search, grades in the words of the standard,
criteria of seriousness to tick."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse

from equipoise.safety.ctcae import GRADES
from equipoise.safety.seriousness import CRITERIA
from equipoise.web.forms.action import ActionForm
from equipoise.web.wording import Words


class SeveralField(forms.MultipleChoiceField):
    """Several of some codes, one tick each, as one text with commas."""

    widget = forms.CheckboxSelectMultiple

    def clean(self, value: Any) -> str:
        """The codes that were ticked, with commas between."""
        return ",".join(super().clean(value))


def hide(form: ActionForm, *names: str) -> None:
    """Items that the page gives and that travel with the form: a repeated click means the same."""
    for name in names:
        form.fields[name].widget = forms.HiddenInput()


def as_radios(form: ActionForm, name: str) -> None:
    """The codes of a list as radio buttons, none chosen beforehand."""
    field = form.fields[name]
    pairs = [pair for pair in field.choices if pair[0]]  # type: ignore[attr-defined]
    form.fields[name] = forms.ChoiceField(
        choices=pairs, widget=forms.RadioSelect, required=True, label=field.label
    )


def ask_term(form: ActionForm) -> None:
    """The term as a box with a list that is searched while typing."""
    form.fields["term"].widget = forms.TextInput(
        attrs={
            "role": "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
            "aria-controls": "terms", "autocomplete": "off", "autofocus": True,
            "spellcheck": "false",
            "hx-get": reverse("terms"), "hx-trigger": "input changed delay:120ms",
            "hx-target": "#terms", "hx-sync": "this:replace", "data-combobox": "terms",
        }
    )  # fmt: skip


def ask_grade(form: ActionForm) -> None:
    """The grade by its number; the page shows the wording of the standard beside it."""
    form.fields["grade"] = forms.ChoiceField(
        choices=[(str(each), str(each)) for each in GRADES], widget=forms.RadioSelect,
        label=form.fields["grade"].label,
    )  # fmt: skip


def ask_criteria(form: ActionForm, words: Words) -> None:
    """The criteria of seriousness, each to be ticked."""
    form.fields["criteria"] = SeveralField(
        choices=[(each, words[f"criterion.{each}"]) for each in CRITERIA],
        label=words["serious.criteria"],
    )  # fmt: skip
