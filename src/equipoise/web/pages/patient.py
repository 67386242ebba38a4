"""The one page of a patient: a code and a year of birth open one questionnaire, and nothing else.

Nobody is logged in by it and no session is made: the code goes with the answers, and is used up by
them. Whoever tries codes is slowed down, and is written into the chain of logins.
"""

from __future__ import annotations

import json
from typing import Any, cast

from django import forms
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from equipoise.conduct.questionnaires import new_proof, offer_of
from equipoise.errors import BadInput, EquipoiseError
from equipoise.study.access import PARTICIPANT
from equipoise.study.actions import Action
from equipoise.visits.plan import Form, Item
from equipoise.web import logins
from equipoise.web.address import client_address
from equipoise.web.forms.action import new_key
from equipoise.web.limits import counted
from equipoise.web.trial import trial
from equipoise.web.wording import Words, wording

MOST_WRONG = 10
"""Wrong codes of one address in a quarter of an hour, and of one offer in a day."""
QUARTER, DAY = 900, 86_400


class CodeForm(forms.Form):
    """Code and year of birth."""

    code = forms.CharField(max_length=40)
    birth_year = forms.RegexField(r"^\s*[0-9]{4}\s*$", max_length=8)

    def __init__(self, words: Words, data: Any = None) -> None:
        super().__init__(data)
        for name, mode in (("code", "text"), ("birth_year", "numeric")):
            self.fields[name].label = words[f"patient.{name}"]
            self.fields[name].widget.attrs.update(inputmode=mode, autocomplete="off")
            self.fields[name].error_messages = dict.fromkeys(
                ("required", "invalid"), words[f"patient.{name}.wrong"]
            )


class AnswerForm(forms.Form):
    """The items of the questionnaire, none of which must be answered; the code goes with them.

    What was left out is told once, before it is taken as it is: on a phone an item is easily
    passed over, and answers are sent once.
    """

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    code = forms.CharField(widget=forms.HiddenInput, max_length=40)
    birth_year = forms.CharField(widget=forms.HiddenInput, max_length=8)
    told = forms.CharField(widget=forms.HiddenInput, max_length=1, required=False)

    def __init__(self, plan: Form, words: Words, data: Any = None, **start: Any) -> None:
        super().__init__(data, initial={"key": new_key(), **start})
        self.plan, self.words = plan, words
        for item in plan.items:
            self.fields[item.code] = forms.ChoiceField(
                label=words.label(item.label), choices=_choices(item, words), required=False,
                widget=forms.RadioSelect,
            )  # fmt: skip

    def asked(self) -> list[forms.BoundField]:
        """The items as the page shows them."""
        return [self[item.code] for item in self.plan.items]

    def clean(self) -> dict[str, Any]:
        """The entries; what was left out is told before it is taken."""
        found = super().clean() or self.cleaned_data
        self.left_out = [each.code for each in self.plan.items if not found.get(each.code)]
        if len(self.left_out) == len(self.plan.items):
            self.add_error(None, self.words["patient.nothing"])
        elif self.left_out and not found.get("told") and not self.errors:
            self.data = {**cast(QueryDict, self.data).dict(), "told": "1"}
            self.add_error(None, self.words["patient.left_out"])
        return found

    def numbers_alone(self) -> bool:
        """Whether the choices are numbers without words, which stand in one row."""
        return not any(each.codes for each in self.plan.items)

    def answers(self) -> list[dict[str, str]]:
        """What was answered; what was left out, as such."""
        given = {item.code: self.cleaned_data.get(item.code) for item in self.plan.items}
        return [
            {"item": code, "value": value} if value else {"item": code, "value_missing": "not_done"}
            for code, value in given.items()
        ]


def _choices(item: Item, words: Words) -> list[tuple[str, str]]:
    if item.codes:
        return [(each.code, words.label(each.label)) for each in item.codes]
    low, high = int(item.minimum or 0), int(item.maximum or 0)
    return [(str(each), str(each)) for each in range(low, high + 1)]


@require_http_methods(["GET", "HEAD", "POST"])
def questionnaire(request: HttpRequest) -> HttpResponse:
    """Ask for the code, show the questionnaire that it opens, take the answers."""
    words = wording(getattr(request, "LANGUAGE_CODE", "en"))
    if request.method != "POST":
        return _enter(request, CodeForm(words))
    form = CodeForm(words, request.POST)
    if not form.is_valid():
        return _enter(request, form, status=422)
    code, year = (str(form.cleaned_data[name]) for name in ("code", "birth_year"))
    if _slowed(request, code):
        form.add_error(None, words["patient.too_often"])
        return _enter(request, form, status=429)
    found = _opened(code, year)
    if found is None and _sent_before(code, request.POST.get("key", "")):
        return render(request, "questionnaire/done.html", {})
    if found is None:
        _refused(request, code)
        form.add_error(None, words["patient.wrong"])
        return _enter(request, form, status=422)
    subject, plan = found
    if "key" not in request.POST:
        return _ask(request, AnswerForm(plan, words, code=code, birth_year=year.strip()))
    return _answered(request, subject, AnswerForm(plan, words, request.POST), words)


def _answered(request: HttpRequest, subject: str, form: AnswerForm, words: Words) -> HttpResponse:
    if not form.is_valid():
        return _ask(request, form, status=422)
    found, site = form.cleaned_data, trial().ask.site(subject)
    body = {name: found[name] for name in ("code", "birth_year")} | {"items": form.answers()}
    try:
        trial().conductor.act(
            Action(
                name="AnswerQuestionnaire", body=body, actor=PARTICIPANT, role=PARTICIPANT,
                organisation="-", key=found["key"], subject=subject, site=site,
                occurred=trial().ask.today(site).isoformat(), recorded=trial().recorded,
            )
        )  # fmt: skip
    except EquipoiseError:
        form.add_error(None, words["patient.not_saved"])
        return _ask(request, form, status=422)
    return render(request, "questionnaire/done.html", {})


def _opened(code: str, year: str) -> tuple[str, Form] | None:
    """The subject and the form that a code and a year of birth open now."""
    ask, subject = trial().ask, _subject(code)
    if subject is None:
        new_proof(code, year)  # takes as long as a code that is there
        return None
    try:
        found = ask.open_offer(subject, code, year)
    except BadInput:
        return None
    plans = ask.study(ask.site(subject)).visits.forms
    return subject, next(each for each in plans if each.code == found.form)


def _subject(code: str) -> str | None:
    """The subject to whom a code was given, by its first part, which proves nothing."""
    offer = offer_of(code)
    offers = trial().log.read(types={"QuestionnaireOffered"})
    return next((e.subject for e in offers if json.loads(e.body)["offer"] == offer), None)


def _sent_before(code: str, key: str) -> bool:
    """Whether these answers were sent already, as by a double click."""
    subject = _subject(code)
    events = trial().ask.events(subject) if subject else ()
    return any(e.role == PARTICIPANT and e.idempotency_key == key for e in events)


def _counters(request: HttpRequest, code: str) -> tuple[tuple[str, int], ...]:
    address, offer = client_address(request), offer_of(code)
    return (f"questionnaire-address-{address}", QUARTER), (f"questionnaire-offer-{offer}", DAY)


def _slowed(request: HttpRequest, code: str) -> bool:
    return any(cache.get(name, 0) >= MOST_WRONG for name, _ in _counters(request, code))


def _refused(request: HttpRequest, code: str) -> None:
    for name, seconds in _counters(request, code):
        counted(name, seconds)
    logins.keep("CodeRefused", "-", {"address": client_address(request)})


def _enter(request: HttpRequest, form: CodeForm, *, status: int = 200) -> HttpResponse:
    return render(request, "questionnaire/enter.html", {"form": form}, status=status)


def _ask(request: HttpRequest, form: AnswerForm, *, status: int = 200) -> HttpResponse:
    content = {"form": form, "title": form.plan.label}
    return render(request, "questionnaire/answer.html", content, status=status)
