"""Exports: what leaves, of which position and cut, by whom, with its hash; each is an event (AT5).

What a role may not see is in no file that it takes away.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from equipoise.exchange.archive import File
from equipoise.record.event import Event
from equipoise.study.access import ACTION_ROLES, VISIBLE, may_see_type
from equipoise.web.asking import Asking, Request
from equipoise.web.cuts import cut_off, cut_offs
from equipoise.web.doing import may_do
from equipoise.web.forms.action import new_key
from equipoise.web.page import MENU, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.pages.audit import download, export_of
from equipoise.web.sight import Sight
from equipoise.workflow.allocation_list import CONTENT, allocation_file
from equipoise.workflow.data_export import data_files
from equipoise.workflow.leaving import exported

MENU.append(("nav.exports", "exports"))
OWN_SCREEN["Exported"] = "exports"
SEES = ACTION_ROLES["Exported"] | {"monitor"}
DATA, ALLOCATIONS = "data", "allocations"
CONTENTS = {DATA: "data", ALLOCATIONS: CONTENT}
"""What can be taken away here, and how the record says it."""


@page("exports/", name="exports", roles=SEES)
def exports(request: Request) -> HttpResponse:
    """Everything that left the record, the latest first; what can be taken away now."""
    asking = request.asking
    made = asking.trial.log.read(types={"Exported", "CertifiedCopyMade"})
    content = {
        "rows": [(event, json.loads(event.body)) for event in reversed(made)],
        "cut_offs": cut_offs(asking), "contents": tuple(CONTENTS), "key": new_key(),
        "head": asking.trial.log.head().seq, "may": may_do(asking, "Exported"),
        "hidden": hidden(asking),
    }  # fmt: skip
    return render(request, "exports/exports.html", content)


def hidden(asking: Asking) -> list[str]:
    """The blinding classes that no file of this person's holds."""
    classes = {"clinical", "marker", "scheme", "allocation", "outcome"} - VISIBLE[asking.role]
    return sorted(classes - ({"allocation"} if asking.unblinded else set()))


@page("exports/take/", name="exports_take", roles=ACTION_ROLES["Exported"], methods=("POST",))
def take(request: Request) -> HttpResponse:
    """The archive that was asked for; its event is recorded first."""
    asking = request.asking
    what, named = request.POST.get("what", ""), request.POST.get("cut_off", "")
    if what not in CONTENTS:
        return redirect("exports")
    cut = cut_off(asking, named) if named else None
    if named and cut is None:
        raise Http404
    head, told = asking.trial.log.head().seq, request.POST.get("as_of", "")
    at = min(int(told), head) if told.isdigit() and int(told) else head
    as_of = cut.as_of if cut else at
    facts: dict[str, Any] = {"role": asking.role, "left_out": hidden(asking)}
    if cut:
        facts |= {"cut_off": cut.name, "cut": cut.cut.isoformat()}
    made = exported(
        asking.trial.conductor, export_of(asking, request.POST.get("key") or new_key()),
        content=CONTENTS[what] + (f", cut {cut.name}" if cut else ""), as_of=as_of, facts=facts,
        files=_files(asking, what, asking.trial.log.read(upto=as_of), cut.cut if cut else None),
    )  # fmt: skip
    name = f"-{cut.name}" if cut else ""
    return download(made, f"{asking.trial.log.trial}-{what}{name}-{as_of}.zip")


def _files(
    asking: Asking, what: str, events: list[Event], cut: datetime.date | None
) -> dict[str, File]:
    if what == ALLOCATIONS:
        versions = asking.trial.ask.state.versions
        file = allocation_file(events, versions, asking.role, unblinded=asking.unblinded)
        return {"allocations.csv": file}
    sight = Sight.of(asking)

    def sees(event_type: str, item: str) -> bool:
        if item == "*":
            return may_see_type(
                asking.role, event_type, disclosed=asking.disclosed, unblinded=asking.unblinded
            )
        return sight.sees(event_type, item)

    return data_files(events, cut, sees, asking.trial.keys)
