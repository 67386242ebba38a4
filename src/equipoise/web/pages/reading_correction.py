"""A reading corrected in the table in which it was entered, and what the rules make of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from equipoise.web.asking import Asking, Request
from equipoise.web.doing import Done, do, last_seen, offer_to, told
from equipoise.web.forms.reading_correction import ReadingCorrection, of_scans
from equipoise.web.lesion_table import LesionTable, Reading, cell, evaluators_of, lesion_table
from equipoise.web.page import page
from equipoise.web.pages.assessment import READS, SHOWN_SCANS, where
from equipoise.web.refusal import shown
from equipoise.web.response_view import judged_reading
from equipoise.web.sight import Sight
from equipoise.web.wording import wording


def _reading(asking: Asking, subject: str, seq: int) -> tuple[LesionTable, Reading]:
    """The reading that the address names, of those that the position reads for; 404 else."""
    events = asking.trial.ask.events(subject)
    listed = Sight.of(asking, events).listed(events)
    for evaluator in evaluators_of(asking, subject):
        table = lesion_table(listed, evaluator)
        for each in table.readings:
            if each.seq == seq:
                return table, each
    raise Http404


@page("subjects/<str:subject>/assessments/<int:seq>/correct/", name="reading_correct", roles=READS,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def reading_correct(request: Request, subject: str, seq: int) -> HttpResponse:
    """Correct the lesions of a reading in their table: old values stay readable, with a reason."""
    asking = request.asking
    table, reading = _reading(asking, subject, seq)
    data = request.POST if request.method == "POST" else None
    form = ReadingCorrection(
        table, reading, offer_to(asking, subject), data, seen=last_seen(asking, subject)
    )
    done = Done()
    if data is not None:
        done = do(asking, form, subject=subject, site=asking.trial.ask.site(subject))
        if done.events:
            told(request, "Correct", done.events)
            return redirect(where(asking, subject, done=True))
    words = wording(asking.language)
    scans = [*of_scans(table, reading, SHOWN_SCANS - 1), reading]
    labels = {e.code: e.label for e in asking.trial.ask.study(asking.site).response.evaluators}
    content = {
        "form": form, "subject": subject, "error": done.error, "table": table, "reading": reading,
        "back": where(asking, subject), "evaluator": labels.get(table.evaluator), "scans": scans,
        "cells": {e.lesion.lesion: [cell(s, e.lesion, words) for s in scans] for e in form.rows()},
    }  # fmt: skip
    return render(request, "response/correct.html", content, status=done.status)


@page("subjects/<str:subject>/assessments/<int:seq>/correct/check/", name="reading_correct_check",
      roles=READS, about="subject", methods=("POST",))  # fmt: skip
def reading_correct_check(request: Request, subject: str, seq: int) -> HttpResponse:
    """What the rules would make of the reading as it stands in the form; nothing is kept."""
    asking, ask = request.asking, request.asking.trial.ask
    table, reading = _reading(asking, subject, seq)
    form = ReadingCorrection(table, reading, offer_to(asking, subject), request.POST)
    form.is_valid()
    refused: list[tuple[str, dict[str, Any]]] = []
    derived = ask.together(subject, [])
    if form.changes():
        action = form.as_action(asking, subject=subject, site=ask.site(subject))
        action = dataclasses.replace(action, reason=action.reason or "not given yet")
        derived = ask.together(subject, [action])
        refused = [("", shown(error)) for error in derived.refused.values()]
    content = {
        "refused": refused,
        "open": sum(not row.found for row in (*form.targets, *form.non_targets)),
        **judged_reading(derived, table.evaluator, reading.name, wording(asking.language),
                         blinded=asking.role == "reader"),
    }  # fmt: skip
    return render(request, "response/judged.html", content)
