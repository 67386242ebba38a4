"""Data cuts: declared by name, each with its day and its position in the record (CO4)."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse

from equipoise.study.access import nothing_blinded
from equipoise.web.asking import Request
from equipoise.web.cuts import cut_offs
from equipoise.web.doing import answered, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import MENU, page
from equipoise.web.pages.actions import OWN_SCREEN

MENU.append(("nav.cut_offs", "cut_offs"))
OWN_SCREEN["CutOffDeclared"] = "cut_offs"
SEES = frozenset({"data_manager", "statistician", "monitor", "auditor"})


@page("cut-offs/", name="cut_offs", roles=SEES, methods=("GET", "POST"))
def all_cut_offs(request: Request) -> HttpResponse:
    """The cuts that were declared; a new one, at the position that the page was made at."""
    asking = request.asking
    head, told = asking.trial.log.head().seq, request.POST.get("as_of", "")
    as_of = int(told) if told.isdigit() else head
    form = ActionForm(
        "CutOffDeclared", offer_to(asking), request.POST if request.method == "POST" else None,
        fixed={"as_of": as_of}, initial={"cut": asking.trial.ask.today(None)},
    )  # fmt: skip
    return answered(
        request, "exports/cut_offs.html", form, subject=None, site=None,
        then=reverse("cut_offs"), rows=cut_offs(asking), as_of=as_of,
        may=may_do(asking, "CutOffDeclared"), hashes=nothing_blinded(asking.role),
        analyses=may_do(asking, "AnalyseCutOff"),
        back=reverse("cut_offs"),
    )  # fmt: skip
