"""What Django keeps of a person beside the password: language, and whether a new one is due.

Roles and grants are not here: they exist only in the record.
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
