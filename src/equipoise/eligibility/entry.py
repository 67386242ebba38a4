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
    met,
    over_all,
    protocol_order,
    seqs_of,
    sources_by_criterion,
    truth,
)
from equipoise.eligibility.plan import EligibilityPlan
from equipoise.eligibility.window import within_windows
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.subject_rows import Numbers, SubjectRows

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
    items = tables["subject_item"].sort(*KEY)
    subjects = SubjectRows(items)
    place, decisions = _decisions(subjects, tables)
    decided = np.flatnonzero(place >= 0)
    if not len(decided):
        return pl.DataFrame(schema=ENTRY_ELIGIBILITY)
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
    differs = then["eligible_then"].is_not_null() & truth(now).ne_missing(then["eligible_then"])
    every = {"": then["seq"].to_numpy(), **{name: seq[decided] for name, seq in seqs.items()}}
    return (
        items.select(*KEY)[decided]
        .hstack(then.drop(*KEY, "seq"))
        .with_columns(
            truth(now).alias("eligible_now"),
            flagged(plan, verdicts[decided] == 0).alias("unmet_now"),
            flagged(plan, verdicts[decided] < 0).alias("pending_now"),
            differs.alias("differs"),
            sources_by_criterion([list(every)], every, len(decided)).alias("sources"),
        )
        .select(*ENTRY_ELIGIBILITY)
    )


def unsettled(judged: pl.DataFrame, plan: EligibilityPlan, *, provisional: bool) -> pl.DataFrame:
    """The criteria that rows of `entry_eligibility` say are not met now (`met` is false) or not
    known (null), of those judged provisionally or of the others.

    A row each with replicate, subject, criterion and met; first what is not met.

    >>> now = {"replicate": 0, "subject": "1", "unmet_now": ["A"], "pending_now": ["B"]}
    >>> unsettled(pl.DataFrame([now]), EligibilityPlan(criteria=()), provisional=True).height
    0
    """
    asked = [each.id for each in plan.criteria if each.provisional is provisional]
    parts = [
        judged.select(*KEY, pl.col(name).alias("criterion"), pl.lit(met, pl.Boolean).alias("met"))
        for name, met in (("unmet_now", False), ("pending_now", None))
    ]
    return pl.concat(parts).explode("criterion").filter(pl.col("criterion").is_in(asked))


def _decisions(subjects: SubjectRows, tables: Tables) -> tuple[Numbers, pl.DataFrame]:
    """The place of each subject's decision in a table of all decisions, -1 if there is none."""
    head = [pl.col(*KEY, "seq", "study_version"), pl.col("occurred").alias("decided")]
    nothing = pl.lit([], dtype=pl.List(pl.String))
    failed = tables["screening_failed"].select(
        *head,
        pl.lit(FAILED).alias("decision"),
        pl.when((pl.col("cause") == "not_eligible") & (pl.col("criteria").list.len() > 0))
        .then(False)
        .alias("eligible_then"),
        pl.col("criteria").alias("unmet_then"),
        pl.col("pending").alias("pending_then"),
    )
    allocated = tables["randomised"].select(
        *head,
        pl.lit(RANDOMISED).alias("decision"),
        pl.lit(value=True).alias("eligible_then"),
        nothing.alias("unmet_then"),
        pl.col("pending_criteria").alias("pending_then"),
    )
    every = pl.concat([failed, allocated])
    place = np.full(len(subjects), -1, dtype=np.int64)
    rows = subjects.rows(every)
    place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    return place, every
