"""What each drug of a regimen is given, by the modification rules in force: the one rule.

`decisions` is asked by conduct for a cycle about to start and for the choice of a regimen, by the
simulator for hundreds of trials at once, and by the printed table for every class of patient.
It sees numbers only: what is known of a patient at one moment is a row of `Measures`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from equipoise.record.subject_rows import NONE, Flags, Numbers
from equipoise.treatment.plan import Dose, ItemRange, ModificationRule, RuleSet, TreatmentPlan
from equipoise.treatment.renal import VALUE_PLACES, Clearance, within

DECISIONS = ("full", "reduce", "judge", "undecided", "delay", "omit", "stop")
"""From the least to the most restrictive: the most restrictive decision of any rule stands.

A drug that is omitted or stopped delays nothing and needs no further value; a cycle that is
delayed needs none either.
"""
FULL, REDUCE, JUDGE, UNDECIDED, DELAY, OMIT, STOP = range(len(DECISIONS))

CLEARANCE = "creatinine_clearance"
"""The name of creatinine clearance among what is missing."""

Pair = tuple[RuleSet, ModificationRule]


def item_key(limits: ItemRange) -> tuple[str, int | None]:
    """Under which name `Measures.values` keeps the answers that a range looks at."""
    return limits.item, limits.valid_days


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known at one moment of each of some patients, a row each.

    `regimen`: its place among the plan's regimens, -1 for none. `first`: the place of the first
    row of its subject; rows of one subject stand together in order of cycles. `cycle`: its number,
    from 1. `values` by item and by how old an answer may be, `nadirs` by item: scaled by 10 **
    VALUE_PLACES, NONE where unknown. `toxicities` and `medications` by codes of set and rule: how
    many adverse events, how many medicines count for the rule.
    `before` by drug and place of the rule: in how many cycles that have no row here it has held.
    """

    regimen: Numbers
    first: Numbers
    cycle: Numbers
    clearance: Clearance
    values: Mapping[tuple[str, int | None], Numbers] = field(default_factory=dict)
    nadirs: Mapping[str, Numbers] = field(default_factory=dict)
    toxicities: Mapping[tuple[str, str], Numbers] = field(default_factory=dict)
    medications: Mapping[tuple[str, str], Numbers] = field(default_factory=dict)
    before: Mapping[tuple[str, int], Numbers] = field(default_factory=dict)

    def so_far(self, flags: Flags) -> Numbers:
        """In how many rows of its subject, up to itself, each row has a flag."""
        counts: Numbers = np.cumsum(flags, dtype=np.int64)
        return counts - counts[self.first] + flags[self.first]


class Decided(NamedTuple):
    """A decision on one drug for each of some rows of measures, as arrays.

    `row`: the row of the measures. `decision`: its place among DECISIONS. `dose` and `full`: the
    dose decided and that of the regimen, in its unit, both over `denominator`; 0 for a drug that is
    not given. From `least` to `most` the prescriber may choose. `rule`: the place of the rule that
    decided, -1 for none. `missing`: a bit for each name of `inputs`. `held` by place of the rule,
    for every row of the measures: in how many cycles so far it has held, where that counts.
    """

    drug: str
    denominator: int
    row: Numbers
    decision: Numbers
    dose: Numbers
    full: Numbers
    rule: Numbers
    missing: Numbers
    doubtful: Flags
    off_label: Flags
    least: Numbers
    most: Numbers
    held: Mapping[int, Numbers]


def rules_in_force(plan: TreatmentPlan) -> list[Pair]:
    """Every rule in force with its set, in the order of the study file."""
    return [(each, rule) for each in plan.modifications.sets_in_force for rule in each.rules]


def rule_named(plan: TreatmentPlan, name: str) -> Pair:
    """The rule that tables name `name`: code of its set, code of the rule.

    Raises KeyError for a rule that is not in force.
    """
    return {f"{each.code}/{rule.code}": (each, rule) for each, rule in rules_in_force(plan)}[name]


def standing_rules(plan: TreatmentPlan) -> list[Pair]:
    """The rules in force on what a patient is: they decide which regimens are open."""
    return [pair for pair in rules_in_force(plan) if pair[0].standing]


def inputs(rules: Sequence[Pair]) -> list[str]:
    """The names of what may be missing: creatinine clearance, then items."""
    items = {limits.item for _, rule in rules for limits in rule.values}
    return [CLEARANCE, *sorted(items)]


def closing(decision: Numbers) -> Flags:
    """Whether a decision by the standing rules closes the regimen: the drug cannot be given."""
    found: Flags = (decision >= OMIT) | (decision == UNDECIDED)
    return found


def drugs_of(plan: TreatmentPlan) -> list[str]:
    """Every drug of any regimen, in order of name."""
    return sorted({dose.drug for regimen in plan.regimens for dose in regimen.doses})


def decisions(measures: Measures, plan: TreatmentPlan, rules: Sequence[Pair]) -> list[Decided]:
    """For each drug of the plan what `rules` decide for the rows whose regimen has it.

    - Of all rules that hold the most restrictive decides (order of DECISIONS); of several that
      reduce, that with the lowest dose: percentages are of the regimen's dose and never multiplied.
      On a tie, and where rules only say that the full dose is given, the first in the file.
    - A rule that would reduce to the regimen's dose or more changes nothing.
    - A rule that is `lasting`, or stops, holds once it has held in any earlier row of the subject.
      `minus` is taken once for every row in which its nadir was met, down to `floor`.
    - Of a drug that is left to the prescriber any dose up to `dose` may be given. From the cycle
      `reassessed_from` on a rule only says where to start: `most` is the dose without it.
    - What a rule looks at and is not known is missing; then nothing is decided, unless a rule
      delays, omits or stops. Of several `values` one that is met is enough.
    - `doubtful`: a rule of a set with `doubtful_up_to_clearance` does not give the full dose, and
      the clearance is not above it. `off_label`: the rule that decided is labelled for another
      dose.
    """
    there = {plan.regimens[place].code for place in np.unique(measures.regimen) if place >= 0}
    drugs = {dose.drug for each in plan.regimens if each.code in there for dose in each.doses}
    conditions = _Conditions(measures, rules)
    return [
        _decided(drug, conditions, plan) if drug in drugs else _of_nobody(drug)
        for drug in drugs_of(plan)
    ]


class _Conditions:
    """The conditions of rules, each asked once of some measures, however many drugs it is for."""

    def __init__(self, measures: Measures, rules: Sequence[Pair]) -> None:
        self.measures, self.rules = measures, rules
        self._names = inputs(rules)
        self._found: dict[int, tuple[Flags, Numbers]] = {}

    def of(self, place: int) -> tuple[Flags, Numbers]:
        """Where the rule at a place holds, and what is not known: see `_holds`."""
        if place not in self._found:
            self._found[place] = _holds(*self.rules[place], self.measures, self._names)
        return self._found[place]


class _Weighed(NamedTuple):
    """What the rules on one drug come to, for every row of the measures: see Decided."""

    best: Numbers
    which: Numbers
    level: Numbers
    most: Numbers
    missing: Numbers
    doubtful: Flags
    held: Mapping[int, Numbers]


def _decided(drug: str, conditions: _Conditions, plan: TreatmentPlan) -> Decided:
    measures, rules = conditions.measures, conditions.rules
    doses = {
        place: dose
        for place, regimen in enumerate(plan.regimens)
        for dose in regimen.doses
        if dose.drug == drug
    }
    there = _is_among(doses, measures.regimen, plan)
    mine = [(place, pair) for place, pair in enumerate(rules) if drug in pair[0].drugs]
    denominator = _denominator([*doses.values()], [rule for _, (_, rule) in mine])
    full = np.zeros(len(measures.regimen), dtype=np.int64)
    for place, dose in doses.items():
        full[measures.regimen == place] = int(_fraction(dose.amount) * denominator)
    concerned = {each.code: there & _regimens(each, measures, plan) for _, (each, _) in mine}
    found = [(place, pair, concerned[pair[0].code]) for place, pair in mine]
    weighed = _weighed(drug, conditions, found, full, denominator)
    row = np.flatnonzero(there)
    best, which, level, most, missing = (each[row] for each in weighed[:5])
    undecided = (missing != 0) & (best < UNDECIDED)
    best[undecided], which[undecided] = UNDECIDED, -1
    missing[best > UNDECIDED] = 0
    dose_given = np.where(best < OMIT, level, 0)
    return Decided(
        drug=drug,
        denominator=denominator,
        row=row,
        decision=best,
        dose=dose_given,
        full=full[row],
        rule=which,
        missing=missing,
        doubtful=weighed.doubtful[row],
        off_label=_off_label(rules, which, full[row], denominator),
        least=np.where(best == JUDGE, 0, dose_given),
        most=np.where(best < OMIT, most, 0),
        held=weighed.held,
    )


def _of_nobody(drug: str) -> Decided:
    """A drug that no regimen of any row has."""
    none, never = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    return Decided(drug, 1, none, none, none, none, none, none, never, never, none, none, {})


def _weighed(
    drug: str,
    conditions: _Conditions,
    rules: Sequence[tuple[int, Pair, Flags]],
    full: Numbers,
    denominator: int,
) -> _Weighed:
    """Go through the rules on a drug; each comes with its place and the rows it is for."""
    measures, best = conditions.measures, np.zeros(len(full), dtype=np.int64)
    level, most, which = full.copy(), full.copy(), np.full(len(full), -1, dtype=np.int64)
    missing = np.zeros(len(full), dtype=np.int64)
    doubtful = np.zeros(len(full), dtype=np.bool_)
    held = {}
    for place, (rule_set, rule), among in rules:
        fires, unknown = conditions.of(place)
        fires = fires & among
        missing |= np.where(among, unknown, 0)
        if rule.lasting or rule.decision == "stop" or rule.minus:
            held[place] = measures.so_far(fires) + measures.before.get((drug, place), 0)
        if not held.get(place, fires).any():
            continue
        rank, dose = _result(rule, fires, held.get(place), full, denominator)
        lower = (rank == best) & (rank == REDUCE) & (dose < level)
        better = (rank >= 0) & ((rank > best) | lower | (which < 0))
        best[better], which[better] = rank[better], place
        reduces = rank == REDUCE
        level = np.where(reduces, np.minimum(level, dose), level)
        if rule.reassessed_from is not None:
            reduces &= measures.cycle < rule.reassessed_from
        most = np.where(reduces, np.minimum(most, dose), most)
        doubtful |= (rank > FULL) & _doubtful(rule_set, measures)
    return _Weighed(best, which, level, most, missing, doubtful, held)


def _denominator(doses: Sequence[Dose], rules: Sequence[ModificationRule]) -> int:
    """A denominator with which every dose that can be decided is a whole number."""
    amounts = [dose.amount for dose in doses]
    for rule in rules:
        amounts += [each for each in (rule.amount, rule.minus, rule.floor) if each is not None]
    return 100 * math.lcm(*(_fraction(each).denominator for each in amounts))


@lru_cache(maxsize=1024)
def _fraction(amount: Decimal) -> Fraction:
    """An amount of the plan as a fraction; the same few are asked for with every decision."""
    return Fraction(amount)


def _regimens(rule_set: RuleSet, measures: Measures, plan: TreatmentPlan) -> Flags:
    if not rule_set.regimens:
        return np.ones(len(measures.regimen), dtype=np.bool_)
    places = [n for n, each in enumerate(plan.regimens) if each.code in rule_set.regimens]
    return _is_among(places, measures.regimen, plan)


def _is_among(places: Iterable[int], regimen: Numbers, plan: TreatmentPlan) -> Flags:
    """Where a regimen (-1: none of the study) is one of those at `places`."""
    among = np.zeros(len(plan.regimens) + 1, dtype=np.bool_)
    among[list(places)] = True
    return among[regimen]


def _holds(
    rule_set: RuleSet, rule: ModificationRule, measures: Measures, names: Sequence[str]
) -> tuple[Flags, Numbers]:
    """Where the condition of a rule holds, and the bits of what is not known where it may hold."""
    size = len(measures.regimen)
    none = np.zeros(size, dtype=np.int64)
    if rule.clearance is not None:
        known = measures.clearance.known
        return known & within(*measures.clearance, rule.clearance), np.where(known, none, 1)
    if rule.toxicity is not None:
        count = measures.toxicities.get((rule_set.code, rule.code), none)
        return count >= (rule.toxicity.occurrence or 1), none
    if rule.medication is not None:
        return measures.medications.get((rule_set.code, rule.code), none) > 0, none
    met, unknown = np.zeros(size, dtype=np.bool_), none.copy()
    for limits in rule.values or rule.nadirs:
        of = measures.values.get(item_key(limits)) if rule.values else None
        found = of if rule.values else measures.nadirs.get(limits.item)
        if found is None:
            found = np.full(size, NONE, dtype=np.int64)
        known = found != NONE
        met |= known & within(np.where(known, found, 0), 10**VALUE_PLACES, limits)
        if rule.values:
            unknown |= np.where(known, 0, 1 << names.index(limits.item))
    return met, np.where(met, 0, unknown)


def _result(
    rule: ModificationRule,
    fires: Flags,
    times: Numbers | None,
    full: Numbers,
    denominator: int,
) -> tuple[Numbers, Numbers]:
    """The decision where the rule holds, else -1; and the dose to which it reduces.

    `times`: in how many cycles so far the rule has held, where that counts.
    """
    holds = fires if times is None else times > 0
    rank = np.where(holds, DECISIONS.index(rule.decision), -1)
    dose = full
    if rule.percent is not None:
        dose = full * rule.percent // 100
    elif rule.amount is not None:
        dose = np.full(len(full), int(_fraction(rule.amount) * denominator), dtype=np.int64)
    elif rule.minus is not None and rule.floor is not None and times is not None:
        step, floor = (int(_fraction(each) * denominator) for each in (rule.minus, rule.floor))
        dose = np.maximum(full - step * times, np.minimum(floor, full))
    if rule.decision == "reduce":
        rank = np.where(holds & (dose >= full), FULL, rank)
    return rank, dose


def _doubtful(rule_set: RuleSet, measures: Measures) -> Flags:
    limit = rule_set.doubtful_up_to_clearance
    if limit is None:
        return np.zeros(len(measures.regimen), dtype=np.bool_)
    exact, clearance = Fraction(limit), measures.clearance
    low = clearance.numerator * exact.denominator <= exact.numerator * clearance.denominator
    return clearance.known & low


def _off_label(rules: Sequence[Pair], which: Numbers, full: Numbers, denominator: int) -> Flags:
    """Where the rule that decided is labelled for a dose other than the regimen's."""
    found = np.zeros(len(which), dtype=np.bool_)
    for place in np.unique(which[which >= 0]).tolist():
        _, rule = rules[place]
        if rule.labelled_amount is not None:
            labelled = _fraction(rule.labelled_amount) * denominator
            found |= (which == place) & (full * labelled.denominator != labelled.numerator)
    return found
