"""Who a subject is: kept under a key of their own, shown to the hospital alone, erased for good.

Nothing of it stands on any other page. What is shown was asked for by a person of the hospital
after their password, for a purpose, and the record says so before it is shown.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render

from equipoise.conduct.identity import erased, identifiers, opened
from equipoise.record.event import Event
from equipoise.study.access import ACTION_ROLES
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import Done, do, last_seen, may_do, told
from equipoise.web.forms.own import OwnForm
from equipoise.web.page import page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.reauthentication import confirmed
from equipoise.web.sight import Sight
from equipoise.web.wording import Words, wording

OWN_SCREEN["RecordIdentity"] = OWN_SCREEN["IdentityRevealed"] = "identity"
IDENTIFIERS = ("name", "birth_date", "hospital_number", "address", "telephone", "contact_person")
"""What hospitals keep of a person. A record may hold others, under any code."""


class RecordForm(OwnForm):
    """One identifier, and its value."""

    action = "RecordIdentity"
    dated = True

    def __init__(self, words: Words, data: Any, **start: Any) -> None:
        super().__init__(words, data, **start)
        kinds = [(each, words[f"identity.{each}"]) for each in IDENTIFIERS]
        self.fields["item"] = forms.ChoiceField(choices=kinds, label=words["identity.item"])
        self.fields["value"] = forms.CharField(
            label=words["identity.value"], max_length=400,
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )  # fmt: skip


class Confirmed(OwnForm):
    """A form that asks for the password at its end."""

    def ask_for_password(self) -> None:
        """Ask for the password of the person who is logged in."""
        self.fields["password"] = forms.CharField(
            label=self.words["confirm.password"],
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )


class RevealForm(Confirmed):
    """Which identifier, for which purpose; the password."""

    action = "IdentityRevealed"
    dated = True

    def __init__(self, words: Words, data: Any, known: dict[str, Event], **start: Any) -> None:
        super().__init__(words, data, **start)
        kinds = [(each, words.of(f"identity.{each}", each)) for each in known]
        self.fields["item"] = forms.ChoiceField(choices=kinds, label=words["identity.item"])
        self.fields["purpose"] = forms.CharField(
            label=words["identity.purpose"], max_length=400,
            help_text=words["identity.purpose.told"],
        )  # fmt: skip
        self.ask_for_password()

    def body(self) -> dict[str, Any]:
        """The identifier and the purpose, which is the reason as well."""
        self.cleaned_data["reason"] = self.cleaned_data["purpose"]
        return {name: self.cleaned_data[name] for name in ("item", "purpose")}


class EraseForm(Confirmed):
    """Why the identifiers are erased; the password."""

    action = "Redact"

    def __init__(self, words: Words, data: Any, last: int, **start: Any) -> None:
        super().__init__(words, data, **start)
        self.last = last
        self.text("reason", words["field.reason"], rows=2)
        self.ask_for_password()

    def body(self) -> dict[str, Any]:
        """The sealed value of the last entry: its key is that of every identifier."""
        return {"target": self.last, "item": "sealed"}


@page("subjects/<str:subject>/identity/", name="identity", roles=ACTION_ROLES["IdentityRevealed"],
      about="subject", methods=("GET", "POST"))  # fmt: skip
def identity(request: Request, subject: str) -> HttpResponse:
    """What is kept of a person's identity; one identifier is shown after its reveal is recorded."""
    asking = request.asking
    events = tuple(asking.trial.ask.events(subject))
    known, words = identifiers(events), wording(asking.language)
    gone = erased(asking.trial.keys, subject)
    offered = _forms(request, subject, known, words, gone)
    done, shown = Done(), None
    form = offered.get(request.POST.get("do", "")) if request.method == "POST" else None
    if form is not None:
        done = _done(request, form, subject)
        if done.events and not isinstance(form, RevealForm):
            told(request, form.action, done.events)
            return redirect("identity", subject=subject)
        if done.events:
            item = form.cleaned_data["item"]
            shown = (item, opened(asking.trial.keys, asking.trial.log.trial, known[item]))
            offered = {}
            events = tuple(asking.trial.ask.events(subject))
    content = {
        "subject": subject, "known": known, "erased": gone, "forms": offered, "error": done.error,
        "wrong": form, "shown": shown, "reveals": _reveals(asking, events),
        "zone": asking.trial.ask.zone(asking.trial.ask.site(subject)),
    }  # fmt: skip
    return render(request, "identity.html", content, status=done.status)


def _forms(
    request: Request, subject: str, known: dict[str, Event], words: Words, gone: bool
) -> dict[str, OwnForm]:
    """The forms that the person may fill in now, by what they do; the one sent has its entries."""
    asking = request.asking
    if gone:
        return {}
    asked = request.POST.get("do") if request.method == "POST" else None
    seen = last_seen(asking, subject)

    def data(name: str) -> Any:
        return request.POST if asked == name else None

    found: dict[str, OwnForm] = {}
    if known:
        found["reveal"] = RevealForm(words, data("reveal"), known, seen=seen)
    found["record"] = RecordForm(words, data("record"), seen=seen)
    if known and may_do(asking, "Redact"):
        last = max(event.seq for event in known.values())
        found["erase"] = EraseForm(words, data("erase"), last, seen=seen)
    for name, form in found.items():
        form.auto_id = f"{name}-%s"
    return found


def _done(request: Request, form: OwnForm, subject: str) -> Done:
    """What came of a form; one that asks for the password does nothing without it."""
    asking = request.asking
    if isinstance(form, Confirmed):
        if not form.is_valid():
            return Done(status=422)
        if not confirmed(request, form.cleaned_data["password"]):
            form.add_error("password", form.words["confirm.wrong"])
            return Done(status=422)
    return do(asking, form, subject=subject, site=asking.trial.ask.site(subject))


def _reveals(asking: Asking, events: tuple[Event, ...]) -> list[Any]:
    """Every reveal of an identifier of the subject, the latest first."""
    sight = Sight.of(asking, events)
    return [sight.shown(e) for e in reversed(events) if e.type == "IdentityRevealed"]
