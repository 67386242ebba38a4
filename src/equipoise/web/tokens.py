"""Tokens of the interface for programs: issued for a position, shown once, checked at every use."""

from __future__ import annotations

import datetime
import hashlib
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from equipoise.errors import BadInput
from equipoise.web import logins
from equipoise.web.models import Account, Token
from equipoise.web.position import Position

DAYS = (30, 90, 365)
"""For how long a token may be issued."""

PREFIX = "eqp_"
"""By which a secret that lies about is found by whoever searches for it."""


def issue(person: str, position: Position, *, name: str, days: int, by: str) -> str:
    """A new token of a person; its secret, which is shown once. BadInput for other days than DAYS.

    Whether the person holds the position is for the caller, who asks the record.
    """
    if days not in DAYS:
        raise BadInput(f"one of {DAYS}", where="token", field="days", found=days)
    secret = PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    token = Token.objects.create(
        user=get_user_model().objects.get(username=person), name=name,
        role=position.role, site=position.site, digest=_digest(secret),
        issued=now, issued_by=by, expires=now + datetime.timedelta(days=days),
    )  # fmt: skip
    said = {"token": token.pk, "name": name, "position": position.key, "days": days, "by": by}
    logins.keep("TokenIssued", person, said)
    return secret


def revoke(token: Token, *, by: str) -> None:
    """End a token now; a second time changes nothing."""
    if token.revoked is None:
        Token.objects.filter(pk=token.pk, revoked=None).update(revoked=timezone.now())
        person = token.user.get_username()
        logins.keep("TokenRevoked", person, {"token": token.pk, "name": token.name, "by": by})


def found(secret: str) -> Token | None:
    """The token of a secret that may be used now: not expired, not revoked, its account open."""
    now = timezone.now()
    token = (
        Token.objects.select_related("user")
        .filter(digest=_digest(secret), revoked=None, expires__gt=now, user__is_active=True)
        .first()
    )
    if token is not None and token.last_used != now.date():
        Token.objects.filter(pk=token.pk).update(last_used=now.date())
    return token


def of(person: str | None = None) -> list[dict[str, Any]]:
    """The tokens of a person, or of everybody, the newest first, with what they are now."""
    rows = Token.objects.select_related("user").order_by("-issued", "-pk")
    rows = rows.filter(user__username=person) if person is not None else rows
    now = timezone.now()
    return [
        {
            "token": each,
            "person": each.user.get_username(),
            "position": Position(each.role, each.site),
            "state": "revoked" if each.revoked else "expired" if each.expires <= now else "valid",
        }
        for each in rows
    ]


def account_of(token: Token) -> Account:
    """The account that a token belongs to."""
    return Account.objects.get(user=token.user)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
