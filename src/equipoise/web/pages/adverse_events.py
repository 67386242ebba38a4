"""Adverse events of a subject: list, report with the search of terms, follow-up, opinion."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.safety.ctcae import ctcae_terms
from equipoise.safety.laboratory import beyond_value
from equipoise.safety.laboratory_finding import analytes_of, term_grades
from equipoise.safety.term_search import search_terms
from equipoise.study.access import BLINDED_ROLES
from equipoise.web.asking import Request
from equipoise.web.doing import Done, answered, do, last_seen, may_do, offer_to, told
from equipoise.web.forms.action import ActionForm
from equipoise.web.forms.harm import as_radios, ask_grade, ask_term, hide
from equipoise.web.harm_view import (
    AdverseEvent,
    HarmView,
    grade_text,
    local_name,
    unit_text,
    value_text,
)
from equipoise.web.page import CLINICAL, SEES_SUBJECTS, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.treatment_view import chosen_regimen
from equipoise.web.wording import wording

SEES_HARM = SEES_SUBJECTS - BLINDED_ROLES
"""Who looks at adverse events: not who determines the marker or reads the scans, blinded."""

JUDGES = frozenset({"investigator", "safety_officer"})
SHOWN_VALUES = 6

OWN_SCREEN["AdverseEventReported"] = "adverse_event_new"
for _name in ("AdverseEventFollowedUp", "CausalityAssessed", "SeriousAdverseEventReported",
              "SusarSubmitted"):  # fmt: skip
    OWN_SCREEN[_name] = "adverse_events"


@page("adverse-event-terms/", name="terms", roles=SEES_HARM)
def terms(request: Request) -> HttpResponse:
    """The terms that the text typed so far may mean, as the list of the box."""
    words = wording(request.asking.language)
    found = [
        (each.term, local_name(each.term.term, words) or each.by or "")
        for each in search_terms(request.GET.get("term", ""))
    ]
    return render(request, "harm/terms.html", {"found": found})


@page("subjects/<str:subject>/adverse-events/", name="adverse_events", roles=SEES_HARM,
      about="subject")  # fmt: skip
def adverse_events(request: Request, subject: str) -> HttpResponse:
    """Every adverse event of the subject: worst grade, onset, whether it goes on, what it is."""
    view = HarmView(request.asking, subject)
    content = {
        "subject": subject, "rows": view.all(),
        "may": may_do(request.asking, "AdverseEventReported"),
        "findings": findings(view),
    }  # fmt: skip
    return render(request, "harm/list.html", content)


def findings(view: HarmView) -> list[dict[str, Any]]:
    """Severe laboratory values that no adverse event answers, in words."""
    return [_value(view, row) for row in view.harm.findings.iter_rows(named=True)]


def _value(view: HarmView, row: dict[str, Any]) -> dict[str, Any]:
    words = view.words
    return {
        **row, "shown": value_text(row["value"], words.language),
        "unit": unit_text(row["unit"]),
        "analyte_name": words.of(f"analyte.{row['analyte']}"),
        "grades": grade_text(row["least"], row["most"], words),
    }  # fmt: skip


def next_name(view: HarmView) -> str:
    """A name for the next adverse event: AE and the number after the highest."""
    numbers = [re.search(r"(\d+)$", name) for name in view.harm.events["adverse_event"]]
    return f"AE{max((int(each[1]) for each in numbers if each), default=0) + 1}"


def report_form(request: Request, view: HarmView, data: Any = None) -> ActionForm:
    """The form of a new adverse event; its number travels with it."""
    asking, subject = request.asking, view.subject
    start = {"adverse_event": next_name(view), "term": request.GET.get("term", ""),
             "occurred": request.GET.get("day", "")}  # fmt: skip
    form = ActionForm("AdverseEventReported", offer_to(asking, subject), data,
                      seen=last_seen(asking, subject), initial=start)  # fmt: skip
    form.fields["serious"].initial = None
    hide(form, "adverse_event")
    form.fields["specified"].widget.attrs["rows"] = 1
    ask_term(form)
    ask_grade(form)
    as_radios(form, "serious")
    return form


@page("subjects/<str:subject>/adverse-events/new/", name="adverse_event_new", roles=CLINICAL,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def adverse_event_new(request: Request, subject: str) -> HttpResponse:
    """Report an adverse event; of a serious one the report to the sponsor comes next."""
    view = HarmView(request.asking, subject)
    data = request.POST if request.method == "POST" else None
    form = report_form(request, view, data)
    done = Done()
    if data is not None:
        site = request.asking.trial.ask.site(subject)
        done = do(request.asking, form, subject=subject, site=site)
    if done.events:
        told(request, form.action, done.events)
        body = form.body()
        if body["serious"]:
            return redirect("serious_report", subject=subject, name=body["adverse_event"])
        return redirect("adverse_events", subject=subject)
    shown = grades_shown(view, str(form["term"].value() or ""), form["grade"].value())
    content = {"form": form, "error": done.error, "subject": subject, **shown}
    return render(request, "harm/new.html", content, status=done.status)


@page("subjects/<str:subject>/adverse-events/grades/", name="adverse_event_grades",
      roles=CLINICAL, about="subject", methods=("POST",))  # fmt: skip
def adverse_event_grades(request: Request, subject: str) -> HttpResponse:
    """The grades of the chosen term in the words of the standard, with what laboratory values and
    earlier entries say of it. Nothing is recorded."""
    view = HarmView(request.asking, subject)
    shown = grades_shown(view, request.POST.get("term", ""), request.POST.get("grade"))
    return render(request, "harm/grades.html", {"subject": subject, **shown})


def grades_shown(view: HarmView, name: str, chosen: Any) -> dict[str, Any]:
    """What stands beside the grades of a term; nothing of one that the standard lacks."""
    term = ctcae_terms().get(name.strip())
    if term is None:
        return {"term": None, "chosen": str(chosen or "")}
    same = [each for each in view.all() if each.called == term.term]
    return {
        "term": term, "local": local_name(term.term, view.words), "chosen": str(chosen or ""),
        "wordings": [(str(grade), text) for grade, text in term.wordings.items()],
        "values": values_of(view, term.term), "beyond": beyond_value(term.term)
        if analytes_of(term.term) else (), "same": same,
    }  # fmt: skip


def values_of(view: HarmView, term: str) -> list[dict[str, Any]]:
    """The latest laboratory values that grade a term, newest first."""
    if not analytes_of(term):
        return []
    table = view.asking.trial.ask.derived(view.subject, "laboratory_value")
    rows = term_grades(table).filter(term=term).tail(SHOWN_VALUES).rows(named=True)
    return [_value(view, row) for row in reversed(rows)]


def found(view: HarmView, name: str) -> AdverseEvent:
    """An adverse event that the address names; 404 without one."""
    each = view.one(name)
    if each is None:
        raise Http404
    return each


@page("subjects/<str:subject>/adverse-events/<str:name>/follow-up/", name="adverse_event_follow_up",
      roles=CLINICAL, about="subject", methods=("GET", "POST"))  # fmt: skip
def follow_up(request: Request, subject: str, name: str) -> HttpResponse:
    """Another grade or outcome of an adverse event, from a day on."""
    asking, ask = request.asking, request.asking.trial.ask
    view = HarmView(asking, subject)
    event = found(view, name)
    site = ask.site(subject)
    form = ActionForm(
        "AdverseEventFollowedUp", offer_to(asking, subject),
        request.POST if request.method == "POST" else None, seen=last_seen(asking, subject),
        initial={"occurred": ask.today(site), "grade": str(event.standing["present_grade"]),
                 "outcome": event.standing["outcome"]},
        fixed={"adverse_event": name},
    )  # fmt: skip
    ask_grade(form)
    shown = grades_shown(view, event.called, form["grade"].value())
    return answered(
        request, "harm/follow_up.html", form, subject=subject, site=site,
        then=reverse("adverse_event", args=[subject, name]), each=event, **{**shown, "same": ()},
    )  # fmt: skip


@page("subjects/<str:subject>/adverse-events/<str:name>/opinion/", name="opinion", roles=JUDGES,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def opinion(request: Request, subject: str, name: str) -> HttpResponse:
    """An opinion on the cause by whoever asks, on one drug; the other party's stays as it is."""
    asking, ask = request.asking, request.asking.trial.ask
    view = HarmView(asking, subject)
    event = found(view, name)
    site = ask.site(subject)
    party = "investigator" if asking.role == "investigator" else "sponsor"
    form = ActionForm(
        "CausalityAssessed", offer_to(asking, subject),
        request.POST if request.method == "POST" else None, seen=last_seen(asking, subject),
        initial={"occurred": ask.today(site), "drug": request.GET.get("drug")},
        fixed={"adverse_event": name, "opinion_of": party},
    )  # fmt: skip
    form.fields["drug"].choices = drugs_first(request, subject, form)  # type: ignore[attr-defined]
    as_radios(form, "related")
    return answered(
        request, "harm/opinion.html", form, subject=subject, site=site,
        then=reverse("adverse_event", args=[subject, name]), each=event, party=party,
        opinions=opinions(view, event),
    )  # fmt: skip


def drugs_first(request: Request, subject: str, form: ActionForm) -> list[tuple[str, str]]:
    """The drugs to choose from, those of the subject's regimen first."""
    ask = request.asking.trial.ask
    chosen = chosen_regimen(ask.events(subject))
    regimens = ask.study(ask.site(subject)).treatment.regimens
    mine = {dose.drug for each in regimens if each.code == chosen for dose in each.doses}
    pairs = list(form.fields["drug"].choices)  # type: ignore[attr-defined]
    return sorted(pairs, key=lambda pair: (bool(pair[0]), pair[0] not in mine, pair[0]))


def opinions(view: HarmView, event: AdverseEvent) -> list[dict[str, Any]]:
    """Every opinion on the cause of an adverse event, oldest first: all of them stand."""
    table = view.asking.trial.ask.event_tables(view.subject, "adverse_event")["causality_assessed"]
    by_seq = {each.seq: each for each in view.asking.trial.ask.events(view.subject)}
    return [
        {**row, "entry": by_seq[row["event"]], "sees": view.sees_drugs}
        for row in table.filter(adverse_event=event.name).sort("event").iter_rows(named=True)
    ]
