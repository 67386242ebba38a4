"""From an admitted action to the events it brings about: one decision per action, most of them
none but the checks of their stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from equipoise.conduct import (
    allocation,
    attestation,
    care,
    cutting,
    departures,
    dispensing,
    dosing,
    entry,
    governance,
    harm,
    identity,
    questionnaires,
    reading,
    redetermination,
    therapies,
)
from equipoise.conduct.consequences import deviations_shown
from equipoise.conduct.context import Context
from equipoise.conduct.participation import check_participation
from equipoise.conduct.redetermination import check_redetermination
from equipoise.conduct.sealing import sealed_body
from equipoise.record.event import Body, EventBody

Decision = Callable[[Context, Any], EventBody | tuple[EventBody, ...]]
"""What an action brings about: one event, or several of which the first is the action's own."""

DECISIONS: Mapping[str, Decision] = {
    **entry.DECISIONS,
    **allocation.DECISIONS,
    **care.DECISIONS,
    **dosing.DECISIONS,
    **dispensing.DECISIONS,
    **harm.DECISIONS,
    **identity.DECISIONS,
    **questionnaires.DECISIONS,
    **reading.DECISIONS,
    **governance.DECISIONS,
    **attestation.DECISIONS,
    **cutting.DECISIONS,
    **departures.DECISIONS,
    **redetermination.DECISIONS,
    **therapies.DECISIONS,
}


def decide(
    context: Context, body: Body
) -> Iterator[tuple[str, int, dict[str, Any], tuple[str, ...]]]:
    """Type, version, content and guards of each event that the action brings about.

    Raises Refused when a rule of the trial does not allow the action, BadInput when its content
    does not fit the study file.
    """
    if context.action.name != "SubjectScreened" and context.action.subject is not None:
        _ = context.subject
        check_participation(context, body)
    decided = DECISIONS.get(context.action.name)
    found = decided(context, body) if decided else body
    events: tuple[Body, ...] = found if isinstance(found, tuple) else (found,)
    own = [each for each in events if isinstance(each, EventBody)]
    own = own if context.action.name == "Correct" else own[:1]
    shown = deviations_shown(context, *own) if own else ()
    for event in (*events, *shown):
        if not isinstance(event, EventBody):
            raise TypeError(f"{context.action.name} has no decision and is no event")
        check_redetermination(context, event)
        subject = context.action.subject
        content = sealed_body(event, context.keys, trial=context.trial, subject=subject)
        yield event.TYPE, event.VERSION, content, event.guards(subject)
