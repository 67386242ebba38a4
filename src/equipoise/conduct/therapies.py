"""Decisions about what a patient is given or undergoes beside the treatment of the trial.

Criteria, doses, response and censoring ask for codes. A code that the study does not list is not
recorded: written in another way it would be overlooked by all of them (LB1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.record.event import EventBody
from equipoise.visits.events import (
    ConcomitantMedicationRecorded,
    Entry,
    MedicalHistoryRecorded,
    PriorTherapyRecorded,
    ProcedureRecorded,
    SubsequentTherapyRecorded,
)
from equipoise.visits.plan import CodedValue


def medical_history_recorded(context: Context, body: MedicalHistoryRecorded) -> EventBody:
    """A condition that did not end before it began, nor goes on after its end; its code, if it has
    one, is of the study file's list."""
    if not _taken_back(context, body):
        if body.term is None:
            raise BadInput("the condition", where=f"{body.TYPE} {body.entry}", field="term")
        if body.condition is not None:
            _check_listed(body, context.study.visits.conditions, "condition")
        _check_course(context, body, body.start, body.end, ongoing=body.ongoing)
    return body


def concomitant_medication_recorded(
    context: Context, body: ConcomitantMedicationRecorded
) -> EventBody:
    """A medicine of a class of the study file."""
    if not _taken_back(context, body):
        _check_listed(body, context.study.visits.medication_classes)
        _check_course(context, body, body.start, body.end, ongoing=body.ongoing)
    return body


def prior_therapy_recorded(context: Context, body: PriorTherapyRecorded) -> EventBody:
    """A therapy of the study file's list."""
    if not _taken_back(context, body):
        _check_listed(body, context.study.visits.therapies)
        _check_course(context, body, body.start, body.end)
    return body


def subsequent_therapy_recorded(context: Context, body: SubsequentTherapyRecorded) -> EventBody:
    """A therapy of the study file's list."""
    if not _taken_back(context, body):
        _check_listed(body, context.study.visits.therapies)
    return body


def procedure_recorded(context: Context, body: ProcedureRecorded) -> EventBody:
    """A procedure of the study file's list; the lesion it names is one that the named evaluator has
    identified."""
    if _taken_back(context, body):
        return body
    _check_listed(body, context.study.visits.procedures)
    if body.lesion is None and body.evaluator is None:
        return body
    named = (body.evaluator, body.lesion)
    known = [(each["evaluator"], each["lesion"]) for each in context.bodies("LesionIdentified")]
    if named not in known:
        raise BadInput(
            "lesion and evaluator of a lesion that was identified: "
            + (", ".join(f"{lesion} of {who}" for who, lesion in known) or "there is none yet"),
            where=f"ProcedureRecorded {body.entry}",
            field="lesion",
            found=f"{body.lesion} of {body.evaluator}",
        )
    return body


def _taken_back(context: Context, body: Entry) -> bool:
    """Whether a correction leaves the entry without what it says, because it does not apply: it was
    made by mistake. Nothing is entered like this, nor for another reason."""
    missing = getattr(body, f"{body.SAYS}_missing")
    return context.action.name == "Correct" and missing == "not_applicable"


def _check_listed(body: Entry, listed: Sequence[CodedValue], field: str = "") -> None:
    """BadInput for a code that the study file does not list, and for none; of what the entry says,
    or of another field."""
    field = field or body.SAYS
    code = getattr(body, field)
    known = [each.code for each in listed]
    if code not in known:
        raise BadInput(
            "a code that the study file lists: " + (", ".join(known) or "it lists none"),
            where=f"{body.TYPE} {body.entry}",
            field=field,
            found=code or getattr(body, f"{field}_missing", None) or "nothing",
        )


def _check_course(
    context: Context,
    body: MedicalHistoryRecorded | ConcomitantMedicationRecorded | PriorTherapyRecorded,
    start: str | None,
    end: str | None,
    *,
    ongoing: bool = False,
) -> None:
    """BadInput for a day to come, for an end before the start, as far as both are known, and for an
    end of what goes on."""
    where, today = f"{body.TYPE} {body.entry}", context.today.isoformat()
    for field, day in (("start", start), ("end", end)):
        if day is not None and day > today[: len(day)]:
            raise BadInput(f"a day not after today ({today})", where=where, field=field, found=day)
    if end is None:
        return
    if ongoing:
        raise BadInput("no end while it is ongoing", where=where, field="end", found=end)
    if start is not None:
        known = min(len(start), len(end))
        if end[:known] < start[:known]:
            raise BadInput(f"not before its start ({start})", where=where, field="end", found=end)


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "MedicalHistoryRecorded": medical_history_recorded,
    "ConcomitantMedicationRecorded": concomitant_medication_recorded,
    "PriorTherapyRecorded": prior_therapy_recorded,
    "SubsequentTherapyRecorded": subsequent_therapy_recorded,
    "ProcedureRecorded": procedure_recorded,
}
