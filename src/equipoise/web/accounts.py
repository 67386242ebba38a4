"""Accounts: made by an administrator, never by whoever comes; a fresh password is used once."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from equipoise.errors import BadInput
from equipoise.web import logins
from equipoise.web.address import client_address
from equipoise.web.models import Account
from equipoise.web.wording import wording


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """How allauth behaves here: nobody signs up, and a person's name is never changed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No."""
        return False

    def add_message(self, *args: Any, **options: Any) -> None:
        """Say nothing of logins and logouts: whoever comes in sees where they are."""

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """A closed account is told no more than a wrong password."""
        logins.keep("LoginFailed", user.get_username(), {"address": client_address(request)})
        language = getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE)
        messages.error(request, wording(language)["login.failed"])
        return redirect("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Whoever changed the password goes on to the work."""
        return reverse("home")

    def set_password(self, user: Any, password: str) -> None:
        """Keep the new password; the one that was issued is no longer due."""
        super().set_password(user, password)
        Account.objects.filter(user=user).update(password_due=False)
        logins.keep("PasswordChanged", user.get_username())


def fresh_password() -> str:
    """A password that nobody chose: four groups of five letters and digits without look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


@transaction.atomic
def create_account(
    person: str,
    *,
    organisation: str,
    language: str = "en",
    by: str,
    once: bool = True,
    password: str | None = None,
) -> str:
    """Make the account of a person; the password, which is shown once and kept as a hash.

    `once`: the person must choose another at the first login. `password`: one that the person chose
    already, else one is drawn. BadInput when there is an account already.
    """
    users = get_user_model().objects
    if users.filter(username=person).exists():
        raise BadInput("a person without an account", where="account", found=person)
    password = password or fresh_password()
    user = users.create_user(username=person, password=password)  # type: ignore[attr-defined]
    Account.objects.create(
        user=user, organisation=organisation, language=language, password_due=once
    )
    logins.keep("AccountCreated", person, {"by": by})
    return password
