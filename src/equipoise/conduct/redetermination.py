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
from equipoise.biomarker.grade import counted_review
from equipoise.biomarker.touched import MARKER_TOUCHED
from equipoise.conduct.context import Context, read
from equipoise.errors import BadInput
from equipoise.record.correction import Corrected
from equipoise.record.event import Event, EventBody
from equipoise.record.tables import tables
from equipoise.study.access import VISIBLE
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive

_JUDGED = frozenset(
    {
        AssayResultRecorded.TYPE, AssayResultInvalidated.TYPE, SampleReceived.TYPE,
        PathologyReviewed.TYPE,
    }
)  # fmt: skip
_MOVING = _JUDGED | {SampleCollected.TYPE, SampleDerived.TYPE}
_OF_SAMPLES = frozenset({SampleCollected.TYPE, SampleDerived.TYPE, SampleReceived.TYPE})
_UNBLINDING = frozenset({"allocation", "outcome"})
"""What nobody may know who determines a marker again."""

_ALLOCATION = frozenset({"allocation"})
"""What nobody may know who freezes it: a statistician sees outcomes, by no arm."""


def redetermination_frozen(context: Context, body: RedeterminationFrozen) -> EventBody:
    """The freeze, once, by a statistician who is blinded, as one who is blinded has signed it.

    What was corrected or judged after the position that was signed would count although nobody
    signed it: then the freeze is signed again, of a later position.
    """
    if body.as_of > context.head_seq:
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
    if (because := _knows(context, actor, _ALLOCATION)) is not None:
        raise context.refuse(
            f"{actor} {because}, and the status is frozen by people who know no allocation",
            rule="BM1",
            way_out="have a statistician freeze it who is blinded",
        )
    _check_signed(context, body)
    if moved := _moved_since(context, body.as_of):
        raise context.refuse(
            f"was signed as of event {body.as_of}, and event {moved[-1]} can have changed since "
            "what the results before it say",
            rule="BM1",
            value=moved[-1],
            way_out=f"have the statistician sign the freeze as of event {moved[-1]} or later",
        )
    return body


def _check_signed(context: Context, body: RedeterminationFrozen) -> None:
    wanted = freeze_sha256(context.study.biomarker, body)
    signed = [each for each in context.state.approvals.get(wanted, ()) if each.seq > body.as_of]
    blinded = [each for each in signed if _knows(context, each.person, _ALLOCATION) is None]
    if blinded:
        return
    by = ", ".join(sorted({each.person for each in signed}))
    raise context.refuse(
        f"the freeze as of event {body.as_of} is not signed"
        + (f" by anybody who is blinded, but by {by}" if by else ""),
        rule="BM1",
        value=wanted,
        way_out="have a blinded statistician sign the approval of this hash",
    )


def _moved_since(context: Context, as_of: int) -> list[int]:
    """Events after a position that can change what earlier results say: samples collected, made or
    received, corrections of these and of results. Runs and invalidations after it do not count.
    """
    found = context.source.read(after=as_of, types=_OF_SAMPLES)
    corrected = context.source.read(after=as_of, types={Corrected.TYPE})
    if corrected:
        targets = {event.seq for event in context.source.read(types=_MOVING)}
        found += [event for event in corrected if read(event)["target"] in targets]
    return sorted(event.seq for event in found)


def check_frozen_plan(context: Context, study: Study) -> None:
    """Refuse a study version that would read the frozen results in another way than was signed."""
    frozen = context.state.frozen
    if frozen is None:
        return
    body = RedeterminationFrozen.model_validate_json(frozen.body)
    if freeze_sha256(study.biomarker, body) in context.state.approvals:
        return
    raise context.refuse(
        f"version {study.version} changes what the study says of the biomarker, and the "
        f"re-determined status was frozen by event {frozen.seq} as signed",
        rule="BM1",
        way_out="leave assays, cut-offs and versions of the rule as they are, and report another "
        "reading beside the analysis",
    )


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
    if _judges(kind, body) and (randomised or _again(context, body)):
        _check_blinded(context)
    if context.state.frozen is not None:
        _check_unmoved(context, body)


def _concerned(context: Context, body: EventBody) -> str:
    """The type of event that is recorded or corrected."""
    if not isinstance(body, Corrected):
        return body.TYPE
    return next(event.type for event in context.events if event.seq == body.target)


def _judges(kind: str, body: EventBody) -> bool:
    """Whether what is recorded or corrected decides how a result is read: of a sample made of
    another its content of tumour cells, and of which sample it was made."""
    if kind != SampleDerived.TYPE:
        return kind in _JUDGED
    if isinstance(body, Corrected):
        return body.item in ("tumour_cells", "parent")
    return isinstance(body, SampleDerived) and body.tumour_cells is not None


def _again(context: Context, body: EventBody) -> bool:
    """Whether a result for the redetermination is recorded, invalidated or corrected."""
    if isinstance(body, AssayResultRecorded):
        return body.purpose == "redetermination"
    purposes = {
        each["result"]: each["purpose"] for each in context.bodies(AssayResultRecorded.TYPE)
    }
    if isinstance(body, AssayResultInvalidated):
        return purposes.get(body.result) == "redetermination"
    if isinstance(body, Corrected):
        target = next(event for event in context.events if event.seq == body.target)
        result = read(target).get("result")
        return purposes.get(result) == "redetermination"
    return False


def _knows(context: Context, person: str, of: frozenset[str] = _UNBLINDING) -> str | None:
    """Why a person may know arm or outcome (or one of them); None if they are blinded."""
    held = context.state.held.get(person, set())
    seeing = sorted(role for role in held if VISIBLE.get(role, frozenset()) & of)
    if seeing:
        return f"was {', '.join(seeing)}"
    return "was unblinded" if person in context.state.unblinded else None


def _check_blinded(context: Context) -> None:
    actor = context.action.actor
    because = _knows(context, actor)
    if because is None:
        return
    raise context.refuse(
        f"{actor} {because}, and may know arm or outcome",
        rule="BM1",
        clause="a marker is determined again by people who know neither arm nor outcome",
        value=context.action.name,
        way_out="have somebody record it who holds no role that sees them",
    )


def _check_unmoved(context: Context, body: EventBody) -> None:
    """Refuse what changes a re-determined status or the central reading after the freeze."""
    assert context.state.frozen is not None
    events = sorted([context.state.frozen, *context.events], key=lambda each: each.seq)
    last = events[-1]
    new = last._replace(
        seq=last.seq + 1, type=body.TYPE, type_version=body.VERSION, subject=context.subject,
        occurred=context.action.occurred, body=body.model_dump_json(),
    )  # fmt: skip
    before, after = (_frozen_rows(context, each) for each in (events, [*events, new]))
    moved = [what for what, rows in before.items() if not rows.equals(after[what])]
    if not moved:
        return
    raise context.refuse(
        f"would have another {moved[0]}, which is frozen as of event "
        f"{_as_of(context.state.frozen)}",
        rule="BM1",
        clause=f"frozen by event {context.state.frozen.seq}",
        value=context.action.name,
        way_out="record a new determination or review, which does not count, and a deviation",
    )


def _as_of(frozen: Event) -> int:
    return RedeterminationFrozen.model_validate_json(frozen.body).as_of


def _frozen_rows(context: Context, events: list[Event]) -> dict[str, pl.DataFrame]:
    """By what it is called: the re-determined status of the subject by each version of the rule,
    where there is one, and what the central review that counts says; both from what was frozen, but
    as it reads with everything that came later."""
    found = tables(events, CATALOGUE)
    found["marker_touched"] = pl.DataFrame(schema=MARKER_TOUCHED)
    found = derive(found, context.study, upto="marker_status")
    status = (
        found["marker_status"]
        .filter(pl.col("basis") == "redetermination", pl.col("status").is_not_null())
        .select(pl.exclude("sources"))
    )
    review = counted_review(found["pathology_reviewed"], found["redetermination_frozen"])
    return {
        f"re-determined status of {context.study.biomarker.marker.code}": status,
        "central reading of the tumour": review.drop("review_seq"),
    }


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "RedeterminationFrozen": redetermination_frozen,
}
