"""Who reads the scans of a subject for which evaluator, and which readings nobody is told of yet.

Readers are blind to one another both ways. A central reader sees the course of the evaluator for
whom they read, and no other. A hospital that reads for an evaluator of its own sees what a central
reader found of a scan once it has saved its own reading of that scan, or of a later one; where it
reads for nobody, at once (CO3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from equipoise.conduct.context import event_as_it_stands
from equipoise.conduct.inquiry import Inquiry
from equipoise.record.event import Event
from equipoise.study.access import ACTION_ROLES, SITE_ROLES
from equipoise.web.position import positions

READINGS: Final = frozenset({"LesionIdentified", "TumourAssessed"})
READERS: Final = ACTION_ROLES["TumourAssessed"]
AT_SITE: Final = READERS & SITE_ROLES


def readers_of(events: Sequence[Event]) -> dict[str, str]:
    """Who recorded the last reading or lesion of each evaluator in a subject."""
    found: dict[str, str] = {}
    for event in events:
        if event.type in READINGS:
            found[event_as_it_stands(events, event).body["evaluator"]] = event.actor
    return found


def courses_of(ask: Inquiry, subject: str, person: str) -> frozenset[str]:
    """The evaluators whose course in a subject is a central reader's: they read it last."""
    return frozenset(
        code for code, reader in readers_of(ask.events(subject)).items() if reader == person
    )


def left_behind(ask: Inquiry, subject: str) -> list[str]:
    """The evaluators in a subject whose reader reads no more: another goes on with their lesions.

    A reader reads no more once no grant of that role is in force.
    """
    today = ask.today(ask.site(subject))
    return [
        code
        for code, reader in readers_of(ask.events(subject)).items()
        if all(
            each.role != "reader" for each in positions(ask.state.grants.values(), reader, today)
        )
    ]


def reads_for(ask: Inquiry, subject: str, role: str, person: str) -> list[str]:
    """The evaluators that somebody reads for in a subject, in the order of the study file.

    At a hospital those who are not blinded to the marker. A central reader reads for the blinded
    ones: for the one whose course is theirs, and before that for those that nobody has read for,
    then for those whose reader reads no more.
    """
    plan = ask.study(ask.site(subject)).response
    if role != "reader":
        return [each.code for each in plan.evaluators if not each.blinded_to_marker]
    blinded = [each.code for each in plan.evaluators if each.blinded_to_marker]
    mine = [code for code in blinded if code in courses_of(ask, subject, person)]
    if mine:
        return mine[:1]
    read, left = readers_of(ask.events(subject)), left_behind(ask, subject)
    return [
        *(code for code in blinded if code not in read),
        *(code for code in blinded if code in left),
    ]


def read_up_to(ask: Inquiry, subject: str) -> str:
    """The day of the last scan that the hospital has read itself: "" for none, a day that never
    comes where it reads for no evaluator."""
    plan = ask.study(ask.site(subject)).response
    if all(each.blinded_to_marker for each in plan.evaluators):
        return "9999-12-31"
    return max(_days_read(ask.events(subject)), default="")


def _days_read(events: Sequence[Event]) -> Iterable[str]:
    """The days of the scans that the hospital has read."""
    for event in events:
        if event.type == "TumourAssessed" and event.role in SITE_ROLES:
            yield event_as_it_stands(events, event).occurred or ""
