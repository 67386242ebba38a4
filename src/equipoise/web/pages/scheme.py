"""The allocation scheme before it goes live: what was checked, the signature, the activation (RN7).

The list that stands here is that of the dummy seed. The live seed is drawn at the activation,
sealed, and shown by no page.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from pydantic import ValidationError

from equipoise.conduct.scheme_inquiry import SchemeAsAsked, scheme_as_asked
from equipoise.errors import BadInput
from equipoise.randomisation.events import ActivateScheme
from equipoise.study.access import ROLES, VISIBLE
from equipoise.study.actions import Action
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import Done, do, may_do, offer_to, told
from equipoise.web.forms.action import ActionForm, new_key
from equipoise.web.page import MENU, page
from equipoise.web.reauthentication import confirmed
from equipoise.web.wording import wording

MENU.append(("nav.scheme", "scheme"))
SEES_SCHEME = frozenset(role for role in ROLES if "scheme" in VISIBLE[role])
ASKED = "scheme_asked"
"""The key in a session of what was checked and is to be signed: it holds nothing secret."""


class PasswordForm(forms.Form):
    """The signature, or the activation: what was checked stands in the session, the password
    proves who asks."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, action: str, asking: Asking, body: dict[str, Any], data: Any) -> None:
        super().__init__(data, initial={"key": new_key()}, auto_id=f"{action}-%s")
        self.action, self.content = action, body
        self.fields["password"] = forms.CharField(
            label=wording(asking.language)["confirm.password"],
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The action of the person who asks."""
        return Action(
            name=self.action, body=self.content, actor=asking.person, role=asking.role,
            organisation=asking.organisation, key=self.cleaned_data["key"],
            recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: BadInput) -> None:
        """What `conduct` said, above the form."""
        for problem in error.problems:
            self.add_error(None, str(problem))


@sensitive_post_parameters("password")
@page("scheme/", name="scheme", roles=SEES_SCHEME, methods=("GET", "POST"))
def scheme(request: Request) -> HttpResponse:
    """The scheme of the version in force; the statistician checks, signs and activates it."""
    asking = request.asking
    plan = asking.trial.ask.study(None).randomisation.scheme
    active = asking.trial.ask.state.schemes.get((plan.code, plan.version))
    may = may_do(asking, "ActivateScheme") and active is None
    content: dict[str, Any] = {"plan": plan, "active": active, "may": may}
    if active is not None:
        content["activated"] = next(
            event
            for event in reversed(asking.trial.log.read(types={"SchemeActivated"}))
            if f'"scheme_version":"{plan.version}"' in event.body
        )
    if not may:
        return render(request, "scheme.html", content)
    which = request.POST.get("which") if request.method == "POST" else None
    if which == "again":
        request.session.pop(ASKED, None)
        return redirect("scheme")
    if which == "check" or ASKED not in request.session:
        return _checking(request, content, which == "check")
    return _signing(request, content, which)


def _checking(request: Request, content: dict[str, Any], posted: bool) -> HttpResponse:
    """The form of what was checked elsewhere; kept once the list here is the one that was."""
    asking = request.asking
    form = ActionForm("ActivateScheme", offer_to(asking), request.POST if posted else None)
    if posted and form.is_valid():
        try:
            asked = ActivateScheme.model_validate(form.body())
        except ValidationError as error:
            form.add_error(None, "; ".join(each["msg"] for each in error.errors()))
        else:
            if scheme_as_asked(asking.trial.ask.study(None), asked).agrees:
                request.session[ASKED] = asked.model_dump(mode="json")
                return redirect("scheme")
            form.add_error("dummy_sha256", wording(asking.language)["scheme.differs"])
    return render(request, "scheme.html", {**content, "form": form}, status=422 if posted else 200)


def _signing(request: Request, content: dict[str, Any], which: str | None) -> HttpResponse:
    """What is signed, and whether it was; then the activation."""
    asking = request.asking
    asked = ActivateScheme.model_validate(request.session[ASKED])
    found = scheme_as_asked(asking.trial.ask.study(None), asked)
    signatures = asking.trial.ask.state.approvals.get(found.sha256, [])
    action = "ActivateScheme" if signatures else "Signed"
    data = request.POST if which == action else None
    form = PasswordForm(action, asking, _body(action, asked, found, content["plan"]), data)
    done = Done()
    if data is not None and form.is_valid():
        if not confirmed(request, form.cleaned_data["password"]):
            form.add_error("password", wording(asking.language)["confirm.wrong"])
            done = Done(status=422)
        else:
            done = do(asking, form, subject=None, site=None)
            if done.events:
                told(request, action, done.events)
                if action == "ActivateScheme":
                    request.session.pop(ASKED, None)
                return redirect("scheme")
    shown = {
        **content, "asked": asked, "found": found, "signatures": signatures, "sign": form,
        "error": done.error,
    }  # fmt: skip
    return render(request, "scheme.html", shown, status=done.status)


def _body(action: str, asked: ActivateScheme, found: SchemeAsAsked, plan: Any) -> dict[str, Any]:
    if action == "ActivateScheme":
        return asked.model_dump(mode="json")
    return {
        "meaning": "approval", "scope": f"scheme {plan.code} {plan.version}",
        "content_sha256": found.sha256, "reauthenticated": True,
    }  # fmt: skip
