"""Source verification by the monitor: item by item or a whole entry, and how much is verified."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.oversight.verification import share
from equipoise.study.actions import Action
from equipoise.visits.events import FormSaved
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import do, last_seen, told
from equipoise.web.oversight_view import shares, total
from equipoise.web.overview import overview
from equipoise.web.page import MENU, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.panels import panel

OWN_SCREEN["SourceVerified"] = "subject_verification"
SEES = frozenset({"monitor", "data_manager", "auditor"})
MENU.append(("nav.verification", "verification"))


class Verifies:
    """The act of comparing an entry, or one item of it, with its source."""

    action = "SourceVerified"

    def __init__(self, request: Request, seq: int) -> None:
        asked = request.POST.get("verified", "")
        self.digest, _, item = asked.partition(":")
        self.key = request.POST.get("key", "")
        self.item, self.seq = item or None, seq
        self.error = ""

    def is_valid(self) -> bool:
        """Whether the page named what was compared."""
        return bool(self.digest and self.key)

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The verification of the person who asks."""
        body = {"target": self.seq, "item": self.item, "content_sha256": self.digest}
        return Action(
            name=self.action, body=body, actor=asking.person, role=asking.role,
            organisation=asking.organisation, key=f"{self.key}-{self.digest[:12]}",
            seen=last_seen(asking, subject), subject=subject, site=site,
            recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: Any) -> None:
        """Keep what `conduct` said."""
        self.error = str(error)


@page("subjects/<str:subject>/entries/<int:seq>/verify/", name="verify", roles=("monitor",),
      about="subject", methods=("POST",))  # fmt: skip
def verify(request: Request, subject: str, seq: int) -> HttpResponse:
    """Verify an entry, or one item of it, as it stood on the page."""
    asking = request.asking
    if not any(each.seq == seq for each in asking.trial.ask.events(subject)):
        raise Http404
    form = Verifies(request, seq)
    done = do(asking, form, subject=subject, site=asking.trial.ask.site(subject))
    if done.events:
        told(request, form.action, done.events)
        return redirect(reverse("form", args=[subject, seq]) + f"#at-{form.item or 'entry'}")
    error = done.error or {"kind": "BadInput", "message": form.error or "verified"}
    content = {"error": error, "subject": subject, "seq": seq}
    return render(request, "oversight/not_verified.html", content, status=done.status)


@page("subjects/<str:subject>/verification/", name="subject_verification", roles=SEES,
      about="subject")  # fmt: skip
def subject_verification(request: Request, subject: str) -> HttpResponse:
    """The entries of a subject that have a source, each with its state."""
    ask = request.asking.trial.ask
    events = {each.seq: each for each in ask.events(subject)}
    found = ask.source_verification(subject)
    forms = {each.code: each.label for each in ask.study(ask.site(subject)).visits.forms}
    rows = [
        (events[each.seq], each, share([each]), forms.get(json.loads(events[each.seq].body)["form"])
         if each.event_type == FormSaved.TYPE else None)
        for each in found
    ]  # fmt: skip
    asked = request.GET.get("state", "")
    content = {
        "subject": subject, "share": share(found), "state": asked,
        "rows": [row for row in rows if asked in ("", row[1].state)],
        "states": ("unverified", "partly", "broken", "verified"),
    }  # fmt: skip
    return render(request, "oversight/subject_verification.html", content)


@page("verification/", name="verification", roles=SEES)
def verification(request: Request) -> HttpResponse:
    """How much of each hospital's and each subject's items is verified, and what was changed."""
    asking = request.asking
    kept = shares(asking.trial)
    rows = [(row, kept.of(row.subject, row.last_seq))
            for row in overview(asking.trial).of(asking.site)]  # fmt: skip
    sites = {
        site: total(each for row, each in rows if row.site == site)
        for site in sorted({row.site for row, _ in rows})
    }
    chosen = request.GET.get("site", "")
    content = {
        "sites": sites, "chosen": chosen, "total": total(each for _, each in rows),
        "rows": [row for row in rows if chosen in ("", row[0].site)],
    }  # fmt: skip
    return render(request, "oversight/verification.html", content)


@panel("verification", 70, SEES, aside=True)
def panel_of(request: Request, subject: str) -> dict[str, Any]:
    """How much of the subject's entries is verified."""
    return {"share": share(request.asking.trial.ask.source_verification(subject))}
