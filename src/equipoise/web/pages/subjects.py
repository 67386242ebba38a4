"""The subjects of a hospital, and one subject: stage, what was recorded, what is next."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.study.access import ACTION_ROLES
from equipoise.study.catalogue import ACTIONS
from equipoise.web.asking import Request
from equipoise.web.doing import do, offer_to, told
from equipoise.web.forms.action import ActionForm
from equipoise.web.overview import overview
from equipoise.web.page import CLINICAL, SEES_SUBJECTS, page
from equipoise.web.sight import Sight
from equipoise.web.wording import wording

SHOWN_EVENTS = 50


@page("subjects/", name="subjects", roles=SEES_SUBJECTS)
def subjects(request: Request) -> HttpResponse:
    """Every subject that the position covers, in one row each."""
    asking = request.asking
    rows = overview(asking.trial).of(asking.site)
    asked = request.GET.get("find", "").strip().lower()
    kept = [row for row in rows if asked in row.subject.lower()]
    return render(request, "subjects.html", {"rows": kept, "find": asked})


@page("subjects/new/", name="screen", roles=CLINICAL, methods=("GET", "POST"))
def screen(request: Request) -> HttpResponse:
    """Enter a person into screening, under the next number of the hospital."""
    asking = request.asking
    data = request.POST if request.method == "POST" else None
    form = ActionForm("SubjectScreened", offer_to(asking), data)
    form.fields["subject"] = forms.CharField(
        label=wording(asking.language)["field.subject"], max_length=64,
        initial=next_number(asking.site, asking.trial.ask.state.screened),
    )  # fmt: skip
    error, status = None, 200
    if request.method == "POST":
        number = request.POST.get("subject", "").strip()
        done = do(asking, form, subject=number, site=asking.site)
        if done.events:
            told(request, form.action, done.events)
            return redirect("subject", subject=number)
        error, status = done.error, done.status
    return render(request, "action.html", {"form": form, "error": error, "action": form.action},
                  status=status)  # fmt: skip


def next_number(site: str | None, known: object) -> str:
    """The number after the highest that the hospital has given.

    >>> next_number("X01", {"X01-002": None, "X01-010": None, "Y-3": None})
    'X01-011'
    """
    assert isinstance(known, dict)
    prefix = f"{site}-"
    given = [each.removeprefix(prefix) for each in known if each.startswith(prefix)]
    highest = max((int(each) for each in given if each.isdigit()), default=0)
    return f"{prefix}{highest + 1:03}"


@page("subjects/<str:subject>/", name="subject", roles=SEES_SUBJECTS, about="subject")
def subject(request: Request, subject: str) -> HttpResponse:
    """One subject: stage, timeline, what can be done now, the latest entries."""
    asking = request.asking
    ask = asking.trial.ask
    site = ask.site(subject)
    row = next(each for each in overview(asking.trial).of(site) if each.subject == subject)
    timeline = ask.derived(subject, "visit_timeline").rows(named=True)
    sight = Sight.of(asking, ask.events(subject))
    events = [sight.shown(event) for event in reversed(ask.events(subject))]
    content = {
        "subject": subject,
        "site": site,
        "row": row,
        "today": ask.today(site),
        "timeline": timeline,
        "study": ask.study(site),
        "events": events[:SHOWN_EVENTS],
        "actions": _actions(asking.role, subject),
    }
    return render(request, "subject.html", content)


def _actions(role: str, subject: str) -> list[tuple[str, str]]:
    """The actions about a subject that a role has, with their addresses."""
    from equipoise.web.pages.actions import OWN_SCREEN

    return [
        (
            name,
            reverse(OWN_SCREEN[name], args=[subject])
            if name in OWN_SCREEN
            else reverse("subject_action", args=[subject, name]),
        )
        for name in ACTIONS
        if role in ACTION_ROLES.get(name, ()) and name not in _OF_THE_TRIAL
    ]


_OF_THE_TRIAL = frozenset(
    {
        "SubjectScreened", "ActivateScheme", "AdoptStudyVersion", "SiteOpened",
        "StudyVersionActivated", "SiteClosed", "GrantGiven", "GrantRevoked", "AccessReviewed",
        "CutOffDeclared", "AuditTrailReviewed", "OutageDeclared", "ReproduceAllocations",
        "RedeterminationFrozen", "ReferenceRangesDeclared", "PersonUnblinded", "Exported",
        "CertifiedCopyMade", "Correct", "Redact", "QueryAnswered", "QueryClosed", "SourceVerified",
        "Unlocked",
    }
)  # fmt: skip
"""Actions that are not about one subject, or that begin at an entry."""
