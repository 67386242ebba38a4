"""What of a subject's record is the hospital's own: it has a source there, and is signed there."""

from __future__ import annotations

import json
from collections.abc import Sequence

from equipoise.oversight import events as oversight
from equipoise.record.correction import Corrected, Redacted
from equipoise.record.event import Event
from equipoise.study.access import SITE_ROLES
from equipoise.study.catalogue import DECIDED, EVENTS

_CHANGES = frozenset({Corrected.TYPE, Redacted.TYPE})
_WORKFLOW = frozenset(each.TYPE for each in oversight.EVENTS) - {oversight.DeviationRecorded.TYPE}

SOURCE_DATA = (
    frozenset(each.TYPE for each in EVENTS)
    - DECIDED
    - frozenset(each.TYPE for each in oversight.EVENTS)
    - _CHANGES
)
"""Types of events that tell what happened to a subject, as somebody entered it. A deviation is a
judgement, and has no source."""


def has_source(event: Event) -> bool:
    """Whether an event was entered by the hospital from a source of its own."""
    return event.role in SITE_ROLES and event.type in SOURCE_DATA


def of_case_book(events: Sequence[Event]) -> tuple[Event, ...]:
    """The events of a subject that the investigator answers for: everything that the hospital
    entered or asked to be decided, and every change of that by whomever."""
    ours: dict[int, Event] = {}
    for event in events:
        if event.type in _CHANGES:
            if json.loads(event.body)["target"] in ours:
                ours[event.seq] = event
        elif event.role in SITE_ROLES and event.type not in _WORKFLOW:
            ours[event.seq] = event
    return tuple(ours.values())
