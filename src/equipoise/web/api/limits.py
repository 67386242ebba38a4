"""How often a program may ask: by token, by address, and how often with a token that is none.

Counts are kept in the cache, which all workers share. Source: OWASP API Security Top 10 (2023),
API4 (unrestricted resource consumption) and API2 (broken authentication).
"""

from __future__ import annotations

import math
import time

from django.conf import settings
from django.http import HttpRequest
from ninja.throttling import SimpleRateThrottle

from equipoise.errors import BadInput, EquipoiseError
from equipoise.web.address import client_address


class TooOften(EquipoiseError):
    """More requests than the limits allow."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(math.ceil(seconds), 1)
        super().__init__(f"too many requests; wait {self.seconds} seconds")


class TooLarge(BadInput):
    """A request whose body is longer than is accepted."""


class ByAddress(SimpleRateThrottle):
    """Requests of one address, whatever token they carry."""

    scope = "address"

    def get_cache_key(self, request: HttpRequest) -> str:
        """One count for each address."""
        return self.cache_format % {"scope": self.scope, "ident": client_address(request)}


class Failures(ByAddress):
    """Requests of one address with a token that opens nothing."""

    scope = "failures"


class ByToken(SimpleRateThrottle):
    """Requests of one token, from wherever they come."""

    scope = "token"

    def get_cache_key(self, request: HttpRequest) -> str | None:
        """One count for each token."""
        caller = getattr(request, "auth", None)
        if caller is None:
            return None
        return self.cache_format % {"scope": self.scope, "ident": caller.token}


def check(kind: type[SimpleRateThrottle], request: HttpRequest) -> None:
    """Count a request; TooOften when there were as many as the limit allows."""
    assert kind.scope is not None
    throttle = kind(settings.API_RATES[kind.scope])
    if not throttle.allow_request(request):
        raise TooOften(throttle.wait() or throttle.duration or 1)


def check_failures(request: HttpRequest) -> None:
    """TooOften where an address has tried too many tokens; nothing is counted."""
    throttle = Failures(settings.API_RATES["failures"])
    throttle.key = throttle.get_cache_key(request)
    tried = throttle.cache.get(throttle.key, [])
    begun = time.time() - (throttle.duration or 0)
    if len([each for each in tried if each > begun]) >= (throttle.num_requests or 0):
        raise TooOften(throttle.duration or 1)


def check_length(request: HttpRequest) -> None:
    """TooLarge for a body beyond the limit of uploads, before any of it is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if not length.isdigit() or int(length) > limit:
        raise TooLarge(f"at most {limit} bytes", where="request", field="body", found=length[:20])
