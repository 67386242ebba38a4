"""The pharmacy: doses to verify, to dispense, and what became of every unit of every lot."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.study.access import ACTION_ROLES, ROLES, SITE_ROLES, may_see
from equipoise.treatment.lots import lot_account
from equipoise.treatment.verification import OPEN
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import MENU, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.pharmacy_view import CycleWork, dispensings, receipts, shelf, shelves, strength
from equipoise.web.wording import wording
from equipoise.web.worklist import Task, tasks_of

PHARMACISTS = ACTION_ROLES["DrugDispensed"]
SEES_PHARMACY = PHARMACISTS | {
    role for role in ROLES - SITE_ROLES if may_see(role, "DrugDispensed", "lot")
}
"""The pharmacists of a hospital, and of the others whoever sees what is given."""
MENU.append(("nav.pharmacy", "pharmacy"))
OWN_SCREEN["LotReceived"] = "lot_received"
A_PAGE = 100
STATES = (*OPEN, "dispensed", "nothing")


def site_of(request: Request) -> str | None:
    """The hospital whose pharmacy is looked at: that of the position, else the one asked for."""
    asking = request.asking
    codes = [each.code for each in asking.trial.ask.study(asking.site).sites]
    asked = request.GET.get("site")
    return asking.site or (asked if asked in codes else codes[0] if codes else None)


@page("pharmacy/", name="pharmacy", roles=SEES_PHARMACY)
def pharmacy(request: Request) -> HttpResponse:
    """The drugs of the cycles that were begun: to be verified, held, to be dispensed, dispensed."""
    asking, site = request.asking, site_of(request)
    cycles = [each for one in shelves(asking.trial, site) for each in one.cycles]
    cycles.sort(key=lambda each: (not each.current, -each.started.toordinal(), each.subject))
    lines = [(each, drug) for each in cycles for drug in each.drugs]
    number = Counter(drug.step for each, drug in lines if each.current)
    asked = request.GET.get("state", "open")
    wanted = OPEN if asked == "open" else (asked,) if asked in STATES else STATES
    named = request.GET.get("find", "").strip().lower()
    rows = [
        (each, drug) for each, drug in lines
        if drug.step in wanted and (each.current or asked == "all")
        and named in f"{each.subject} {drug.drug}".lower()
    ]  # fmt: skip
    told = request.GET.get("page", "1")
    place = max(int(told) if told.isdigit() else 1, 1)
    content = {
        "rows": rows[(place - 1) * A_PAGE : place * A_PAGE], "page_number": place,
        "more": len(rows) > place * A_PAGE, "asked": asked, "find": named, "place": site,
        "waiting": ("to_verify", "to_dispense"),
        "sites": [] if asking.site else asking.trial.ask.study(None).sites,
        "today": asking.trial.ask.today(site),
        "tabs": [("open", sum(number[each] for each in OPEN)),
                 *((each, number[each]) for each in STATES), ("all", len(lines))],
    }  # fmt: skip
    return render(request, "pharmacy/queue.html", content)


@page("pharmacy/lots/", name="pharmacy_lots", roles=SEES_PHARMACY)
def lots(request: Request) -> HttpResponse:
    """What became of every unit of every lot of a hospital, and what stands in quarantine."""
    asking, site = request.asking, site_of(request)
    account = dispensings(asking.trial, site)
    today = asking.trial.ask.today(site)
    content = {
        "rows": [_told(row, today) for row in lot_account(
            account, receipts(asking.trial, site)).iter_rows(named=True)],
        "may_receive": may_do(asking, "LotReceived"),
        "dispensings": [_told(row, today) for row in account.sort("event", descending=True)
                        .head(5 * A_PAGE).iter_rows(named=True)],
        "place": site, "sites": [] if asking.site else asking.trial.ask.study(None).sites,
        "may_return": may_do(asking, "DrugReturned"), "today": today,
    }  # fmt: skip
    return render(request, "pharmacy/lots.html", content)


def _told(row: dict[str, Any], today: datetime.date) -> dict[str, Any]:
    return {**row, "strength": strength(row["unit"]), "expired": row["expiry"] < today}


@page("pharmacy/lots/new/", name="lot_received", roles=PHARMACISTS, methods=("GET", "POST"))
def received(request: Request) -> HttpResponse:
    """A lot that came to the pharmacy of the hospital."""
    asking = request.asking
    form = ActionForm(
        "LotReceived", offer_to(asking), request.POST or None,
        initial={"occurred": asking.trial.ask.today(asking.site)},
    )  # fmt: skip
    return answered(
        request, "pharmacy/received.html", form, subject=None, site=asking.site,
        then=reverse("pharmacy_lots"),
    )  # fmt: skip


@page("pharmacy/subjects/<str:subject>/", name="pharmacy_subject", roles=SEES_PHARMACY,
      about="subject")  # fmt: skip
def pharmacy_subject(request: Request, subject: str) -> HttpResponse:
    """The cycles of a subject, the latest first, with what was dispensed for each."""
    found = shelf(request.asking.trial, subject)
    return render(request, "pharmacy/subject.html", {"subject": subject, "shelf": found})


def cycle_of(asking: Asking, subject: str, cycle: int) -> CycleWork:
    """A cycle of a subject, which must have been begun."""
    for each in shelf(asking.trial, subject).cycles:
        if each.cycle == cycle:
            return each
    raise Http404


@tasks_of("pharmacist")
def pharmacy_tasks(asking: Asking) -> Iterable[Task]:
    """Doses of cycles that go on: to be verified, held, changed since, to be dispensed."""
    cycle = wording(asking.language)["cycle"].lower()
    for one in shelves(asking.trial, asking.site):
        for each in one.cycles:
            for drug in each.drugs if each.current else ():
                if drug.step in OPEN:
                    link = reverse("pharmacy_cycle", args=[each.subject, each.cycle])
                    detail = f"{drug.drug} · {cycle} {each.cycle}"
                    yield Task(
                        f"task.pharmacy.{drug.step}", each.subject, detail, each.started, "due",
                        link,
                    )  # fmt: skip
