"""Proof that the person at the keyboard is who is logged in: the password, once more (SG1-4, UA4).

A wrong password counts as a failed login: five of them lock the account.
"""

from __future__ import annotations

from django.contrib.auth import authenticate

from equipoise.web.asking import Request


def confirmed(request: Request, password: str) -> bool:
    """Whether the password is that of the person who asks."""
    if not password:
        return False
    found = authenticate(request, username=request.asking.person, password=password)
    return found is not None and found.pk == request.user.pk
