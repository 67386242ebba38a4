"""Accounts of administrators, from the command line of the machine: the first, and one lost."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from equipoise.errors import BadInput
from equipoise.web.configuration import Configuration

PASSWORD = "EQUIPOISE_PASSWORD"
"""The variable that may hold the new password: an argument stands in every list of processes."""


def account(person: str, *, organisation: str | None, language: str, ask: Callable[[str], str],
            again: bool) -> int:  # fmt: skip
    """Make the account of an administrator, or (`again`) give one that exists another password.

    The password comes from the environment, else from `ask`, twice. With `again` second factors and
    lockout end too. BadInput for whom the record does not grant the role: the accounts of others
    are made by an administrator, on the page of people. 0 when done.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "equipoise.web.settings"
    Configuration.read(os.environ)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    _check_administrator(person)
    from equipoise.web import people
    from equipoise.web.accounts import create_account

    password = _password(ask, person)
    if again:
        people.own_password(person, password, by="command line")
    else:
        if not organisation:
            raise BadInput("the organisation of a new account", field="--organisation")
        create_account(
            person, organisation=organisation, language=language, by="command line", once=False,
            password=password,
        )  # fmt: skip
    sys.stdout.write(f"{person} can log in\n")
    return 0


def _check_administrator(person: str) -> None:
    from equipoise.web.position import positions
    from equipoise.web.trial import trial

    ask = trial().ask
    held = {each.role for each in positions(ask.state.grants.values(), person, ask.today(None))}
    if "administrator" not in held:
        raise BadInput(
            "a person whom the record grants the role of administrator; the accounts of others are "
            "made on the page of people", where="equipoise account", found=person,
        )  # fmt: skip


def _password(ask: Callable[[str], str], person: str) -> str:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    password = os.environ.pop(PASSWORD, None)
    if password is None:
        password = ask("New password: ")
        if ask("Once more: ") != password:
            raise BadInput("twice the same password", where="equipoise account")
    try:
        validate_password(password, get_user_model()(username=person))
    except ValidationError as error:
        raise BadInput(" ".join(error.messages), where="equipoise account") from error
    return password
