"""Recorded entries that answer the question of a form: prior therapies, procedures before entry.

Which codes answer which item, the study file says (decision 0020).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.columns import kept
from equipoise.record.rule import KEY, Tables
from equipoise.record.subject_rows import NONE, Numbers, SubjectRows, days
from equipoise.visits.events import PriorTherapyRecorded, ProcedureRecorded
from equipoise.visits.plan import Item, VisitsPlan

ENTRY_TABLES = (PriorTherapyRecorded.TABLE, ProcedureRecorded.TABLE)

_PROCEDURE = "procedure "
"""Before the code of a procedure, as a therapy may have the same; no code has a space."""


def decided_on(subjects: SubjectRows, tables: Tables) -> Numbers:
    """The day of each subject's randomisation, else of the screening failure, else NONE."""
    failed = subjects.first(subjects.dated(tables["screening_failed"])).day
    allocated = subjects.first(subjects.dated(tables["randomised"])).day
    return np.where(allocated != NONE, allocated, failed)


def codes_that_answer(item: Item) -> tuple[str, ...]:
    """The codes of `answering_entries` that answer an item with yes."""
    return (*item.therapies, *(_PROCEDURE + code for code in item.procedures))


def plain_code(code: pl.Expr) -> pl.Expr:
    """A code of `answering_entries` as the study file lists it."""
    return code.str.strip_prefix(_PROCEDURE)


def answering_entries(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """Prior therapies, and procedures that were done by the day on which entry was decided.

    Columns replicate, subject, occurred, event, seq, code. A prior therapy is prior by what it is.
    A procedure of a later day says nothing of entry; one without a day is not known to be later.
    """
    recorded = tables[PriorTherapyRecorded.TABLE]
    therapies = pl.DataFrame(
        [*(recorded[name] for name in _READ), recorded["therapy"].alias("code")]
    )
    procedures = tables[ProcedureRecorded.TABLE]
    if procedures.is_empty() or not any(i.procedures for form in plan.forms for i in form.items):
        return therapies
    subjects = SubjectRows(procedures)
    limit = decided_on(subjects, tables)[subjects.rows(procedures)]
    day = days(procedures["occurred"])
    before = kept(procedures, (limit == NONE) | (day == NONE) | (day <= limit))
    code = (pl.lit(_PROCEDURE) + pl.col("procedure")).alias("code")
    return pl.concat([therapies, before.select(*_READ, code)])


_READ = (*KEY, "occurred", "event", "seq")
