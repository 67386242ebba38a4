"""Analyses at a cut-off, for the statistician: run, looked at, taken away (CO4, AT5, UA1-4).

All arms together while blinded; by arm once the record says that the person was unblinded, and
never blinded again from there on.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from equipoise.exchange.archive import File
from equipoise.study.access import ACTION_ROLES
from equipoise.study.actions import Action
from equipoise.web import background
from equipoise.web.analyses_view import work
from equipoise.web.asking import Asking, Request
from equipoise.web.cuts import CutOff, cut_offs
from equipoise.web.doing import told
from equipoise.web.forms.action import new_key
from equipoise.web.page import page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.pages.audit import download, export_of
from equipoise.workflow.leaving import exported

OWN_SCREEN["AnalyseCutOff"] = "cut_offs"
SEES = ACTION_ROLES["AnalyseCutOff"]
UNBLINDS = {"PersonUnblinded", "CodeBroken"}


@page("cut-offs/<int:cut>/analyses/", name="analyses", roles=SEES, methods=("GET", "POST"))
def analyses(request: Request, cut: int) -> HttpResponse:
    """Run the analyses at a cut-off; who ran them before, and whether by arm."""
    asking = request.asking
    at = _cut_off(asking, cut)
    if request.method == "POST":
        (event,) = asking.trial.conductor.act(
            Action(
                name="AnalyseCutOff", body={"cut_off": at.name}, actor=asking.person,
                role=asking.role, organisation=asking.organisation,
                key=request.POST.get("key") or new_key(), recorded=asking.trial.recorded,
            )
        )  # fmt: skip
        told(request, "AnalyseCutOff", [event])
        run = json.loads(event.body)
        facts = {"by": asking.person, "cut": cut, "by_arm": run["by_arm"]}
        job = background.begin(
            kind(cut, by_arm=run["by_arm"]), work(settings.CONFIGURATION, run, asking.role), facts
        )
        return redirect("analyses_result", cut=cut, job=job)
    runs = [(each, json.loads(each.body)) for each in asking.trial.log.read(types={"AnalysisRun"})]
    content = {
        "at": at, "key": new_key(), "unblinded": _unblinded(asking),
        "runs": [pair for pair in reversed(runs) if pair[1]["cut_off"] == at.name],
        "last": background.last(kind(cut, by_arm=asking.unblinded)),
    }  # fmt: skip
    return render(request, "analyses/begin.html", content)


@page("cut-offs/<int:cut>/analyses/<str:job>/", name="analyses_result", roles=SEES)
def analyses_result(request: Request, cut: int, job: str) -> HttpResponse:
    """The results of a run, or how long it has been under way."""
    asking = request.asking
    at, found = _cut_off(asking, cut), _outcome(asking, cut, job)
    content = {
        "at": at, "found": found, "job": job, "key": new_key(),
        "rehearsal_of": asking.trial.rehearsal,
    }  # fmt: skip
    return render(request, "analyses/result.html", content)


@page(
    "cut-offs/<int:cut>/analyses/<str:job>/entries/<int:row>/", name="analyses_entries",
    roles=SEES,
)  # fmt: skip
def analyses_entries(request: Request, cut: int, job: str, row: int) -> HttpResponse:
    """The entries that decided a result, each with its link."""
    asking = request.asking
    at, found = _cut_off(asking, cut), _done(asking, cut, job)
    if not 1 <= row <= found["number"]:
        raise Http404
    seqs = set(found["sources"][row - 1])
    events = [each for each in asking.trial.log.read(upto=at.as_of) if each.seq in seqs]
    content = {"at": at, "job": job, "row": found["rows"][row - 1], "entries_of": events}
    return render(request, "analyses/entries.html", content)


@page(
    "cut-offs/<int:cut>/analyses/<str:job>/take/", name="analyses_take",
    roles=SEES & ACTION_ROLES["Exported"], methods=("POST",),
)  # fmt: skip
def analyses_take(request: Request, cut: int, job: str) -> HttpResponse:
    """results.json and, by arm, report.html in an archive; its event is recorded first."""
    asking = request.asking
    at, found = _cut_off(asking, cut), _done(asking, cut, job)
    files = {"results.json": File(found["results"], found["number"])}
    if "report" in found:
        files["report.html"] = File(found["report"], found["number"])
    facts: dict[str, Any] = {
        "role": asking.role, "cut_off": at.name, "cut": at.cut.isoformat(),
        "by_arm": "report" in found, "study_version": found["version"],
    }  # fmt: skip
    made = exported(
        asking.trial.conductor, export_of(asking, request.POST.get("key") or new_key()),
        content=f"analyses, cut {at.name}" + ("" if facts["by_arm"] else ", all arms together"),
        files=files, as_of=at.as_of, facts=facts,
    )  # fmt: skip
    return download(made, f"{asking.trial.log.trial}-analyses-{cut}.zip")


def kind(cut: int, *, by_arm: bool) -> str:
    """Work of one kind: a cut-off, blinded or not."""
    return f"analyses-{cut}-{'by-arm' if by_arm else 'blinded'}"


def _cut_off(asking: Asking, seq: int) -> CutOff:
    found = next((each for each in cut_offs(asking) if each.event.seq == seq), None)
    if found is None:
        raise Http404
    return found


def _outcome(asking: Asking, cut: int, job: str) -> dict[str, Any]:
    """What a run yields; 404 for what somebody blinded may not look at."""
    found = background.outcome(kind(cut, by_arm=False), job)
    if found is None and asking.unblinded:
        found = background.outcome(kind(cut, by_arm=True), job)
    if found is None:
        raise Http404
    return found


def _done(asking: Asking, cut: int, job: str) -> dict[str, Any]:
    found: dict[str, Any] | None = _outcome(asking, cut, job).get("found")
    if found is None:
        raise Http404
    return found


def _unblinded(asking: Asking) -> dict[str, Any] | None:
    """The entry that unblinded the person who asks, which nothing takes back."""
    for event in asking.trial.log.read(types=UNBLINDS):
        body = json.loads(event.body)
        if body["person"] == asking.person:
            return {"event": event, "by": body.get("by") or body.get("circumstance")}
    return None
