"""One-time codes as an application on a telephone computes them (RFC 6238, from RFC 4226)."""

from __future__ import annotations

import base64
import hmac
import struct
import time


def totp(secret: str, *, at: float | None = None, digits: int = 6, period: int = 30) -> str:
    """The code of a secret in base 32 at a time, by default now.

    >>> totp(base64.b32encode(b"12345678901234567890").decode(), at=1111111109, digits=8)
    '07081804'
    """
    count = int((time.time() if at is None else at) // period)
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", count), "sha1").digest()
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)
