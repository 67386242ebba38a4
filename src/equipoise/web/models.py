"""What Django keeps of a person beside the password: language, what is due, tokens of the API.

Roles and grants are not here: they exist only in the record. A token names a position; whether the
record still grants it is asked at every use.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Account(models.Model):
    """One person's account. The user's name is the person's identifier in the record."""

    user: Any = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account"
    )
    language: Any = models.CharField(max_length=2, choices=settings.LANGUAGES, default="en")
    organisation: Any = models.CharField(max_length=200)
    password_due: Any = models.BooleanField(default=True)

    def __str__(self) -> str:
        return str(self.user)


class Token(models.Model):
    """A key to the interface for programs: of one person, in one role, at one hospital or none.

    Of the secret itself only the SHA-256 is kept: it has 256 random bits, so that no slower hash is
    needed against guessing.
    """

    user: Any = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens"
    )
    name: Any = models.CharField(max_length=80)
    role: Any = models.CharField(max_length=40)
    site: Any = models.CharField(max_length=64, null=True)
    digest: Any = models.CharField(max_length=64, unique=True)
    issued: Any = models.DateTimeField()
    issued_by: Any = models.CharField(max_length=150)
    expires: Any = models.DateTimeField()
    revoked: Any = models.DateTimeField(null=True)
    last_used: Any = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.user})"
