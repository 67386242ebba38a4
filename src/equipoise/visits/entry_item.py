"""What is known now of the time up to entry, where the latest answers speak of a later time.

The latest answers are the wrong ones to judge entry by once a subject is treated: a creatinine of
the third cycle says nothing about who could be randomised.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.columns import among, kept, true
from equipoise.record.entry_day import decided_on
from equipoise.record.rule import KEY, Tables
from equipoise.record.subject_rows import NONE, Flags, Numbers, SubjectRows, days
from equipoise.visits.latest import item
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.recorded import ENTRY_TABLES
from equipoise.visits.subject_item import subject_item


def entry_item(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """`subject_item` as it stands now of the time up to the day on which entry was decided.

    `plan` has the forms and items that criteria read, and no others. Of a subject who was
    randomised or failed screening, an instance of a form that repeats, or a laboratory report,
    counts when it speaks of that day or an earlier one, whenever it was recorded. A form that is
    filled once counts whatever its day: a correction or a late entry puts right what was so before;
    so does a prior therapy, which is prior by what it is, and a procedure, medicine or condition up
    to that day.
    A consent counts in whatever version was signed.

    There are rows only for subjects for whom this makes a difference, sorted by replicate, subject;
    of all others `subject_item` says the same.
    """
    latest = tables["subject_item"]
    latest = latest if len(latest) < 2 else latest.sort(*KEY)
    subjects = SubjectRows(latest)
    limit = decided_on(subjects, tables)
    touched = _signed_otherwise(latest, plan) & (limit != NONE)
    repeating = [form.code for form in plan.forms if form.repeating]
    measured = _measured(tables["laboratory_answer"], plan)
    if len(measured) and len(subjects):
        rows = subjects.rows(measured)
        late = _after(measured, rows, limit) & _again(measured, plan)
        touched[rows[late]] = True
        measured = kept(measured, ~late)
    if repeating and len(subjects):
        forms = tables["form_saved"]
        forms = kept(forms, among(forms["form"], repeating))
        rows = subjects.rows(forms)
        touched[rows[_after(forms, rows, limit)]] = True
    if touched.any():
        entered = {name: _of(tables[name], subjects, touched) for name in _ENTERED}
        saved = entered["form_saved"]
        saved = kept(saved, among(saved["form"], [form.code for form in plan.forms]))
        after = _after(saved, subjects.rows(saved), limit)
        entered["form_saved"] = kept(saved, ~(after & among(saved["form"], repeating)))
        names = [each.code for form in plan.forms for each in form.items]
        given = tables["form_item"]
        entered["form_item"] = kept(given, among(given["item"], names))
        entered["laboratory_answer"] = _of(measured, subjects, touched)
    else:
        entered = {name: tables[name].clear() for name in (*_ENTERED, "form_item")}
        entered["laboratory_answer"] = measured.clear()
    entered["item"] = item(entered, plan)
    return subject_item(entered, plan, any_version=True)


_ENTERED = (
    "subject_screened", "consent_signed", "form_saved", "cycle_started", "dose_given",
    "randomised", "screening_failed", "eligibility_confirmed", *ENTRY_TABLES,
)  # fmt: skip


def _measured(answers: pl.DataFrame, plan: VisitsPlan) -> pl.DataFrame:
    """The answers to items of the plan that a laboratory measures."""
    names = [each.code for form in plan.forms for each in form.items if each.analyte]
    return kept(answers, among(answers["item"], names))


def _again(answers: pl.DataFrame, plan: VisitsPlan) -> Flags:
    """Whether each answer stands in a report or on a form that repeats."""
    names = [each.code for form in plan.forms if form.repeating for each in form.items]
    return true(answers["reported"]) | among(answers["item"], names)


def _of(frame: pl.DataFrame, subjects: SubjectRows, concerned: Flags) -> pl.DataFrame:
    """The rows of the subjects who are flagged."""
    return kept(frame, np.append(concerned, False)[subjects.rows(frame)])


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
