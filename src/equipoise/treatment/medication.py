"""Which medicines beside the trial's a dosing rule meets on the day a cycle begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.partial_date import stretch
from equipoise.record.rule import KEY, Columns, Tables
from equipoise.record.subject_rows import NONE, Flags, Numbers, SubjectRows, coded, days
from equipoise.treatment.decision import Pair
from equipoise.treatment.plan import Medication

TAKEN: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "drug_class": pl.String,
    "start": pl.String,
    "end": pl.String,
    "ongoing": pl.Boolean,
}
"""What the rule reads of concomitant medication."""


class Medicines(NamedTuple):
    """Medicines that were begun by the day of some rows: one entry for each row and medicine.

    `row`: for which row. `drug_class`: the place of its class among `classes`. `since`: how many
    days before that of the row the last was that it can have been taken; 0 or less while it is.
    `seqs`: the entries that say so.
    """

    classes: Sequence[str]
    row: Numbers
    drug_class: Numbers
    since: Numbers
    seqs: Numbers


def medicines(
    tables: Tables, subjects: SubjectRows, rules: Sequence[Pair], rows: Numbers, on: Numbers
) -> Medicines:
    """The medicines, of a class that some rule looks at, begun by the days `on` of the subjects at
    `rows`, which ascend.

    Where a day is not known whole, a medicine is taken from the first to the last day that it can
    mean (DT1); without a first day from the beginning; without a last day for good, but one that
    is recorded as not ongoing until the day of that entry, or its first day where that is later.
    """
    asked = sorted({name for _, rule in rules if (m := rule.medication) for name in m.classes})
    found = tables["concomitant_medication_recorded"]
    if not asked or found.is_empty():
        nothing = np.empty(0, dtype=np.int64)
        return Medicines((), nothing, nothing, nothing, nothing)
    begin, end = stretch("start", "end", "ongoing", "occurred")
    found = found.filter(pl.col("drug_class").is_in(asked)).select(
        *TAKEN, begin.alias("first"), end.alias("last")
    )
    owner, classes = subjects.rows(found), coded(found["drug_class"])
    below = np.searchsorted(rows, owner, side="left")
    number = np.searchsorted(rows, owner, side="right") - below
    place = np.repeat(np.arange(len(owner)), number)
    row = np.arange(len(place)) - np.repeat(np.cumsum(number) - number - below, number)
    first, last = days(found["first"])[place], days(found["last"])[place]
    begun = np.flatnonzero((first == NONE) | (first <= on[row]))
    place, row, last = place[begun], row[begun], last[begun]
    return Medicines(
        classes=classes[0].to_list(),
        row=row,
        drug_class=classes[1][place],
        since=np.where(last == NONE, 0, on[row] - np.where(last == NONE, 0, last)),
        seqs=found["seq"].to_numpy()[place],
    )


def medications(
    rules: Sequence[Pair], found: Medicines, size: int
) -> dict[tuple[str, str], Numbers]:
    """By codes of set and rule, how many medicines each rule on medication meets, for each row."""
    return {
        (rule_set.code, rule.code): np.bincount(
            found.row[met(rule.medication, found)], minlength=size
        )
        for rule_set, rule in rules
        if rule.medication is not None
    }


def met(medication: Medication, found: Medicines) -> Flags:
    """Which medicines a rule meets: of its classes, and taken, or not so many days ago.

    >>> one = np.array([0, 0, 0])
    >>> ended = Medicines(["brivudine"], one, one, np.array([0, 27, 28]), one)
    >>> met(Medication(classes=("brivudine",), days_after=28), ended).tolist()
    [True, True, False]
    """
    named = np.array([name in medication.classes for name in found.classes] + [False])
    still: Flags = (found.since <= 0) | (found.since < medication.days_after)
    still &= named[found.drug_class]
    return still
