"""How passwords are kept: PBKDF2 with SHA-256, 600 000 rounds.

Source: OWASP Password Storage Cheat Sheet (2023), PBKDF2. A signature or an allocation proves the
person by the password again: every round beyond delays whoever waits, and who guesses is stopped
by the lock after five failures.
"""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Hasher(PBKDF2PasswordHasher):
    """PBKDF2-HMAC-SHA256 with the rounds that OWASP names."""

    algorithm = "pbkdf2_sha256_600k"
    iterations = 600_000
