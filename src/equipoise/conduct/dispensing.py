"""Decisions of the pharmacy: what is dispensed, with its lot, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from equipoise.conduct.context import Context, as_it_stands
from equipoise.conduct.days import check_dispensing_day, check_return_day
from equipoise.conduct.dosing import (
    decided_on,
    decision_told,
    departed_with,
    deviation,
    planned_in_cycle,
    rule_ground,
)
from equipoise.conduct.verifying import check_verified, dose_verified
from equipoise.errors import BadInput
from equipoise.record.event import EventBody, decimal_text
from equipoise.treatment.events import DrugDestroyed, DrugDispensed, DrugReturned, LotReceived
from equipoise.treatment.lots import INTACT


def drug_dispensed(context: Context, body: DrugDispensed) -> EventBody | tuple[EventBody, ...]:
    """A drug of a cycle that began, released for patients, of a lot that has not expired (PH1).

    Refused while a pharmacist holds the dose, before as many verified it as the study wants, and
    without the statement that the rules in force demand on the prescription. A drug that
    the dosing rule omits or stops needs a reason, and is a deviation.
    """
    dose = planned_in_cycle(context, body.cycle, body.drug)
    if dose.dispensed_in and body.unit not in dose.dispensed_in:
        raise BadInput(
            f"one of {', '.join(decimal_text(each) for each in dose.dispensed_in)} mg",
            where=f"DrugDispensed, {body.drug}",
            field="unit",
            found=body.unit,
        )
    lot_as_received(context, body)
    check_dispensing_day(context, body.drug, context.day)
    check_verified(context, body.cycle, body.drug)
    departed = departed_with(context, body)
    if any(row["kind"] == "dispensed_expired" for row in departed):
        raise context.refuse(
            f"cannot be given lot {body.lot} of {body.drug}: it expired on {body.expiry}",
            rule="PH1",
            way_out="dispense another lot",
            value=body.expiry,
        )
    _check_statement(context, body)
    if not departed:
        return body
    decided = decided_on(context, body.cycle, body.drug)
    against = f"{body.drug} in cycle {body.cycle} although {decision_told(context, decided)}"
    if not (context.action.reason or "").strip():
        raise context.refuse(
            f"cannot be dispensed {against}",
            rule=decided["rule"],
            clause=rule_ground(context, decided["rule"]),
            way_out="ask the prescriber; if it has to be given, say for which reason: it becomes "
            "a deviation",
        )
    return body, deviation(context, "dose", f"dispensed {against}")


def lot_told(context: Context, row: Mapping[str, Any], decided: Mapping[str, Any] | None) -> str:
    """A lot of `treatment_departure` in words; `decided` is the row of `dose_decision` on it."""
    (drug,) = row["drugs"]
    if row["kind"] == "dispensed_expired":
        return f"lot {row['lot']} of {drug}, which expired on {row['limit']}"
    why = f" although {decision_told(context, decided)}" if decided else ""
    return f"lot {row['lot']} of {drug} for cycle {row['cycle']}{why}"


def _check_statement(context: Context, body: DrugDispensed) -> None:
    """The prescription states what the sets of rules on this drug demand."""
    if body.statement_seen:
        return
    cycles = {each["cycle"]: each["regimen"] for each in context.bodies("CycleStarted")}
    modifications = context.study.treatment.modifications
    for rule_set in modifications.stated_for(cycles[body.cycle], body.drug):
        assert rule_set.prescription_states is not None
        raise context.refuse(
            f"cannot be dispensed {body.drug}: the prescription does not state "
            f'"{rule_set.prescription_states.en}"',
            rule=rule_set.code,
            clause=rule_set.source or rule_set.assumption,
            way_out="have the prescriber complete it, and record that it was seen",
        )


def lot_received(context: Context, body: LotReceived) -> EventBody:
    """A lot of a drug of the study, at an open hospital, as other deliveries of it were entered."""
    if context.action.site not in context.state.sites or context.action.subject is not None:
        raise BadInput("an open site, and no subject", where=body.TYPE, found=context.action.site)
    doses = [dose for each in context.study.treatment.regimens for dose in each.doses]
    drugs = sorted({dose.drug for dose in doses})
    if body.drug not in drugs:
        raise BadInput(f"one of {', '.join(drugs)}", where=body.TYPE, field="drug", found=body.drug)
    _check_lot(context, body, left_out=body.receipt)
    return body


def lot_as_received(context: Context, body: DrugDispensed) -> EventBody:
    """A lot with the expiry and the strength with which the hospital received it, and not one that
    came damaged alone. Of a lot of which no receipt was entered nothing is known."""
    receipts = _check_lot(context, body)
    if receipts and all(each["condition"] != INTACT for each in receipts.values()):
        raise context.refuse(
            f"cannot be given lot {body.lot} of {body.drug}: it is kept apart, since it came "
            f"{' and '.join(sorted({each['condition'] for each in receipts.values()}))}",
            rule="accountability",
            clause="what came damaged, too warm or too cold is not dispensed",
            way_out="dispense another lot; where it may be used, enter its receipt anew as intact",
            value=body.lot,
        )
    return body


def _check_lot(
    context: Context, body: DrugDispensed | LotReceived, left_out: str | None = None
) -> Mapping[str, Mapping[str, Any]]:
    """The receipts of a lot at the hospital that have units; BadInput where one says another
    expiry or strength."""
    known = context.state.lots.get((context.site, body.drug, body.lot), {})
    receipts = {name: each for name, each in known.items() if each["units"] and name != left_out}
    for name, each in receipts.items():
        for item in ("expiry", "unit"):
            told = body.model_dump(mode="json")[item]
            if Decimal(each[item]) != Decimal(told) if item == "unit" else each[item] != told:
                raise BadInput(
                    f"{each[item]}, as lot {body.lot} was received ({name}); if that is wrong, "
                    "enter the receipt anew",
                    where=body.TYPE, field=item, found=told,
                )  # fmt: skip
    return receipts


@dataclass(frozen=True, slots=True)
class Units:
    """What became of the units of one dispensing, corrections applied: None where there is none."""

    dispensed: int | None
    returned: int
    quarantined: int
    destroyed: int

    @classmethod
    def of(cls, context: Context, dispensing: str) -> Units:
        """The units of a dispensing of the subject."""
        rows = {
            cls_.TYPE: [
                body
                for _, body in as_it_stands(context.events, cls_.TYPE)
                if body["dispensing"] == dispensing
            ]
            for cls_ in (DrugDispensed, DrugReturned, DrugDestroyed)
        }
        left, back, gone = rows.values()
        kept = sum(each["units"] for each in back if each["fate"] == "quarantined")
        return cls(
            left[0]["units"] if left else None, sum(each["units"] for each in back), kept,
            sum(each["units"] for each in gone),
        )  # fmt: skip


def drug_returned(context: Context, body: DrugReturned) -> EventBody:
    """No more units of a dispensing come back than went out and did not come back before."""
    units = Units.of(context, body.dispensing)
    if units.dispensed is None:
        out = [each["dispensing"] for each in context.bodies(DrugDispensed.TYPE)]
        raise BadInput(
            f"one of the subject's: {', '.join(out) or 'none recorded yet'}",
            where="DrugReturned",
            field="dispensing",
            found=body.dispensing,
        )
    check_return_day(context, body.dispensing, context.action.occurred)
    back = body.units + units.returned
    if back > units.dispensed:
        raise BadInput(
            f"at most the {units.dispensed} units of {body.dispensing}, with earlier returns",
            where="DrugReturned",
            field="units",
            found=back,
        )
    return body


def drug_destroyed(context: Context, body: DrugDestroyed) -> EventBody:
    """No more units than came back into quarantine and were not destroyed before."""
    units = Units.of(context, body.dispensing)
    there = units.quarantined
    if body.units + units.destroyed > there:
        raise BadInput(
            f"at most the {there} units of {body.dispensing} that came back into quarantine, with "
            "what was destroyed of them before",
            where="DrugDestroyed",
            field="units" if there else "dispensing",
            found=body.units if there else body.dispensing,
        )
    return body


COUNTED: Final = (DrugDispensed, DrugReturned, DrugDestroyed)
"""Events that count units of a dispensing."""


def check_units(after: Context, *dispensings: str) -> None:
    """Refuse a correction after which more units of a dispensing came back than went out, or more
    were destroyed than came back into quarantine."""
    for dispensing in dispensings:
        units = Units.of(after, dispensing)
        if units.returned > (units.dispensed or 0):
            told = f"{units.returned} units of {dispensing} back, and {units.dispensed or 0} out"
        elif units.destroyed > units.quarantined:
            told = (
                f"{units.destroyed} units of {dispensing} destroyed, and {units.quarantined} in "
                "quarantine"
            )
        else:
            continue
        raise after.refuse(
            f"would have {told}",
            rule="accountability",
            clause="what comes back was handed out before, what is destroyed came back",
            value=dispensing,
            way_out="give the right number, or correct the other entry first",
        )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody | tuple[EventBody, ...]]] = {
    "DrugDispensed": drug_dispensed,
    "DrugReturned": drug_returned,
    "DrugDestroyed": drug_destroyed,
    "LotReceived": lot_received,
    "DoseVerified": dose_verified,
}
