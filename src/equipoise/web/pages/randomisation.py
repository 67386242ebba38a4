"""Randomisation: everything reviewed, the person proven, then the arm and what it opens.

What the arm would be is not to be had before it is recorded. The page shows the first thing that
is missing, by the rule that misses it (RN3).
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.errors import Refused
from equipoise.randomisation.plan import SITE
from equipoise.study.access import ROLES
from equipoise.visits.plan import Item
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, do, last_seen, may_do, offer_to, told
from equipoise.web.forms.action import ActionForm
from equipoise.web.forms.choices import Offer
from equipoise.web.page import CLINICAL, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.panels import panel
from equipoise.web.reauthentication import confirmed
from equipoise.web.refusal import shown
from equipoise.web.sight import Sight
from equipoise.web.telling import answer
from equipoise.web.treatment_view import chosen_regimen, options
from equipoise.web.wording import wording

OWN_SCREEN["Randomise"] = "randomise"
OWN_SCREEN["RegimenChosen"] = "regimen"


@page("subjects/<str:subject>/randomise/", name="randomise", roles=CLINICAL, about="subject",
      methods=("GET", "POST"))  # fmt: skip
def randomise(request: Request, subject: str) -> HttpResponse:
    """Review, confirm with the password, and randomise; a repeated click allocates once."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    words = wording(asking.language)
    data = request.POST if request.method == "POST" else None
    form = ActionForm("Randomise", offer_to(asking, subject), data, seen=last_seen(asking, subject))
    form.fields["password"] = forms.CharField(
        label=words["confirm.password"],
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    missing: dict[str, Any] | None = None
    pending: tuple[str, ...] = ()
    try:
        pending = ask.ready_for_randomisation(subject)
    except Refused as error:
        missing = shown(error)
    error_shown, status = None, 200
    if data is not None and _proven(request, form, subject):
        done = do(asking, form, subject=subject, site=site)
        if done.events:
            told(request, "Randomise", done.events)
            return redirect(reverse("subject", args=[subject]) + "#allocation")
        error_shown, status = done.error, done.status
    elif data is not None:
        status = 422
    content = {
        "form": form, "subject": subject, "error": error_shown, "missing": missing,
        "pending": pending, **_review(asking, subject),
    }  # fmt: skip
    return render(request, "randomise.html", content, status=status)


def _proven(request: Request, form: ActionForm, subject: str) -> bool:
    """Whether the password is right. Whoever is allocated already is answered without it: a
    repeated click must find what the first one did."""
    allocated = any(
        event.type == "Randomised" for event in request.asking.trial.ask.events(subject)
    )
    if allocated or not form.is_valid():
        form.is_valid()
        return allocated
    if confirmed(request, form.cleaned_data["password"]):
        return True
    form.add_error("password", wording(request.asking.language)["confirm.wrong"])
    return False


def _review(asking: Asking, subject: str) -> dict[str, Any]:
    """What is reviewed before: consents, the marker where it may be seen, the factors."""
    ask = asking.trial.ask
    study = ask.study(ask.site(subject))
    item = ask.derived(subject, "subject_item").row(0, named=True)
    consents = [
        (each.label, item.get(f"consent_{each.code}"), item.get(f"consent_{each.code}_date"))
        for each in study.visits.consents
    ]
    status = None
    if Sight.of(asking).sees("AssayResultRecorded", "result"):
        rows = ask.derived(subject, "marker_status").filter(basis="as_randomised").rows(named=True)
        names = {each.code: each.label for each in study.biomarker.marker.statuses}
        status = [(names.get(row["status"]), row) for row in rows]
    offer = offer_to(asking, subject)
    items = {each.code: each for form in study.visits.forms for each in form.items}
    factors = [
        (offer.words["field.site"], ask.site(subject))
        if factor == SITE
        else _factor(offer, items.get(factor), factor, item.get(factor))
        for factor in study.randomisation.scheme.factors
    ]
    return {"consents": consents, "marker": status, "factors": factors, "study": study}


def _factor(offer: Offer, item: Item | None, code: str, value: Any) -> tuple[str, str | None]:
    """What a factor of the scheme is called, and its level; None while that is not known."""
    label = offer.words.label(item.label) if item else offer.words.of(f"field.{code}")
    if value is None:
        return label, None
    return label, answer(offer, item, str(value).lower() if isinstance(value, bool) else str(value))


@panel("allocation", 10, ROLES)
def allocation(request: Request, subject: str) -> dict[str, Any] | None:
    """The arm, and the regimens that are open and closed, for whoever may see them."""
    asking, ask = request.asking, request.asking.trial.ask
    events = ask.events(subject)
    event = next((each for each in events if each.type == "Randomised"), None)
    if event is None:
        return {"may": may_do(asking, "Randomise")} if _in_screening(events) else None
    if not Sight.of(asking, events).sees("Randomised", "arm"):
        return None
    study = ask.study(ask.site(subject))
    row = ask.derived(subject, "allocation").row(0, named=True)
    arm = next(each for each in study.randomisation.arms if each.code == row["arm"])
    chosen = chosen_regimen(events)
    return {
        "event": event, "arm": arm, "options": options(asking, subject, arm.regimens),
        "chosen": chosen, "may_choose": may_do(asking, "RegimenChosen") and chosen is None,
    }  # fmt: skip


def _in_screening(events: Any) -> bool:
    ended = ("ScreeningFailed", "DeathRecorded")
    return bool(events) and not any(each.type in ended for each in events)


@page("subjects/<str:subject>/regimen/", name="regimen", roles=("investigator",), about="subject",
      methods=("GET", "POST"))  # fmt: skip
def regimen(request: Request, subject: str) -> HttpResponse:
    """Choose one of the regimens of the arm that the rules leave open to this patient."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    data = request.POST if request.method == "POST" else None
    form = ActionForm(
        "RegimenChosen", offer_to(asking, subject), data, seen=last_seen(asking, subject),
        initial={"occurred": ask.today(site)},
    )  # fmt: skip
    found = ask.derived(subject, "allocation")
    study = ask.study(site)
    arm = next(
        (e for e in study.randomisation.arms if not found.is_empty() and e.code == found["arm"][0]),
        None,
    )
    return answered(
        request, "regimen.html", form, subject=subject, site=site,
        then=reverse("subject", args=[subject]), arm=arm,
        options=options(asking, subject, arm.regimens) if arm else [],
    )  # fmt: skip
