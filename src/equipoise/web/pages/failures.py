"""Pages for what went wrong before a page could answer; none of them tells what it is not asked."""

from __future__ import annotations

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.errors import EquipoiseError
from equipoise.web.outage import is_store_failure, unavailable
from equipoise.web.refusal import failed as told_of


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """400: the request cannot be read."""
    return render(request, "failures/plain.html", {"key": "failure.bad_request"}, status=400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """403: not for this position."""
    return render(request, "failures/plain.html", {"key": "failure.forbidden"}, status=403)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form is older than the login, or comes from elsewhere. A patient has no login."""
    if request.path == reverse("questionnaire"):
        return render(request, "questionnaire/stopped.html", status=403)
    return render(request, "failures/plain.html", {"key": "failure.csrf"}, status=403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """404: nothing here, or nothing that may be known from here."""
    return render(request, "failures/plain.html", {"key": "failure.not_found"}, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """503 for a store that failed, wherever it was asked; what an error of the trial says, as it
    says it; else 500: our fault. Nothing was saved unless it was acknowledged."""
    error = sys.exc_info()[1]
    if error is not None and is_store_failure(error):
        return unavailable(request, error)
    if isinstance(error, EquipoiseError):
        return told_of(request, error)
    return render(request, "failures/plain.html", {"key": "failure.failed"}, status=500)
