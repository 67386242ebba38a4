"""Any action, on its generated form: what has no screen of its own yet is done here."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse

from equipoise.study.catalogue import ACTIONS
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, last_seen, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import EVERYBODY, ROUTES, SEES_SUBJECTS, arguments_of, back_to, page

OWN_SCREEN: dict[str, str] = {}
"""Actions that are done on a screen of their own, with the name of its page."""

NOT_BY_HAND = frozenset(
    {
        "ActivateScheme", "BreakCode", "CertifiedCopyMade", "Correct", "Exported",
        "IdentityRevealed", "Randomise", "Redact", "Signed",
    }
)  # fmt: skip
"""Actions that say what the application itself has done, such as asking for the password again or
hashing what was signed: nobody types that into a form, so they have a screen of their own or
none yet."""


@page(
    "subjects/<str:subject>/do/<str:action>/", name="subject_action", roles=SEES_SUBJECTS,
    about="subject", methods=("GET", "POST"),
)  # fmt: skip
def subject_action(request: Request, subject: str, action: str) -> HttpResponse:
    """An action about a subject, on the form that its model gives."""
    asking = request.asking
    if not offered(asking, action):
        raise Http404
    if action in OWN_SCREEN:
        return _to_own_screen(action, subject=subject)
    site = asking.trial.ask.site(subject)
    form = _form(request, action, subject=subject, site=site)
    return answered(
        request, "action.html", form, subject=subject, site=site,
        then=back_to(asking.role, subject), action=action,
    )  # fmt: skip


@page(
    "do/<str:action>/", name="trial_action", roles=EVERYBODY, methods=("GET", "POST"),
)  # fmt: skip
def trial_action(request: Request, action: str) -> HttpResponse:
    """An action about the trial or a hospital, on the form that its model gives."""
    asking = request.asking
    if not offered(asking, action):
        raise Http404
    if action in OWN_SCREEN:
        return _to_own_screen(action)
    site = asking.site or request.GET.get("site") or None
    form = _form(request, action, subject=None, site=site)
    return answered(
        request, "action.html", form, subject=None, site=site, then=reverse("home"), action=action
    )


def _to_own_screen(action: str, **known: str) -> HttpResponse:
    """Lead to the screen of an action; 404 where that is about something else than asked for."""
    route = ROUTES[OWN_SCREEN[action]]
    try:
        return redirect(reverse(route.name, kwargs=arguments_of(route, **known)))
    except NoReverseMatch:
        raise Http404 from None


def offered(asking: Asking, action: str) -> bool:
    """Whether the role has the action, and a page on which it may be done."""
    return action in ACTIONS and may_do(asking, action) and has_page(action, asking.role)


def has_page(action: str, role: str) -> bool:
    """Whether there is a page on which a role does an action."""
    if action in OWN_SCREEN:
        return role in ROUTES[OWN_SCREEN[action]].roles
    return action not in NOT_BY_HAND


def _form(
    request: Request, action: str, *, subject: str | None, site: str | None, **more: Any
) -> ActionForm:
    offer = offer_to(request.asking, subject, site)
    data = request.POST if request.method == "POST" else None
    return ActionForm(action, offer, data, seen=last_seen(request.asking, subject), **more)
