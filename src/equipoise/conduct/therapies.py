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
    MedicalHistoryRecorded,
    PriorTherapyRecorded,
    ProcedureRecorded,
    SubsequentTherapyRecorded,
)
from equipoise.visits.plan import CodedValue


def medical_history_recorded(context: Context, body: MedicalHistoryRecorded) -> EventBody:
    """A condition that did not end before it began, nor goes on after its end."""
    _check_course(context, body, body.start, body.end, ongoing=body.ongoing)
    return body


def concomitant_medication_recorded(
    context: Context, body: ConcomitantMedicationRecorded
) -> EventBody:
    """A medicine of a class of the study file."""
    listed = context.study.visits.medication_classes
    _check_listed(body, body.entry, "drug_class", body.drug_class, listed)
    _check_course(context, body, body.start, body.end, ongoing=body.ongoing)
    return body


def prior_therapy_recorded(context: Context, body: PriorTherapyRecorded) -> EventBody:
    """A therapy of the study file's list; none where an entry made by mistake is taken back."""
    if context.action.name == "Correct" and body.therapy_missing == "not_applicable":
        return body
    code = body.therapy or body.therapy_missing or "nothing"
    _check_listed(body, body.entry, "therapy", code, context.study.visits.therapies)
    _check_course(context, body, body.start, body.end)
    return body


def subsequent_therapy_recorded(context: Context, body: SubsequentTherapyRecorded) -> EventBody:
    """A therapy of the study file's list."""
    _check_listed(body, body.entry, "therapy", body.therapy, context.study.visits.therapies)
    return body


def procedure_recorded(context: Context, body: ProcedureRecorded) -> EventBody:
    """A procedure of the study file's list; the lesion it names is one that the named evaluator has
    identified."""
    _check_listed(body, body.entry, "procedure", body.procedure, context.study.visits.procedures)
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


def _check_listed(
    body: EventBody, entry: str, field: str, code: str, listed: Sequence[CodedValue]
) -> None:
    known = [each.code for each in listed]
    if code not in known:
        raise BadInput(
            "a code that the study file lists: " + (", ".join(known) or "it lists none"),
            where=f"{body.TYPE} {entry}",
            field=field,
            found=code,
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
