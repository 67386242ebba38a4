"""A form of a page's own: what it asks for is few items, and the rest the page knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from equipoise.errors import BadInput
from equipoise.study.actions import Action
from equipoise.web.asking import Asking
from equipoise.web.forms.action import new_key
from equipoise.web.wording import Words


class OwnForm(forms.Form):
    """Key and what was seen, as every form has them; `body` is for the form of each page.

    `dated`: the action has the day of today, as its rule counts days.
    """

    action = ""
    dated = False
    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(
        self, words: Words, data: Mapping[str, Any] | None, *, seen: int = 0, **start: Any
    ) -> None:
        super().__init__(data, initial={"key": new_key(), "seen": seen, **start})
        self.words = words

    def body(self) -> dict[str, Any]:
        """What was entered, as the body of the action: key, what was seen and reason stand beside
        it. A form that rearranges its items has a body of its own."""
        beside = ("key", "seen", "reason")
        return {name: value for name, value in self.cleaned_data.items() if name not in beside}

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The action of the person who asks."""
        today = asking.trial.ask.today(site).isoformat() if self.dated else None
        return Action(
            name=self.action, body=self.body(), actor=asking.person, role=asking.role,
            organisation=asking.organisation, key=self.cleaned_data["key"],
            seen=self.cleaned_data["seen"], subject=subject, site=site, occurred=today,
            reason=self.cleaned_data.get("reason") or None, recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: BadInput) -> None:
        """Put what `conduct` said beside its item, or above the form."""
        for problem in error.problems:
            name = str(problem.field or "")
            self.add_error(name if name in self.fields else None, problem.allowed)

    def text(self, name: str, label: str, *, rows: int = 3, required: bool = True) -> None:
        """Ask for a text of some lines."""
        self.fields[name] = forms.CharField(
            label=label, widget=forms.Textarea(attrs={"rows": rows}), max_length=4000,
            required=required,
        )  # fmt: skip
