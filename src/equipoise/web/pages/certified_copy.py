"""The hospital's certified copy of its own subjects, at any time, without the sponsor (CO2)."""

from __future__ import annotations

import json

from django.http import HttpResponse
from django.shortcuts import render

from equipoise.exchange.archive import File
from equipoise.report.certified_copy import certified_copy_pdf
from equipoise.study.access import ACTION_ROLES
from equipoise.study.actions import Action
from equipoise.web.asking import Request
from equipoise.web.forms.action import new_key
from equipoise.web.page import MENU, page
from equipoise.web.pages.audit import download
from equipoise.web.site_copy import content, copied, files
from equipoise.workflow.leaving import certified_copy, position, witness

MENU.append(("nav.copy", "certified_copy"))
CONTENT = "certified copy"


@page("copy/", name="certified_copy", roles=ACTION_ROLES["CertifiedCopyMade"],
      methods=("GET", "POST"))  # fmt: skip
def copy_of_site(request: Request) -> HttpResponse:
    """What the copy holds, and which were made; on POST the copy itself, recorded first."""
    asking = request.asking
    log, site = asking.trial.log, asking.site or ""
    head = log.head().seq
    if request.method != "POST":
        made = log.read(types={"CertifiedCopyMade"}, site=site)
        rows = [(event, json.loads(event.body)) for event in reversed(made)]
        context = {"rows": rows, "head": head, "key": new_key(), "site": site,
                   "zone": asking.trial.ask.zone(site)}  # fmt: skip
        return render(request, "oversight/copy.html", context)
    told = request.POST.get("as_of", "")
    as_of = min(int(told), head) if told.isdigit() and int(told) else head
    at = position(log, as_of)
    copy = copied(asking, site, as_of)
    anchor = witness(asking.trial.conductor, at, CONTENT)
    pdf = certified_copy_pdf(content(copy, site=site, head=at, anchor=anchor.signature))
    held = {**files(copy), "certified-copy.pdf": File(pdf, len(copy.subjects()))}
    action = Action(
        name="CertifiedCopyMade", body={}, actor=asking.person, role=asking.role,
        organisation=asking.organisation, key=request.POST.get("key") or new_key(), site=site,
        recorded=asking.trial.recorded,
    )  # fmt: skip
    archive = certified_copy(
        asking.trial.conductor, action, content=CONTENT, files=held, as_of=as_of,
        facts={"site": site, "role": asking.role, "language": asking.language},
    )  # fmt: skip
    return download(archive, f"{log.trial}-{site}-certified-copy-{as_of}.zip")
