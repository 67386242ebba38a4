"""Cycles and doses: what the rules decide before a cycle begins, what was planned and given."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.errors import BadInput, EquipoiseError, Refused
from equipoise.record.event import decimal_text
from equipoise.treatment.events import CycleStarted
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, last_seen, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import CLINICAL, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.panels import panel
from equipoise.web.refusal import shown
from equipoise.web.sight import Sight
from equipoise.web.treatment_view import chosen_regimen, decided, milligrams
from equipoise.web.wording import wording

OWN_SCREEN["CycleStarted"] = "cycle"


def cycle_form(request: Request, subject: str, data: Any) -> ActionForm:
    """The form of the next cycle: number and regimen are known, measures are the latest ones."""
    asking, ask = request.asking, request.asking.trial.ask
    events = ask.events(subject)
    number = sum(each.type == "CycleStarted" for each in events) + 1
    item = ask.derived(subject, "subject_item").row(0, named=True)
    start: dict[str, Any] = {"occurred": ask.today(ask.site(subject)), "reason": ""}
    for name in ("height", "weight"):
        if item.get(name) is not None:
            start[name] = decimal_text(item[name])
    form = ActionForm(
        "CycleStarted", offer_to(asking, subject), data, seen=last_seen(asking, subject),
        initial=start, fixed={"cycle": number, "regimen": chosen_regimen(events) or "none"},
    )  # fmt: skip
    form.fields["reason"].label = wording(asking.language)["cycle.reason"]
    form.fields["reason"].widget = forms.Textarea(attrs={"rows": 2})
    return form


@page("subjects/<str:subject>/cycles/new/", name="cycle", roles=CLINICAL, about="subject",
      methods=("GET", "POST"))  # fmt: skip
def cycle(request: Request, subject: str) -> HttpResponse:
    """Begin the next cycle with the doses that the rules decide; against them only with a reason,
    which is a deviation."""
    asking = request.asking
    site = asking.trial.ask.site(subject)
    data = request.POST if request.method == "POST" else None
    form = cycle_form(request, subject, data)
    return answered(
        request, "treatment/cycle.html", form, subject=subject, site=site,
        then=reverse("subject", args=[subject]), number=form.fixed["cycle"],
        regimen=chosen_regimen(asking.trial.ask.events(subject)),
    )  # fmt: skip


@page("subjects/<str:subject>/cycles/doses/", name="cycle_doses", roles=CLINICAL, about="subject",
      methods=("POST",))  # fmt: skip
def cycle_doses(request: Request, subject: str) -> HttpResponse:
    """The doses that the rules would decide for the cycle as it stands in the form."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    form = cycle_form(request, subject, request.POST)
    if not form.is_valid():
        return render(request, "treatment/doses.html", {"incomplete": True})
    action = form.as_action(asking, subject=subject, site=site)
    against = None
    try:
        ask.foreseen(action)
    except Refused as error:
        against = shown(error)
    except EquipoiseError as error:
        return render(request, "treatment/doses.html", {"error": shown(error)})
    try:
        body = CycleStarted.model_validate(dict(action.body))
        table = ask.derived_with(action, body, "dose_decision")
    except (BadInput, ValueError):
        return render(request, "treatment/doses.html", {"error": against, "against": against})
    rows = table.filter(cycle=form.fixed["cycle"]).rows(named=True)
    content = {"decisions": decided(ask.study(site), rows), "against": against}
    return render(request, "treatment/doses.html", content)


@panel("treatment", 40)
def treatment(request: Request, subject: str) -> dict[str, Any] | None:
    """The cycles with their doses: decided, given, and what departs from the rules."""
    asking, ask = request.asking, request.asking.trial.ask
    events = ask.events(subject)
    sight = Sight.of(asking, events)
    if not sight.sees("DoseGiven", "amount"):
        return None
    if not any(each.type == "RegimenChosen" for each in events):
        return None
    study = ask.study(ask.site(subject))
    cycles = ask.derived(subject, "treatment_cycle").rows(named=True)
    decisions = ask.derived(subject, "dose_decision").rows(named=True)
    given = ask.derived(subject, "dose_intensity").rows(named=True)
    rows = [
        {
            **each,
            "decisions": decided(study, [d for d in decisions if d["cycle"] == each["cycle"]]),
            "given": {g["drug"]: _given(g) for g in given if g["cycle"] == each["cycle"]},
        }
        for each in cycles
    ]
    return {
        "rows": rows, "may_start": may_do(asking, "CycleStarted"), "may_give": _may_give(asking),
        "intensity": ask.derived(subject, "relative_dose_intensity").rows(named=True),
    }  # fmt: skip


def _given(row: dict[str, Any]) -> str | None:
    return milligrams(row["administered"])


def _may_give(asking: Asking) -> bool:
    return may_do(asking, "DoseGiven")
