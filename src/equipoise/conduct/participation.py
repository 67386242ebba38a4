"""Whether a subject takes part on the day of an action, under the consent that is in force."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.record.correction import corrections, standing
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.visits.events import (
    ConsentSigned,
    ConsentWithdrawn,
    DeathRecorded,
    VitalStatusRecorded,
)
from equipoise.visits.participation import (
    COLLECTED,
    LIMITS,
    PROCEDURES,
    REACHED,
    VITAL,
    Withdrawal,
    closed_by,
)
from equipoise.visits.reconsent import InForce, consent_due


def check_participation(context: Context) -> None:
    """Refuse what a withdrawal has closed, and a procedure before a consent is signed again (CN1).

    BadInput for a procedure after death. An action without a day counts as of today.
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
            "are reported as ever; if the day of leaving is wrong, correct it"
            + (
                "; if the site has reached the subject again, record the vital status of that day"
                if by.kind == "LostToFollowUp"
                else ""
            ),
            value=day,
        )
    if name in PROCEDURES or name == VitalStatusRecorded.TYPE:
        _check_alive(context, day)
    if name in PROCEDURES:
        _check_consent(context, datetime.date.fromisoformat(day))


def _withdrawals(context: Context) -> Iterator[Withdrawal]:
    happened = {event.type for event in context.events}
    if happened.isdisjoint(LIMITS):
        return
    required = _required(context.study)
    for kind in LIMITS:
        for day, body in _standing(context, kind):
            if kind != ConsentWithdrawn.TYPE:
                yield Withdrawal(kind, day)
            elif body["consent"] in required:
                yield Withdrawal(kind, day, body["vital_status_allowed"])


def _check_consent(context: Context, day: datetime.date) -> None:
    activated = context.state.activations.get(context.site or "", ())
    if len(activated) < 2:
        return
    versions = context.state.versions
    history = [InForce(since, _required(versions[version])) for since, version in activated]
    if all(each.required == history[0].required for each in history):
        return
    signed = {
        (body["consent"], body["version"]) for _, body in _standing(context, ConsentSigned.TYPE)
    }
    due = consent_due(history, signed, day)
    if due is not None:
        consent, version = due
        raise context.refuse(
            f"has not signed consent {consent} in version {version}, which is in force at site "
            f"{context.site}: {context.action.name} of {day} has to wait",
            rule="CN1",
            clause="ICH E6(R3) 2.8.2: consent to what is new",
            way_out=f"have version {version} signed and record it; adverse events, death and "
            "withdrawals are recorded without it",
            value=version,
        )


def _required(study: Study) -> dict[str, str]:
    """The version of each consent that a study version requires of who takes part."""
    return {
        each.code: each.version for each in study.visits.consents if each.required_for_randomisation
    }


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
