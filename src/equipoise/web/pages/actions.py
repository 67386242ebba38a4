"""Any action, on its generated form: what has no screen of its own yet is done here."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse

from equipoise.study.catalogue import ACTIONS
from equipoise.web.asking import Request
from equipoise.web.doing import answered, last_seen, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import EVERYBODY, SEES_SUBJECTS, page

OWN_SCREEN: dict[str, str] = {}
"""Actions that are done on a screen of their own, with the name of its page."""


@page(
    "subjects/<str:subject>/do/<str:action>/", name="subject_action", roles=SEES_SUBJECTS,
    about="subject", methods=("GET", "POST"),
)  # fmt: skip
def subject_action(request: Request, subject: str, action: str) -> HttpResponse:
    """An action about a subject, on the form that its model gives."""
    asking = request.asking
    if action not in ACTIONS or not may_do(asking, action):
        raise Http404
    site = asking.trial.ask.site(subject)
    form = _form(request, action, subject=subject, site=site)
    return answered(
        request, "action.html", form, subject=subject, site=site,
        then=reverse("subject", args=[subject]), action=action,
    )  # fmt: skip


@page(
    "do/<str:action>/", name="trial_action", roles=EVERYBODY, methods=("GET", "POST"),
)  # fmt: skip
def trial_action(request: Request, action: str) -> HttpResponse:
    """An action about the trial or a hospital, on the form that its model gives."""
    asking = request.asking
    if action not in ACTIONS or not may_do(asking, action):
        raise Http404
    site = asking.site or request.GET.get("site") or None
    form = _form(request, action, subject=None, site=site)
    return answered(
        request, "action.html", form, subject=None, site=site, then=reverse("home"), action=action
    )


def _form(
    request: Request, action: str, *, subject: str | None, site: str | None, **more: Any
) -> ActionForm:
    offer = offer_to(request.asking, subject, site)
    data = request.POST if request.method == "POST" else None
    return ActionForm(action, offer, data, seen=last_seen(request.asking, subject), **more)
