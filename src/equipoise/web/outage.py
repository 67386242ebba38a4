"""The page for a store that cannot be reached or has no room: what was typed is not lost.

It is made without any store, in both languages, since whoever asks may not be known then. After a
form it offers the same sending again, under the same key: what arrived the first time all the same
is answered, not done twice.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import Error as AccountsError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string

from equipoise.errors import StoreFailed, StoreFull
from equipoise.web.wording import wording

AGAIN_SECONDS = 10
"""When a program should try again."""

_NOT_REPEATED = "/accounts/"
"""Nothing that is sent there, passwords above all, is put on a page again."""


def is_store_failure(error: BaseException | None) -> bool:
    """Whether an error says that a store failed: the record, its keys, the accounts, a disk.

    A record whose content cannot be used as asked is no failure of its store: to try again later
    would not help.

    >>> from equipoise.errors import RecordError
    >>> is_store_failure(OSError(errno.ENOSPC, "no space")), is_store_failure(RecordError("no key"))
    (True, False)
    """
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
    return isinstance(error, StoreFailed | AccountsError | sqlite3.Error)


def unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    """503: nothing is confirmed, nothing that was typed is lost, and it may be sent again."""
    logging.getLogger("equipoise.outage").error("a store failed: %s", error)
    if request.path.startswith("/api/"):
        return _marked(JsonResponse(_for_programs(error), status=503))
    if request.path == "/healthy/":
        return _marked(HttpResponse("unavailable\n", content_type="text/plain", status=503))
    languages = dict(settings.LANGUAGES)
    first = request.COOKIES.get("language") or getattr(request, "LANGUAGE_CODE", "")
    if first not in languages:
        first = settings.LANGUAGE_CODE
    sent = list(_sent(request))
    said = ["full" if _is_full(error) else "away"]
    said += ["sent" if sent else "posted" if request.method == "POST" else "read"]
    said += ["files"] if sent and request.FILES else []
    said += ["meanwhile"]
    content = {
        "told": [_told(each, said) for each in (first, *(set(languages) - {first}))],
        "sent": sent, "posted": request.method == "POST", "language": first,
        "address": request.get_full_path(),
    }  # fmt: skip
    page = render_to_string("failures/unavailable.html", content)
    return _marked(HttpResponse(page, status=503, headers={"Content-Language": first}))


def _told(language: str, said: list[str]) -> dict[str, Any]:
    words = wording(language)
    return {
        "language": language, "what": words["outage"], "again": words["outage.again"],
        "look": words["outage.look"], "lines": [words[f"outage.{each}"] for each in said],
    }  # fmt: skip


def _for_programs(error: BaseException) -> dict[str, Any]:
    way_out = "make room" if _is_full(error) else "wait"
    return {
        "error": "RecordError",
        "message": "a store cannot be used just now; nothing is confirmed",
        "way_out": f"{way_out}, and send the same again under the same Idempotency-Key",
    }


def _marked(answer: HttpResponse) -> HttpResponse:
    answer.headers["Retry-After"] = str(AGAIN_SECONDS)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _is_full(error: BaseException) -> bool:
    """Whether a disk is full, by the error or what it came from."""
    for each in (error, error.__cause__):
        full = getattr(each, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if isinstance(each, StoreFull) or full or getattr(each, "sqlstate", None) == "53100":
            return True
        if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
    return False


def _sent(request: HttpRequest) -> Iterator[tuple[str, str]]:
    """What the form that was sent held, but for passwords and files."""
    if request.method != "POST" or request.path.startswith(_NOT_REPEATED):
        return
    try:
        posted = request.POST
    except (OSError, MultiPartParserError, RequestDataTooBig, SuspiciousOperation):
        return
    for name, values in posted.lists():
        if "password" not in name:
            yield from ((name, str(value)) for value in values)
