"""The course of the tumour on a subject's page; where evaluators differ, for who reads no scans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from equipoise.study.access import may_see
from equipoise.study.definition import Study
from equipoise.web.asking import Request
from equipoise.web.differences import differences
from equipoise.web.doing import may_do
from equipoise.web.lesion_table import evaluators_of, evaluators_shown, lesion_table
from equipoise.web.overview import overview
from equipoise.web.page import MENU, OVERSIGHT, SEES_SUBJECTS, page
from equipoise.web.panels import panel
from equipoise.web.response_chart import chart
from equipoise.web.response_view import judged
from equipoise.web.wording import Words, wording

SEES_READINGS = frozenset(r for r in SEES_SUBJECTS if may_see(r, "TumourAssessed", "targets"))
COMPARES = OVERSIGHT & SEES_READINGS
"""Who is told where evaluators differ: nobody who reads scans, at a hospital or centrally."""

NO_DAY = ("none", "no date")

MENU.append(("nav.discordance", "discordance"))


@panel("response", 50, SEES_READINGS)
def response(request: Request, subject: str) -> dict[str, Any] | None:
    """Sums of diameters along time and the response at each assessment, of each evaluator."""
    asking, ask = request.asking, request.asking.trial.ask
    study, words = ask.study(ask.site(subject)), wording(asking.language)
    events = ask.events(subject)
    shown = evaluators_shown(asking, subject)
    may = may_do(asking, "TumourAssessed") and bool(evaluators_of(asking, subject))
    sums, responses = (ask.derived(subject, n) for n in ("target_sum", "time_point_response"))
    labels = {each.code: each.label for each in study.response.evaluators}
    courses = []
    for code in shown:
        if course := judged(sums, responses, code, study, words):
            read = lesion_table(events, code).readings if may else ()
            courses.append({
                "code": code, "label": labels[code], "course": course, "chart": chart(course),
                "seqs": {each.name: each.seq for each in read},
            })  # fmt: skip
    if not courses and not may:
        return None
    differ = []
    if asking.role in COMPARES and len(courses) > 1:
        rows = ask.derived(subject, "reader_discordance").iter_rows(named=True)
        differ = [_told(each, study, words) for each in rows]
    return {"courses": courses, "may": may, "differ": differ}


def _told(row: Mapping[str, Any], study: Study, words: Words) -> dict[str, Any]:
    """A row of `reader_discordance` in the words of the page."""
    labels = {each.code: each.label for each in study.response.evaluators}
    windows = {each.code: each.label for each in study.response.windows}
    about = row["about"]
    named = words.label(windows[about]) if about in windows else words[f"differ.{about}"]
    return {
        **row, "named": named, "evaluator": words.label(labels[row["evaluator"]]),
        "primary": words.label(labels[study.response.primary_evaluator]),
        **{name: _value(row[name], words) for name in ("primary_value", "other_value")},
    }  # fmt: skip


def _value(value: str, words: Words) -> str:
    """A value of the table: codes of responses and days as they are, the rest in words."""
    return words[f"differ.value.{value.replace(' ', '_')}"] if value in NO_DAY else value


@page("readings/differences/", name="discordance", roles=COMPARES)
def discordance(request: Request) -> HttpResponse:
    """Every pair of readings that differ, of every subject that several evaluators have read."""
    asking = request.asking
    ask, words = asking.trial.ask, wording(asking.language)
    found, read = differences(asking.trial).of(overview(asking.trial).of(asking.site))
    rows = [_told(each, ask.study(ask.site(each["subject"])), words) for each in found]
    kinds = sorted({each["about"] for each in rows})
    asked = request.GET.get("about", "")
    counts = [
        (kind, next(e["named"] for e in rows if e["about"] == kind),
         sum(each["about"] == kind for each in rows))
        for kind in kinds
    ]  # fmt: skip
    content = {
        "rows": [each for each in rows if asked in ("", each["about"])], "read": read,
        "subjects": len({each["subject"] for each in rows}), "counts": counts, "asked": asked,
        "number": len(rows),
    }  # fmt: skip
    return render(request, "response/differences.html", content)
