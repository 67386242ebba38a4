"""The forms of the study file: filled in, checked while typing, shown as they stand."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from equipoise.errors import BadInput, EquipoiseError
from equipoise.record.event import Event
from equipoise.study.definition import Study
from equipoise.visits.events import FormSaved
from equipoise.visits.plan import Form
from equipoise.web.asking import Request
from equipoise.web.doing import do, may_do, offer_to, told
from equipoise.web.forms.study_form import ITEM, StudyForm
from equipoise.web.oversight_view import beside
from equipoise.web.page import CLINICAL, SEES_SUBJECTS, page
from equipoise.web.pages.eligibility import verdicts
from equipoise.web.sight import Sight


def form_of(study: Study, code: str) -> Form:
    """A form of the study; 404 for one that it does not have."""
    found = next((each for each in study.visits.forms if each.code == code), None)
    if found is None:
        raise Http404
    return found


def saved(events: tuple[Event, ...], code: str) -> list[Event]:
    """The instances of a form of one subject, oldest first."""
    return [e for e in events if e.type == "FormSaved" and json.loads(e.body)["form"] == code]


def next_instance(given: list[Event]) -> str:
    """A name for the next instance of a form: the number after those that were used."""
    used = {json.loads(event.body)["instance"] for event in given}
    return next(str(number) for number in range(1, len(used) + 2) if str(number) not in used)


@page("subjects/<str:subject>/forms/<str:code>/new/", name="form_new", roles=CLINICAL,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def form_new(request: Request, subject: str, code: str) -> HttpResponse:
    """Fill in a form of the study for a visit."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    plan = form_of(ask.study(site), code)
    earlier = saved(tuple(ask.events(subject)), code)
    if earlier and not plan.repeating:
        return redirect("form", subject=subject, seq=earlier[0].seq)
    form = StudyForm(
        plan, offer_to(asking, subject), request.POST if request.method == "POST" else None,
        instance=next_instance(earlier), visit=request.GET.get("visit"),
        day=ask.today(site).isoformat(),
    )  # fmt: skip
    error, status = None, 200
    if request.method == "POST":
        done = do(asking, form, subject=subject, site=site)
        if done.events:
            told(request, "FormSaved", done.events)
            return redirect("subject", subject=subject)
        error, status = done.error, done.status
    content = {"form": form, "plan": plan, "subject": subject, "error": error,
               "criteria": verdicts(asking, subject, plan)}  # fmt: skip
    return render(request, "forms/fill.html", content, status=status)


@page("subjects/<str:subject>/forms/<str:code>/check/", name="form_check", roles=CLINICAL,
      about="subject", methods=("POST",))  # fmt: skip
def form_check(request: Request, subject: str, code: str) -> HttpResponse:
    """What the checks and the criteria say of a form that is being filled in; nothing is kept."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    plan = form_of(ask.study(site), code)
    form = StudyForm(plan, offer_to(asking, subject), request.POST)
    form.is_valid()
    findings: dict[str, list[tuple[str, str]]] = {each.code: [] for each in plan.items}
    for name, errors in form.errors.items():
        for text in errors if name.startswith(ITEM) else ():
            findings[name.removeprefix(ITEM)].append(("hard", str(text)))
    action = form.as_action(asking, subject=subject, site=site)
    try:
        ask.foreseen(action)
    except BadInput as error:
        for problem in error.problems:
            for name in str(problem.field or "").split(", "):
                answered = any(i["item"] == name and i["value"] for i in action.body["items"])
                if name in findings and answered and not findings[name]:
                    findings[name].append(("hard", problem.allowed))
    except EquipoiseError:
        pass
    for doubt in ask.doubts(action):
        for name in doubt.items:
            if name in findings:
                findings[name].append(("soft", _worded(doubt, form)))
    content = {
        "findings": findings, "subject": subject, "plan": plan,
        "criteria": verdicts(asking, subject, plan, action),
    }  # fmt: skip
    return render(request, "forms/findings.html", content)


def _worded(doubt: Any, form: StudyForm) -> str:
    words = form.offer.words
    if doubt.wording is not None:
        return words["form.doubt"].format(check=words.label(doubt.wording))
    low, high = ("…" if each is None else str(each) for each in doubt.expected)
    return words["form.unusual"].format(low=low, high=high)


@page("subjects/<str:subject>/forms/", name="forms_of", roles=SEES_SUBJECTS, about="subject")
def forms_of(request: Request, subject: str) -> HttpResponse:
    """The forms of the study with the instances that were kept, and new ones to fill in."""
    ask = request.asking.trial.ask
    events = tuple(ask.events(subject))
    rows = [
        (plan, [(e, json.loads(e.body)) for e in saved(events, plan.code)])
        for plan in ask.study(ask.site(subject)).visits.forms
    ]
    content = {"subject": subject, "rows": rows, "may_fill": request.asking.role in CLINICAL,
               "may_ask": may_do(request.asking, "QueryRaised")}  # fmt: skip
    return render(request, "forms/list.html", content)


@page("subjects/<str:subject>/entries/<int:seq>/", name="form", roles=SEES_SUBJECTS,
      about="subject")  # fmt: skip
def form(request: Request, subject: str, seq: int) -> HttpResponse:
    """An entry as it stands now: every item with its history and, for its author, a correction."""
    asking, ask = request.asking, request.asking.trial.ask
    events = ask.events(subject)
    event = next((each for each in events if each.seq == seq), None)
    sight = Sight.of(asking, events)
    if event is None or not sight.lists(event):
        raise Http404
    standing = ask.standing(subject, seq)
    shown = sight.shown(event._replace(body=json.dumps(standing.body)))
    plan = None
    if event.type == FormSaved.TYPE:
        forms = {each.code: each for each in ask.study(event.site).visits.forms}
        plan = forms.get(str(standing.body["form"]))
    content = {
        "subject": subject, "event": event, "shown": shown, "occurred": standing.occurred,
        "labels": {each.code: each for each in plan.items} if plan else {}, "plan": plan,
        "may_correct": may_do(asking, "Correct"), "in_table": event.type == "TumourAssessed"
        and may_do(asking, event.type), "changed": standing.seq != seq
        or bool(standing.rows), "study": ask.study(event.site),
        "oversight": beside(asking, subject, event),
        "zone": ask.zone(event.site),
    }  # fmt: skip
    return render(request, "forms/entry.html", content)
