"""Decisions about departures: deviations of an allocation, and a single code break."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.oversight.events import BreakCode, CodeBroken, DeviationRecorded, Notified
from equipoise.record.event import EventBody

OF_ALLOCATION = frozenset({"wrong_stratum", "not_eligible"})
"""Deviations that only an allocated subject can have (RN5)."""

TOLD = ("safety_officer", "data_manager", "investigator")
"""Roles whose holders are told of a code break; an investigator of the subject's own hospital."""


def deviation_recorded(context: Context, body: DeviationRecorded) -> EventBody:
    """A departure of this subject, important where the protocol calls its category important.

    A wrong stratum or an ineligible patient is a deviation of somebody randomised, who keeps the
    arm: nothing is allocated again (RN5).
    """
    types = {event.type for event in context.events}
    if body.category in OF_ALLOCATION and "Randomised" not in types:
        raise context.refuse(
            f"is not randomised, so there is no deviation {body.category}",
            rule="RN5",
            way_out="correct what is wrong before randomisation, or record the screening failure",
            value=body.category,
        )
    important = {each.category for each in context.study.oversight.important_deviations}
    if body.category in important and not body.important:
        raise BadInput(
            f"true: the protocol calls a deviation {body.category} important",
            where=f"DeviationRecorded {body.deviation}",
            field="important",
            found=False,
        )
    seqs = {event.seq for event in context.events}
    if body.target is not None and body.target not in seqs:
        raise BadInput(
            f"the seq of an event of subject {context.action.subject}, or none",
            where=f"DeviationRecorded {body.deviation}",
            field="target",
            found=body.target,
        )
    return body


def code_broken(context: Context, body: BreakCode) -> EventBody:
    """The arm of one randomised subject, with those who are told of the break at once (RN6)."""
    _ = context.subject
    for allocated in context.bodies("Randomised"):
        return CodeBroken(
            person=body.person,
            circumstance=body.circumstance,
            arm=allocated["arm"],
            notified=tuple(told_of_code_break(context)),
        )
    raise context.refuse(
        "is not randomised: there is no code to break", rule="RN6", way_out="check the number"
    )


def told_of_code_break(context: Context) -> list[Notified]:
    """Holders today of a role that is told, each once, in the order of the roles."""
    found: dict[str, str] = {}
    for role in TOLD:
        for grant in context.state.grants.values():
            in_force = grant.since <= context.reached and (
                grant.until is None or context.reached <= grant.until
            )
            here = grant.site is None or grant.site == context.site
            if grant.role == role and in_force and here:
                found.setdefault(grant.person, role)
    return [Notified(person=person, held_role=role) for person, role in found.items()]


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "DeviationRecorded": deviation_recorded,
    "BreakCode": code_broken,
}
