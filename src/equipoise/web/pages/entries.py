"""One entry's items: the history of each, and its correction with a reason."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.errors import BadInput
from equipoise.record.correction import Value, history
from equipoise.record.event import Event
from equipoise.record.sealing import key_of
from equipoise.study.actions import Action
from equipoise.study.catalogue import CATALOGUE
from equipoise.web.asking import Request
from equipoise.web.doing import answered, may_do
from equipoise.web.forms.action import new_key
from equipoise.web.forms.fields import MISSING, plain_text
from equipoise.web.forms.study_form import answer_field
from equipoise.web.page import SEES_SUBJECTS, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.sight import Sight
from equipoise.web.wording import wording

OWN_SCREEN["FormSaved"] = "forms_of"
CORRECTS = frozenset({"investigator", "nurse", "pharmacist", "laboratory", "reader"})


class Asked(NamedTuple):
    """An item of an entry that the address names: who sees it, and every value that it had."""

    event: Event
    item: str
    sight: Sight
    values: list[Value]


def asked_item(request: Request, subject: str, seq: int) -> Asked:
    """What an address names; 404 where it is not there, or not for whoever asks."""
    events = tuple(request.asking.trial.ask.events(subject))
    event = next((each for each in events if each.seq == seq), None)
    item = request.GET.get("item", "")
    sight = Sight.of(request.asking, events)
    seen = event is not None and sight.lists(event) and sight.sees(event.type, item.split("/")[0])
    if event is None or not seen:
        raise Http404
    try:
        return Asked(event, item, sight, history(events, seq, item, CATALOGUE))
    except BadInput as error:
        raise Http404 from error


@page("subjects/<str:subject>/entries/<int:seq>/history/", name="history", roles=SEES_SUBJECTS,
      about="subject")  # fmt: skip
def item_history(request: Request, subject: str, seq: int) -> HttpResponse:
    """Every value that an item had: who, when, why; the first entry included (AT3)."""
    event, item, sight, values = asked_item(request, subject, seq)
    shown = [
        (each, sight.opened(each.event, item, _plain(each)), sight.reason(each.event))
        for each in values
    ]
    by = {each.redacted for each in values} - {None}
    content = {"subject": subject, "event": event, "item": item, "values": shown,
               "may_redact": may_do(request.asking, "Redact")
               and bool(readable_texts(values)),
               "redactions": [(each, sight.reason(each))
                              for each in request.asking.trial.ask.events(subject)
                              if each.seq in by],
               "zone": request.asking.trial.ask.zone(event.site)}  # fmt: skip
    return render(request, "forms/history.html", content)


def readable_texts(values: list[Value]) -> list[Value]:
    """Those of an item's values that stand under a key which nobody destroyed."""
    return [
        each for each in values
        if each.redacted is None and isinstance(text := _plain(each), str)
        and key_of(text) is not None
    ]  # fmt: skip


def _plain(value: Value) -> Any:
    return None if value.value is None else json.loads(value.value)


class CorrectionForm(forms.Form):
    """Another value for an item, or none for a reason; and why."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    action = "Correct"

    def __init__(self, request: Request, event: Event, item: str, data: Any, **start: Any) -> None:
        super().__init__(data, initial={"key": new_key(), **start})
        self.event, self.item = event, item
        words = wording(request.asking.language)
        self.fields["new"] = _answer_field(request, event, item) or forms.CharField(
            required=False, label=words["correct.new"], max_length=4000
        )
        self.fields["new_missing"] = forms.ChoiceField(
            required=False, label=words["field.missing_reason"],
            choices=[("", "—"), *((each, words[f"missing.{each}"]) for each in MISSING)],
        )  # fmt: skip
        self.fields["reason"] = forms.CharField(
            label=words["field.reason"], widget=forms.Textarea(attrs={"rows": 2}), max_length=2000
        )

    def as_action(self, asking: Any, *, subject: str | None, site: str | None) -> Action:
        """The correction of the person who asks."""
        text = plain_text(self.cleaned_data.get("new"))
        value = None if text is None else json.dumps(_typed(self.event, self.item, text))
        return Action(
            name="Correct",
            body={
                "target": self.event.seq, "item": self.item, "new": value,
                "new_missing": self.cleaned_data.get("new_missing") or None,
            },
            actor=asking.person, role=asking.role, organisation=asking.organisation,
            key=self.cleaned_data["key"], seen=self.cleaned_data["seen"], subject=subject,
            site=site, reason=self.cleaned_data["reason"], recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: BadInput) -> None:
        """What `conduct` said, beside the new value."""
        for problem in error.problems:
            self.add_error("new", problem.allowed)


def _typed(event: Event, item: str, text: str) -> Any:
    """The JSON value that a text stands for: that of the item's type."""
    from equipoise.record.declaration import columns

    name = item.split("/")[-1]
    parts = item.split("/")
    cls: Any = CATALOGUE.of(event.type)
    if len(parts) == 3:
        cls = next(each.child for each in columns(cls) if each.name == parts[0])
    kind = next((each.kind for each in columns(cls) if each.name == name), "text")
    if kind == "integer" and text.lstrip("-").isdigit():
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _answer_field(request: Request, event: Event, item: str) -> forms.Field | None:
    """The field of the study's item, where the correction is of an answer on a form."""
    parts = item.split("/")
    if event.type != "FormSaved" or parts[0] != "items" or len(parts) != 3:
        return None
    plans = request.asking.trial.ask.study(event.site).visits.forms
    code = json.loads(event.body)["form"]
    for plan in plans:
        for each in plan.items if plan.code == code else ():
            if each.code == parts[1]:
                return answer_field(each, wording(request.asking.language))
    return None


@page("subjects/<str:subject>/entries/<int:seq>/correct/", name="correct", roles=CORRECTS,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def correct(request: Request, subject: str, seq: int) -> HttpResponse:
    """Correct one item of an entry: the old value stays readable, the reason is obligatory."""
    event, item, sight, values = asked_item(request, subject, seq)
    data = request.POST if request.method == "POST" else None
    form = CorrectionForm(request, event, item, data, seen=values[-1].event.seq)
    last = values[-1]
    old = sight.opened(last.event, item, _plain(last))
    return answered(
        request, "forms/correct.html", form, subject=subject, site=event.site,
        then=reverse("form", args=[subject, seq]), event=event, item=item, old=old,
    )  # fmt: skip
