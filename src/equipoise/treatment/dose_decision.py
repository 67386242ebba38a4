"""What the rules decide on each drug of each cycle, by what was known on the day it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from equipoise.record.columns import flags, named, whole_numbers
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.short_column import beside
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import (
    Flags,
    Numbers,
    SubjectRows,
    coded,
    days,
    gathered,
    grouped_sources,
    in_order,
    pack,
)
from equipoise.treatment.amount import calculated, dispensed
from equipoise.treatment.answers import Answers, Asked, clearance_of
from equipoise.treatment.area import body_surface_area
from equipoise.treatment.decision import (
    DECISIONS,
    Decided,
    Measures,
    Pair,
    decisions,
    item_key,
    rules_in_force,
)
from equipoise.treatment.medication import Medicines, medications, medicines
from equipoise.treatment.options import missing_column, rule_names
from equipoise.treatment.plan import TreatmentPlan
from equipoise.treatment.toxicity import Moments, Standing, adverse_events_standing, toxicities

DOSE_DECISION: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "regimen": pl.String,
    "drug": pl.String,
    "occurred": pl.Date,
    "decision": pl.String,
    "amount": pl.Int64,
    "dispensed": pl.Int64,
    "least": pl.Int64,
    "most": pl.Int64,
    "rule": pl.String,
    "missing": pl.String,
    "doubtful": pl.Boolean,
    "off_label": pl.Boolean,
    **SOURCES,
}
CYCLE_STARTED: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "event": pl.Int64,
    "cycle": pl.Int64,
    "regimen": pl.String,
    "height": pl.Int64,
    "weight": pl.Int64,
}
"""What the rule reads of cycles."""


def dose_decision(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """The decision on each drug of the regimen of each cycle, sorted by replicate, subject, cycle,
    drug.

    It rests on answers of days up to the first day of the cycle, on adverse events recorded by the
    moment at which it began, or later about a day before, and on medicines taken on that day or
    before it. Amounts are those of one administration in 1/100 mg: `amount` as calculated,
    `dispensed` in whole units (0 for a drug that is omitted or stopped); a dose from `least` to
    `most`, as dispensed, is by the rule. A cycle of a regimen that this version of the study does
    not have decides nothing.
    """
    started = tables["cycle_started"]
    if started.is_empty():
        return no_rows(DOSE_DECISION)
    subjects = SubjectRows(started)
    cycles = in_order(started, pack(subjects.rows(started), started["cycle"].to_numpy()))
    rules = rules_in_force(plan)
    rows, on = subjects.rows(cycles), days(cycles["occurred"])
    first = np.searchsorted(rows, rows, side="left")
    moments = Moments(rows, on, cycles["event"].to_numpy())
    standing = adverse_events_standing(tables, subjects, moments, on[first])
    taken = medicines(tables, subjects, rules, rows, on)
    answers = Answers(subjects, tables["dosing_answer"])
    regimen = regimen_places(cycles["regimen"], plan)
    asked = cycle_measures(
        answers, plan, rules, rows, first, on, regimen, cycles["cycle"].to_numpy(), standing, taken
    )
    height, weight = cycles["height"].to_numpy(), cycles["weight"].to_numpy()
    area = body_surface_area(height, weight, plan.body_surface_area)
    found = decisions(asked.measures, plan, rules)
    found = [each for each in found if len(each.row)]
    if not found:
        return no_rows(DOSE_DECISION)
    sources = _sources([cycles["seq"].to_numpy(), *asked.seqs], standing, taken)
    return _assembled(plan, rules, cycles, regimen, found, area, sources)


def regimen_places(codes: pl.Series, plan: TreatmentPlan) -> Numbers:
    """The place of each code among the regimens of the study, -1 where it is none of them."""
    places = {each.code: place for place, each in enumerate(plan.regimens)}
    names, code = coded(codes)
    found: Numbers = np.array([places.get(name, -1) for name in names] + [-1])[code]
    return found


def cycle_measures(
    answers: Answers,
    plan: TreatmentPlan,
    rules: Sequence[Pair],
    rows: Numbers,
    first: Numbers,
    on: Numbers,
    regimen: Numbers,
    cycle: Numbers,
    standing: Standing,
    taken: Medicines,
) -> Asked:
    """What was known of each cycle on its first day; rows in order of subject and cycle.

    `first`: the place of the first row of its subject.
    """
    clearance, seqs = clearance_of(answers, plan.renal_function, rows, on)
    before = on[np.maximum(np.arange(len(rows)) - 1, first)]
    values, nadirs = {}, {}
    for _, rule in rules:
        for limits in rule.values:
            if item_key(limits) not in values:
                known = answers.latest(limits.item, rows, on, limits.valid_days)
                values[item_key(limits)] = known.value
                seqs.append(known.seq)
        for limits in rule.nadirs:
            if limits.item not in nadirs:
                known = answers.lowest(limits.item, rows, before, on)
                nadirs[limits.item] = known.value
                seqs.append(known.seq)
    measures = Measures(
        regimen=regimen,
        first=first,
        cycle=cycle,
        clearance=clearance,
        values=values,
        nadirs=nadirs,
        toxicities=toxicities(rules, standing, len(rows)),
        medications=medications(rules, taken, len(rows)),
    )
    return Asked(measures, seqs)


def amounts(
    plan: TreatmentPlan, decided: Decided, regimen: Numbers, area: Numbers, dose: Numbers
) -> tuple[Numbers, Numbers]:
    """A dose of `decided` as calculated and as dispensed, in 1/100 mg.

    `regimen` and `area` (1/10000 m2) are those of the rows of `decided`.
    """
    calculate = np.zeros(len(dose), dtype=np.int64)
    dispense = calculate.copy()
    for place in sorted(set(regimen.tolist()) - {-1}):
        for planned in plan.regimens[place].doses:
            here = np.flatnonzero(regimen == place) if planned.drug == decided.drug else ()
            if len(here):
                by_area: Flags = np.full(len(here), planned.unit == "mg/m2")
                found = calculated(dose[here], decided.denominator, area[here], by_area)
                calculate[here] = found
                dispense[here] = dispensed(found, planned.dispensed_in)
    return calculate, dispense


def _sources(seqs: list[Numbers], standing: Standing, taken: Medicines) -> pl.Series:
    """The entries that each cycle rests on: its own, answers, medicines that a rule asks for, and
    of adverse events the reports of what they are, how bad they were, how they stood."""
    found = array_sources(seqs)
    row = np.concatenate([*[standing.row] * len(standing.seqs), taken.row])
    if not len(row):
        return found
    there, group = np.unique(row, return_inverse=True)
    groups = [group] + [np.arange(len(there))] * len(seqs)
    values = [*standing.seqs, taken.seqs] + [each[there] for each in seqs]
    more = grouped_sources(np.concatenate(groups), np.concatenate(values), len(there))
    place = np.arange(len(found))
    place[there] = len(found) + np.arange(len(there))
    return gathered(pl.concat([found, more]), place)


def _assembled(
    plan: TreatmentPlan,
    rules: list[Pair],
    cycles: pl.DataFrame,
    regimen: Numbers,
    found: Sequence[Decided],
    area: Numbers,
    sources: pl.Series,
) -> pl.DataFrame:
    """One row for each cycle and drug of its regimen."""
    columns: dict[str, list[Numbers]] = {
        name: [] for name in ("amount", "dispensed", "least", "most")
    }
    for each in found:
        at = regimen[each.row], area[each.row]
        calculate, dispense = amounts(plan, each, *at, each.dose)
        columns["amount"].append(calculate)
        columns["dispensed"].append(dispense)
        columns["least"].append(np.where(each.least == each.dose, dispense, 0))
        more = (each.most != each.dose).any()
        columns["most"].append(amounts(plan, each, *at, each.most)[1] if more else dispense)
    row = np.concatenate([each.row for each in found])
    drug = np.repeat(np.arange(len(found)), [len(each.row) for each in found])
    order = np.argsort(row * len(found) + drug, kind="stable")
    row, drug = row[order], drug[order]

    def joined(name: str) -> Any:
        return np.concatenate([getattr(each, name) for each in found])[order]

    return beside(
        [
            *(gathered(cycles[name], row) for name in (*KEY, "cycle", "regimen")),
            named("drug", [each.drug for each in found], drug),
            gathered(cycles["occurred"], row),
            named("decision", DECISIONS, joined("decision")),
            *(whole_numbers(name, np.concatenate(parts)[order]) for name, parts in columns.items()),
            named("rule", rule_names(rules), joined("rule")),
            missing_column(plan, rules, joined("missing")),
            flags("doubtful", joined("doubtful")),
            flags("off_label", joined("off_label")),
            gathered(sources, row),
        ]
    )
