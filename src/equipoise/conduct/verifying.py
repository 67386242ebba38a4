"""Pharmacists verify doses: released as the rules decide them, or held with a word."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from equipoise.conduct.context import Context, event_as_it_stands
from equipoise.conduct.dosing import decided_on, decision_told, planned_in_cycle, rule_ground
from equipoise.errors import BadInput
from equipoise.record.event import Event, EventBody, decimal_text
from equipoise.treatment.amount import AMOUNT_SCALE
from equipoise.treatment.events import DoseVerified
from equipoise.treatment.verification import Check, Verification, verification


def dose_verified(context: Context, body: DoseVerified) -> EventBody:
    """A dose as the rules decide it, released once by each pharmacist, or held for a reason (PH1).

    Another amount than that of the rules is released for a reason only.
    """
    planned_in_cycle(context, body.cycle, body.drug)
    body = body.model_copy(update={"against_rule": False})
    if body.verdict == "held":
        if not (body.remark or "").strip():
            raise BadInput("why it is held", where="DoseVerified", field="remark")
        if body.amount is not None:
            raise BadInput("no amount: it is held", where="DoseVerified", field="amount")
        return body
    if body.amount is None:
        raise BadInput("the amount that is released", where="DoseVerified", field="amount")
    against_rule = _against_the_rule(context, body)
    found = verified(context, body.cycle, body.drug)
    if context.action.actor in found.persons and found.standing != "held":
        raise context.refuse(
            f"has {body.drug} of cycle {body.cycle} released by {context.action.actor} already",
            rule="PH1",
            clause="each person releases a dose once",
            way_out="have another pharmacist check it" if found.lacking else "dispense it",
        )
    return body.model_copy(update={"against_rule": against_rule})


def _against_the_rule(context: Context, body: DoseVerified) -> bool:
    """Whether the amount is not that of the rules; refused without a reason."""
    decided = decided_on(context, body.cycle, body.drug)
    amount = Decimal(str(body.amount))
    fits = decided["least"] <= amount * AMOUNT_SCALE <= decided["most"] and decided["most"] > 0
    if fits or (context.action.reason or "").strip():
        return not fits
    least, most = (
        decimal_text(Decimal(decided[each]) / AMOUNT_SCALE) for each in ("least", "most")
    )
    allowed = f"{most} mg" if least == most else f"from {least} to {most} mg"
    told = f" ({decision_told(context, decided)})" if decided["rule"] else ""
    raise context.refuse(
        f"cannot have {decimal_text(amount)} mg of {body.drug} in cycle {body.cycle} released, "
        f"where the rule gives {allowed if decided['most'] else 'none'}{told}",
        rule=decided["rule"] or "dosing",
        clause=rule_ground(context, decided["rule"]),
        way_out="release the dose of the rule, or hold it and ask the prescriber; for another dose "
        "say for which reason",
        value=f"{decimal_text(amount)} mg",
    )


def checks(events: Sequence[Event], cycle: int, drug: str) -> list[Check]:
    """What pharmacists said of the dose of a drug in a cycle, oldest first."""
    return [
        Check(
            event.actor,
            None if body["amount"] is None else Decimal(body["amount"]),
            body["against_rule"],
        )
        for event in events
        if event.type == DoseVerified.TYPE
        for body in [event_as_it_stands(events, event).body]
        if (body["cycle"], body["drug"]) == (cycle, drug)
    ]


def verified(context: Context, cycle: int, drug: str) -> Verification:
    """Where the dose of a drug in a cycle stands, as the rules decide it now."""
    row = decided_on(context, cycle, drug)
    said = checks(context.events, cycle, drug)
    return verification(said, row["least"], row["most"], context.study.treatment.verified_by)


def check_verified(context: Context, cycle: int, drug: str) -> None:
    """Refuse to dispense what a pharmacist holds, or what too few have released (PH1)."""
    found = verified(context, cycle, drug)
    if found.standing == "held":
        raise context.refuse(
            f"cannot be dispensed {drug} in cycle {cycle}: a pharmacist holds the dose",
            rule="PH1",
            clause="a dose that is held is released before it is dispensed",
            way_out="settle it with the prescriber, then release the dose",
        )
    if found.standing != "none" and found.lacking:
        raise context.refuse(
            f"cannot be dispensed {drug} in cycle {cycle}: {len(found.persons)} of "
            f"{context.study.treatment.verified_by} pharmacists released the dose as the rules "
            "decide it now",
            rule="PH1",
            clause="the study has each dose verified before it is dispensed",
            way_out="verify the dose first",
        )
