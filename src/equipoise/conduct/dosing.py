"""Decisions about treatment: the regimen, cycles, doses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from equipoise.conduct.context import Context, as_it_stands
from equipoise.conduct.criteria_again import against_first_cycle
from equipoise.conduct.days import check_cycle_day, check_dose_day
from equipoise.errors import BadInput
from equipoise.oversight.events import DeviationCategory, DeviationRecorded
from equipoise.record.event import EventBody, decimal_text
from equipoise.treatment.decision import rule_named
from equipoise.treatment.events import CycleStarted, DoseGiven, RegimenChosen
from equipoise.treatment.plan import Dose, Regimen
from equipoise.treatment.rules import released


def regimen_chosen(context: Context, body: RegimenChosen) -> EventBody:
    """A regimen of the family of the allocated arm, and open to this patient."""
    arm = _arm(context)
    family = next(each for each in context.study.randomisation.arms if each.code == arm).regimens
    if body.regimen not in family:
        raise context.refuse(
            f"cannot receive {body.regimen} in arm {arm}",
            rule="arm as randomised",
            way_out=f"choose one of {', '.join(family)}",
            value=body.regimen,
        )
    _check_open(context, body.regimen, family)
    return body


def _check_open(context: Context, regimen: str, family: Sequence[str]) -> None:
    """Refuse a regimen that a standing rule closes to the patient, and name those that are open."""
    options = {
        row["regimen"]: row for row in context.derived("regimen_option").iter_rows(named=True)
    }
    option = options[regimen]
    if option["open"]:
        return
    missing = option["missing"]
    doubt = "; the finding may be false, renal impairment raises it" if option["doubtful"] else ""
    others = ", ".join(code for code in family if options[code]["open"])
    raise context.refuse(
        f"cannot receive {regimen}: {decision_told(context, option)}{doubt}",
        rule=option["rule"] or "dosing",
        clause=rule_ground(context, option["rule"]),
        way_out=(f"record {missing}, or " if missing else "")
        + (f"choose one of those open: {others}" if others else "no regimen of the arm is open"),
        value=regimen,
    )


def cycle_started(context: Context, body: CycleStarted) -> EventBody | tuple[EventBody, ...]:
    """The next cycle of the regimen chosen, every dose of it released for patients (PH1).

    Refused when it is not due, or the dosing rule puts it off, misses something, or leaves no drug
    to be given, unless a reason is given: then the cycle is a deviation too.
    """
    _arm(context)
    chosen = [each["regimen"] for _, each in as_it_stands(context.events, RegimenChosen.TYPE)]
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
    check_cycle_day(context, body.cycle, context.day)
    for dose in _regimen(context, body.regimen).doses:
        _check_released(context, body.regimen, dose)
    return _by_the_rule(context, body)


def cycle_possible(context: Context, body: CycleStarted) -> EventBody:
    """A cycle, as corrected, of a regimen that was chosen, with every drug that was given in it."""
    chosen = {each["regimen"] for _, each in as_it_stands(context.events, RegimenChosen.TYPE)}
    drugs = {dose.drug for dose in _regimen(context, body.regimen).doses}
    given = {
        each["drug"]
        for _, each in as_it_stands(context.events, DoseGiven.TYPE)
        if each["cycle"] == body.cycle
    }
    if body.regimen in chosen and given <= drugs:
        return body
    lacking = ", ".join(sorted(given - drugs))
    raise context.refuse(
        f"had no cycle {body.cycle} of {body.regimen}: "
        + (f"{lacking} was given in it" if lacking else "it was never chosen"),
        rule="regimen chosen",
        way_out="correct what was given, or the choice, first",
        value=body.regimen,
    )


def _by_the_rule(context: Context, body: CycleStarted) -> EventBody | tuple[EventBody, ...]:
    criteria = against_first_cycle(context, body)
    departed = departed_with(context, body)
    if not departed and not criteria:
        return body
    decided = context.derived_with("dose_decision", body) if departed else None
    told, against = against_cycle(context, departed, decided)
    missing = sorted({row["missing"] for row in against if row["missing"]})
    what = f"cycle {body.cycle} of {body.regimen} began although "
    of_rule, of_entry = ("; ".join(dict.fromkeys(each)) for each in (told, criteria.values()))
    if not (context.action.reason or "").strip():
        rule = against[0]["rule"] if against else None
        found = "; ".join(filter(None, (of_rule, of_entry)))
        raise context.refuse(
            f"cannot begin cycle {body.cycle} of {body.regimen} on {context.action.occurred}: "
            f"{found}",
            rule=rule or ("dosing" if against else "cycle length" if told else "RN3"),
            clause=rule_ground(context, rule)
            or (f"criteria judged provisionally: {', '.join(criteria)}" if criteria else None),
            way_out=(f"record {', '.join(missing)}, or " if missing else "")
            + "begin another day; if it has to begin, give the reason: it becomes a deviation",
        )
    shown: dict[DeviationCategory, str] = {"dose": of_rule, "not_eligible": of_entry}
    return body, *(deviation(context, of, what + each) for of, each in shown.items() if each)


def departed_with(context: Context, body: EventBody) -> list[dict[str, Any]]:
    """The rows of `treatment_departure` that this action would bring about with `body`."""
    found = context.derived_with("treatment_departure", body)
    if found.is_empty():
        return []
    seq = context.foreseen(body).seq
    return [row for row in found.iter_rows(named=True) if seq in row["sources"]]


def against_cycle(
    context: Context, departed: Iterable[Mapping[str, Any]], decided: pl.DataFrame | None
) -> tuple[list[str], list[Mapping[str, Any]]]:
    """What speaks against a cycle, in words, and the rows of `dose_decision` (`decided`) that do.

    `departed` has rows of `treatment_departure` on that cycle.
    """
    told: list[str] = []
    against: list[Mapping[str, Any]] = []
    for row in departed:
        if row["kind"] == "cycle_early":
            allowed = context.study.departures.early_days
            told.append(f"it is due on {row['limit']} and may begin at most {allowed} days earlier")
        elif decided is not None:
            rows = decided.filter(cycle=row["cycle"]).iter_rows(named=True)
            against += [each for each in rows if each["drug"] in row["drugs"]]
    return [*told, *(decision_told(context, row) for row in against)], against


def decision_told(context: Context, row: Mapping[str, Any]) -> str:
    """A decision of the rule in words."""
    if row["missing"]:
        return f"{row['missing']} is not known, on which the dose of {row['drug']} depends"
    if row["rule"] is None:
        return f"{row['drug']}: {row['decision']}"
    _, rule = rule_named(context.study.treatment, row["rule"])
    return f"{row['drug']}: {rule.wording.en.rstrip('.')}"


def rule_ground(context: Context, rule: str | None) -> str | None:
    """The source of a rule, or the assumption that it is."""
    if rule is None:
        return None
    rule_set, _ = rule_named(context.study.treatment, rule)
    return rule_set.source or rule_set.assumption


def deviation(
    context: Context, category: DeviationCategory, told: str, *, name: str = ""
) -> DeviationRecorded:
    """The deviation beside an action that departs from the protocol, for the reason given."""
    important = {each.category for each in context.study.oversight.important_deviations}
    return DeviationRecorded(
        deviation=f"{name or category}-{context.events[-1].seq + 1}",
        category=category,
        description="; reason: ".join(filter(None, (told, context.action.reason))),
        important=category in important,
    )


def dose_given(context: Context, body: DoseGiven) -> EventBody | tuple[EventBody, ...]:
    """A drug of the regimen of a cycle that began; its dose released for patients (PH1).

    Another amount than the dosing rule decided, or more administrations than are planned, need a
    reason and are a deviation too.
    """
    _planned(context, body)
    check_dose_day(context, body.cycle, body.drug, context.action.occurred)
    departed = departed_with(context, body)
    if not departed:
        return body
    decided = decided_on(context, body.cycle, body.drug)
    told = [dose_told(context, row, decided) for row in departed]
    if not (context.action.reason or "").strip():
        raise context.refuse(
            f"cannot be given {'; '.join(told)}",
            rule=decided["rule"] or "dosing",
            clause=rule_ground(context, decided["rule"]),
            way_out="give the dose of the rule; if another was given, say for which reason: it "
            "becomes a deviation",
            value=f"{decimal_text(Decimal(str(body.amount)))} mg",
        )
    return body, deviation(context, "dose", f"given {'; '.join(told)}")


def dose_told(context: Context, row: Mapping[str, Any], decided: Mapping[str, Any] | None) -> str:
    """A dose of `treatment_departure` in words; `decided` is the row of `dose_decision` on it, if
    the regimen has the drug."""
    (drug,) = row["drugs"]
    if row["kind"] == "dose_times":
        return (
            f"{drug} {row['found']} times in cycle {row['cycle']}, where the regimen has "
            f"{row['most']}"
        )
    found, least, most = (
        decimal_text(Decimal(row[name]).scaleb(-2)) for name in ("found", "least", "most")
    )
    allowed = f"{most} mg" if row["least"] == row["most"] else f"from {least} to {most} mg"
    return (
        f"{found} mg of {drug} in cycle {row['cycle']}, where the rule gives "
        f"{allowed if row['most'] else 'none'}"
        + (f" ({decision_told(context, decided)})" if decided and decided["rule"] else "")
    )


def dose_possible(context: Context, body: DoseGiven) -> EventBody:
    """A dose, as corrected, of a cycle that began and a drug of its regimen."""
    _planned(context, body)
    return body


def _planned(context: Context, body: DoseGiven) -> Dose:
    """What is planned of the drug; an amount or the reason why none has to be told."""
    dose = planned_in_cycle(context, body.cycle, body.drug)
    if (body.amount is None) == (body.amount_missing is None):
        raise BadInput("an amount, or the reason why none", where="DoseGiven", field="amount")
    return dose


def decided_on(context: Context, cycle: int, drug: str) -> dict[str, Any]:
    """The row of `dose_decision` of a drug in a cycle that began."""
    found = context.derived("dose_decision")
    rows = zip(found["cycle"].to_list(), found["drug"].to_list(), strict=True)
    return found.row([*rows].index((cycle, drug)), named=True)


def planned_in_cycle(context: Context, cycle: int, drug: str) -> Dose:
    """What the regimen of a cycle that began plans of a drug, released for patients (PH1)."""
    cycles = {
        each["cycle"]: each["regimen"]
        for _, each in as_it_stands(context.events, CycleStarted.TYPE)
    }
    if cycle not in cycles:
        raise context.refuse(
            f"has not begun cycle {cycle}",
            rule="cycle known",
            way_out="record the start of the cycle first",
            value=cycle,
        )
    regimen = _regimen(context, cycles[cycle])
    for dose in regimen.doses:
        if dose.drug == drug:
            _check_released(context, regimen.code, dose)
            return dose
    raise BadInput(
        f"one of {', '.join(dose.drug for dose in regimen.doses)}",
        where=f"{context.action.name}, regimen {regimen.code}",
        field="drug",
        found=drug,
    )


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
    for each in context.study.treatment.regimens:
        if each.code == code:
            return each
    raise context.refuse(
        f"has regimen {code}, which study version {context.study_version} does not have",
        rule="regimen known",
        way_out="choose a regimen of this version",
        value=code,
    )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody | tuple[EventBody, ...]]] = {
    "RegimenChosen": regimen_chosen,
    "CycleStarted": cycle_started,
    "DoseGiven": dose_given,
}
