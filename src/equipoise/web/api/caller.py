"""Who calls: the person, role and hospital of a token, as the record grants them today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from equipoise.study.access import SITE_ROLES
from equipoise.web import logins, tokens
from equipoise.web.address import client_address
from equipoise.web.api.limits import (
    ByAddress,
    ByToken,
    Failures,
    check,
    check_failures,
    check_length,
)
from equipoise.web.asking import Asking
from equipoise.web.position import Position, positions
from equipoise.web.trial import trial


@dataclass(frozen=True, slots=True)
class Caller:
    """A token in use: its number, until when, and who asks with it."""

    token: int
    expires: str
    asking: Asking

    @property
    def site(self) -> str | None:
        """The hospital of the position."""
        return self.asking.site

    def covers(self, site: str | None) -> bool:
        """Whether what belongs to a hospital is there for this token."""
        position = self.asking.position
        return position is not None and position.covers(site)


class Bearer(HttpBearer):
    """`Authorization: Bearer …`: a token that is valid, of a position still held today."""

    def __call__(self, request: HttpRequest) -> Any:
        """The caller, None without a token that opens anything; TooOften beyond the limits."""
        check(ByAddress, request)
        check_failures(request)
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """The caller of a secret."""
        found = tokens.found(token)
        caller = _caller(found) if found is not None else None
        if caller is None:
            check(Failures, request)
            person = found.user.get_username() if found is not None else "-"
            logins.keep("LoginFailed", person, {"address": client_address(request), "by": "token"})
            return None
        request.auth = caller  # type: ignore[attr-defined]
        check(ByToken, request)
        check_length(request)
        return caller


def _caller(token: Any) -> Caller | None:
    person, account = token.user.get_username(), tokens.account_of(token)
    position = Position(token.role, token.site)
    ask = trial().ask
    held = positions(ask.state.grants.values(), person, ask.today(None))
    if position not in held or (position.site is None and position.role in SITE_ROLES):
        return None
    asking = Asking(person, account.organisation, "en", position, (position,))
    return Caller(token.pk, token.expires.isoformat(), asking)
