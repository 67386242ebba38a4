"""Determinations after randomisation: by people who know no arm and no outcome, until the freeze.

Sources: BM1 of the project's requirements; ICH E9 4.6 and 5 (blinded assessment, decisions before
the blind is broken), general knowledge, not re-read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from equipoise.biomarker.events import (
    AssayResultInvalidated,
    AssayResultRecorded,
    PathologyReviewed,
    RedeterminationFrozen,
    SampleCollected,
    SampleDerived,
    SampleReceived,
)
from equipoise.biomarker.freeze import freeze_sha256
from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.record.correction import Corrected
from equipoise.record.event import Event, EventBody
from equipoise.record.tables import tables
from equipoise.study.access import VISIBLE
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive

_JUDGED = frozenset(
    {
        AssayResultRecorded.TYPE, AssayResultInvalidated.TYPE, SampleReceived.TYPE,
        PathologyReviewed.TYPE,
    }
)  # fmt: skip
_MOVING = _JUDGED | {SampleCollected.TYPE, SampleDerived.TYPE}
_UNBLINDING = frozenset({"allocation", "outcome"})
"""What nobody may know who determines a marker again."""


def redetermination_frozen(context: Context, body: RedeterminationFrozen) -> EventBody:
    """The freeze, once, signed as it is, by a statistician who is still blinded."""
    if body.as_of > context.state.seq:
        raise BadInput(
            "a position in the record before the signature on it",
            where=body.TYPE,
            field="as_of",
            found=body.as_of,
        )
    if (frozen := context.state.frozen) is not None:
        raise context.refuse(
            f"the re-determined status was frozen by event {frozen.seq}",
            rule="BM1",
            way_out="report later determinations beside the analysis, not in it",
        )
    actor = context.action.actor
    if actor in context.state.unblinded:
        raise context.refuse(
            f"{actor} knows allocations, and the status is frozen before anybody does",
            rule="BM1",
            way_out="have a statistician freeze it who is blinded",
        )
    wanted = freeze_sha256(context.study.biomarker, body)
    if wanted not in context.state.approvals:
        raise context.refuse(
            f"the freeze as of event {body.as_of} is not signed",
            rule="BM1",
            value=wanted,
            way_out="have the statistician sign the approval of this hash",
        )
    return body


def check_redetermination(context: Context, body: EventBody) -> None:
    """Refuse who is not blinded to arm and outcome, and what would move a frozen status.

    Blinded is who was never unblinded and never held a role that sees either. It is asked of
    whoever records, invalidates or corrects a result, or judges a sample, that can count for the
    re-determination: of everyone once the subject is randomised, and before of a result for the
    re-determination; and of whoever reviews the tumour once the subject is randomised.
    """
    kind = _concerned(context, body)
    if kind not in _MOVING:
        return
    randomised = any(event.type == "Randomised" for event in context.events)
    again = isinstance(body, AssayResultRecorded) and body.purpose == "redetermination"
    if kind in _JUDGED and (randomised or again):
        _check_blinded(context)
    if context.state.frozen is not None:
        _check_unmoved(context, body)


def _concerned(context: Context, body: EventBody) -> str:
    """The type of event that is recorded or corrected."""
    if not isinstance(body, Corrected):
        return body.TYPE
    return next(event.type for event in context.events if event.seq == body.target)


def _check_blinded(context: Context) -> None:
    actor = context.action.actor
    held = context.state.held.get(actor, set())
    seeing = sorted(role for role in held if VISIBLE.get(role, frozenset()) & _UNBLINDING)
    if actor not in context.state.unblinded and not seeing:
        return
    because = f"was {', '.join(seeing)}" if seeing else "was unblinded"
    raise context.refuse(
        f"{actor} {because}, and may know arm or outcome",
        rule="BM1",
        clause="a marker is determined again by people who know neither arm nor outcome",
        value=context.action.name,
        way_out="have somebody record it who holds no role that sees them",
    )


def _check_unmoved(context: Context, body: EventBody) -> None:
    """Refuse what changes a status on basis `redetermination` after the freeze."""
    assert context.state.frozen is not None
    events = sorted([context.state.frozen, *context.events], key=lambda each: each.seq)
    last = events[-1]
    new = last._replace(
        seq=last.seq + 1, type=body.TYPE, type_version=body.VERSION, subject=context.subject,
        occurred=context.action.occurred, body=body.model_dump_json(),
    )  # fmt: skip
    before, after = (_redetermined(context, each) for each in (events, [*events, new]))
    if before.equals(after):
        return
    marker = context.study.biomarker.marker
    raise context.refuse(
        f"would have another re-determined status of {marker.code}, which is frozen as of event "
        f"{_as_of(context.state.frozen)}",
        rule="BM1",
        clause=f"frozen by event {context.state.frozen.seq}",
        value=context.action.name,
        way_out="record a new determination, which does not count, and a deviation",
    )


def _as_of(frozen: Event) -> int:
    return RedeterminationFrozen.model_validate_json(frozen.body).as_of


def _redetermined(context: Context, events: list[Event]) -> pl.DataFrame:
    """The re-determined status of the subject by each version of the rule, where there is one."""
    found = derive(tables(events, CATALOGUE), context.study, upto="marker_status")
    return (
        found["marker_status"]
        .filter(pl.col("basis") == "redetermination", pl.col("status").is_not_null())
        .select(pl.exclude("sources"))
    )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "RedeterminationFrozen": redetermination_frozen,
}
