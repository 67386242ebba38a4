"""How errors of the trial are shown: what, by which rule, and the way out; refusals are kept."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from equipoise.errors import BadInput, Conflict, EquipoiseError, RecordError, Refused, StoreFailed
from equipoise.web.asking import Request


def page_refused(request: Request, page: str) -> HttpResponse:
    """403: the position may not open the page. The refusal is kept in the chain of logins."""
    from equipoise.web import logins

    asking = request.asking
    position = asking.position.key if asking.position else "-"
    logins.keep("PageRefused", asking.person, {"page": page, "position": position})
    return render(request, "failures/refused.html", {"page": page}, status=403)


def shown(error: EquipoiseError) -> dict[str, Any]:
    """What a page shows of an error: kind, message, and its parts where it has them.

    >>> shown(Refused("has died", subject="A-1", rule="RN3", way_out="check the number"))["rule"]
    'RN3'
    """
    found: dict[str, Any] = {"message": str(error), "kind": type(error).__name__}
    if isinstance(error, Refused):
        found |= {
            "what": error.what,
            "rule": error.rule,
            "clause": error.clause,
            "value": error.value,
            "way_out": error.way_out,
            "subject": error.subject,
        }
    if isinstance(error, BadInput):
        found["problems"] = [str(each) for each in error.problems]
    return found


def status_of(error: EquipoiseError) -> int:
    """The HTTP status that an error is answered with: 503 where it helps to try again.

    >>> status_of(StoreFailed("no answer")), status_of(RecordError("no such key"))
    (503, 500)
    """
    if isinstance(error, Conflict):
        return 409
    if isinstance(error, StoreFailed):
        return 503
    return 500 if isinstance(error, RecordError) else 422


def failed(request: HttpRequest, error: EquipoiseError) -> HttpResponse:
    """A page of its own for an error that no form can show."""
    return render(request, "failures/error.html", {"error": shown(error)}, status=status_of(error))
