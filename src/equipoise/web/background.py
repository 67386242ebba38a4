"""Work that takes longer than a page may: begun here, done beside, its outcome kept for a day.

Whoever asks gets the number of the work at once and sees on a page of its own how far it is. The
outcome is kept where every worker of the application finds it. Of one kind one is under way at a
time; who asks meanwhile is led to that one.
"""

from __future__ import annotations

import datetime
import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db import connections

from equipoise.errors import EquipoiseError

A_DAY = 24 * 3600
LONGEST = 600
"""Seconds after which work that said nothing is taken for lost: its worker was stopped."""

Work = Callable[[], dict[str, Any]]


def begin(kind: str, work: Work, facts: dict[str, Any]) -> str:
    """Begin work of a kind; its number. Of work that is under way already, that one's."""
    job = secrets.token_hex(12)
    if not cache.add(_running(kind), job, LONGEST):
        return str(cache.get(_running(kind), job))
    begun = {**facts, "state": "running", "begun": _now().isoformat()}
    cache.set(_job(kind, job), begun, A_DAY)
    threading.Thread(target=_do, args=(kind, job, work, begun), daemon=True).start()
    return job


def outcome(kind: str, job: str) -> dict[str, Any] | None:
    """What came of work: `state` running, done, failed or lost, `seconds` so far or in all, and
    what it yields as `found`. None for a number that nobody has."""
    kept = cache.get(_job(kind, job))
    if not isinstance(kept, dict):
        return None
    begun = datetime.datetime.fromisoformat(kept["begun"])
    if kept["state"] != "running":
        return kept
    seconds = (_now() - begun).total_seconds()
    state = "lost" if seconds > LONGEST else "running"
    return {**kept, "state": state, "seconds": round(seconds, 1)}


def last(kind: str) -> dict[str, Any] | None:
    """What came of the work of a kind that was done last, with its number as `job`."""
    job = cache.get(f"work-{kind}-last")
    found = outcome(kind, job) if isinstance(job, str) else None
    return {**found, "job": job} if found else None


def _do(kind: str, job: str, work: Work, begun: dict[str, Any]) -> None:
    try:
        said: dict[str, Any] = {"state": "done", "found": work()}
    except EquipoiseError as error:
        said = {"state": "failed", "error": str(error)}
    except Exception:
        logging.getLogger("equipoise.work").exception("%s %s", kind, job)
        said = {"state": "failed", "error": ""}
    try:
        ended = _now()
        since = datetime.datetime.fromisoformat(begun["begun"])
        said |= {"ended": ended.isoformat(), "seconds": round((ended - since).total_seconds(), 1)}
        cache.set(_job(kind, job), {**begun, **said}, A_DAY)
        cache.set(f"work-{kind}-last", job, A_DAY)
        cache.delete(_running(kind))
    finally:
        connections.close_all()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _running(kind: str) -> str:
    return f"work-{kind}-running"


def _job(kind: str, job: str) -> str:
    return f"work-{kind}-{job}"
