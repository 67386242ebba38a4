"""Adverse events on a subject's page; every serious one that a position covers, with its clocks."""

from __future__ import annotations

from typing import Any

import polars as pl
from django.http import HttpResponse
from django.shortcuts import render

from equipoise.safety.serious import EXPEDITED_REPORT, reports_due
from equipoise.web.asking import Request
from equipoise.web.doing import may_do
from equipoise.web.harm_chart import chart
from equipoise.web.harm_view import HarmView, as_report, clock_of, local_name
from equipoise.web.overview import Row, overview
from equipoise.web.page import MENU, page
from equipoise.web.pages.adverse_events import SEES_HARM, findings
from equipoise.web.panels import panel
from equipoise.web.sight import Sight
from equipoise.web.wording import wording

MENU.append(("nav.safety", "safety"))


@panel("harm", 60, SEES_HARM)
def harm(request: Request, subject: str) -> dict[str, Any]:
    """The adverse events of a subject along time, beside the doses where they may be seen."""
    asking, ask = request.asking, request.asking.trial.ask
    view = HarmView(asking, subject)
    rows, doses = view.all(), []
    if rows and view.sight.sees("DoseGiven", "amount"):
        given = ask.event_tables(subject, "exposure")["dose_given"]
        doses = given["occurred"].drop_nulls().to_list()
    return {
        "rows": rows, "findings": findings(view), "may": may_do(asking, "AdverseEventReported"),
        "chart": chart(rows, doses, ask.today(ask.site(subject))),
    }  # fmt: skip


@page("safety/", name="safety", roles=SEES_HARM)
def safety(request: Request) -> HttpResponse:
    """The serious adverse events, those with something open first; what nobody has reported yet."""
    asking = request.asking
    sees_drugs = Sight.of(asking).sees("CausalityAssessed", "drug")
    words = wording(asking.language)
    awaited: list[dict[str, Any]] = []
    serious: list[dict[str, Any]] = []
    for row in overview(asking.trial).of(asking.site):
        if not row.awaited and not row.serious:
            continue
        now = asking.trial.ask.now(row.site)
        for each in row.awaited:
            clock = clock_of(as_report(each), now, words)
            awaited.append({**each, "clock": clock, "local": local_name(each["term"], words)})
        serious += _serious(request, row, sees_drugs=sees_drugs)
    serious.sort(key=lambda each: (each["first_due"] is None, each["first_due"] or each["aware"]))
    content = {"awaited": awaited, "serious": serious, "sees_drugs": sees_drugs}
    return render(request, "harm/safety.html", content)


def _serious(request: Request, row: Row, *, sees_drugs: bool) -> list[dict[str, Any]]:
    """The serious adverse events of a subject with the clocks that the position may see."""
    ask, words = request.asking.trial.ask, wording(request.asking.language)
    now = ask.now(row.site)
    table = pl.DataFrame(list(row.reports), schema=dict(EXPEDITED_REPORT))
    found = []
    for each in row.serious:
        mine = table.filter(adverse_event=each["adverse_event"])
        clocks = [
            clock_of(report, now, words)
            for report in reports_due(mine, now.date(), now.time()).iter_rows(named=True)
            if sees_drugs or report["report"] == "site_to_sponsor"
        ]
        still = [clock.due for clock in clocks if clock.done is None and clock.due is not None]
        found.append({
            **each, "clocks": clocks, "first_due": min(still, default=None),
            "local": local_name(each["term"], words),
        })  # fmt: skip
    return found
