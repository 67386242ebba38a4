"""Whether a subject still takes part, on the day of an action, as far as the action needs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.record.correction import corrections, standing
from equipoise.study.catalogue import CATALOGUE
from equipoise.visits.events import ConsentWithdrawn, DeathRecorded, VitalStatusRecorded
from equipoise.visits.participation import (
    COLLECTED,
    LIMITS,
    PROCEDURES,
    REACHED,
    VITAL,
    Withdrawal,
    closed_by,
)


def check_participation(context: Context) -> None:
    """Refuse what a withdrawal has closed; BadInput for a procedure after death (CN1).

    An action without a day counts as of today.
    """
    name = context.action.name
    if name not in COLLECTED | VITAL:
        return
    day = context.action.occurred or context.today.isoformat()
    left = list(_withdrawals(context))
    reached = [
        on
        for on, body in _standing(context, VitalStatusRecorded.TYPE)
        if body["source"] in REACHED
    ] if left else []  # fmt: skip
    by = closed_by(name, day, left, reached)
    if by is not None:
        limit = LIMITS[by.kind]
        raise context.refuse(
            f"{limit.told} on {by.day}: {name} of {day} cannot be recorded",
            rule="CN1",
            clause=limit.clause,
            way_out="record what happened on that day or before, under its own day; adverse events "
            "are reported as ever"
            + (
                "; if the site has reached the subject again, record the vital status of that day"
                if by.kind == "LostToFollowUp"
                else ""
            ),
            value=day,
        )
    if name in PROCEDURES or name == VitalStatusRecorded.TYPE:
        _check_alive(context, day)


def _withdrawals(context: Context) -> Iterator[Withdrawal]:
    required = {
        each.code for each in context.study.visits.consents if each.required_for_randomisation
    }
    for kind in LIMITS:
        for day, body in _standing(context, kind):
            if kind != ConsentWithdrawn.TYPE:
                yield Withdrawal(kind, day)
            elif body["consent"] in required:
                yield Withdrawal(kind, day, body["vital_status_allowed"])


def _check_alive(context: Context, day: str) -> None:
    for died, _ in _standing(context, DeathRecorded.TYPE):
        if day[: len(died)] > died:
            raise BadInput(
                f"a day not after the death of the subject ({died})",
                where=context.action.name,
                field="occurred",
                found=day,
            )


def _standing(context: Context, event_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Day and content of the subject's events of a type, corrections applied."""
    events = [event for event in context.events if event.type == event_type]
    changes = corrections(context.events, CATALOGUE) if events else {}
    for event in events:
        found = standing(event, changes.get(event.seq, ()), CATALOGUE)
        yield found.occurred or event.recorded[:10], found.body
