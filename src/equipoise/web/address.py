"""Where a request comes from. Behind the proxy that production needs, the proxy says so."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that asks: as our own proxy wrote it last, else that of the connection.

    What stands before the last entry of X-Forwarded-For was written by whoever asks, and counts for
    nothing.
    """
    told = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not settings.DEMONSTRATION and told:
        return str(told.split(",")[-1].strip())[:64] or "-"
    return str(request.META.get("REMOTE_ADDR", "-"))
