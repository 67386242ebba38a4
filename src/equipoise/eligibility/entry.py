"""Eligibility as it was when entry was decided, beside what the record says of that time now.

Nobody is randomised again, and nobody leaves a trial because a value was put right. A subject who
was randomised and turns out not to have been eligible is analysed as randomised (ICH E9 5.2.1) and
is a deviation; a screening failure who turns out to have been eligible may be screened again under
a new number. Both have to be seen.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.eligibility.judgement import (
    condition,
    flagged,
    in_order_of_subjects,
    met,
    over_all,
    protocol_order,
    seqs_of,
    sources_by_criterion,
    truth,
)
from equipoise.eligibility.plan import EligibilityPlan
from equipoise.eligibility.window import within_windows
from equipoise.record.columns import among, flags
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.short_column import beside
from equipoise.record.subject_rows import Numbers, SubjectRows, gathered, whole

ENTRY_ELIGIBILITY: Columns = {
    **KEY,
    "decision": pl.String,
    "decided": pl.Date,
    "study_version": pl.String,
    "eligible_then": pl.Boolean,
    "unmet_then": pl.List(pl.String),
    "pending_then": pl.List(pl.String),
    "eligible_now": pl.Boolean,
    "unmet_now": pl.List(pl.String),
    "pending_now": pl.List(pl.String),
    "differs": pl.Boolean,
    **SOURCES,
}
RANDOMISED, FAILED = "randomised", "screening_failed"
_UNSETTLED: Columns = {**KEY, "criterion": pl.String, "met": pl.Boolean}
_THEN = (
    "decision", "decided", "study_version", "eligible_then", "unmet_then", "pending_then",
)  # fmt: skip


def entry_eligibility(tables: Tables, plan: EligibilityPlan) -> pl.DataFrame:
    """One row per subject whose entry was decided, sorted by replicate, subject.

    - `decision`: randomised, or else screening_failed; `decided`: its day; `study_version`: the
      version whose criteria were judged then. Those of `plan` are judged now.
    - `eligible_then`, `unmet_then`, `pending_then`: the verdict on what the record held at the
      position of the decision, which holds it. Randomised: eligible, or it would have been refused,
      and pending what is judged provisionally. Failed as not eligible: false, null where no
      criterion was known not to be met. Failed for another cause: null, as nothing rested on it.
    - `eligible_now`, `unmet_now`, `pending_now`: the verdict on what the record says now of the
      time up to that day, with corrections and late entries (`entry_item`). A criterion judged
      provisionally reads the first day of treatment too, once there is one.
    - `differs`: the verdict then was yes or no, and it is not the verdict now.

    A criterion that is in neither list was met. `sources`: the decision and what is read now.
    """
    items = in_order_of_subjects(tables["subject_item"])
    subjects = SubjectRows(items)
    place, decisions = _decisions(subjects, tables)
    decided = np.flatnonzero(place >= 0)
    if not len(decided):
        return no_rows(ENTRY_ELIGIBILITY)
    read = [condition(each.expression).items for each in plan.criteria]
    verdicts = np.ones((len(items), 0), dtype=np.int64)
    if plan.criteria:
        verdicts = protocol_order(tables["criterion_verdict"], plan)
    seqs = seqs_of(items, read)
    entered = tables["entry_item"]
    if len(entered):
        rows = subjects.rows(entered)
        counted, _ = within_windows(entered, tables)
        verdicts[rows] = met(counted, plan.criteria)
        for name, found in seqs_of(entered, read).items():
            seqs[name] = seqs[name].copy()
            seqs[name][rows] = found
    now = over_all(verdicts, plan)[decided]
    then = decisions[place[decided]]
    before = whole(then["eligible_then"].cast(pl.Int64), -1)
    every = {"": then["seq"].to_numpy(), **{name: seq[decided] for name, seq in seqs.items()}}
    columns = {
        **{name: gathered(items[name], decided) for name in KEY},
        **{name: then[name] for name in _THEN},
        "eligible_now": truth(now),
        "unmet_now": flagged(plan, verdicts[decided] == 0),
        "pending_now": flagged(plan, verdicts[decided] < 0),
        "differs": flags("differs", (before >= 0) & (before != now)),
        "sources": sources_by_criterion([list(every)], every, len(decided)),
    }
    return beside([columns[name].alias(name) for name in ENTRY_ELIGIBILITY])


def unsettled(judged: pl.DataFrame, plan: EligibilityPlan, *, provisional: bool) -> pl.DataFrame:
    """The criteria that rows of `entry_eligibility` say are not met now (`met` is false) or not
    known (null), of those judged provisionally or of the others.

    A row each with replicate, subject, criterion and met; first what is not met.

    >>> now = {"replicate": 0, "subject": "1", "unmet_now": ["A"], "pending_now": ["B"]}
    >>> unsettled(pl.DataFrame([now]), EligibilityPlan(criteria=()), provisional=True).height
    0
    """
    asked = {each.id for each in plan.criteria if each.provisional is provisional}
    found = [
        (*key, criterion, met)
        for name, met in (("unmet_now", False), ("pending_now", None))
        for *key, criteria in zip(*(judged[each].to_list() for each in (*KEY, name)), strict=True)
        for criterion in criteria
        if criterion in asked
    ]
    return pl.DataFrame(found, schema=_UNSETTLED, orient="row")


def _decisions(subjects: SubjectRows, tables: Tables) -> tuple[Numbers, pl.DataFrame]:
    """The place of each subject's decision in a table of all decisions, -1 if there is none."""
    failed, allocated = tables["screening_failed"], tables["randomised"]
    parts = [_decided(failed, FAILED), _decided(allocated, RANDOMISED)]
    every = pl.concat([part for part in parts if len(part)] or parts)
    place = np.full(len(subjects), -1, dtype=np.int64)
    rows = subjects.rows(every)
    place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    return place, every


def _decided(events: pl.DataFrame, decision: str) -> pl.DataFrame:
    """Decisions of one kind with their verdicts then."""
    if decision == FAILED:
        unmet, pending = events["criteria"], events["pending"]
        said = among(events["cause"], ["not_eligible"])
        eligible, known = (
            0,
            said & np.array([bool(each) for each in unmet.to_list()], dtype=np.bool_),
        )
    else:
        nothing = pl.Series([[]], dtype=pl.List(pl.String))
        unmet, pending = nothing.new_from_index(0, len(events)), events["pending_criteria"]
        eligible, known = 1, np.ones(len(events), dtype=np.bool_)
    columns = {
        **{name: events[name] for name in (*KEY, "seq", "study_version")},
        "decided": events["occurred"],
        "decision": pl.Series([decision]).new_from_index(0, len(events)),
        "eligible_then": truth(np.where(known, eligible, -1)),
        "unmet_then": unmet,
        "pending_then": pending,
    }
    return beside([column.alias(name) for name, column in columns.items()])
