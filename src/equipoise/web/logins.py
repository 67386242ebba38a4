"""The chain of logins: append-only like the record, in a log of its own.

A password attack must neither grow nor lock the trial's record. Its head is anchored in the trial's
record once a day (`LoginsAnchored`), so that this chain cannot be rewritten unseen either.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from equipoise.record.event import Draft, Event
from equipoise.record.log import Log
from equipoise.record.stores import is_address, opened
from equipoise.web.address import client_address
from equipoise.web.configuration import Configuration

TYPES = (
    "LoggedIn", "LoginFailed", "LoggedOut", "LockedOut", "PasswordChanged", "PasswordIssued",
    "SecondFactorAdded", "SecondFactorRemoved", "PageRefused", "AccountCreated", "AccountClosed",
    "AccountReopened", "Unlocked", "TokenIssued", "TokenRevoked",
)  # fmt: skip
"""What the chain of logins holds."""

_open: dict[str, Log] = {}


def chain() -> Log:
    """The log of logins; a file of its own is made at its first use."""
    configuration: Configuration = settings.CONFIGURATION
    place = configuration.logins
    if place not in _open:
        close()
        if not is_address(place) and not Path(place).exists():
            from equipoise.record.sqlite import SqliteLog

            SqliteLog.create(place, trial="logins").close()
        _open[place] = opened(place, schema="equipoise_logins")
    return _open[place]


def close() -> None:
    """Let go of the chain; the next entry opens it again."""
    while _open:
        _open.popitem()[1].close()


def keep(kind: str, person: str, content: Mapping[str, Any] | None = None) -> Event:
    """Append what happened to an account. ValueError for a kind that TYPES does not list."""
    if kind not in TYPES:
        raise ValueError(f"the chain of logins holds no {kind}")
    draft = Draft(
        type=kind,
        type_version=1,
        body=dict(content or {}),
        actor=(person.strip() or "-")[:200],
        role="-",
        organisation="-",
        study_version="-",
    )
    (event,) = chain().append_many([draft])
    return event


def listen() -> None:
    """Connect to what Django and axes tell of logins."""
    user_logged_in.connect(_logged_in, dispatch_uid="equipoise.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="equipoise.logged_out")
    user_login_failed.connect(_failed, dispatch_uid="equipoise.login_failed")
    user_locked_out.connect(_locked, dispatch_uid="equipoise.locked_out")


def _from(request: Any) -> dict[str, str]:
    return {"address": client_address(request)} if request is not None else {}


def _logged_in(sender: Any, request: Any, user: Any, **_: Any) -> None:
    keep("LoggedIn", user.get_username(), _from(request))


def _logged_out(sender: Any, request: Any, user: Any, **_: Any) -> None:
    if user is not None:
        keep("LoggedOut", user.get_username(), _from(request))


def _failed(sender: Any, credentials: Mapping[str, Any], request: Any = None, **_: Any) -> None:
    keep("LoginFailed", str(credentials.get("username", "-")), _from(request))


def _locked(sender: Any, request: Any, username: str | None, **_: Any) -> None:
    keep("LockedOut", username or "-", _from(request))
