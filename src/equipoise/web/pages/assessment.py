"""Tumour assessment: the lesions carried forward, what the rules make of them while one types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from equipoise.errors import BadInput, EquipoiseError
from equipoise.response.criteria import criteria
from equipoise.study.actions import Action
from equipoise.study.definition import Study
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import Done, do, offer_to, told
from equipoise.web.forms.assessment import AssessmentForm
from equipoise.web.lesion_table import LesionTable, Reading, cell, evaluators_of, lesion_table
from equipoise.web.page import CLINICAL, back_to, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.refusal import shown
from equipoise.web.response_view import judged_reading
from equipoise.web.wording import wording

OWN_SCREEN["TumourAssessed"] = OWN_SCREEN["LesionIdentified"] = "assessment"
READS = CLINICAL | {"reader"}
SHOWN_SCANS = 3
"""Scans before, besides the baseline, that the table shows."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One action of the form, as a form of its own that `doing` can do."""

    one: Action
    form: AssessmentForm

    @property
    def action(self) -> str:
        """The name of the action."""
        return self.one.name

    def is_valid(self) -> bool:
        """The form was read as a whole."""
        return True

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The action."""
        return self.one

    def told(self, error: BadInput) -> None:
        """What `conduct` said, above the form."""
        for problem in error.problems:
            field = problem.field if problem.field in self.form.fields else None
            about = self.one.body.get("lesion", "")
            self.form.add_error(field, f"{about}: {problem}" if about else str(problem))


def where(asking: Asking, subject: str, *, done: bool = False) -> str:
    """Where a reading leads back to: the subject's page, the reader's queue."""
    return back_to(asking.role, subject) + ("#response" if done and asking.role != "reader" else "")


def asked_for(request: Request, subject: str) -> tuple[LesionTable, list[str]]:
    """The lesion table that the address asks for, of those that the position reads; 404 else."""
    mine = evaluators_of(request.asking, subject)
    wanted = request.GET.get("evaluator") or (mine[0] if mine else "")
    if wanted not in mine:
        raise Http404
    return lesion_table(request.asking.trial.ask.events(subject), wanted), mine


@page("subjects/<str:subject>/assessments/new/", name="assessment", roles=READS, about="subject",
      methods=("GET", "POST"))  # fmt: skip
def assessment(request: Request, subject: str) -> HttpResponse:
    """Enter a reading: every followed lesion, new ones; saved as one identification each and one
    assessment."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    if not evaluators_of(asking, subject):
        nobody = {"subject": subject, "back": where(asking, subject)}
        return render(request, "response/nobody.html", nobody)
    table, mine = asked_for(request, subject)
    data: QueryDict | None = request.POST if request.method == "POST" else None
    other = _meanwhile(asking, subject, table, data)
    if data is not None and other is not None:
        data = data.copy()
        data["assessment"] = table.next_name()
    day = request.GET.get("day") or ask.today(site).isoformat()
    form = AssessmentForm(
        table, offer_to(asking, subject), data, visit=request.GET.get("visit"), day=day
    )
    error, status = None, 200
    if other is not None:
        told_of = wording(asking.language)["assessment.meanwhile"]
        message = told_of.format(name=other.name, day=other.occurred, who=other.actor)
        error, status = {"kind": "Conflict", "message": message}, 409
    elif data is not None:
        done = _save(asking, form, subject, site)
        if done.events:
            told(request, "TumourAssessed", done.events)
            return redirect(where(asking, subject, done=True))
        error, status = done.error, done.status
    evaluators = {each.code: each.label for each in ask.study(site).response.evaluators}
    content = {
        "form": form, "subject": subject, "error": error, "table": table, "back": where(
            asking, subject), "evaluator": evaluators[table.evaluator], "others": [
            (each, evaluators[each]) for each in mine if each != table.evaluator],
        **_history(table, form, asking.language),
        "limits": limits(ask.study(site), asking.language),
        "organs": sorted({e.organ for e in table.lesions} | set(_organs(asking.language))),
    }  # fmt: skip
    return render(request, "response/assessment.html", content, status=status)


def _meanwhile(
    asking: Asking, subject: str, table: LesionTable, data: QueryDict | None
) -> Reading | None:
    """The reading that somebody recorded under the name of the one sent, after its page was made;
    None when it is this one that is sent again."""
    if data is None:
        return None
    other = next((e for e in table.readings if e.name == data.get("assessment")), None)
    keys = {each.idempotency_key for each in asking.trial.ask.events(subject)}
    return None if data.get("key") in keys else other


def _organs(language: str) -> list[str]:
    return wording(language)["assessment.organs"].split("|")


def limits(study: Study, language: str) -> str:
    """How many targets there may be and how large they are, by the standard of the study."""
    found = {name: limit.value for name, limit in criteria(study.response).limits}
    return wording(language)["assessment.limits"].format(**found)


def _save(asking: Asking, form: AssessmentForm, subject: str, site: str | None) -> Done:
    """Record lesions and assessment one after the other, once all would be taken."""
    if not form.is_valid():
        return Done(status=422)
    actions = form.actions(asking, subject, site)
    if not _begun(asking, subject, actions):
        for place, error in asking.trial.ask.together(subject, actions).refused.items():
            if isinstance(error, BadInput):
                _Asked(actions[place], form).told(error)
                return Done(status=422)
            return Done(error=shown(error), status=422)
    events = []
    for action in actions:
        done = do(asking, _Asked(action, form), subject=subject, site=site)
        if not done.events:
            return done
        events += done.events
    return Done(events=events)


def _begun(asking: Asking, subject: str, actions: list[Action]) -> bool:
    """Whether the form was sent before: then every action is answered as it was the first time."""
    keys = {action.key for action in actions}
    return any(each.idempotency_key in keys for each in asking.trial.ask.events(subject))


def _history(table: LesionTable, form: AssessmentForm, language: str) -> dict[str, Any]:
    """The scans before as columns, and what each said of every lesion."""
    words = wording(language)
    first = [each for each in table.readings if each.body["baseline"]][-1:]
    later = [each for each in table.readings if not each.body["baseline"]]
    scans = [*first, *later[-SHOWN_SCANS:]]
    lesions = [row.lesion for row in form.targets]
    lesions += [row.lesion for row in form.non_targets]
    lesions += [row.lesion for row in form.new_lesions]
    cells = {e.lesion: [cell(scan, e, words) for scan in scans] for e in lesions}
    return {"scans": scans, "cells": cells, "hidden": len(later) - len(later[-SHOWN_SCANS:])}


@page("subjects/<str:subject>/assessments/check/", name="assessment_check", roles=READS,
      about="subject", methods=("POST",))  # fmt: skip
def assessment_check(request: Request, subject: str) -> HttpResponse:
    """What the rules make of the reading as it stands in the form; nothing is kept."""
    asking, ask = request.asking, request.asking.trial.ask
    site = ask.site(subject)
    table, _ = asked_for(request, subject)
    form = AssessmentForm(table, offer_to(asking, subject), request.POST)
    form.is_valid()
    actions = form.actions(asking, subject, site)
    if actions[-1].occurred is None:
        return render(request, "response/judged.html", {"incomplete": True})
    together = ask.together(subject, actions)
    content = {
        "refused": [_refused(actions[place], error) for place, error in together.refused.items()],
        "open": sum(not row.found for row in (*form.targets, *form.non_targets)),
        **judged_reading(together, table.evaluator, form.cleaned_data["assessment"],
                         wording(asking.language), blinded=asking.role == "reader"),
    }  # fmt: skip
    return render(request, "response/judged.html", content)


def _refused(action: Action, error: EquipoiseError) -> tuple[str, dict[str, Any]]:
    return str(action.body.get("lesion", "")), shown(error)
