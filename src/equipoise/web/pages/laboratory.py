"""The molecular laboratory: its samples, one sample's way, what is determined again, its controls.

The laboratory sees neither arm nor treatment nor outcome: it has pages of its own about a subject,
in place of those of the hospitals.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.biomarker.plan import PathStep
from equipoise.biomarker.quality import failures
from equipoise.biomarker.work import EXPECTED, FAILED, IN_WORK, OPEN, RECEIVED, REPORTED, SENT
from equipoise.record.event import Event
from equipoise.study.access import ROLES, may_see
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.web.asking import Asking, Request
from equipoise.web.control_chart import charts
from equipoise.web.doing import may_do
from equipoise.web.laboratory_view import (
    Work,
    every_control,
    every_run,
    queue,
    statuses,
    to_determine_again,
)
from equipoise.web.page import ELSEWHERE, MENU, page
from equipoise.web.pages.subjects import told_entries
from equipoise.web.sample_view import determinations_of, reviews_of, runs_of, samples_of
from equipoise.web.sight import Sight
from equipoise.web.wording import wording
from equipoise.web.worklist import Task, Urgency, tasks_of

MARKER = "equipoise.biomarker."
SEES_MARKER = frozenset(r for r in ROLES if may_see(r, "AssayResultRecorded", "measurements"))
"""Who sees the marker's status of everybody."""

for _name, _own in (
    ("subjects", "laboratory"),
    ("subject", "laboratory_subject"),
    ("entries", "laboratory_subject"),
    ("forms_of", "laboratory_subject"),
):
    ELSEWHERE["laboratory", _name] = _own
MENU.append(("nav.laboratory", "laboratory"))
MENU.append(("nav.controls", "laboratory_controls"))

A_PAGE = 100
STATES = (EXPECTED, SENT, RECEIVED, IN_WORK, REPORTED, FAILED)


@page("laboratory/", name="laboratory", roles=SEES_MARKER)
def laboratory(request: Request) -> HttpResponse:
    """Every sample with its state, turnaround and deadline; those that are late first."""
    asking = request.asking
    found = queue(asking.trial, asking.trial.ask.today(None))
    number = Counter(each.row["state"] for each in found)
    asked = request.GET.get("state", "open")
    wanted = OPEN if asked == "open" else (asked,) if asked in STATES else STATES
    named = request.GET.get("find", "").strip().lower()
    rows = [each for each in found if each.row["state"] in wanted and _has(each, named)]
    number_of = request.GET.get("page", "1")
    place = max(int(number_of) if number_of.isdigit() else 1, 1)
    content = {
        "rows": rows[(place - 1) * A_PAGE : place * A_PAGE], "page_number": place,
        "more": len(rows) > place * A_PAGE, "asked": asked, "find": named,
        "today": asking.trial.ask.today(None),
        "tabs": [("open", sum(number[each] for each in OPEN)),
                 *((each, number[each]) for each in STATES), ("all", len(found))],
        "steps": steps(asking.trial.ask.study(None)),
    }  # fmt: skip
    return render(request, "laboratory/queue.html", content)


def _has(each: Work, text: str) -> bool:
    return text in f"{each.row['subject']} {each.row['sample'] or ''}".lower()


def steps(study: Study) -> dict[str, PathStep]:
    """The steps of the declared path by their codes; none where the study declares no path."""
    path = study.biomarker.marker.path
    return {each.code: each for each in path.steps} if path else {}


@page("laboratory/again/", name="laboratory_again", roles=SEES_MARKER)
def again(request: Request) -> HttpResponse:
    """The re-determination: of whom something was determined again, and of whom not yet."""
    found = to_determine_again(request.asking.trial)
    content = {
        "rows": found, "frozen": request.asking.trial.ask.state.frozen,
        "done": sum(each.row["determined"] for each in found),
        "may_record": may_do(request.asking, "AssayResultRecorded"),
        "assays": request.asking.trial.ask.study(None).biomarker.marker.assays,
    }  # fmt: skip
    return render(request, "laboratory/again.html", content)


@page("laboratory/controls/", name="laboratory_controls", roles=SEES_MARKER)
def controls(request: Request) -> HttpResponse:
    """The controls of the runs over time, and how many runs could not be interpreted."""
    trial = request.asking.trial
    plan = trial.ask.study(None).biomarker
    content = {
        "charts": charts(every_control(trial), plan),
        "failures": [
            {**row, "percent": f"{100 * row['failed']:.0f}"}
            for row in failures(every_run(trial)).rows(named=True)
        ],
        "labels": {each.code: each.label for each in plan.marker.assays},
    }
    return render(request, "laboratory/controls.html", content)


@page("laboratory/subjects/<str:subject>/", name="laboratory_subject", roles=SEES_MARKER,
      about="subject")  # fmt: skip
def laboratory_subject(request: Request, subject: str) -> HttpResponse:
    """One subject's samples: their way, the runs, the status by every version of the rule, the
    declared path, the central reading of the tumour."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    study, today = ask.study(site), ask.today(site)
    events = ask.events(subject)
    sight = Sight.of(asking, events)
    own = sight.listed(_of_samples(events))
    plan = study.biomarker
    found = ask.derived(subject, "marker_status")
    content = {
        "subject": subject, "site": site, "today": today, "plan": plan, "steps": steps(study),
        "samples": samples_of(ask, subject),
        "runs": runs_of(asking.trial, subject, plan, wording(asking.language)),
        "determinations": determinations_of(ask, subject, plan),
        "now": statuses(plan, found, "randomisation"),
        "again": statuses(plan, found, "redetermination") if _again(events) else [],
        "path": ask.on_path(subject), "reviews": reviews_of(ask, subject),
        "grades": ask.derived(subject, "tumour_grade").rows(named=True) if plan.pathology else [],
        "events": told_entries(request, subject, sight, own),
        "zone": asking.trial.ask.zone(site), "actions": _actions(asking, subject),
        "may_record": may_do(asking, "AssayResultRecorded"), "frozen": ask.state.frozen,
    }  # fmt: skip
    return render(request, "laboratory/subject.html", content)


def _of_samples(events: Iterable[Event]) -> list[Event]:
    """What was recorded of samples, runs and readings, and what was corrected or asked of it."""
    own: set[int] = set()
    queries: set[str] = set()
    found = []
    for event in events:
        body = json.loads(event.body)
        of_marker = CATALOGUE.of(event.type).__module__.startswith(MARKER)
        if of_marker or body.get("target") in own or body.get("query") in queries:
            own.add(event.seq)
            queries.update({body["query"]} if event.type == "QueryRaised" else ())
            found.append(event)
    return found


def _again(events: Iterable[Any]) -> bool:
    return any(each.type == "Randomised" for each in events)


_ON_SAMPLES = ("SampleReceived", "SampleDerived", "SampleLabelled", "SampleShipped",
               "PathologyReviewed", "AssayResultInvalidated")  # fmt: skip


def _actions(asking: Asking, subject: str) -> list[tuple[str, str]]:
    plan = asking.trial.ask.study(asking.trial.ask.site(subject)).biomarker
    return [
        (name, reverse("subject_action", args=[subject, name]))
        for name in _ON_SAMPLES
        if may_do(asking, name) and (name != "PathologyReviewed" or plan.pathology is not None)
    ]


_TO_DO = {
    SENT: "task.sample.receive",
    RECEIVED: "task.sample.analyse",
    IN_WORK: "task.sample.go_on",
}


@tasks_of("laboratory")
def sample_tasks(asking: Asking) -> list[Task]:
    """Samples that are on their way, wait for a run, or whose path goes on."""
    found = []
    for each in queue(asking.trial, asking.trial.ask.today(None)):
        row = each.row
        if (what := _TO_DO.get(row["state"])) is None:
            continue
        urgency: Urgency = "overdue" if row["late"] else "due" if row["due"] else "waiting"
        link = reverse("laboratory_subject", args=[row["subject"]])
        found.append(Task(what, row["subject"], row["sample"], row["due"], urgency, link))
    return found
