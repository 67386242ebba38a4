"""Every serious adverse event that a position covers: clocks, opinions, what is expected."""

from __future__ import annotations

from typing import Any

import polars as pl
from django.http import HttpResponse
from django.shortcuts import render

from equipoise.safety.serious import EXPEDITED_REPORT, reports_due
from equipoise.web.asking import Request
from equipoise.web.harm_view import as_report, clock_of, local_name
from equipoise.web.overview import Row, overview
from equipoise.web.page import MENU, page
from equipoise.web.pages.adverse_events import SEES_HARM
from equipoise.web.sight import Sight
from equipoise.web.wording import wording

MENU.append(("nav.safety", "safety"))


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
        mine = reports_due(table.filter(adverse_event=each["adverse_event"]), ask.today(row.site))
        clocks = [
            clock_of(report, now, words)
            for report in mine.iter_rows(named=True)
            if sees_drugs or report["report"] == "site_to_sponsor"
        ]
        still = [clock.due for clock in clocks if clock.done is None and clock.due is not None]
        found.append({
            **each, "clocks": clocks, "first_due": min(still, default=None),
            "local": local_name(each["term"], words),
        })  # fmt: skip
    return found
