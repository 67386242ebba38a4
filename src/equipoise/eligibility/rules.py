"""Who may enter: each criterion judged by its expression, and the verdict over all of them.

A verdict is true, false or null. Null means that it can still go either way: something that the
criterion reads is not yet known. A minor is excluded even while the rest is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from equipoise.eligibility.entry import ENTRY_ELIGIBILITY, entry_eligibility
from equipoise.eligibility.judgement import (
    SUBJECT,
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
from equipoise.eligibility.window import out_of_window, within_windows
from equipoise.record.columns import named
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables, no_rows
from equipoise.record.sources import listed
from equipoise.record.subject_rows import Numbers, gathered, grouped_lists, pack, split

CRITERION_VERDICT: Columns = {
    **KEY,
    "criterion": pl.String,
    "kind": pl.String,
    "met": pl.Boolean,
    "missing_items": pl.List(pl.String),
    "out_of_window": pl.List(pl.String),
    **SOURCES,
}
ELIGIBILITY: Columns = {
    **KEY,
    "eligible": pl.Boolean,
    "unmet": pl.List(pl.String),
    "pending": pl.List(pl.String),
    **SOURCES,
}
_SUBJECT_ITEM: Columns = {**KEY, "item_sources": pl.Struct}
_DATED: Columns = {**KEY, "occurred": pl.Date, "seq": pl.Int64}
_JUDGED = {"eligibility_confirmed": _DATED, "randomised": _DATED, "screening_failed": _DATED}
_DECISION: Columns = {**_DATED, "study_version": pl.String}


def criterion_verdict(tables: Tables, plan: EligibilityPlan) -> pl.DataFrame:
    """Every criterion for every screened subject, sorted by replicate, subject, criterion.

    `met`: an inclusion criterion is met when its expression is true, an exclusion criterion when it
    is false (the subject is not excluded); null while the expression is. `missing_items` names the
    items that have no answer where the verdict is null, and is empty elsewhere. An answer that was
    not measured in the days before entry that the study file allows counts as not known; then
    `out_of_window`, and not `missing_items`, says which item, of which day, and how many days are
    allowed. `sources` are the events that gave the items which the expression reads.
    """
    items = in_order_of_subjects(tables["subject_item"])
    criteria = sorted(plan.criteria, key=lambda each: each.id)
    if not criteria or items.is_empty():
        return no_rows(CRITERION_VERDICT)
    read = [condition(criterion.expression).items for criterion in criteria]
    seqs = seqs_of(items, read)
    items, reasons = within_windows(items, tables)
    verdicts = met(items, criteria)
    row, place = (each.ravel() for each in np.indices(verdicts.shape))
    return pl.DataFrame(
        [
            *(gathered(items[name], row) for name in SUBJECT),
            named("criterion", [criterion.id for criterion in criteria], place),
            named("kind", [criterion.kind for criterion in criteria], place),
            truth(verdicts.ravel()).alias("met"),
            _missing(read, seqs, verdicts).alias("missing_items"),
            out_of_window(read, reasons, verdicts).alias("out_of_window"),
            sources_by_criterion(read, seqs, len(items)).alias("sources"),
        ]
    )


def _missing(read: Sequence[Sequence[str]], seqs: Mapping[str, Numbers], met: Numbers) -> pl.Series:
    """For each verdict the names of the items that are not known, if it is not."""
    if (met >= 0).all():
        return listed([[]], "missing_items", pl.String).new_from_index(0, met.size)
    codes = {name: code for code, name in enumerate(seqs)}
    found = [np.empty(0, dtype=np.int64)]
    for place, items in enumerate(read):
        rows = np.flatnonzero(met[:, place] < 0)
        for name in items if len(rows) else ():
            unknown = rows[seqs[name][rows] < 0]
            found.append(pack(unknown * met.shape[1] + place, np.int64(codes[name])))
    verdict, code = split(np.sort(np.concatenate(found)))
    return grouped_lists(verdict, named("missing_items", [*seqs], code), met.size)


def eligibility(tables: Tables, plan: EligibilityPlan) -> pl.DataFrame:
    """The verdict over all criteria, one row per screened subject, sorted by replicate, subject.

    `eligible` is false when a criterion is not met, else null while a criterion is not yet known,
    else true. A criterion judged provisionally may be unknown (it is judged again at the first
    dose): it never holds eligibility up, and forbids it once it is not met. `unmet` and `pending`
    name the criteria that are not met and not yet known, in protocol order.
    """
    items = in_order_of_subjects(tables["subject_item"])
    verdicts = tables["criterion_verdict"]
    found = np.ones((len(items), 0), dtype=np.int64)
    if plan.criteria:
        found = protocol_order(verdicts, plan)
    seqs = seqs_of(items, [condition(each.expression).items for each in plan.criteria])
    return pl.DataFrame(
        [
            *(items[name] for name in SUBJECT),
            truth(over_all(found, plan)).alias("eligible"),
            flagged(plan, found == 0).alias("unmet"),
            flagged(plan, found < 0).alias("pending"),
            sources_by_criterion([list(seqs)], seqs, len(items)).alias("sources"),
        ]
    )


RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="criterion_verdict",
        columns=CRITERION_VERDICT,
        requires={"subject_item": _SUBJECT_ITEM, **_JUDGED},
        plan="eligibility",
        rule=criterion_verdict,
    ),
    TableRule(
        produces="eligibility",
        columns=ELIGIBILITY,
        requires={"subject_item": _SUBJECT_ITEM, "criterion_verdict": CRITERION_VERDICT},
        plan="eligibility",
        rule=eligibility,
    ),
    TableRule(
        produces="entry_eligibility",
        columns=ENTRY_ELIGIBILITY,
        requires={
            "subject_item": _SUBJECT_ITEM,
            "entry_item": _SUBJECT_ITEM,
            "criterion_verdict": CRITERION_VERDICT,
            "eligibility_confirmed": _DATED,
            "randomised": {**_DECISION, "pending_criteria": pl.List(pl.String)},
            "screening_failed": {
                **_DECISION,
                "cause": pl.String,
                "criteria": pl.List(pl.String),
                "pending": pl.List(pl.String),
            },
        },
        plan="eligibility",
        rule=entry_eligibility,
    ),
)
