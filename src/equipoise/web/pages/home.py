"""The work list: what is late, due now, or waits for an answer, for the person who asks."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render

from equipoise.study.access import BLINDED_ROLES
from equipoise.web.asking import Request
from equipoise.web.overview import overview
from equipoise.web.page import CLINICAL, EVERYBODY, page
from equipoise.web.worklist import tasks


@page("", name="home", roles=EVERYBODY)
def home(request: Request) -> HttpResponse:
    """What there is to do at the person's position, the most urgent first; people for whoever
    administers accounts, and sees no trial data."""
    asking = request.asking
    if asking.role == "administrator":
        return redirect("people")
    trial = asking.trial
    content = {"today": trial.ask.today(asking.site), "can_screen": asking.role in CLINICAL}
    rows = () if asking.role in BLINDED_ROLES else overview(trial).of(asking.site)
    content["tasks"] = tasks(rows, asking)
    return render(request, "home.html", content)
