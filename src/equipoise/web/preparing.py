"""Before the first request: the database of accounts, and in a demonstration its people."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from equipoise.web.accounts import create_account
from equipoise.web.models import Account
from equipoise.web.trial import trial


def prepared() -> list[tuple[str, str, str]]:
    """Bring the accounts' database up to date; role, person and password of a demonstration.

    In a demonstration one person of each role that the record grants gets an account with a fresh
    password, every time; in production nobody does.
    """
    call_command("migrate", verbosity=0, interactive=False)
    if not settings.DEMONSTRATION:
        return []
    found: dict[str, str] = {}
    for grant in trial().ask.state.grants.values():
        found.setdefault(grant.role, grant.person)
    Account.objects.all().delete()
    get_user_model().objects.all().delete()
    made: dict[str, str] = {}
    for person in found.values():
        if person not in made:
            made[person] = create_account(
                person, organisation="Demonstration", by="serve", once=False
            )
    return [(role, person, made[person]) for role, person in sorted(found.items())]
