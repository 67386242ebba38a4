"""The subjects of a hospital, and one subject: stage, what was recorded, what is next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.record.event import Event
from equipoise.study.access import ACTION_ROLES, BLINDED_ROLES
from equipoise.web.asking import Request
from equipoise.web.doing import do, offer_to, told
from equipoise.web.forms.action import ActionForm
from equipoise.web.overview import due_of, overview
from equipoise.web.page import CLINICAL, SEES_SUBJECTS, page
from equipoise.web.pages.actions import OWN_SCREEN, has_page
from equipoise.web.panels import panel, panels
from equipoise.web.sight import Shown, Sight
from equipoise.web.telling import Line, Telling
from equipoise.web.wording import wording

SHOWN_EVENTS = 12
ENTRIES_A_PAGE = 100


@page("subjects/", name="subjects", roles=SEES_SUBJECTS)
def subjects(request: Request) -> HttpResponse:
    """Every subject that the position covers, in one row each."""
    asking = request.asking
    rows = overview(asking.trial).of(asking.site)
    asked = request.GET.get("find", "").strip().lower()
    kept = [row for row in rows if asked in row.subject.lower()]
    content = {"rows": kept, "find": asked, "course": sees_course(request)}
    return render(request, "subjects.html", content)


def sees_course(request: Request) -> bool:
    """Whether the person may know how subjects fare: a laboratory and a central reader may not."""
    return Sight.of(request.asking).sees("TreatmentDiscontinued", "cause")


@page("subjects/new/", name="screen", roles=CLINICAL, methods=("GET", "POST"))
def screen(request: Request) -> HttpResponse:
    """Enter a person into screening, under the next number of the hospital."""
    asking = request.asking
    data = request.POST if request.method == "POST" else None
    today = asking.trial.ask.today(asking.site)
    form = ActionForm("SubjectScreened", offer_to(asking), data, initial={"occurred": today})
    form.fields["subject"] = forms.CharField(
        label=wording(asking.language)["field.subject"], max_length=64,
        initial=next_number(asking.site, asking.trial.ask.state.screened),
    )  # fmt: skip
    form.order_fields(["subject", "occurred"])
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
    """One subject: stage, what is due, the parts of every area, the latest entries."""
    asking = request.asking
    ask = asking.trial.ask
    site = ask.site(subject)
    row = overview(asking.trial).one(subject)
    events = ask.events(subject)
    sight = Sight.of(asking, events)
    listed = sight.listed(events)
    content = {
        "subject": subject, "site": site, "row": row, "today": ask.today(site),
        "course": sees_course(request),
        "wide": panels(request, subject, aside=False),
        "narrow": panels(request, subject, aside=True),
        "events": told_entries(request, subject, sight, listed[-SHOWN_EVENTS:]),
        "number": len(listed), "groups": groups(asking.role, subject),
        "zone": ask.zone(site),
    }  # fmt: skip
    return render(request, "subject.html", content)


@page("subjects/<str:subject>/entries/", name="entries", roles=SEES_SUBJECTS, about="subject")
def entries(request: Request, subject: str) -> HttpResponse:
    """Every entry about a subject, the latest first, a hundred on a page."""
    ask = request.asking.trial.ask
    events = ask.events(subject)
    sight = Sight.of(request.asking, events)
    events = sight.listed(events)
    asked = request.GET.get("page", "1")
    number = max(int(asked) if asked.isdigit() else 1, 1)
    last = len(events) - (number - 1) * ENTRIES_A_PAGE
    part = events[max(last - ENTRIES_A_PAGE, 0) : max(last, 0)]
    content = {
        "subject": subject, "events": told_entries(request, subject, sight, part),
        "number": len(events), "page_number": number, "older": last > ENTRIES_A_PAGE,
        "zone": ask.zone(ask.site(subject)),
    }  # fmt: skip
    return render(request, "entries.html", content)


def told_entries(
    request: Request, subject: str, sight: Sight, events: Sequence[Event]
) -> list[tuple[Shown, tuple[Line, ...]]]:
    """Entries as the person sees them, in words, the latest first."""
    telling = Telling.of(request.asking, subject)
    return telling.entries(sight.shown(event) for event in reversed(events))


@panel("visits", 30, SEES_SUBJECTS - BLINDED_ROLES)
def visits(request: Request, subject: str) -> dict[str, Any]:
    """The planned visits with their windows, and the forms that each of them has."""
    ask = request.asking.trial.ask
    site = ask.site(subject)
    study, today = ask.study(site), ask.today(site)
    plans = {each.code: each for each in study.visits.visits}
    labels = {each.code: each.label for each in study.visits.forms}
    kept = {
        (row["visit"], row["instance"], row["form"]): row["event"]
        for row in ask.kept_forms(subject).iter_rows(named=True)
    }
    rows = []
    for each in ask.derived(subject, "visit_timeline").iter_rows(named=True):
        plan = plans.get(each["visit"])
        waits = each["state"] == "not_yet_due"
        rows.append({
            **each, "label": plan.label if plan else None,
            "shown": due_of(each).state(today) if waits else each["state"],
            "forms": [(code, labels[code], kept.get((each["visit"], each["instance"], code)))
                      for code in (plan.forms if plan else ())],
        })  # fmt: skip
    return {"rows": rows, "may_fill": request.asking.role in CLINICAL}


GROUPS: dict[str, tuple[str, ...]] = {
    "entry": ("ConsentSigned", "RecordIdentity", "ConfirmEligibility", "ScreeningFailed",
              "Randomise"),
    "visit": ("VisitRecorded", "FormSaved", "QuestionnaireOffered", "LaboratoryReported",
              "VitalStatusRecorded"),
    "marker": ("SampleCollected", "SampleLabelled", "SampleShipped", "SampleReceived",
               "SampleDerived", "AssayResultRecorded", "AssayResultInvalidated",
               "PathologyReviewed"),
    "treatment": ("RegimenChosen", "CycleStarted", "DoseGiven"),
    "pharmacy": ("DoseVerified", "DrugDispensed", "DrugReturned", "DrugDestroyed"),
    "response": ("LesionIdentified", "TumourAssessed"),
    "safety": ("AdverseEventReported", "AdverseEventFollowedUp", "SeriousAdverseEventReported",
               "CausalityAssessed", "SusarSubmitted", "AdverseEventCoded", "BreakCode"),
    "history": ("MedicalHistoryRecorded", "ConcomitantMedicationRecorded", "PriorTherapyRecorded",
                "SubsequentTherapyRecorded", "ProcedureRecorded"),
    "end": ("TreatmentDiscontinued", "VisitsDiscontinued", "ConsentWithdrawn", "LostToFollowUp",
            "DeathRecorded"),
    "oversight": ("QueryRaised", "SourceVerified", "DeviationRecorded", "Signed", "Locked",
                  "IdentityRevealed"),
}  # fmt: skip
"""What can be recorded about a subject, as a page lists it."""


def groups(role: str, subject: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """The actions about a subject that a role has, by area, with their addresses.

    >>> [name for name, _ in groups("reader", "X01-001")]
    ['response']
    """
    found = []
    for area, names in GROUPS.items():
        mine = [
            (name, _address(name, subject))
            for name in names
            if role in ACTION_ROLES[name] and has_page(name, role)
        ]
        if mine:
            found.append((area, mine))
    return found


def _address(name: str, subject: str) -> str:
    if name in OWN_SCREEN:
        return reverse(OWN_SCREEN[name], args=[subject])
    return reverse("subject_action", args=[subject, name])
