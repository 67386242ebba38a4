"""Recorded entries that answer the question of a form: prior therapies, procedures, medicines and
conditions of the history.

Which codes answer which item, the study file says (decisions 0020, 0024).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.columns import among, named, present
from equipoise.record.entry_day import decided_on, judged_on
from equipoise.record.partial_date import stretch
from equipoise.record.rule import KEY, Tables
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    coded,
    days,
    gathered,
)
from equipoise.visits.events import (
    ConcomitantMedicationRecorded,
    MedicalHistoryRecorded,
    PriorTherapyRecorded,
    ProcedureRecorded,
)
from equipoise.visits.plan import Item, VisitsPlan

ENTRY_TABLES = (
    PriorTherapyRecorded.TABLE,
    ProcedureRecorded.TABLE,
    ConcomitantMedicationRecorded.TABLE,
    MedicalHistoryRecorded.TABLE,
)
_COLUMNS = ("therapy", "procedure", "drug_class", "condition")
_READ = (*KEY, "occurred", "event", "seq")


def codes_that_answer(item: Item) -> tuple[tuple[str, ...], ...]:
    """The codes that answer an item with yes, of each of ENTRY_TABLES."""
    return item.therapies, item.procedures, item.medication_classes, item.conditions


def answered_items(plan: VisitsPlan) -> list[tuple[str, Item]]:
    """The items that entries answer, each with its form."""
    every = ((form.code, item) for form in plan.forms for item in form.items)
    return [(form, item) for form, item in every if any(codes_that_answer(item))]


def answering_entries(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """The entries that answer an item with yes, a row for each of the items it answers.

    Columns replicate, subject, occurred, event, seq, item, code. A prior therapy is prior by what
    it is. A procedure, a medicine and a condition count if they were done or had begun by the day
    on which entry was decided, or if that is not known to be later. A medicine counts from the
    first day that its start can mean to the last that its end can (`stretch`); of an item with
    `medication_days` only if it was still taken on the day on which entry is judged or at most so
    many days before. Until there is such a day, every one counts.
    """
    asked = [item for _, item in answered_items(plan)]
    found = []
    for place, (table, column) in enumerate(zip(ENTRY_TABLES, _COLUMNS, strict=True)):
        entries, codes = tables[table], [codes_that_answer(item)[place] for item in asked]
        if len(entries) and any(codes):
            found += _answering(entries, column, asked, codes, tables)
    return pl.concat(found) if found else _NOTHING


def _answering(
    entries: pl.DataFrame,
    column: str,
    asked: Sequence[Item],
    codes: Sequence[tuple[str, ...]],
    tables: Tables,
) -> list[pl.DataFrame]:
    course = None if column == "therapy" else _course(entries, column, tables)
    medicines = column == "drug_class"
    names, code = coded(entries[column])
    places, items = [], []
    for number, (item, answering) in enumerate(zip(asked, codes, strict=True)):
        if answering:
            counts = np.append(among(names, answering), False)[code]
            if course is not None:
                counts &= course.within(item.medication_days if medicines else None)
            mine = np.flatnonzero(counts)
            places.append(mine)
            items.append(np.full(len(mine), number))
    place = np.concatenate(places)
    if not len(place):
        return []
    given = [gathered(entries[name], place) for name in _READ]
    which = named("item", [item.code for item in asked], np.concatenate(items))
    return [pl.DataFrame([*given, which, gathered(entries[column], place).alias("code")])]


class _Course(NamedTuple):
    """Of each entry whether it stands and had begun by the day of the decision, its last day (NONE
    while it goes on), and the day on which entry is judged (NONE where there is none)."""

    begun: Flags
    last: Numbers
    judged: Numbers

    def within(self, before: int | None) -> Flags:
        """Whether each entry counts, where it must not have ended more days `before`."""
        if before is None:
            return self.begun
        recent: Flags = (self.last == NONE) | (self.judged == NONE)
        recent |= self.judged - self.last <= before
        return self.begun & recent


def _course(entries: pl.DataFrame, column: str, tables: Tables) -> _Course:
    subjects = SubjectRows(entries)
    rows = subjects.rows(entries)
    decided = decided_on(subjects, tables)[rows]
    if column == "procedure":
        first, last = days(entries["occurred"]), np.full(len(entries), NONE)
    else:
        begin, end = stretch("start", "end", "ongoing", "occurred")
        both = entries.select(begin.alias("first"), end.alias("last"))
        first, last = days(both["first"]), days(both["last"])
    begun: Flags = (decided == NONE) | (first == NONE) | (first <= decided)
    if column == "condition":
        begun &= present(entries["term"])
    return _Course(begun, last, judged_on(subjects, tables)[rows])


_NOTHING = pl.DataFrame(
    schema={
        **KEY,
        "occurred": pl.Date,
        "event": pl.Int64,
        "seq": pl.Int64,
        "item": pl.String,
        "code": pl.String,
    }
)
