"""What an entry makes a departure of what was recorded before it.

A value is put right, or a fact of an earlier day comes late; what was decided on the old one is not
undone and nothing is refused because of it. A dose, a cycle, a procedure that the rules would not
have now, and had then, is a deviation, told beside the entry that shows it. What departed before is
not told again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from equipoise.conduct.context import Context, event_as_it_stands
from equipoise.conduct.criteria_again import (
    against_randomisation,
    against_treatment,
    speaks_of_entry,
)
from equipoise.conduct.derived import rests_on
from equipoise.conduct.dispensing import lot_told
from equipoise.conduct.dosing import against_cycle, deviation, dose_told
from equipoise.conduct.participation import ASKED, Done, check_taking_part
from equipoise.errors import BadInput, Refused
from equipoise.oversight.events import DeviationCategory, DeviationRecorded
from equipoise.randomisation.events import Randomised
from equipoise.record.correction import Corrected, Redacted
from equipoise.record.event import EventBody
from equipoise.study.catalogue import CATALOGUE
from equipoise.treatment.events import CycleStarted, DoseGiven, DrugDispensed
from equipoise.visits.events import (
    ConcomitantMedicationRecorded,
    ConsentSigned,
    ProcedureRecorded,
    SubsequentTherapyRecorded,
    VitalStatusRecorded,
)
from equipoise.visits.participation import LIMITS

Late = Callable[[Context, EventBody], bool]
"""Whether an event that is entered may concern what was done before."""

Told = dict[str, DeviationCategory]
"""Departures in words, each with its category."""

_PARTICIPATION = frozenset(LIMITS) | {ConsentSigned.TYPE, VitalStatusRecorded.TYPE}
_TREATMENT = rests_on("treatment_departure") - {Corrected.TYPE, Redacted.TYPE}

_ENTRY = rests_on("entry_eligibility") - {Corrected.TYPE, Redacted.TYPE}
_PROHIBITED = rests_on("prohibited_therapy") - {Corrected.TYPE, Redacted.TYPE}
_BESIDE = frozenset(
    {ConcomitantMedicationRecorded.TYPE, SubsequentTherapyRecorded.TYPE, ProcedureRecorded.TYPE}
)
"""What is given beside the treatment of the trial."""

_NO_FACT = frozenset(
    {
        CycleStarted.TYPE,
        DoseGiven.TYPE,
        DrugDispensed.TYPE,
        ConsentSigned.TYPE,
        VitalStatusRecorded.TYPE,
    }
)
"""What is judged when it is entered, or only ever allows more."""


def deviations_shown(
    context: Context, body: EventBody, *others: EventBody
) -> tuple[DeviationRecorded, ...]:
    """The deviations that the record shows with `body` (and `others` that correct the same event)
    and did not show without it, by category."""
    concerned = [found for types, late, found in _FOUND if _concerns(context, body, types, late)]
    if not concerned:
        return ()
    after = context.afterwards(body)
    for other in others:
        after = after.afterwards(other)
    new: Told = {}
    for found in concerned:
        known = dict(found(context))
        new |= {told: of for told, of in found(after) if told not in known}
    return tuple(
        deviation(
            context,
            category,
            f"{_listed(new, category)} ({_why(body, category)})",
            name=f"shown-{category}",
        )
        for category in dict.fromkeys(new.values())
    )


def _why(body: EventBody, category: DeviationCategory) -> str:
    if isinstance(body, Corrected):
        return "as corrected"
    return "as entered" if category == "prohibited_therapy" else "entered later"


def _listed(new: Told, category: DeviationCategory) -> str:
    return "; ".join(told for told, of in new.items() if of == category)[:3500]


def _concerns(context: Context, body: EventBody, types: frozenset[str], late: Late) -> bool:
    """Whether something recorded may rest on what `body` corrects, or comes late with it."""
    if isinstance(body, Corrected):
        return next(event.type for event in context.events if event.seq == body.target) in types
    return body.TYPE in types and late(context, body)


def _of_an_earlier_day(context: Context, body: EventBody) -> bool:
    """Whether `body` tells of a day on which, or before which, something was done that rests on
    it."""
    if body.TYPE in _NO_FACT:
        return False
    day = context.action.occurred or context.today.isoformat()
    if isinstance(body, ConcomitantMedicationRecorded):
        day = body.start or ""
    asked = ASKED if body.TYPE in LIMITS else {CycleStarted.TYPE}
    days = (
        event.occurred or event.recorded[:10] for event in context.events if event.type in asked
    )
    return any(day < on or (day == on and body.TYPE not in LIMITS) for on in days)


def _of_entry(context: Context, body: EventBody) -> bool:
    return body.TYPE not in _NO_FACT and speaks_of_entry(context, body)


def _beside_or_begun(context: Context, body: EventBody) -> bool:
    """Whether `body` tells of something given beside the treatment of the trial, or begins a period
    in which that may be prohibited: randomisation, a first dose, a first cycle of a regimen."""
    if body.TYPE in _BESIDE or isinstance(body, Randomised):
        return True
    if isinstance(body, CycleStarted):
        begun = context.bodies(CycleStarted.TYPE)
        return all(each["regimen"] != body.regimen for each in begun)
    return isinstance(body, DoseGiven) and not any(context.bodies(DoseGiven.TYPE))


def _treatment(context: Context) -> Iterator[tuple[str, DeviationCategory]]:
    """Cycles, doses and lots that depart from the dosing rule, as they stand."""
    departed = context.derived("treatment_departure")
    if departed.is_empty():
        return
    decided = context.derived("dose_decision")
    by_drug = {(row["cycle"], row["drug"]): row for row in decided.iter_rows(named=True)}
    cycles: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for row in departed.iter_rows(named=True):
        if row["kind"] in ("cycle_early", "cycle_put_off"):
            cycles.setdefault((row["cycle"], row["regimen"]), []).append(row)
            continue
        (drug,) = row["drugs"]
        if row["kind"] in ("dose_amount", "dose_times"):
            yield f"given {dose_told(context, row, by_drug.get((row['cycle'], drug)))}", "dose"
        else:
            lot = lot_told(context, row, by_drug.get((row["cycle"], drug)))
            yield f"dispensed {lot}, on {row['day']}", "dose"
    for (cycle, regimen), rows in cycles.items():
        told, _ = against_cycle(context, rows, decided)
        yield f"cycle {cycle} of {regimen} began although {'; '.join(told)}", "dose"


def _entry(context: Context) -> Iterator[tuple[str, DeviationCategory]]:
    """Criteria that a randomised subject did not meet, or of which that is not known, by what the
    record says now; those judged provisionally once treatment has begun."""
    for each in against_randomisation(context):
        yield f"randomised although {each}", "not_eligible"
    for each in against_treatment(context):
        yield f"treatment began although {each}", "not_eligible"


def _prohibited(context: Context) -> Iterator[tuple[str, DeviationCategory]]:
    """What was given in a period in which the protocol prohibits it."""
    plan = context.study.visits
    if not plan.prohibited or _BESIDE.isdisjoint(event.type for event in context.events):
        return
    said = {each.code: each.told for each in plan.prohibited}
    for row in context.derived("prohibited_therapy").iter_rows(named=True):
        what = f"{plan.given.get(row['code'], row['code'])} (entry {row['entry']})"
        yield f"{what} on {row['day']}: {said[row['prohibition']]}", "prohibited_therapy"


def _participation(context: Context) -> Iterator[tuple[str, DeviationCategory]]:
    """Procedures that a withdrawal closes, or that the consent they need does not cover."""
    for event in context.events:
        if event.type not in ASKED:
            continue
        found = event_as_it_stands(context.events, event)
        body = CATALOGUE.of(event.type).model_validate(found.body)
        day = found.occurred or event.recorded[:10]
        try:
            check_taking_part(context, Done(event.type, body, day))
        except Refused as refused:
            what = refused.what.removesuffix(" cannot be recorded")
            yield f"event {event.seq}: {what}", "consent" if "consent" in what else "other"
        except BadInput:
            continue
    for row in context.derived("consent_missing").iter_rows(named=True):
        what = f"randomised on {row['randomised']}, before consent {row['consent']} was signed"
        yield what, "consent"


_FOUND: tuple[
    tuple[frozenset[str], Late, Callable[[Context], Iterator[tuple[str, DeviationCategory]]]], ...
] = (
    (_TREATMENT, _of_an_earlier_day, _treatment),
    (_ENTRY, _of_entry, _entry),
    (_PROHIBITED, _beside_or_begun, _prohibited),
    (_PARTICIPATION, _of_an_earlier_day, _participation),
)
"""The events that each kind of departure rests on, which new ones may show it, what it is."""
