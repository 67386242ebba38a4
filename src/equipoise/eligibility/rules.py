"""Who may enter: each criterion judged by its expression, and the verdict over all of them.

A verdict is true, false or null. Null means that it can still go either way: something that the
criterion reads is not yet known. A minor is excluded even while the rest is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl

from equipoise.eligibility.plan import Criterion, EligibilityPlan
from equipoise.record.expression import Expression
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.sources import row_sources

SUBJECT = tuple(KEY)

CRITERION_VERDICT: Columns = {
    **KEY,
    "criterion": pl.String,
    "kind": pl.String,
    "met": pl.Boolean,
    "missing_items": pl.List(pl.String),
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


def criterion_verdict(tables: Tables, plan: EligibilityPlan) -> pl.DataFrame:
    """Every criterion for every screened subject, sorted by replicate, subject, criterion.

    `met`: an inclusion criterion is met when its expression is true, an exclusion criterion when it
    is false (the subject is not excluded); null while the expression is. `missing_items` names the
    items that are not known where the verdict is null, and is empty elsewhere; `sources` are the
    events that gave the items which the expression reads.
    """
    items = tables["subject_item"].sort(SUBJECT)
    criteria = sorted(plan.criteria, key=lambda each: each.id)
    if not criteria or items.is_empty():
        return pl.DataFrame(schema=CRITERION_VERDICT)
    parts = pl.concat([_verdicts(items, criterion) for criterion in criteria])
    # Subject by subject, not criterion by criterion.
    row, criterion = np.divmod(np.arange(len(parts)), len(criteria))
    names = pl.DataFrame(
        [(each.id, each.kind) for each in criteria], schema=["criterion", "kind"], orient="row"
    )
    return (
        items.select(SUBJECT)[row]
        .hstack(names[criterion])
        .hstack(parts[criterion * len(items) + row])
        .select(*CRITERION_VERDICT)
    )


def _verdicts(items: pl.DataFrame, criterion: Criterion) -> pl.DataFrame:
    """What one criterion says of every row of `items`."""
    expression = _expression(criterion.expression)
    true = expression.evaluate(items)
    met = true if criterion.kind == "inclusion" else ~true
    return items.select(
        met.alias("met"),
        _missing(expression.items, met).alias("missing_items"),
        _sources(items, expression.items),
    )


@cache
def _expression(text: str) -> Expression:
    return Expression(text)


def _missing(names: Sequence[str], met: pl.Series) -> pl.Expr:
    """The names of the items that are null, where `met` is."""
    nothing = pl.lit([], dtype=pl.List(pl.String))
    if not names or not met.null_count():
        return nothing
    null = [pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in names]
    missing = pl.concat_list(null).list.drop_nulls()
    return pl.when(pl.lit(met).is_null()).then(missing).otherwise(nothing)


def _sources(items: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    seqs = items["item_sources"].struct
    if not names:
        return pl.Series("sources", [[]] * len(items), dtype=pl.List(pl.Int64))
    return row_sources(*(seqs.field(name) for name in names)).alias("sources")


def eligibility(tables: Tables, plan: EligibilityPlan) -> pl.DataFrame:
    """The verdict over all criteria, one row per screened subject, sorted by replicate, subject.

    `eligible` is false when a criterion is not met, else null while a criterion is not yet known,
    else true. A criterion judged provisionally may be unknown (it is judged again at the first
    dose): it never holds eligibility up, and forbids it once it is not met. `unmet` and `pending`
    name the criteria that are not met and not yet known, in protocol order.
    """
    verdicts = tables["criterion_verdict"]
    place = {criterion.id: number for number, criterion in enumerate(plan.criteria)}
    provisional = [criterion.id for criterion in plan.criteria if criterion.provisional]
    open_ones = (
        verdicts.lazy()
        .filter(pl.col("met").is_null() | ~pl.col("met"))
        .with_columns(place=pl.col("criterion").replace_strict(place, return_dtype=pl.Int64))
        .sort("place")
        .group_by(SUBJECT)
        .agg(
            pl.col("criterion").filter(pl.col("met").is_not_null()).alias("unmet"),
            pl.col("criterion").filter(pl.col("met").is_null()).alias("pending"),
            (pl.col("met").is_null() & ~pl.col("criterion").is_in(provisional)).any().alias("held"),
        )
        .collect()
    )
    items = tables["subject_item"].sort(SUBJECT)
    names = dict.fromkeys(
        name for each in plan.criteria for name in _expression(each.expression).items
    )
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return (
        items.select(*SUBJECT, _sources(items, list(names)))
        .join(open_ones, SUBJECT, "left", maintain_order="left")
        .select(
            *SUBJECT,
            pl.when(pl.col("unmet").list.len() > 0)
            .then(False)
            .when(~pl.col("held").fill_null(False))
            .then(True)
            .alias("eligible"),
            pl.col("unmet", "pending").fill_null(nothing),
            "sources",
        )
    )


RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="criterion_verdict",
        columns=CRITERION_VERDICT,
        requires={"subject_item": _SUBJECT_ITEM},
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
)
