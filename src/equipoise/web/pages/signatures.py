"""Signatures of the case book or an entry, which any later change breaks (SG1-4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.oversight.events import Signed
from equipoise.oversight.signature import CASE_BOOK, ENTRY, Signature, entry_of, signatures
from equipoise.record.event import Event
from equipoise.study.access import BLINDED_ROLES
from equipoise.study.case_book import of_case_book
from equipoise.study.definition import Study
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import do, last_seen, told
from equipoise.web.forms.own import OwnForm
from equipoise.web.overview import kept
from equipoise.web.page import SEES_SUBJECTS, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.panels import panel
from equipoise.web.query_view import item_label
from equipoise.web.reauthentication import confirmed
from equipoise.web.sight import Shown, Sight
from equipoise.web.wording import Words, wording
from equipoise.web.worklist import Task, tasks_of

OWN_SCREEN["Signed"] = "sign"
SEES = SEES_SUBJECTS - BLINDED_ROLES


class SignForm(OwnForm):
    """The password; what is signed is what the page showed, by its hash."""

    action = "Signed"
    content = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, words: Words, data: Any, *, scope: str, **start: Any) -> None:
        super().__init__(words, data, **start)
        self.scope = scope
        self.fields["password"] = forms.CharField(
            label=words["confirm.password"],
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )

    def body(self) -> dict[str, Any]:
        """The signature, its meaning and what it is bound to."""
        return {
            "meaning": "responsibility", "scope": self.scope, "reauthenticated": True,
            "content_sha256": self.cleaned_data["content"],
        }  # fmt: skip


@page("subjects/<str:subject>/sign/", name="sign", roles=("investigator",), about="subject",
      methods=("GET", "POST"))  # fmt: skip
def sign(request: Request, subject: str) -> HttpResponse:
    """Sign the case book, or one entry (`?entry=`): what it covers, the password, the meaning."""
    asking, ask = request.asking, request.asking.trial.ask
    entry = request.GET.get("entry", "")
    scope = f"{ENTRY}{entry}" if entry else CASE_BOOK
    covered = ask.signed_events(subject, scope)
    if not covered or (entry and entry_of(scope) not in {event.seq for event in covered}):
        raise Http404
    words = wording(asking.language)
    start = {"seen": last_seen(asking, subject), "content": ask.signed_content(subject, scope)}
    form = SignForm(words, request.POST if request.method == "POST" else None, scope=scope, **start)
    error, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and not confirmed(request, form.cleaned_data["password"]):
            form.add_error("password", words["confirm.wrong"])
        elif form.is_valid():
            done = do(asking, form, subject=subject, site=ask.site(subject))
            if done.events:
                told(request, form.action, done.events)
                return redirect("signatures", subject=subject)
            error, status = done.error, done.status
            form = SignForm(words, None, scope=scope, **start)
    before = [each for each in ask.signatures(subject) if each.scope == scope]
    last = before[-1] if before else None
    content = {
        "form": form, "error": error, "subject": subject, "covered": covered, "last": last,
        "entry": covered[0] if entry else None, "digest": start["content"],
        "since": _since(asking, subject, last) if last else (),
        "zone": ask.zone(ask.site(subject)),
        "waiting": ask.derived(subject, "query").filter(status="open").height,
    }  # fmt: skip
    return render(request, "oversight/sign.html", content, status=status)


def _since(asking: Asking, subject: str, found: Signature) -> list[tuple[Shown, str]]:
    """What was entered or changed since, in what a signature covers, as far as it may be seen: the
    entry, of a correction with what the item is called."""
    events = {event.seq: event for event in asking.trial.ask.events(subject)}
    sight, since = Sight.of(asking, tuple(events.values())), []
    for event in (events[seq] for seq in found.later):
        if sight.lists(event):
            body = json.loads(event.body)
            of = (body.get("target"), body.get("item"))
            name = item_label(asking, subject, *of) if event.type == "Corrected" else ""
            since.append((sight.shown(event), name))
    return since


@page("subjects/<str:subject>/signatures/", name="signatures", roles=SEES, about="subject")
def signatures_of(request: Request, subject: str) -> HttpResponse:
    """Every signature: by whom, when, what it means and covers; of a broken one what changed."""
    asking, ask = request.asking, request.asking.trial.ask
    by_seq = {event.seq: event for event in ask.events(subject)}
    site = ask.site(subject)
    content = {
        "subject": subject, "zone": ask.zone(site),
        "may_sign": asking.role == "investigator",
        "rows": [(each, _since(asking, subject, each), by_seq.get(each.entry or 0))
                 for each in reversed(ask.signatures(subject))],
    }  # fmt: skip
    return render(request, "oversight/signatures.html", content)


@panel("signatures", 60, SEES, aside=True)
def panel_of(request: Request, subject: str) -> dict[str, Any]:
    """The last signature of the case book, intact or broken."""
    ask = request.asking.trial.ask
    site, found = ask.site(subject), ask.signatures(subject)
    books = [each for each in found if each.scope == CASE_BOOK]
    return {
        "last": books[-1] if books else None, "number": len(found),
        "may_sign": request.asking.role == "investigator",
        "zone": ask.zone(site),
    }  # fmt: skip


def _books(events: list[Event], study: Study) -> Mapping[str, Signature | None]:
    """The last signature of each subject's case book."""
    by_subject: dict[str, list[Event]] = {}
    for event in events:
        if event.subject is not None:
            by_subject.setdefault(event.subject, []).append(event)
    last = {}
    for subject, own in by_subject.items():
        books = [each for each in signatures(own, of_case_book) if each.scope == CASE_BOOK]
        last[subject] = books[-1] if books else None
    return last


@tasks_of("investigator")
def to_sign_again(asking: Asking) -> list[Task]:
    """Case books that were signed and have changed since."""
    trial = asking.trial
    signed = {each.subject for each in trial.log.read(types={Signed.TYPE}, site=asking.site)}
    books = kept(trial, "signatures", _books)
    return [
        Task("task.signature.broken", each.event.subject or "", "", None, "waiting",
             reverse("sign", args=[each.event.subject]))
        for each in map(books.one, sorted(subject for subject in signed if subject is not None))
        if each is not None and not each.intact
    ]  # fmt: skip
