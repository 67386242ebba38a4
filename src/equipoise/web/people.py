"""People: the account of each, and the roles that the record grants, granted and ended.

What an account is stands in Django's database, what it may do in the record alone. Nothing here
reads anything of a subject. Source: 21 CFR 11.10(d), (g), 11.300; REQUIREMENTS UA1-4.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from axes.utils import reset as forget_failures
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from equipoise.errors import BadInput
from equipoise.record.event import Event
from equipoise.record.log import Log
from equipoise.web import logins
from equipoise.web.accounts import fresh_password
from equipoise.web.models import Account, Token
from equipoise.web.position import Position

GrantState = Literal["in_force", "later", "past", "revoked"]
AccountState = Literal["open", "locked", "closed", "none"]


@dataclass(frozen=True, slots=True)
class Granted:
    """One grant of the record: who gave it when, and how it ended."""

    event: Event
    person: str
    position: Position
    since: datetime.date
    until: datetime.date | None
    revoked: Event | None
    cause: str | None

    def state(self, today: datetime.date) -> GrantState:
        """What it is on a day."""
        if self.revoked is not None:
            return "revoked"
        if self.since > today:
            return "later"
        return "past" if self.until is not None and self.until < today else "in_force"


@dataclass(slots=True)
class Person:
    """A person: account (None where only the record has the name), second factors, grants."""

    name: str
    account: Account | None = None
    state: AccountState = "none"
    factors: int = 0
    tokens: int = 0
    grants: list[Granted] = field(default_factory=list)

    @property
    def last_login(self) -> datetime.datetime | None:
        """When the person last logged in, None for never."""
        found: datetime.datetime | None = self.account.user.last_login if self.account else None
        return found

    def positions(self, today: datetime.date) -> list[Position]:
        """What the person may do on a day."""
        return [each.position for each in self.grants if each.state(today) == "in_force"]


def grants(log: Log) -> list[Granted]:
    """Every grant that was ever given, in the order of the record, with its end."""
    events = log.read(types={"GrantGiven", "GrantRevoked"})
    ended = {
        json.loads(event.body)["grant"]: event for event in events if event.type == "GrantRevoked"
    }
    return [_granted(event, ended.get(event.seq)) for event in events if event.type == "GrantGiven"]


def _granted(event: Event, revoked: Event | None) -> Granted:
    body = json.loads(event.body)
    until = body.get("until")
    return Granted(
        event=event,
        person=body["person"],
        position=Position(body["granted_role"], body.get("granted_site")),
        since=datetime.date.fromisoformat((event.occurred or event.recorded)[:10]),
        until=datetime.date.fromisoformat(until) if until else None,
        revoked=revoked,
        cause=json.loads(revoked.body)["cause"] if revoked else None,
    )


def people(log: Log) -> list[Person]:
    """Everybody who has an account or was ever granted a role, by name."""
    found: dict[str, Person] = {}
    factors = _count(Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES))
    tokens = _count(Token.objects.filter(revoked=None, expires__gt=timezone.now()))
    locked = _locked()
    for account in Account.objects.select_related("user"):
        name = account.user.get_username()
        state: AccountState = "locked" if name in locked else "open"
        found[name] = Person(
            name, account, state if account.user.is_active else "closed",
            factors.get(account.user.pk, 0), tokens.get(account.user.pk, 0),
        )  # fmt: skip
    for grant in grants(log):
        found.setdefault(grant.person, Person(grant.person)).grants.append(grant)
    return sorted(found.values(), key=lambda each: each.name)


def person(log: Log, name: str) -> Person | None:
    """One of them, None for nobody."""
    return next((each for each in people(log) if each.name == name), None)


def _count(rows: Any) -> dict[int, int]:
    found: dict[int, int] = {}
    for number in rows.values_list("user_id", flat=True):
        found[number] = found.get(number, 0) + 1
    return found


def _locked() -> set[str]:
    since = timezone.now() - datetime.timedelta(hours=settings.AXES_COOLOFF_TIME)
    failed = AccessAttempt.objects.filter(
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT, attempt_time__gte=since
    )
    return set(failed.values_list("username", flat=True))


def _user(name: str) -> Any:
    found = get_user_model().objects.filter(username=name).first()
    if found is None:
        raise BadInput("a person with an account", where="account", found=name)
    return found


@transaction.atomic
def new_password(name: str, *, by: str) -> str:
    """Another password, shown once and to be changed at the next login; every session ends."""
    user, password = _user(name), fresh_password()
    user.set_password(password)
    user.save()
    Account.objects.filter(user=user).update(password_due=True)
    forget_failures(username=name)
    logins.keep("PasswordIssued", name, {"by": by})
    return password


@transaction.atomic
def own_password(name: str, password: str, *, by: str) -> None:
    """A password that the person chose at the machine, who lost the former: second factors and
    lockout end with it."""
    user = _user(name)
    user.set_password(password)
    user.is_active = True
    user.save()
    Account.objects.filter(user=user).update(password_due=False)
    Authenticator.objects.filter(user=user).delete()
    forget_failures(username=name)
    logins.keep("PasswordChanged", name, {"by": by})


@transaction.atomic
def remove_factors(name: str, *, by: str) -> None:
    """End every second factor of a person who lost theirs; the next login asks for a new one."""
    removed, _ = Authenticator.objects.filter(user=_user(name)).delete()
    logins.keep("SecondFactorRemoved", name, {"by": by, "number": removed})


def unlock(name: str, *, by: str) -> None:
    """Let somebody try again who was locked out."""
    forget_failures(username=_user(name).get_username())
    logins.keep("Unlocked", name, {"by": by})


@transaction.atomic
def close(name: str, *, by: str) -> None:
    """Close an account: no login, no session, no token. Its grants stay in the record."""
    user = _user(name)
    user.is_active = False
    user.save()
    Token.objects.filter(user=user, revoked=None).update(revoked=timezone.now())
    logins.keep("AccountClosed", name, {"by": by})


def reopen(name: str, *, by: str) -> None:
    """Open an account again; its tokens stay ended."""
    user = _user(name)
    user.is_active = True
    user.save()
    logins.keep("AccountReopened", name, {"by": by})


def of_their_roles(found: Iterable[Person], today: datetime.date) -> list[tuple[Person, Granted]]:
    """Every grant in force or to come with its person: what a review of access looks at."""
    return [
        (each, grant)
        for each in found
        for grant in each.grants
        if grant.state(today) in ("in_force", "later")
    ]
