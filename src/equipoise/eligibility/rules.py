"""Who may enter: each criterion judged by its expression, and the verdict over all of them.

A verdict is true, false or null. Null means that it can still go either way: something that the
criterion reads is not yet known. A minor is excluded even while the rest is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np
import polars as pl

from equipoise.eligibility.plan import Criterion, EligibilityPlan
from equipoise.record.expression import Expression
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import Flags, Numbers, gathered, grouped_lists, pack, split

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
    read = [_expression(criterion.expression).items for criterion in criteria]
    seqs = _seqs(items, read)
    met = np.stack([_met(items, criterion) for criterion in criteria], axis=1)
    row, place = (each.ravel() for each in np.indices(met.shape))
    found = items.select(SUBJECT)[row]
    return found.with_columns(
        pl.Series([criterion.id for criterion in criteria]).gather(place).alias("criterion"),
        pl.Series([criterion.kind for criterion in criteria]).gather(place).alias("kind"),
        gathered(pl.Series([False, True]), met.ravel()).alias("met"),
        _missing(read, seqs, met).alias("missing_items"),
        _sources_by_criterion(read, seqs, len(items)).alias("sources"),
    )


def _met(items: pl.DataFrame, criterion: Criterion) -> Numbers:
    """1 where the criterion is met, 0 where it is not, -1 where that is not yet known."""
    expression = _expression(criterion.expression)
    true = expression.evaluate(items.select(*SUBJECT, *expression.items))
    met = true if criterion.kind == "inclusion" else ~true
    return met.cast(pl.Int64).fill_null(-1).to_numpy()


@cache
def _expression(text: str) -> Expression:
    return Expression(text)


def _seqs(items: pl.DataFrame, read: Iterable[Sequence[str]]) -> dict[str, Numbers]:
    """The seq that gave each item that is read, -1 where it is not known."""
    names = dict.fromkeys(name for each in read for name in each)
    if not names:
        return {}
    seqs = items["item_sources"].struct.unnest().select(*names).fill_null(-1)
    return {name: seqs[name].to_numpy() for name in names}


def _missing(read: Sequence[Sequence[str]], seqs: Mapping[str, Numbers], met: Numbers) -> pl.Series:
    """For each verdict the names of the items that are not known, if it is not."""
    names = pl.Series(list(seqs), dtype=pl.String)
    codes = {name: code for code, name in enumerate(seqs)}
    found = [np.empty(0, dtype=np.int64)]
    for place, items in enumerate(read):
        rows = np.flatnonzero(met[:, place] < 0)
        for name in items if len(rows) else ():
            unknown = rows[seqs[name][rows] < 0]
            found.append(pack(unknown * met.shape[1] + place, np.int64(codes[name])))
    verdict, code = split(np.sort(np.concatenate(found)))
    return grouped_lists(verdict, names.gather(code), met.size)


def _sources_by_criterion(
    read: Sequence[Sequence[str]], seqs: Mapping[str, Numbers], height: int
) -> pl.Series:
    """For each verdict the events that gave the items that its criterion reads."""
    distinct = [_distinct([seqs[name] for name in items]) for items in read]
    width = max((len(each) for each in distinct), default=0)
    found = np.full((max(width, 1), height, len(read)), -1, dtype=np.int64)
    for place, arrays in enumerate(distinct):
        for depth, array in enumerate(arrays):
            found[depth, :, place] = array
    return array_sources([each.ravel() for each in found])


def _distinct(arrays: Iterable[Numbers]) -> list[Numbers]:
    found: list[Numbers] = []
    for array in arrays:
        if not any(np.array_equal(array, other) for other in found):
            found.append(array)
    return found


def eligibility(tables: Tables, plan: EligibilityPlan) -> pl.DataFrame:
    """The verdict over all criteria, one row per screened subject, sorted by replicate, subject.

    `eligible` is false when a criterion is not met, else null while a criterion is not yet known,
    else true. A criterion judged provisionally may be unknown (it is judged again at the first
    dose): it never holds eligibility up, and forbids it once it is not met. `unmet` and `pending`
    name the criteria that are not met and not yet known, in protocol order.
    """
    items = tables["subject_item"].sort(SUBJECT)
    verdicts = tables["criterion_verdict"]
    protocol = {criterion.id: place for place, criterion in enumerate(plan.criteria)}
    shape = (len(items), len(plan.criteria))
    met = np.empty(shape, dtype=np.int64)
    order = np.array([protocol[name] for name in sorted(protocol)], dtype=np.int64)
    met[:, order] = verdicts["met"].cast(pl.Int64).fill_null(-1).to_numpy().reshape(shape)
    firm = np.array([not criterion.provisional for criterion in plan.criteria], dtype=np.bool_)
    unmet, held = (met == 0).any(axis=1), ((met < 0) & firm).any(axis=1)
    seqs = _seqs(items, [_expression(each.expression).items for each in plan.criteria])
    return items.select(SUBJECT).with_columns(
        gathered(pl.Series([False, True]), np.where(unmet, 0, np.where(held, -1, 1))).alias(
            "eligible"
        ),
        _names(plan, met == 0).alias("unmet"),
        _names(plan, met < 0).alias("pending"),
        _sources_by_criterion([list(seqs)], seqs, len(items)).alias("sources"),
    )


def _names(plan: EligibilityPlan, flags: Flags) -> pl.Series:
    """For each subject the criteria that are flagged, in protocol order."""
    rows, places = np.nonzero(flags)
    names = pl.Series([criterion.id for criterion in plan.criteria], dtype=pl.String)
    return grouped_lists(rows, names.gather(places), len(flags))


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
