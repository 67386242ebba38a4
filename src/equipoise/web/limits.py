"""How much, and how often, is read from whoever asks: before any page looks at it.

A worker reads no body longer than the longest file that a page takes, and an address that is not
logged in sends few forms a minute: passwords are not tried on one account after another. How often
one account is tried is for axes; programs have limits of their own (`web.api.limits`).
Source: OWASP Application Security Verification Standard 4, 2.2.1 and 12.1.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from equipoise.web.address import client_address

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MINUTE = 60


class TooLong:
    """413 for a body beyond the limit, of which nothing is read; 411 for one of unknown length."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request.META.get("CONTENT_LENGTH") or "0"
        if request.META.get("HTTP_TRANSFER_ENCODING") and told == "0":
            return _plain("length required\n", 411)
        if not told.isdigit() or int(told) > settings.LONGEST_BODY:
            return _plain(f"at most {settings.LONGEST_BODY} bytes\n", 413)
        return self.get_response(request)


class TooOften:
    """429 for an address that sends more forms a minute than people do before they are logged
    in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.method not in SAFE and not request.path.startswith("/api/")
        if asked and not request.user.is_authenticated and self._beyond(request):
            answer = render(request, "failures/plain.html", {"key": "failure.often"}, status=429)
            answer.headers["Retry-After"] = str(MINUTE)
            return answer
        return self.get_response(request)

    def _beyond(self, request: HttpRequest) -> bool:
        key = f"forms-{client_address(request)}-{int(time.time()) // MINUTE}"
        return counted(key, 2 * MINUTE) > int(settings.FORMS_A_MINUTE)


def counted(name: str, seconds: int) -> int:
    """Count once more under a name, and how often that was in `seconds` from the first on.

    Whoever counts at the same time is counted too.
    """
    if cache.add(name, 1, seconds):
        return 1
    try:
        return int(cache.incr(name))
    except ValueError:  # it ran out between the two
        cache.set(name, 1, seconds)
        return 1


def _plain(text: str, status: int) -> HttpResponse:
    headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
    return HttpResponse(text, status=status, headers=headers)
