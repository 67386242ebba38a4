"""Doses programmed again: body surface area, creatinine clearance, modification rules, units.

Written from the study files (treatment), the plan's and the rules' descriptions in words, Mosteller
and Du Bois, Cockcroft and Gault, and the sections on regimens, formulas and DPD of the project's
facts; by somebody who has not read the rules. One patient at a time, in exact fractions.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from equipoise.treatment.plan import (
    Dose,
    Medication,
    ModificationRule,
    Range,
    RuleSet,
    Toxicity,
    TreatmentPlan,
)
from tests.second_programming.amounts_again import area, hundredths_of_mg, in_units
from tests.second_programming.patient_again import (
    Asked,
    Medicine,
    Patient,
    clearance,
    patient_of,
)
from tests.second_programming.rows_by_subject import Row

TABLES = (
    "form_item", "laboratory_result", "cycle_started", "randomised", "adverse_event_reported",
    "adverse_event_followed_up", "concomitant_medication_recorded",
)  # fmt: skip

RESTRICTIVE = ("full", "reduce", "judge", "delay", "omit", "stop")


exact = functools.cache(Fraction)


def within(value: Fraction | None, ends: Range) -> bool | None:
    if value is None:
        return None
    return not (
        (ends.at_least is not None and value < exact(ends.at_least))
        or (ends.above is not None and value <= exact(ends.above))
        or (ends.at_most is not None and value > exact(ends.at_most))
        or (ends.below is not None and value >= exact(ends.below))
    )


@dataclass(frozen=True)
class Moment:
    """When a decision is taken: by default, what is known now, of a cycle not yet begun."""

    day: datetime.date | None = None
    event: int = 0
    cycle: int = 1
    before: datetime.date | None = None
    first: datetime.date | None = None


def any_of(found: Sequence[bool | None]) -> bool | None:
    """One that is met is enough; else one that is unknown leaves it open."""
    if True in found:
        return True
    return None if None in found else False


@dataclass(frozen=True)
class Now:
    """Which rules in force hold at a moment (unknown: None), and the creatinine clearance."""

    moment: Moment
    clearance: Fraction | None
    holds: dict[str, bool | None]


def now(plan: TreatmentPlan, patient: Patient, moment: Moment, *, standing: bool = False) -> Now:
    renal = plan.renal_function
    cleared = None if renal is None else clearance(patient, moment.day, renal)
    return Now(
        moment,
        cleared,
        {
            f"{rules.code}/{rule.code}": holds(rule, patient, moment, cleared)
            for rules in plan.modifications.sets_in_force
            if rules.standing or not standing
            for rule in rules.rules
        },
    )


def holds(
    rule: ModificationRule, patient: Patient, moment: Moment, cleared: Fraction | None
) -> bool | None:
    if rule.clearance is not None:
        return within(cleared, rule.clearance)
    if rule.values:
        return any_of(
            [within(patient.latest(e.item, moment.day, e.valid_days), e) for e in rule.values]
        )
    if rule.nadirs:
        if moment.before is None or moment.day is None:
            return False
        low = [within(patient.lowest(e.item, moment.before, moment.day), e) for e in rule.nadirs]
        return any_of(low) is True
    if rule.medication is not None:
        return any(_meets(rule.medication, each, moment) for each in patient.medicines)
    assert rule.toxicity is not None
    return count(rule.toxicity, patient, moment) >= (rule.toxicity.occurrence or 1)


def count(toxicity: Toxicity, patient: Patient, moment: Moment) -> int:
    """How many adverse events count, as they stood when the cycle began."""
    found = 0
    for harm in patient.harms:
        if toxicity.terms and harm.term not in toxicity.terms:
            continue
        if harm.term in toxicity.except_terms:
            continue
        if harm.start is not None and moment.first is not None and harm.start < moment.first:
            continue
        said = [each for each in harm.said if _known(each, moment)]
        if not said or harm.said[0] not in said:
            continue
        said.sort(key=lambda each: (each[0] or datetime.date.min, each[1]))
        grades = [each[2] for each in said if each[2] is not None]
        if toxicity.ongoing:
            ended = harm.end is not None and moment.day is not None and harm.end <= moment.day
            over = said[-1][3] or ended
            found += not over and bool(grades) and grades[-1] in toxicity.grades
        else:
            found += bool(grades) and max(grades) in toxicity.grades
    return found


def _meets(medication: Medication, taken: Medicine, moment: Moment) -> bool:
    """Whether a medicine of the classes is taken on the day, or too short a time ago."""
    if taken.drug_class not in medication.classes or moment.day is None:
        return False
    if taken.first is not None and taken.first > moment.day:
        return False
    if taken.last is None or taken.last >= moment.day:
        return True
    return (moment.day - taken.last).days < medication.days_after


def _known(said: tuple[datetime.date | None, int, int | None, bool], moment: Moment) -> bool:
    day, event = said[:2]
    if day is None or moment.day is None:
        return True
    return day < moment.day or (day == moment.day and event < moment.event)


@dataclass
class Decision:
    """What one drug of a cycle is given, in the unit of its dose."""

    decision: str
    dose: Fraction
    least: Fraction
    most: Fraction
    rule: str | None
    missing: bool
    doubtful: bool
    off_label: bool


def rules_of(
    plan: TreatmentPlan, drug: str, regimen: str, held: dict[str, int], *, standing: bool
) -> list[tuple[RuleSet, ModificationRule, bool]]:
    """The rules on a drug, and whether they look at this regimen; those of another one that have
    held there go on holding."""
    found = []
    for rules in plan.modifications.sets_in_force:
        if drug not in rules.drugs or (standing and not rules.standing):
            continue
        here = not rules.regimens or regimen in rules.regimens
        for rule in rules.rules:
            if here or held.get(f"{rules.code}/{rule.code}"):
                found.append((rules, rule, here))
    return found


def decide(
    plan: TreatmentPlan,
    dose: Dose,
    regimen: str,
    at: Now,
    held: dict[str, int],
    *,
    standing: bool = False,
) -> Decision:
    """What one drug is given. `held`: in how many earlier cycles each rule has held."""
    full = Fraction(dose.amount)
    missing = doubtful = False
    met: list[tuple[str, str, Fraction, ModificationRule]] = []
    for rules, rule, here in rules_of(plan, dose.drug, regimen, held, standing=standing):
        name = f"{rules.code}/{rule.code}"
        this_time = at.holds[name] if here else False
        before = held.get(name, 0)
        keeps = rule.lasting or rule.decision == "stop" or rule.minus is not None
        if this_time is None and not (keeps and before):
            missing = True
        if not this_time and not (keeps and before):
            continue
        reduced = _reduced(rule, full, before + (1 if this_time else 0))
        if rule.decision == "reduce" and reduced >= full:
            continue
        met.append((rule.decision, name, reduced, rule))
        limit = rules.doubtful_up_to_clearance
        if rule.decision != "full" and limit is not None:
            doubtful = doubtful or (at.clearance is not None and at.clearance <= exact(limit))
    return _decided(met, full, missing, doubtful, at.moment)


def _reduced(rule: ModificationRule, full: Fraction, times: int) -> Fraction:
    if rule.percent is not None:
        return full * Fraction(rule.percent, 100)
    if rule.amount is not None:
        return Fraction(rule.amount)
    if rule.minus is not None and rule.floor is not None:
        return max(full - times * Fraction(rule.minus), Fraction(rule.floor))
    return full


def _decided(
    met: list[tuple[str, str, Fraction, ModificationRule]],
    full: Fraction,
    missing: bool,
    doubtful: bool,
    moment: Moment,
) -> Decision:
    kind = max((each[0] for each in met), key=RESTRICTIVE.index, default="full")
    reductions = [each for each in met if each[0] == "reduce"]
    lowest = min((each[2] for each in reductions), default=full)
    of_kind = [each for each in met if each[0] == kind]
    if kind == "reduce":
        of_kind = [each for each in of_kind if each[2] == lowest]
    by = of_kind[0] if of_kind else None
    firm = [
        each[2]
        for each in reductions
        if each[3].reassessed_from is None or moment.cycle < each[3].reassessed_from
    ]
    given = Fraction(0) if kind in ("omit", "stop") else lowest
    most = Fraction(0) if kind in ("omit", "stop") else min(firm, default=full)
    least = Fraction(0) if kind == "judge" else given
    label = None if by is None else by[3].labelled_amount
    if missing and kind not in ("delay", "omit", "stop"):
        return Decision("undecided", lowest, given, most, None, True, doubtful, False)
    return Decision(
        decision=kind,
        dose=given,
        least=least,
        most=most,
        rule=None if by is None else by[1],
        missing=False,
        doubtful=doubtful,
        off_label=label is not None and Fraction(label) != full,
    )


def doses_of(
    subject: dict[str, list[Row]], plan: TreatmentPlan, asked: Asked
) -> list[dict[str, Any]]:
    """The rows of `planned_dose` and `dose_decision` of one subject together."""
    patient = patient_of(subject, plan, asked)
    regimens = {each.code: each for each in plan.regimens}
    cycles = sorted(subject["cycle_started"], key=lambda row: (row["cycle"], row["event"]))
    held: dict[str, int] = {}
    found = []
    before = None
    for row in cycles:
        moment = Moment(row["occurred"], row["event"], row["cycle"], before, cycles[0]["occurred"])
        surface = area(row["height"], row["weight"], plan.body_surface_area)
        regimen = regimens.get(row["regimen"])
        at = now(plan, patient, moment)
        for dose in () if regimen is None else regimen.doses:
            decided = decide(plan, dose, row["regimen"], at, held)
            found.append(_row(row, dose, surface, decided))
        drugs = set() if regimen is None else {dose.drug for dose in regimen.doses}
        for rules in plan.modifications.sets_in_force:
            if rules.regimens and row["regimen"] not in rules.regimens:
                continue
            if not drugs & set(rules.drugs):
                continue
            for rule in rules.rules:
                name = f"{rules.code}/{rule.code}"
                held[name] = held.get(name, 0) + (1 if at.holds[name] else 0)
        before = row["occurred"]
    return found


def _row(cycle: Row, dose: Dose, surface: int, decided: Decision) -> dict[str, Any]:
    planned = hundredths_of_mg(Fraction(dose.amount), dose.unit, surface)
    times = len(dose.days) * dose.times_per_day
    amounts = [
        hundredths_of_mg(each, dose.unit, surface)
        for each in (decided.dose, decided.least, decided.most)
    ]
    amount, least, most = amounts
    both = dose.release and dose.release.pharmacist and dose.release.investigator
    return {
        "key": {
            "cycle": cycle["cycle"], "regimen": cycle["regimen"], "drug": dose.drug,
            "occurred": cycle["occurred"],
        },
        "planned_dose": {
            "body_surface_area": surface, "amount": planned,
            "times_per_day": dose.times_per_day, "administrations": times,
            "cycle_amount": planned * times, "released": bool(both),
        },
        "dose_decision": {
            "decision": decided.decision, "amount": amount, "dispensed": in_units(amount, dose),
            "least": in_units(least, dose), "most": in_units(most, dose), "rule": decided.rule,
            "missing": decided.missing, "doubtful": decided.doubtful,
            "off_label": decided.off_label,
        },
    }  # fmt: skip


def options_of(
    subject: dict[str, list[Row]], plan: TreatmentPlan, asked: Asked
) -> list[dict[str, Any]]:
    """The rows of `regimen_option` of one randomised subject."""
    patient = patient_of(subject, plan, asked)
    at = now(plan, patient, Moment(), standing=True)
    found = []
    for regimen in plan.regimens:
        closed: tuple[str, Decision] | None = None
        doubtful = False
        for dose in sorted(regimen.doses, key=lambda each: each.drug):
            decided = decide(plan, dose, regimen.code, at, {}, standing=True)
            doubtful = doubtful or decided.doubtful
            if closed is None and decided.decision in ("undecided", "omit", "stop"):
                closed = dose.drug, decided
        found.append(
            {
                "regimen": regimen.code, "open": closed is None,
                "drug": closed and closed[0], "decision": closed and closed[1].decision,
                "rule": closed and closed[1].rule, "missing": bool(closed and closed[1].missing),
                "doubtful": doubtful,
            }
        )  # fmt: skip
    return found
