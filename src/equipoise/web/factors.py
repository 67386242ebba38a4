"""Second factors: how their secrets are kept, how often they may be guessed, what is kept of them.

Source: OWASP Application Security Verification Standard 4, 2.2.1 (guessing), 2.8 (one-time codes),
2.9 (secrets of verifiers); REQUIREMENTS UA3.
"""

from __future__ import annotations

import base64
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed
from axes.handlers.proxy import AxesProxyHandler
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django import forms
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.utils.translation import get_language

from equipoise.web import logins
from equipoise.web.wording import wording


def _sealed_with() -> Fernet:
    """The key of the secrets of second factors, which follows from that of the application."""
    derived = HKDF(SHA256(), 32, salt=None, info=b"equipoise second factors")
    return Fernet(base64.urlsafe_b64encode(derived.derive(settings.SECRET_KEY.encode())))


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of factors stand in the database of accounts encrypted; the last is not removed."""

    def encrypt(self, text: str) -> str:
        """The secret as it is kept."""
        return _sealed_with().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret as it was."""
        return _sealed_with().decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not the only one, where one is obligatory."""
        others = Authenticator.objects.filter(user=authenticator.user).exclude(
            type=Authenticator.Type.RECOVERY_CODES
        )
        return bool(settings.DEMONSTRATION or others.exclude(pk=authenticator.pk).exists())


def _check_locked(user: Any) -> None:
    """ValidationError for whom too many failures locked out: with the right code too."""
    if not AxesProxyHandler.is_allowed(context.request, {"username": user.get_username()}):
        words = wording(get_language() or settings.LANGUAGE_CODE)
        raise forms.ValidationError(words["factor.locked"])


class CodeForm(AuthenticateForm):  # type: ignore[misc]
    """The code at the login. Wrong ones count as failed logins."""

    def clean_code(self) -> Any:
        """What the code proves."""
        _check_locked(self.user)
        return super().clean_code()


class CodeAgainForm(ReauthenticateForm):  # type: ignore[misc]
    """The code once more, before something that needs it."""

    def clean_code(self) -> Any:
        """What the code proves."""
        _check_locked(self.user)
        return super().clean_code()


def listen() -> None:
    """Connect to what allauth tells of second factors."""
    authentication_failed.connect(_failed, dispatch_uid="equipoise.factor_failed")
    authenticator_added.connect(_added, dispatch_uid="equipoise.factor_added")
    authenticator_removed.connect(_removed, dispatch_uid="equipoise.factor_removed")


def _failed(sender: Any, request: Any, user: Any, **_: Any) -> None:
    """A wrong code is a failed login: axes counts it, and the chain of logins keeps it."""
    credentials = {"username": user.get_username()}
    user_login_failed.send(sender=__name__, credentials=credentials, request=request)


def _added(sender: Any, user: Any, authenticator: Any, **_: Any) -> None:
    logins.keep("SecondFactorAdded", user.get_username(), {"kind": str(authenticator.type)})


def _removed(sender: Any, user: Any, authenticator: Any, **_: Any) -> None:
    logins.keep("SecondFactorRemoved", user.get_username(), {"kind": str(authenticator.type)})
