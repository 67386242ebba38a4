"""The hospitals of the trial: opened, closed, and which version is in force where (VA2)."""

from __future__ import annotations

import datetime
import json
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.study.definition import Site
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import MENU, page
from equipoise.web.pages.actions import OWN_SCREEN

MENU.append(("nav.sites", "sites"))
SEES = frozenset({"data_manager", "monitor", "statistician", "auditor", "safety_officer"})
ACTIONS = ("SiteOpened", "StudyVersionActivated", "SiteClosed", "OutageDeclared")
for _action in ("SiteOpened", "StudyVersionActivated", "SiteClosed"):
    OWN_SCREEN[_action] = "sites"


@page("sites/", name="sites", roles=SEES)
def sites(request: Request) -> HttpResponse:
    """Each hospital with its state and versions; the versions of the study that were adopted."""
    asking = request.asking
    state = asking.trial.ask.state
    found = {each.code: each for version in state.versions.values() for each in version.sites}
    rows = [_row(asking, each) for each in found.values()]
    adopted = [
        (json.loads(event.body), event)
        for event in reversed(asking.trial.log.read(types={"StudyVersionAdopted"}))
    ]
    content = {
        "rows": rows, "adopted": adopted, "may": may_do(asking, "SiteOpened"),
        "open": sum(row["state"] == "open" for row in rows),
        "planned": asking.trial.ask.study(None).registration.enrolment.planned_sites,
    }  # fmt: skip
    return render(request, "sites/list.html", content)


def _row(asking: Asking, site: Site) -> dict[str, Any]:
    state, today = asking.trial.ask.state, asking.trial.ask.today(site.code)
    found = "closed" if site.code in state.closed else "open" if site.code in state.sites else "new"
    opened = _event(asking, state.sites.get(site.code))
    return {
        "site": site, "state": found, "opened": opened, "closed": _event(
            asking, state.closed.get(site.code)),
        "in_force": state.version_in_force(site.code, today),
        "later": [each for each in state.activations.get(site.code, ()) if each[0] > today],
        "since": _since(asking, site.code, today),
        "subjects": sum(each.site == site.code for each in state.screened.values()),
    }  # fmt: skip


def _since(asking: Asking, site: str, today: datetime.date) -> datetime.date | None:
    found = [day for day, _ in asking.trial.ask.state.activations.get(site, ()) if day <= today]
    return found[-1] if found else None


def _event(asking: Asking, seq: int | None) -> Any:
    return next(iter(asking.trial.log.read(after=seq - 1, upto=seq)), None) if seq else None


@page("sites/<str:site>/<str:action>/", name="site_action", roles=("data_manager",),
      about="site", methods=("GET", "POST"))  # fmt: skip
def site_action(request: Request, site: str, action: str) -> HttpResponse:
    """Open a hospital, put a version in force there, close it, or declare an outage."""
    asking = request.asking
    known = {each.code: each for v in asking.trial.ask.state.versions.values() for each in v.sites}
    if action not in ACTIONS or site not in known:
        raise Http404
    initial: dict[str, Any] = {"name": known[site].name, "occurred": asking.trial.ask.today(site)}
    form = ActionForm(
        action, offer_to(asking, None, site), request.POST if request.method == "POST" else None,
        initial=initial,
    )  # fmt: skip
    return answered(
        request, "sites/action.html", form, subject=None, site=site, then=reverse("sites"),
        action=action, about=known[site], back=reverse("sites"),
    )  # fmt: skip
