"""Eligibility: each criterion with its verdict, what is missing, and the investigator's word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from equipoise.eligibility.judgement import condition
from equipoise.eligibility.plan import Criterion
from equipoise.errors import EquipoiseError
from equipoise.study.actions import Action
from equipoise.visits.events import FormSaved
from equipoise.visits.plan import Form
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, last_seen, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import CLINICAL, OVERSIGHT, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.panels import panel

OWN_SCREEN["ConfirmEligibility"] = "eligibility"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A criterion and what the rules say of it: met, not met, or not yet known, and why."""

    criterion: Criterion
    state: str
    missing: tuple[str, ...] = ()
    out_of_window: tuple[str, ...] = ()


def verdicts(
    asking: Asking, subject: str, form: Form | None = None, action: Action | None = None
) -> list[Verdict]:
    """The criteria, of a form only those that read it; as they would be after `action`."""
    ask = asking.trial.ask
    criteria = {c.id: c for c in ask.study(ask.site(subject)).eligibility.criteria}
    items = {item.code for item in form.items} if form else None
    if items is not None:
        criteria = {
            name: each
            for name, each in criteria.items()
            if items & set(condition(each.expression).items)
        }
    if not criteria:
        return []
    rows: dict[str, dict[str, Any]] = {}
    try:
        if action is not None:
            (body, *_) = ask.foreseen(action)
            assert isinstance(body, FormSaved)
            table = ask.derived_with(action, body, "criterion_verdict")
        else:
            table = ask.derived(subject, "criterion_verdict")
        rows = {row["criterion"]: row for row in table.iter_rows(named=True)}
    except EquipoiseError:
        # What is typed cannot be recorded yet: the verdicts are those of what was recorded.
        table = ask.derived(subject, "criterion_verdict")
        rows = {row["criterion"]: row for row in table.iter_rows(named=True)}
    return [_verdict(each, rows.get(name)) for name, each in criteria.items()]


def _verdict(criterion: Criterion, row: dict[str, Any] | None) -> Verdict:
    if row is None:
        return Verdict(criterion, "unknown")
    state = {True: "met", False: "not_met", None: "unknown"}[row["met"]]
    return Verdict(
        criterion, state, tuple(row["missing_items"] or ()), tuple(row["out_of_window"] or ())
    )


@page("subjects/<str:subject>/eligibility/", name="eligibility", roles=CLINICAL | OVERSIGHT,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def eligibility(request: Request, subject: str) -> HttpResponse:
    """Every criterion with its verdict; the investigator confirms when all are met."""
    asking = request.asking
    site = asking.trial.ask.site(subject)
    data = request.POST if request.method == "POST" else None
    form = ActionForm(
        "ConfirmEligibility", offer_to(asking, subject), data, seen=last_seen(asking, subject)
    )
    found = verdicts(asking, subject)
    forms = {
        item.code: (plan.code, item.label)
        for plan in asking.trial.ask.study(site).visits.forms
        for item in plan.items
    }
    consents = {
        f"consent_{each.code}{part}": each.label
        for each in asking.trial.ask.study(site).visits.consents
        for part in ("", "_date")
    }
    events = asking.trial.ask.events(subject)
    return answered(
        request, "eligibility.html", form, subject=subject, site=site,
        then=reverse("subject", args=[subject]), verdicts=found, places=forms, consents=consents,
        met=sum(each.state == "met" for each in found),
        may_confirm=may_do(asking, "ConfirmEligibility"),
        confirmed=[each for each in events if each.type == "EligibilityConfirmed"],
    )  # fmt: skip


@panel("eligibility", 20, CLINICAL | OVERSIGHT)
def summary(request: Request, subject: str) -> dict[str, Any] | None:
    """How many criteria are met, not met, not yet known; nothing once the subject is allocated."""
    events = request.asking.trial.ask.events(subject)
    if any(each.type in ("Randomised", "ScreeningFailed") for each in events):
        return None
    found = verdicts(request.asking, subject)
    count = {state: sum(v.state == state for v in found) for state in ("met", "not_met", "unknown")}
    confirmed = any(each.type == "EligibilityConfirmed" for each in events)
    return {"count": count, "confirmed": confirmed, "total": len(found)}
