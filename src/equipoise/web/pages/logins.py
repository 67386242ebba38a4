"""The chain of logins: who came in, who was kept out, what was done to accounts (AT5, UA3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode

from equipoise.exchange.archive import File
from equipoise.exchange.spreadsheet import comma_separated
from equipoise.record.event import Event
from equipoise.web import logins
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import may_do
from equipoise.web.forms.action import new_key
from equipoise.web.forms.fields import FullDateField
from equipoise.web.page import MENU, page
from equipoise.web.pages.audit import download, export_of
from equipoise.web.wording import Words, wording
from equipoise.workflow.leaving import exported

MENU.append(("nav.logins", "logins"))
A_PAGE = 100
AT_A_TIME = 2000
"""Entries that are read at once while a page is filled, the newest first."""


class LoginSearch(forms.Form):
    """What is looked for in the chain; nothing is obligatory."""

    def __init__(self, data: Any, words: Words) -> None:
        super().__init__(data)
        kinds = sorted(
            ((each, words[f"login.{each}"]) for each in logins.TYPES), key=lambda e: e[1]
        )
        self.fields["kind"] = forms.ChoiceField(
            required=False, label=words["audit.type"], choices=[("", words["audit.every"]), *kinds]
        )
        self.fields["person"] = forms.CharField(
            required=False, max_length=200, label=words["audit.person"]
        )
        for name in ("since", "until"):
            self.fields[name] = FullDateField(required=False, label=words[f"audit.{name}"])

    def wants(self, event: Event) -> bool:
        """Whether an entry is one of those that are looked for."""
        given = self.cleaned_data
        day = event.recorded[:10]
        return (
            (not given["kind"] or event.type == given["kind"])
            and (not given["person"] or event.actor == given["person"].strip())
            and (not given["since"] or day >= str(given["since"]))
            and (not given["until"] or day <= str(given["until"]))
        )


def _backwards(before: int) -> Iterator[Event]:
    """The entries before a seq, the newest first, so many at a time."""
    upto = before - 1
    while upto > 0:
        after = max(upto - AT_A_TIME, 0)
        yield from reversed(logins.chain().read(after=after, upto=upto))
        upto = after


def _found(form: LoginSearch, before: int) -> Iterator[Event]:
    return (event for event in _backwards(before) if form.wants(event))


def _told(event: Event) -> str:
    """What an entry says beside kind and person."""
    return " · ".join(str(value) for value in json.loads(event.body).values())


@page("logins/", name="logins", roles=("administrator", "auditor"))
def all_logins(request: Request) -> HttpResponse:
    """Every entry of the chain, the newest first, a hundred on a page."""
    asking = request.asking
    form = LoginSearch(request.GET, wording(asking.language))
    valid, head = form.is_valid(), logins.chain().head()
    told = request.GET.get("before", "")
    before = int(told) if told.isdigit() else head.seq + 1
    rows: list[dict[str, Any]] = []
    if valid:
        for event in _found(form, min(before, head.seq + 1)):
            rows.append({"event": event, "told": _told(event)})
            if len(rows) > A_PAGE:
                break
    asked = {k: str(v) for k, v in request.GET.items() if k != "before" and v}
    more = len(rows) > A_PAGE
    older = {**asked, "before": str(rows[A_PAGE - 1]["event"].seq)} if more else {}
    content = {
        "form": form, "rows": rows[:A_PAGE], "older": f"?{urlencode(older)}" if older else "",
        "head": head, "anchored": _anchored(asking), "asked": asked, "key": new_key(),
        "may_export": may_do(asking, "Exported"),
    }  # fmt: skip
    return render(request, "logins.html", content, status=200 if valid else 422)


def _anchored(asking: Asking) -> Mapping[str, Any] | None:
    """The last head of the chain that the trial's record holds, and its entry there."""
    found = asking.trial.log.read(types={"LoginsAnchored"})
    return {**json.loads(found[-1].body), "event": found[-1]} if found else None


@page("logins/export/", name="logins_export", roles=("auditor",), methods=("POST",))
def export(request: Request) -> HttpResponse:
    """The entries that are looked for, oldest first, as CSV in an archive; the export is recorded
    first."""
    asking = request.asking
    form = LoginSearch(request.POST, wording(asking.language))
    if not form.is_valid():
        return redirect("logins")
    head = logins.chain().head()
    events = sorted(_found(form, head.seq + 1), key=lambda event: event.seq)
    text = comma_separated(
        ["seq", "recorded_utc", "kind", "person", "content", "prev", "hash"],
        ([e.seq, e.recorded, e.type, e.actor, e.body, e.prev, e.hash] for e in events),
    )
    made = exported(
        asking.trial.conductor, export_of(asking, request.POST.get("key") or new_key()),
        content="chain of logins", as_of=asking.trial.log.head().seq,
        files={"logins.csv": File(text, len(events))},
        facts={"role": asking.role, "login_seq": str(head.seq), "login_hash": head.hash},
    )  # fmt: skip
    return download(made, f"{asking.trial.log.trial}-logins-{head.seq}.zip")
