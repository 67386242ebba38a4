"""Who asks: the person, the position they act in, their language. Every page is asked by somebody.

The middleware puts an `Asking` on each request. What a position may open is decided by
`equipoise.web.page`, from the route table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation

from equipoise.errors import RecordError
from equipoise.web.models import Account
from equipoise.web.position import Position, positions
from equipoise.web.trial import Trial, trial
from equipoise.web.wording import wording

POSITION = "position"
"""The key of the chosen position in a session."""

BEFORE_ANYTHING = ("/accounts/", "/api/", "/static/", "/language/", "/healthy/", "/questionnaire/")
"""Addresses that nobody needs a position for."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A person, at a position, about one trial."""

    person: str
    organisation: str
    language: str
    position: Position | None
    held: tuple[Position, ...]

    @property
    def role(self) -> str:
        """The role of the position; nobody without one gets past the middleware."""
        if self.position is None:
            raise TypeError("no position was chosen")
        return self.position.role

    @property
    def site(self) -> str | None:
        """The hospital of the position, None for a role that works everywhere."""
        return self.position.site if self.position else None

    @property
    def trial(self) -> Trial:
        """The trial of this process."""
        return trial()

    @property
    def unblinded(self) -> bool:
        """Whether the record says that the person saw unblinded data."""
        return self.person in self.trial.ask.state.unblinded

    @property
    def disclosed(self) -> bool:
        """Whether hospitals are told the marker status, as the study says."""
        return self.trial.ask.study(self.site).biomarker.disclosed_to_sites


class Request(HttpRequest):
    """A request of somebody who is logged in."""

    asking: Asking
    htmx: Any


class AskingMiddleware:
    """Sets language and `asking`; leads to what is due first: password, second factor, position."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = request.COOKIES.get("language", "")
        user: Any = request.user
        account = Account.objects.filter(user=user).first() if user.is_authenticated else None
        if account is not None and language not in dict(settings.LANGUAGES):
            language = account.language
        if language not in dict(settings.LANGUAGES):
            language = translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            if account is not None and not request.path.startswith("/static/"):
                if (due := self._due(request, account)) is not None:
                    return due
                cast(Request, request).asking = _asking(request, account, language)
                if needs_position(request):
                    return redirect("position")
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _due(self, request: HttpRequest, account: Account) -> HttpResponse | None:
        if request.path.startswith(BEFORE_ANYTHING):
            return None
        if account.password_due:
            return redirect("account_change_password")
        if not settings.DEMONSTRATION and not is_mfa_enabled(cast(Any, request.user)):
            return redirect("mfa_index")
        return None


def needs_position(request: HttpRequest) -> bool:
    """Whether a position has to be chosen before the page can be shown."""
    asking = cast(Request, request).asking
    elsewhere = (*BEFORE_ANYTHING, "/position/")
    return asking.position is None and not request.path.startswith(elsewhere)


def _asking(request: HttpRequest, account: Account, language: str) -> Asking:
    person = account.user.get_username()
    ask = trial().ask
    held = tuple(positions(ask.state.grants.values(), person, ask.today(None)))
    chosen = request.session.get(POSITION)
    position = next((each for each in held if each.key == chosen), None)
    if position is None and len(held) == 1:
        position = held[0]
    return Asking(person, account.organisation, language, position, held)


def shown_everywhere(request: HttpRequest) -> dict[str, Any]:
    """What every template may show: the trial, who asks, and what the record is."""
    language = getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE)
    found: dict[str, Any] = {
        "asking": getattr(request, "asking", None),
        "language": language,
        "words": wording(language),
        "idle_seconds": settings.IDLE_SECONDS,
        "demonstration": settings.DEMONSTRATION,
    }
    with contextlib.suppress(RecordError, OSError):
        found["rehearsal"] = trial().rehearsal
        found["trial_name"] = trial().ask.study(None).title.en
    return found
