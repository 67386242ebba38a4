"""The answers that dosing rules read, as numbers with their days, and what was known on a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.columns import among, firsts, kept, optional
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.scaled import scaled_number
from equipoise.record.short_column import beside
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import NONE, Numbers, SubjectRows, coded, days, whole
from equipoise.treatment.decision import (
    CLEARANCE,
    Measures,
    item_key,
    rules_in_force,
    standing_rules,
)
from equipoise.treatment.plan import RenalFunction, TreatmentPlan
from equipoise.treatment.renal import (
    VALUE_PLACES,
    Clearance,
    creatinine_clearance,
    renal_formula,
)

DOSING_ANSWER: Columns = {
    **KEY,
    "item": pl.String,
    "occurred": pl.Date,
    "value": pl.Int64,
    **SOURCES,
}
FORM_ITEM: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "event": pl.Int64,
    "item": pl.String,
    "value": pl.String,
}
"""What the rule reads of the answers to forms."""

ALWAYS = np.int64(2**22)
"""A day after every day: everything that is known counts."""

_DAY_BITS = 24
_FIRST_DAY = 2**22


def items_read(plan: TreatmentPlan) -> list[str]:
    """The form items that the dosing rules in force read, in order of name."""
    found = {
        limits.item for _, rule in rules_in_force(plan) for limits in (*rule.values, *rule.nadirs)
    }
    renal = plan.renal_function
    if renal is not None:
        found |= {renal.creatinine, renal.weight, renal.age, renal.sex}
    return sorted(found)


def dosing_answer(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """Every answer to an item that dosing rules read, of each item in the order of the record.

    `value` is the answer x 10 ** VALUE_PLACES, null where it is missing; of the item sex it is 1
    for women and 0 for men. `occurred` is the day of the form or of the blood draw, null while it
    is not complete. To an item that a laboratory measures the answers are those of
    `laboratory_answer`, on forms and in reports.
    """
    items = items_read(plan)
    if not items:
        return no_rows(DOSING_ANSWER)
    measured = tables["laboratory_answer"]
    of_laboratory = coded(measured["item"])[0].to_list()
    others = [each for each in items if each not in of_laboratory]
    read = beside([measured[name] for name in DOSING_ANSWER])
    measured = kept(read, among(measured["item"], items))
    on_forms = _on_forms(tables["form_item"], others, plan)
    if on_forms.is_empty() or measured.is_empty():
        return measured if on_forms.is_empty() else on_forms
    return on_forms.vstack(measured)


def _on_forms(given: pl.DataFrame, items: list[str], plan: TreatmentPlan) -> pl.DataFrame:
    read = beside([given[name] for name in (*KEY, "item", "occurred", "value", "seq")])
    found = kept(read, among(given["item"], items))
    if found.is_empty():
        return no_rows(DOSING_ANSWER)
    value, renal = whole(scaled_number(found["value"], VALUE_PLACES)), plan.renal_function
    if renal is not None:
        sex = whole(sex_number(found["value"], renal))
        value = np.where(among(found["item"], [renal.sex]), sex, value)
    return beside(
        [
            *(found[name] for name in (*KEY, "item", "occurred")),
            optional("value", value, value != NONE),
            array_sources([found["seq"].to_numpy()]),
        ]
    )


def sex_number(text: pl.Series, plan: RenalFunction) -> pl.Series:
    """1 for the code of women, 0 for that of men, null for any other."""
    women, men = among(text, [plan.female]), among(text, [plan.male])
    return optional(text.name, women.astype(np.int64), women | men)


class Known(NamedTuple):
    """Of each row a value (NONE where it is not known) and the `seq` that gave it (-1)."""

    value: Numbers
    seq: Numbers


class Answers:
    """Answers by item, to be asked for what was known of a subject on a day.

    Of several answers of one day the one of the form saved last counts.
    """

    def __init__(self, subjects: SubjectRows, found: pl.DataFrame) -> None:
        names, self._codes = coded(found["item"])
        self._places = {name: place for place, name in enumerate(names.to_list())}
        self._rows, self._days = subjects.rows(found), days(found["occurred"])
        self._value = whole(found["value"])
        self._seq = firsts(found["sources"])
        self._of: dict[str, tuple[Numbers, Numbers, Numbers]] = {}

    def _given(self, item: str) -> tuple[Numbers, Numbers, Numbers]:
        """The answers to an item by subject and day: both in one number, the value, the seq."""
        if item not in self._of:
            code = self._places.get(item, -2)
            mine = np.flatnonzero((self._codes == code) & (self._rows >= 0))
            day = self._days[mine]
            key = (self._rows[mine] << _DAY_BITS) + np.where(day == NONE, 0, day + _FIRST_DAY)
            order = np.argsort(key, kind="stable")
            mine = mine[order]
            self._of[item] = key[order], self._value[mine], self._seq[mine]
        return self._of[item]

    def latest(self, item: str, rows: Numbers, on: Numbers, valid_days: int | None = None) -> Known:
        """The latest answer of each subject on or before a day, perhaps not older than so many.

        An answer without a complete day is older than all others.
        """
        keys, values, seqs = self._given(item)
        if not len(keys):
            return _nothing(len(rows))
        wanted = (rows << _DAY_BITS) + _FIRST_DAY + on
        place = np.searchsorted(keys, wanted, side="right") - 1
        found = np.where(place >= 0, keys[place], -1)
        there = (found >> _DAY_BITS == rows) & (place >= 0)
        if valid_days is not None:
            there &= found >= wanted - valid_days
        return Known(np.where(there, values[place], NONE), np.where(there, seqs[place], -1))

    def lowest(self, item: str, rows: Numbers, after: Numbers, until: Numbers) -> Known:
        """The lowest answer of each subject after one day and until another."""
        none = np.iinfo(np.int64).max
        keys, values, seqs = self._given(item)
        if not len(keys):
            return _nothing(len(rows))
        begin = np.searchsorted(keys, (rows << _DAY_BITS) + _FIRST_DAY + after, side="right")
        end = np.searchsorted(keys, (rows << _DAY_BITS) + _FIRST_DAY + until, side="right")
        least = np.full(len(rows), none)
        seq = np.full(len(rows), -1, dtype=np.int64)
        for step in range(int(np.max(end - begin, initial=0))):
            place = np.minimum(begin + step, len(keys) - 1)
            lower = (begin + step < end) & (values[place] != NONE) & (values[place] < least)
            least = np.where(lower, values[place], least)
            seq = np.where(lower, seqs[place], seq)
        return Known(np.where(seq >= 0, least, NONE), seq)


def _nothing(size: int) -> Known:
    return Known(np.full(size, NONE), np.full(size, -1, dtype=np.int64))


class Asked(NamedTuple):
    """Measures with the `seq` of every answer that they rest on, one array each."""

    measures: Measures
    seqs: Sequence[Numbers]


def clearance_of(
    answers: Answers, plan: RenalFunction | None, rows: Numbers, on: Numbers
) -> tuple[Clearance, list[Numbers]]:
    """The creatinine clearance of each subject as of a day, and the answers it rests on."""
    if plan is None:
        nothing = np.zeros(len(rows), dtype=np.int64)
        return Clearance(nothing, nothing), []
    found = {
        name: answers.latest(getattr(plan, name), rows, on)
        for name in ("age", "weight", "creatinine", "sex")
    }
    clearance = creatinine_clearance(
        found["age"].value,
        found["weight"].value,
        found["creatinine"].value,
        found["sex"].value,
        renal_formula(plan.formula),
    )
    return clearance, [each.seq for each in found.values()]


def standing_measures(
    answers: Answers, plan: TreatmentPlan, rows: Numbers, regimen: Numbers
) -> Asked:
    """All that is known of each subject, for the rules that decide which regimens are open."""
    on = np.full(len(rows), ALWAYS)
    clearance, seqs = clearance_of(answers, plan.renal_function, rows, on)
    values = {}
    for _, rule in standing_rules(plan):
        for limits in rule.values:
            known = answers.latest(limits.item, rows, on, limits.valid_days)
            values[item_key(limits)] = known.value
            seqs.append(known.seq)
    return Asked(
        Measures(regimen, np.arange(len(rows)), np.ones_like(rows), clearance, values), seqs
    )


def missing_text(plan: TreatmentPlan, names: Sequence[str], bits: int) -> str | None:
    """What to record, in words; None when nothing is missing."""
    renal, told = plan.renal_function, []
    for place, name in enumerate(names):
        if bits >> place & 1:
            parts = (renal.creatinine, renal.weight, renal.age, renal.sex) if renal else ()
            told.append(f"{name} ({', '.join(parts)})" if name == CLEARANCE else name)
    return ", ".join(told) or None
