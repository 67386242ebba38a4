"""The dashboard: recruitment against plan, screening failures, assays, what is overdue, forms.

At a hospital it shows that hospital alone. Balance by arm is shown to the unblinded roles of the
sponsor alone, who enrol nobody (RN2). Each number leads to the list behind it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.biomarker.turnaround import TURNAROUND_STATES, turnaround_summary
from equipoise.oversight.recruitment import STEPS, counted, cumulated, recruitment_by_site
from equipoise.study.access import ROLES, VISIBLE
from equipoise.visits.expected_form import FORM_STATES, FORM_WITHIN, completeness
from equipoise.web.asking import Request
from equipoise.web.page import MENU, page
from equipoise.web.progress import Progress
from equipoise.web.recruitment_chart import chart
from equipoise.web.wording import Words, wording

MENU.append(("nav.dashboard", "dashboard"))
SEES_PROGRESS = frozenset(
    role for role in ROLES if {"clinical", "outcome"} <= VISIBLE[role]
)  # fmt: skip
"""Roles from whom neither the course nor the outcome of patients is hidden."""


@page("dashboard/", name="dashboard", roles=SEES_PROGRESS)
def dashboard(request: Request) -> HttpResponse:
    """How the trial goes, or the person's own hospital."""
    asking = request.asking
    found = Progress.of(asking)
    words = wording(asking.language)
    forms = completeness(found.forms.with_columns(pl.lit(1).alias("all")), "all")
    content: dict[str, Any] = {
        "today": found.today, "site": found.site, "head": asking.trial.log.head().seq,
        "plan": found.plan, "months": found.by_month().rows(named=True),
        "reached": {row["step"]: row["number"] for row in _rows(counted(found.steps, "step"))},
        "chart": _chart(found), "sites": _sites(found),
        "failures": _failures(found, words), "within": FORM_WITHIN,
        "forms": forms.row(0, named=True) if len(forms) else None,
        "late_forms": len(found.late_forms()), "late_visits": len(found.late_visits()),
        "queries": {
            row["state"]: row["number"]
            for row in _rows(found.queries.group_by("state").agg(pl.col("number").sum()))
        },
    }  # fmt: skip
    if found.sees_marker:
        rows = found.turnaround
        content["assays"] = {
            "states": _rows(counted(rows, "state")),
            "legs": _rows(turnaround_summary(rows)),
            "fallback": rows.filter("fallback").height,
            "failed_runs": rows.filter(pl.col("failed_runs") > 0).height,
        }
    if found.sees_balance:
        content["balance"] = _balance(found, words)
    return render(request, "dashboard/dashboard.html", content)


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.rows(named=True)


def _chart(found: Progress) -> Any:
    reached = cumulated(found.steps).rows()
    plan, end = found.plan, found.planned_end
    planned = (plan["start"], end, plan["planned"]) if end and plan["planned"] else None
    return chart(reached, planned, found.today)


def _sites(found: Progress) -> list[dict[str, Any]]:
    """One row per hospital: steps, forms, what is overdue."""
    named = {each.code: each for each in found.trial.ask.study(None).sites}
    forms = {row["site"]: row for row in _rows(completeness(found.forms, "site"))}
    late = {row["site"]: row["number"] for row in _rows(_number(found.late_forms()))}
    visits: dict[str, int] = {}
    for row, _, _ in found.late_visits():
        visits[row.site] = visits.get(row.site, 0) + 1
    asked = {(row["site"], row["state"]): row["number"] for row in _rows(found.queries)}
    return [
        {
            **row, "label": named.get(row["site"]),
            "forms": forms.get(row["site"]), "late_forms": late.get(row["site"], 0),
            "late_visits": visits.get(row["site"], 0),
            "open": asked.get((row["site"], "open"), 0),
            "overdue": asked.get((row["site"], "overdue"), 0),
        }
        for row in _rows(recruitment_by_site(found.steps, found.today))
    ]  # fmt: skip


def _number(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("site").agg(pl.len().alias("number"))


def _failures(found: Progress, words: Words) -> list[dict[str, Any]]:
    """Causes and criteria of failed screening with the criteria's wording."""
    criteria = {
        each.id: each for each in found.trial.ask.study(found.site).eligibility.criteria
    }  # fmt: skip
    return [
        {**row, "label": words.label(criteria[row["criterion"]].wording)
         if row["criterion"] in criteria else ""}
        for row in _rows(counted(found.failures(), "cause", "criterion"))
    ]  # fmt: skip


def _balance(found: Progress, words: Words) -> dict[str, Any]:
    """Allocations by arm and marker status."""
    study = found.trial.ask.study(None)
    arms = [(each.code, words.label(each.label)) for each in study.randomisation.arms]
    states = [(each.code, words.label(each.label)) for each in study.biomarker.marker.statuses]
    number = {
        (row["marker_status"], row["arm"]): row["number"]
        for row in _rows(counted(found.allocations(), "marker_status", "arm"))
    }
    in_arm = {row["arm"]: row["number"] for row in _rows(counted(found.allocations(), "arm"))}
    return {
        "arms": arms,
        "rows": [(status, label, [(arm, number.get((status, arm), 0)) for arm, _ in arms])
                 for status, label in states],
        "all": [(arm, in_arm.get(arm, 0)) for arm, _ in arms],
    }  # fmt: skip


Asked = Mapping[str, str]
Listed = tuple[list[str], list[dict[str, Any]]]
"""The columns of a list beside subject and hospital, and its rows."""


def _of_step(found: Progress, asked: Asked, words: Words) -> Listed:
    rows = found.steps.filter(step=asked["of"])
    if month := asked.get("month"):
        rows = rows.filter(pl.col("day").dt.strftime("%Y-%m") == month)
    return ["day"], _rows(_at(rows, asked))


def _of_failures(found: Progress, asked: Asked, words: Words) -> Listed:
    rows = _at(found.failures(), asked)
    for name in ("cause", "criterion"):
        if name in asked:
            wanted = pl.lit(asked[name] or None, dtype=pl.String)
            rows = rows.filter(pl.col(name).eq_missing(wanted))
    return ["day", "cause", "criterion"], [
        {**row, "cause": words.of(f"code.{row['cause']}"), "criterion": row["criterion"] or "—"}
        for row in _rows(rows)
    ]


def _of_visits(found: Progress, asked: Asked, words: Words) -> Listed:
    labels = {v.code: v.label for v in found.trial.ask.study(None).visits.visits}
    rows = [
        {"subject": row.subject, "site": row.site, "due": due.latest, "days": days,
         "visit": words.label(labels[due.visit]) if due.visit in labels else due.visit}
        for row, due, days in found.late_visits() if asked.get("site") in (None, row.site)
    ]  # fmt: skip
    return ["visit", "due", "days"], rows


def _of_forms(found: Progress, asked: Asked, words: Words) -> Listed:
    plan = found.trial.ask.study(None).visits
    visits = {each.code: words.label(each.label) for each in plan.visits}
    forms = {each.code: words.label(each.label) for each in plan.forms}
    rows, columns = found.late_forms(), ["visit", "form", "state", "due", "days"]
    if (state := asked.get("state")) in FORM_STATES:
        rows, columns = found.forms.filter(state=state), ["visit", "form", "state", "due"]
    return columns, [
        {**row, "state": words[f"dashboard.form.{row['state']}"],
         "visit": visits.get(row["visit"], row["visit"]), "form": forms.get(row["form"])}
        for row in _rows(_at(rows, asked))
    ]  # fmt: skip


def _of_assays(found: Progress, asked: Asked, words: Words) -> Listed:
    if not found.sees_marker:
        raise Http404
    rows = found.turnaround
    if (state := asked.get("state")) in TURNAROUND_STATES:
        rows = rows.filter(state=state)
    if "fallback" in asked:
        rows = rows.filter("fallback")
    if "runs" in asked:
        rows = rows.filter(pl.col("failed_runs") > 0)
    return ["state", "collected", "received", "decided", "days_to_status", "failed_runs"], [
        {**row, "state": words[f"dashboard.assay.{row['state']}"]}
        for row in _rows(_at(rows, asked))
    ]


def _of_allocations(found: Progress, asked: Asked, words: Words) -> Listed:
    if not found.sees_balance:
        raise Http404
    rows = found.allocations()
    for name in ("arm", "marker_status"):
        if name in asked:
            rows = rows.filter(pl.col(name) == asked[name])
    return ["marker_status", "arm"], _rows(_at(rows, asked))


def _at(rows: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    return rows.filter(site=asked["site"]) if "site" in asked else rows


LISTS: dict[str, Callable[[Progress, Asked, Words], Listed]] = {
    **dict.fromkeys(STEPS, _of_step),
    "failures": _of_failures,
    "visits": _of_visits,
    "forms": _of_forms,
    "assays": _of_assays,
    "allocations": _of_allocations,
}
ASKED = ("of", "month", "site", "cause", "criterion", "state", "fallback", "runs", "arm",
         "marker_status")  # fmt: skip


@page("dashboard/list/", name="dashboard_list", roles=SEES_PROGRESS)
def behind(request: Request) -> HttpResponse:
    """The subjects behind a number of the dashboard."""
    asked = {name: request.GET[name] for name in ASKED if name in request.GET}
    of = asked.get("of", "")
    if of not in LISTS:
        raise Http404
    words = wording(request.asking.language)
    columns, rows = LISTS[of](Progress.of(request.asking), asked, words)
    content = {
        "of": of, "columns": columns, "number": len(rows),
        "told": [(name, asked[name] or "—") for name in ASKED[1:] if name in asked],
        "rows": [
            (row["subject"], reverse("subject", args=[row["subject"]]), row["site"],
             _cells(row, columns))
            for row in rows
        ],
    }  # fmt: skip
    return render(request, "dashboard/list.html", content)


def _cells(row: Mapping[str, Any], columns: Iterable[str]) -> list[tuple[Any, bool]]:
    """What stands in the cells, and whether it is a number."""
    return [
        ("—" if (value := row[name]) is None
         else value.isoformat() if isinstance(value, datetime.date) else value,
         isinstance(value, int))
        for name in columns
    ]  # fmt: skip
