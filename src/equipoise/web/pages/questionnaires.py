"""Questionnaires of a subject: their scores, and the code with which the patient answers one."""

from __future__ import annotations

import datetime
import itertools
import json
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render

from equipoise.conduct.questionnaires import new_code, new_proof, offer_of
from equipoise.study.access import may_see
from equipoise.visits.plan import Form
from equipoise.visits.questionnaire import instruments
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import Done, do, may_do
from equipoise.web.forms.own import OwnForm
from equipoise.web.page import CLINICAL, SEES_SUBJECTS, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.panels import panel
from equipoise.web.wording import Words, wording

OWN_SCREEN["QuestionnaireOffered"] = "questionnaire_offer"
SEES_ANSWERS = frozenset(r for r in SEES_SUBJECTS if may_see(r, "FormSaved", "items"))
DAYS = 14
"""Days that a code is open, unless the hospital says otherwise."""


def _questionnaires(asking: Asking, subject: str) -> list[Form]:
    ask = asking.trial.ask
    return [each for each in ask.study(ask.site(subject)).visits.forms if each.instrument]


@panel("questionnaires", 55, SEES_ANSWERS)
def questionnaires(request: Request, subject: str) -> dict[str, Any] | None:
    """The scores of each questionnaire of a subject, one column for each time it was answered."""
    asking = request.asking
    plans = _questionnaires(asking, subject)
    if not plans:
        return None
    words = wording(asking.language)
    found = asking.trial.ask.derived(subject, "questionnaire_score")
    shown = []
    for plan in plans:
        rows = found.filter(form=plan.code).rows(named=True)
        days = {row["instance"]: row["occurred"] for row in rows}
        times = sorted(days, key=lambda each: (days[each] or datetime.date.min, each))
        by = {(row["instance"], row["scale"]): row["score"] for row in rows}
        scales = instruments()[plan.instrument or ""].scales
        lines = [(each, [_shown(by[time, each.code], words) for time in times]) for each in scales]
        shown.append({"plan": plan, "times": [(t, days[t]) for t in times], "lines": lines})
    return {"shown": shown, "may": may_do(asking, "QuestionnaireOffered")}


def _shown(score: float | None, words: Words) -> str:
    """A score with one decimal, as the manual's tables give it; "" for none."""
    text = "" if score is None else f"{score:.1f}"
    return text.replace(".", ",") if words.language == "fr" else text


def _next(asking: Asking, subject: str, plan: Form) -> str:
    """The first number that no answers of a questionnaire have yet."""
    saved = (json.loads(e.body) for e in asking.trial.ask.events(subject) if e.type == "FormSaved")
    there = {each["instance"] for each in saved if each["form"] == plan.code}
    return next(str(n) for n in itertools.count(1) if str(n) not in there)


class OfferForm(OwnForm):
    """Which questionnaire, the patient's year of birth, and until when."""

    action = "QuestionnaireOffered"
    dated = True

    def __init__(
        self, plans: list[Form], today: datetime.date, words: Words, data: Any, code: str,
        instance: str = "1",
    ) -> None:  # fmt: skip
        until = today + datetime.timedelta(DAYS)
        super().__init__(words, data, until=until.isoformat(), instance=instance)
        self.code = code
        labels = [(each.code, words.label(each.label)) for each in plans]
        self.fields["form"] = forms.ChoiceField(choices=labels, label=words["offer.form"])
        self.fields["instance"] = forms.SlugField(label=words["offer.instance"], max_length=40)
        self.fields["birth_year"] = forms.RegexField(
            r"^[0-9]{4}$", label=words["patient.birth_year"], max_length=4,
            widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        )  # fmt: skip
        self.fields["until"] = forms.DateField(
            label=words["offer.until"], widget=forms.DateInput(attrs={"type": "date"})
        )

    def body(self) -> dict[str, Any]:
        """The offer, with the proof of the code and the year in the place of both."""
        found = self.cleaned_data
        return {
            "offer": offer_of(self.code), "form": found["form"], "instance": found["instance"],
            "until": found["until"].isoformat(),
            "proof": new_proof(self.code, found["birth_year"]),
        }  # fmt: skip


@page("subjects/<str:subject>/questionnaires/new/", name="questionnaire_offer", roles=CLINICAL,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def questionnaire_offer(request: Request, subject: str) -> HttpResponse:
    """Make a code for the patient; it is shown once, to be printed, and nowhere kept."""
    asking = request.asking
    plans, ask = _questionnaires(asking, subject), asking.trial.ask
    if not plans:
        raise Http404
    site, words = ask.site(subject), wording(asking.language)
    code = new_code()
    data = request.POST if request.method == "POST" else None
    form = OfferForm(plans, ask.today(site), words, data, code, _next(asking, subject, plans[0]))
    done = Done()
    if data is not None:
        done = do(asking, form, subject=subject, site=site)
        if done.events:
            plan = next(p for p in plans if p.code == form.cleaned_data["form"])
            content = {
                "subject": subject, "code": code, "until": form.cleaned_data["until"],
                "title": plan.label, "address": request.build_absolute_uri("/questionnaire/"),
            }  # fmt: skip
            return render(request, "questionnaire/letter.html", content)
    content = {"form": form, "error": done.error, "subject": subject}
    return render(request, "questionnaire/offer.html", content, status=done.status)
