"""The administrator's pages: accounts, roles granted and ended, the review of access.

Nothing of a subject stands here, nor may an administrator open a page on which it does.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from equipoise.errors import BadInput
from equipoise.study.access import ACTION_ROLES
from equipoise.web import people, tokens
from equipoise.web.accounts import create_account
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import MENU, page
from equipoise.web.reauthentication import confirmed
from equipoise.web.wording import Words, wording

MENU.append(("nav.people", "people"))
MENU.append(("nav.access_review", "access_review"))

ADMINISTRATOR = ("administrator",)
PERSON = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,59}$"
"""Names of people: what the record's identifiers and Django's user names both allow."""

CHANGES = {
    "unlock": people.unlock, "factors": people.remove_factors, "close": people.close,
    "reopen": people.reopen,
}  # fmt: skip
"""What is done to an account at one click, after the administrator's own password."""


class AccountForm(forms.Form):
    """A new account: whose, of which organisation, in which language."""

    def __init__(self, words: Words, *given: Any) -> None:
        super().__init__(*given)
        self.fields["person"] = forms.RegexField(
            PERSON, label=words["people.person"], help_text=words["people.person.hint"],
            error_messages={"invalid": words["people.person.wrong"]}, strip=True,
        )  # fmt: skip
        self.fields["person"].widget.attrs["autocomplete"] = "off"
        self.fields["organisation"] = forms.CharField(
            label=words["people.organisation"], max_length=200
        )
        self.fields["language"] = forms.ChoiceField(
            label=words["people.language"], choices=settings.LANGUAGES
        )


def _today(asking: Asking) -> datetime.date:
    return asking.trial.ask.today(None)


@page("people/", name="people", roles=ADMINISTRATOR)
def everybody(request: Request) -> HttpResponse:
    """Everybody who has an account or was ever granted a role."""
    today = _today(request.asking)
    found = people.people(request.asking.trial.log)
    rows = [{"person": each, "positions": each.positions(today)} for each in found]
    return render(request, "people/list.html", {"rows": rows})


@sensitive_post_parameters()
@page("people/new/", name="person_new", roles=ADMINISTRATOR, methods=("GET", "POST"))
def new(request: Request) -> HttpResponse:
    """Make the account of a person; its password is shown this once."""
    words = wording(request.asking.language)
    form = AccountForm(words, *([request.POST] if request.method == "POST" else []))
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["person"]
        try:
            password = create_account(
                name, organisation=form.cleaned_data["organisation"],
                language=form.cleaned_data["language"], by=request.asking.person,
            )  # fmt: skip
        except BadInput:
            form.add_error("person", words["people.taken"])
        else:
            return _one(request, name, password=password)
    status = 422 if form.is_bound else 200
    return render(request, "people/new.html", {"form": form}, status=status)


@sensitive_post_parameters()
@page("people/<str:person>/", name="person", roles=ADMINISTRATOR, methods=("GET", "POST"))
def one(request: Request, person: str) -> HttpResponse:
    """One person: account, roles now and before, tokens; what can be done to the account."""
    if request.method != "POST":
        return _one(request, person)
    _found(request.asking, person)
    by, change = request.asking.person, request.POST.get("change", "")
    if not confirmed(request, request.POST.get("password", "")):
        return _one(request, person, wrong=True, status=422)
    if change == "password":
        return _one(request, person, password=people.new_password(person, by=by))
    if change not in CHANGES or (person == by and change in ("close", "factors")):
        return _one(request, person, status=422)
    CHANGES[change](person, by=by)
    return redirect("person", person)


def _one(request: Request, name: str, *, status: int = 200, **shown: Any) -> HttpResponse:
    asking = request.asking
    found, today = _found(asking, name), _today(asking)
    rows = [(each, each.state(today)) for each in reversed(found.grants)]
    content = {
        "found": found,
        "now": [row for row in rows if row[1] in ("in_force", "later")],
        "before": [row for row in rows if row[1] not in ("in_force", "later")],
        "rows": tokens.of(name),
        "oneself": name == asking.person,
        **shown,
    }
    return render(request, "people/one.html", content, status=status)


def _found(asking: Asking, name: str) -> people.Person:
    found = people.person(asking.trial.log, name)
    if found is None:
        raise Http404
    return found


@page("people/<str:person>/grant/", name="grant", roles=ACTION_ROLES["GrantGiven"],
      methods=("GET", "POST"))  # fmt: skip
def grant(request: Request, person: str) -> HttpResponse:
    """Grant a person a role, at a hospital or everywhere, from a day on."""
    asking = request.asking
    _found(asking, person)
    form = ActionForm(
        "GrantGiven", offer_to(asking), request.POST if request.method == "POST" else None,
        fixed={"person": person}, initial={"occurred": _today(asking)},
    )  # fmt: skip
    return answered(
        request, "people/grant.html", form, subject=None, site=None,
        then=reverse("person", args=[person]), person=person,
    )  # fmt: skip


@page("people/<str:person>/end/<int:seq>/", name="grant_end", roles=ACTION_ROLES["GrantRevoked"],
      methods=("GET", "POST"))  # fmt: skip
def end(request: Request, person: str, seq: int) -> HttpResponse:
    """End a grant, with cause and reason; what was done under it stays."""
    asking = request.asking
    known = next((each for each in _found(asking, person).grants if each.event.seq == seq), None)
    if known is None or known.revoked is not None:
        raise Http404
    form = ActionForm(
        "GrantRevoked", offer_to(asking), request.POST if request.method == "POST" else None,
        fixed={"grant": seq}, initial={"occurred": _today(asking)},
    )  # fmt: skip
    return answered(
        request, "people/end.html", form, subject=None, site=None,
        then=reverse("person", args=[person]), person=person, known=known,
    )  # fmt: skip


@page("access-review/", name="access_review", roles=ACTION_ROLES["AccessReviewed"],
      methods=("GET", "POST"))  # fmt: skip
def access_review(request: Request) -> HttpResponse:
    """Who may do what today, to be printed, and signed off; the earlier reviews."""
    asking = request.asking
    today, found = _today(asking), people.people(asking.trial.log)
    form = ActionForm(
        "AccessReviewed", offer_to(asking), request.POST if request.method == "POST" else None
    )
    form.fields["finding"].widget = forms.Textarea(attrs={"rows": 3})
    idle = [
        each
        for each in found
        if each.account is not None and each.state != "closed" and not each.positions(today)
    ]
    return answered(
        request, "people/review.html", form, subject=None, site=None,
        then=reverse("access_review"), today=today, idle=idle,
        rows=[
            {"person": person, "grant": grant, "state": grant.state(today)}
            for person, grant in people.of_their_roles(found, today)
        ],
        reviews=_reviews(asking),
    )  # fmt: skip


def _reviews(asking: Asking) -> list[dict[str, Any]]:
    """The last reviews that were signed off, the newest first."""
    found = asking.trial.log.read(types={"AccessReviewed"})[::-1][:10]
    return [{"event": each, "finding": json.loads(each.body)["finding"]} for each in found]
