"""Decisions about samples and treatment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from equipoise.biomarker.assay import check_result
from equipoise.biomarker.events import (
    AssayResultInvalidated,
    AssayResultRecorded,
    SampleReceived,
)
from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.record.event import Body, EventBody
from equipoise.treatment.events import CycleStarted, DoseGiven, RegimenChosen
from equipoise.treatment.plan import Dose, Regimen
from equipoise.treatment.rules import released


def sample_received(context: Context, body: SampleReceived) -> EventBody:
    """Only a sample that was collected from this subject is received."""
    check_known(context, body, "sample", "SampleCollected")
    return body


def assay_result_recorded(context: Context, body: AssayResultRecorded) -> EventBody:
    """A result on a known sample, with the measurements that the assay of the study declares."""
    check_known(context, body, "sample", "SampleCollected")
    check_result(context.study.biomarker, body)
    return body


def assay_result_invalidated(context: Context, body: AssayResultInvalidated) -> EventBody:
    """Only a recorded result is invalidated."""
    check_known(context, body, "result", "AssayResultRecorded")
    return body


def regimen_chosen(context: Context, body: RegimenChosen) -> EventBody:
    """A regimen of the family of the allocated arm."""
    arm = _arm(context)
    family = next(each for each in context.study.randomisation.arms if each.code == arm).regimens
    if body.regimen not in family:
        raise context.refuse(
            f"cannot receive {body.regimen} in arm {arm}",
            rule="arm as randomised",
            way_out=f"choose one of {', '.join(family)}",
            value=body.regimen,
        )
    return body


def cycle_started(context: Context, body: CycleStarted) -> EventBody:
    """The next cycle of the regimen chosen, every dose of it released for patients (PH1)."""
    _arm(context)
    chosen = [each["regimen"] for each in context.bodies("RegimenChosen")]
    if not chosen or chosen[-1] != body.regimen:
        raise context.refuse(
            f"has regimen {chosen[-1] if chosen else '(none)'}, not {body.regimen}",
            rule="regimen chosen",
            way_out="choose the regimen first",
            value=body.regimen,
        )
    done = [each["cycle"] for each in context.bodies("CycleStarted")]
    if body.cycle != len(done) + 1:
        raise context.refuse(
            f"has {len(done)} cycles; the next is {len(done) + 1}",
            rule="cycles in order",
            way_out=f"record cycle {len(done) + 1}",
            value=body.cycle,
        )
    if "TreatmentDiscontinued" in {event.type for event in context.events}:
        raise context.refuse(
            "stopped study treatment", rule="treatment stopped", way_out="check the subject number"
        )
    for dose in _regimen(context, body.regimen).doses:
        _check_released(context, body.regimen, dose)
    return body


def dose_given(context: Context, body: DoseGiven) -> EventBody:
    """A drug of the regimen of a cycle that began; its dose released for patients (PH1)."""
    cycles = {each["cycle"]: each["regimen"] for each in context.bodies("CycleStarted")}
    if body.cycle not in cycles:
        raise context.refuse(
            f"has not begun cycle {body.cycle}",
            rule="cycle known",
            way_out="record the start of the cycle first",
            value=body.cycle,
        )
    regimen = _regimen(context, cycles[body.cycle])
    doses = [dose for dose in regimen.doses if dose.drug == body.drug]
    if not doses:
        raise BadInput(
            f"one of {', '.join(dose.drug for dose in regimen.doses)}",
            where=f"DoseGiven, regimen {regimen.code}",
            field="drug",
            found=body.drug,
        )
    for dose in doses:
        _check_released(context, regimen.code, dose)
    if (body.amount is None) == (body.amount_missing is None):
        raise BadInput("an amount, or the reason why none", where="DoseGiven", field="amount")
    return body


def _check_released(context: Context, regimen: str, dose: Dose) -> None:
    """Refuse a dose without a signed source; a rehearsal uses it and the tables flag it."""
    if not released(dose) and not context.state.rehearsal:
        raise context.refuse(
            f"cannot be given {dose.drug} of {regimen}: the dose has no signed source",
            rule="PH1",
            clause=dose.source or dose.assumption,
            way_out="enter the protocol or label as source in a new study version, "
            "signed by pharmacist and investigator",
            value=f"{dose.amount} {dose.unit}",
        )


def _arm(context: Context) -> str:
    for each in context.bodies("Randomised"):
        return str(each["arm"])
    raise context.refuse("is not randomised", rule="RN3", way_out="randomise the subject first")


def _regimen(context: Context, code: str) -> Regimen:
    return next(each for each in context.study.treatment.regimens if each.code == code)


def check_known(context: Context, body: Body, field: str, event_type: str) -> None:
    """BadInput unless an earlier event of the subject gave this permanent name."""
    value = getattr(body, field)
    known = [str(each[field]) for each in context.bodies(event_type)]
    if value not in known:
        raise BadInput(
            f"one of the subject's: {', '.join(known) or 'none recorded yet'}",
            where=context.action.name,
            field=field,
            found=value,
        )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "SampleReceived": sample_received,
    "AssayResultRecorded": assay_result_recorded,
    "AssayResultInvalidated": assay_result_invalidated,
    "RegimenChosen": regimen_chosen,
    "CycleStarted": cycle_started,
    "DoseGiven": dose_given,
}
