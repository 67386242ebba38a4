"""The chain of logins: append-only like the record, in a log of its own.

A password attack must neither grow nor lock the trial's record. With the first entry of a day (UTC)
the head that the last day left is anchored in the trial's record (`LoginsAnchored`), so that this
chain cannot be rewritten unseen either; `equipoise verify --logins` compares.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from equipoise.conduct.anchoring import anchor_logins
from equipoise.errors import RecordError
from equipoise.record.event import Draft, Event
from equipoise.record.log import Head, Log
from equipoise.record.stores import is_address, opened
from equipoise.web.address import client_address
from equipoise.web.configuration import Configuration
from equipoise.web.trial import trial

TYPES = (
    "LoggedIn", "LoginFailed", "LoggedOut", "LockedOut", "PasswordChanged", "PasswordIssued",
    "SecondFactorAdded", "SecondFactorRemoved", "PageRefused", "AccountCreated", "AccountClosed",
    "AccountReopened", "Unlocked", "TokenIssued", "TokenRevoked",
    "CodeRefused", "FileTaken", "VerificationRun",
)  # fmt: skip
"""What the chain of logins holds: who came, what was refused, and what leaves no entry in the
record: a raw file taken away, a verification."""

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
    log = chain()
    before = log.head()
    (event,) = log.append_many([draft])
    if before.seq and before.recorded[:10] < event.recorded[:10]:
        _anchor(before)
    return event


def _anchor(head: Head) -> None:
    """Tie the chain, as the last day left it, to the trial's record; a record that cannot be
    written now keeps nobody from logging in: the next day's head stands for this one too."""
    try:
        anchor_logins(trial().conductor, head)
    except RecordError as error:
        logging.getLogger("equipoise.logins").warning("the logins are not anchored: %s", error)


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
