"""What is known now of the time up to entry, where the latest answers speak of a later time.

The latest answers are the wrong ones to judge entry by once a subject is treated: a creatinine of
the third cycle says nothing about who could be randomised.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.record.subject_rows import NONE, Flags, Numbers, SubjectRows, days
from equipoise.visits.latest import item
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.recorded import ENTRY_TABLES, decided_on
from equipoise.visits.subject_item import subject_item


def entry_item(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """`subject_item` as it stands now of the time up to the day on which entry was decided.

    `plan` has the forms and items that criteria read, and no others. Of a subject who was
    randomised or failed screening, an instance of a form that repeats, or a laboratory report,
    counts when it speaks of that day or an earlier one, whenever it was recorded. A form that is
    filled once counts whatever its day: a correction or a late entry puts right what was so before;
    so does a prior therapy, which is prior by what it is, and a procedure up to that day.
    A consent counts in whatever version was signed.

    There are rows only for subjects for whom this makes a difference, sorted by replicate, subject;
    of all others `subject_item` says the same.
    """
    latest = tables["subject_item"].sort(*KEY)
    subjects = SubjectRows(latest)
    limit = decided_on(subjects, tables)
    touched = _signed_otherwise(latest, plan) & (limit != NONE)
    repeating = [form.code for form in plan.forms if form.repeating]
    measured = _measured(tables["laboratory_answer"], plan)
    if len(measured) and len(subjects):
        rows = subjects.rows(measured)
        late = _after(measured, rows, limit) & _again(measured, plan)
        touched[rows[late]] = True
        measured = measured.filter(~late)
    if repeating and len(subjects):
        forms = tables["form_saved"].filter(pl.col("form").is_in(repeating))
        rows = subjects.rows(forms)
        touched[rows[_after(forms, rows, limit)]] = True
    if touched.any():
        concerned = latest.filter(touched).select(*KEY)
        entered = {name: _of(tables[name], concerned) for name in _ENTERED}
        codes = [form.code for form in plan.forms]
        saved = entered["form_saved"].filter(pl.col("form").is_in(codes))
        after = _after(saved, subjects.rows(saved), limit)
        entered["form_saved"] = saved.filter(~(after & saved["form"].is_in(repeating).to_numpy()))
        names = [each.code for form in plan.forms for each in form.items]
        entered["form_item"] = tables["form_item"].filter(pl.col("item").is_in(names))
        entered["laboratory_answer"] = _of(measured, concerned)
    else:
        entered = {name: tables[name].clear() for name in (*_ENTERED, "form_item")}
        entered["laboratory_answer"] = measured.clear()
    entered["item"] = item(entered, plan)
    return subject_item(entered, plan, any_version=True)


_ENTERED = (
    "subject_screened", "consent_signed", "form_saved", "cycle_started", "dose_given",
    "randomised", "screening_failed", *ENTRY_TABLES,
)  # fmt: skip


def _measured(answers: pl.DataFrame, plan: VisitsPlan) -> pl.DataFrame:
    """The answers to items of the plan that a laboratory measures."""
    names = [each.code for form in plan.forms for each in form.items if each.analyte]
    return answers.filter(pl.col("item").is_in(names)) if names else answers.clear()


def _again(answers: pl.DataFrame, plan: VisitsPlan) -> Flags:
    """Whether each answer stands in a report or on a form that repeats."""
    names = [each.code for form in plan.forms if form.repeating for each in form.items]
    found: Flags = (answers["reported"] | answers["item"].is_in(names)).to_numpy()
    return found


def _of(frame: pl.DataFrame, concerned: pl.DataFrame) -> pl.DataFrame:
    """The rows of the subjects of `concerned`."""
    return frame.join(concerned, [*KEY], "semi", maintain_order="left")


def _after(forms: pl.DataFrame, rows: Numbers, limit: Numbers) -> Flags:
    """Whether each form speaks of a day after its subject's limit."""
    if forms.is_empty():
        return np.zeros(0, dtype=np.bool_)
    until = limit[rows]
    found: Flags = (rows >= 0) & (until != NONE) & (days(forms["occurred"]) > until)
    return found


def _signed_otherwise(latest: pl.DataFrame, plan: VisitsPlan) -> Flags:
    """Whether each subject signed some consent, but not the text that `plan` has."""
    found = np.zeros(len(latest), dtype=np.bool_)
    for consent in plan.consents:
        valid, signed = latest[f"consent_{consent.code}"], latest[f"consent_{consent.code}_date"]
        found |= (valid.is_null() & signed.is_not_null()).to_numpy()
    return found
