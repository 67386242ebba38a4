"""The central reader's queue, and where evaluators differ."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from equipoise.web.asking import Request
from equipoise.web.overview import overview
from equipoise.web.page import MENU, page
from equipoise.web.sight import Sight
from equipoise.web.worklist import scans

MENU.append(("nav.readings", "readings"))


@page("readings/", name="readings", roles=("reader",))
def readings(request: Request) -> HttpResponse:
    """The scans that wait for this reader, the oldest first, and those that they have read."""
    asking = request.asking
    rows = overview(asking.trial).of(None)
    mine = Sight.of(asking).listed(asking.trial.log.read(types={"TumourAssessed"}))
    content = {"tasks": scans(rows, asking), "read": mine[::-1][:50], "number": len(mine)}
    return render(request, "response/queue.html", content)
