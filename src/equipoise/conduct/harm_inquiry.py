"""What may be asked about a subject's adverse events: how they stand, what is due and to whom."""

from __future__ import annotations

import datetime
import json
import zoneinfo
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from equipoise.conduct.inquiry import Inquiry
from equipoise.record.event import Event
from equipoise.safety.course import (
    DEATH,
    adverse_event_course,
    adverse_event_standing,
    reports_awaited,
)
from equipoise.safety.laboratory_finding import unreported_grades
from equipoise.safety.serious import reports_due


class Harm(NamedTuple):
    """The adverse events of one subject: derived tables, their course, and what is due today.

    `reports`: `expedited_report` with the `state` of each on the day; `awaited`: what the sponsor
    has no report of; `findings`: severe laboratory values that stand in no adverse event.
    """

    events: pl.DataFrame
    serious: pl.DataFrame
    course: pl.DataFrame
    standing: pl.DataFrame
    reports: pl.DataFrame
    awaited: pl.DataFrame
    findings: pl.DataFrame


def harm_of(ask: Inquiry, subject: str) -> Harm:
    """What the rules say of a subject's adverse events now."""
    site = ask.site(subject)
    study, now = ask.study(site), ask.now(site)
    tables = ask.event_tables(subject, "adverse_event")
    events = ask.derived(subject, "adverse_event")
    serious = ask.derived(subject, "serious_adverse_event")
    standing = adverse_event_standing(tables)
    known = serious_since(ask.events(subject), ask.zone(site))
    values = ask.derived(subject, "laboratory_value")
    return Harm(
        events=events,
        serious=serious,
        course=adverse_event_course(tables),
        standing=standing,
        reports=reports_due(ask.derived(subject, "expedited_report"), now.date(), now.time()),
        awaited=reports_awaited(events, serious, known, study.safety),
        findings=unreported_grades(values, events, standing),
    )


_SAYING = frozenset({"AdverseEventReported", "AdverseEventFollowedUp", "Corrected"})
"""Events that can call an adverse event serious."""


def serious_since(events: Iterable[Event], zone: str) -> dict[tuple[str, str], datetime.datetime]:
    """The time, in the `zone` of a place, at which the record first called each adverse
    event serious or fatal: by its report, a follow-up or a correction. By subject and adverse
    event."""
    found: dict[tuple[str, str], datetime.datetime] = {}
    named: dict[int, str] = {}
    for event in sorted(events, key=lambda each: each.seq):
        if event.type not in _SAYING:
            continue
        body = json.loads(event.body)
        name: str | None = body.get("adverse_event") or named.get(body.get("target", 0))
        if event.type in ("AdverseEventReported", "AdverseEventFollowedUp"):
            named[event.seq] = str(name)
            says = bool(body.get("serious")) or body["grade"] == DEATH
        else:
            says = (body["item"], body["new"]) in (("serious", "true"), ("grade", str(DEATH)))
        if name is not None and says:
            at = datetime.datetime.fromisoformat(event.recorded.replace("Z", "+00:00"))
            there = at.astimezone(zoneinfo.ZoneInfo(zone))
            found.setdefault((event.subject or "", name), there)
    return found
