"""A text that names a patient is blotted out: its keys are destroyed, the entry stays (AT7, GD1).

Every value that the item ever had goes, for everybody and for good; that it was, by whom, when and
why, stays readable in its history.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.study.access import ACTION_ROLES
from equipoise.web.asking import Request
from equipoise.web.doing import Done, do, last_seen, told
from equipoise.web.page import page
from equipoise.web.pages.entries import asked_item, readable_texts
from equipoise.web.pages.identity import Confirmed
from equipoise.web.reauthentication import confirmed
from equipoise.web.wording import Words, wording


class RedactionForm(Confirmed):
    """Why a text is blotted out; the password."""

    action = "Redact"

    def __init__(self, words: Words, data: Any, target: int, item: str, **start: Any) -> None:
        super().__init__(words, data, **start)
        self.target, self.item = target, item
        self.text("reason", words["field.reason"], rows=2)
        self.fields["reason"].help_text = words["redaction.reason.told"]
        self.ask_for_password()

    def body(self) -> dict[str, Any]:
        """The item whose keys are destroyed."""
        return {"target": self.target, "item": self.item}


@page("subjects/<str:subject>/entries/<int:seq>/redact/", name="redact",
      roles=ACTION_ROLES["Redact"], about="subject", methods=("GET", "POST"))  # fmt: skip
def redact(request: Request, subject: str, seq: int) -> HttpResponse:
    """Blot out one item of an entry, after the password and with the reason."""
    asking = request.asking
    event, item, _, values = asked_item(request, subject, seq)
    texts = readable_texts(values)
    if not texts:
        raise Http404
    words, done = wording(asking.language), Done()
    data = request.POST if request.method == "POST" else None
    form = RedactionForm(words, data, seq, item, seen=last_seen(asking, subject))
    if request.method == "POST":
        done = Done(status=422)
        if form.is_valid() and not confirmed(request, form.cleaned_data["password"]):
            form.add_error("password", words["confirm.wrong"])
        elif form.is_valid():
            done = do(asking, form, subject=subject, site=event.site)
    if done.events:
        told(request, form.action, done.events)
        return redirect(f"{reverse('history', args=[subject, seq])}?item={item}")
    content = {
        "form": form, "error": done.error, "subject": subject, "event": event, "item": item,
        "values": texts, "zone": asking.trial.ask.zone(event.site),
    }  # fmt: skip
    return render(request, "forms/redact.html", content, status=done.status)
