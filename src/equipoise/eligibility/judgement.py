"""Criteria judged on rows of items: what every verdict on entry rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np
import polars as pl

from equipoise.eligibility.plan import Criterion, EligibilityPlan
from equipoise.record.columns import named, optional
from equipoise.record.expression import Expression, evaluated, evaluated_row
from equipoise.record.rule import KEY
from equipoise.record.sources import FEW, array_sources, listed
from equipoise.record.subject_rows import Flags, Numbers, grouped_lists, whole

SUBJECT = tuple(KEY)


def in_order_of_subjects(items: pl.DataFrame) -> pl.DataFrame:
    """The rows of `items` sorted by replicate and subject."""
    return items if len(items) < 2 else items.sort(SUBJECT)


def met(items: pl.DataFrame, criteria: Sequence[Criterion]) -> Numbers:
    """A row per row of `items`, a column per criterion: 1 where the criterion is met, 0 where it is
    not, -1 where that is not yet known."""
    found = np.ones((len(items), len(criteria)), dtype=np.int64)
    conditions = [condition(each.expression) for each in criteria]
    if len(items) == 1:
        said = evaluated_row(conditions, items)
        found[0] = [-1 if each is None else each for each in said]
    else:
        for place, verdict in enumerate(evaluated(conditions, items)):
            found[:, place] = whole(verdict.cast(pl.Int64), -1)
    excluding = np.array([each.kind != "inclusion" for each in criteria], dtype=np.bool_)
    return np.where(excluding & (found >= 0), 1 - found, found)


@cache
def condition(text: str) -> Expression:
    """The condition of a criterion, parsed once."""
    return Expression(text)


def seqs_of(items: pl.DataFrame, read: Iterable[Sequence[str]]) -> dict[str, Numbers]:
    """The seq that gave each item that is read, -1 where it is not known."""
    names = dict.fromkeys(name for each in read for name in each)
    if not names:
        return {}
    seqs = items["item_sources"].struct.unnest()
    return {name: whole(seqs[name], -1) for name in names}


def sources_by_criterion(
    read: Sequence[Sequence[str]], seqs: Mapping[str, Numbers], height: int
) -> pl.Series:
    """For each verdict the events that gave the items that its criterion reads."""
    if height * len(read) <= FEW:
        known = {name: seq.tolist() for name, seq in seqs.items()}
        return listed(
            [
                sorted({known[name][row] for name in items} - {-1})
                for row in range(height)
                for items in read
            ]
        )
    distinct = [_distinct([seqs[name] for name in items]) for items in read]
    width = max((len(each) for each in distinct), default=0)
    found = np.full((max(width, 1), height, len(read)), -1, dtype=np.int64)
    for place, arrays in enumerate(distinct):
        for depth, array in enumerate(arrays):
            found[depth, :, place] = array
    return array_sources([each.ravel() for each in found])


def protocol_order(verdicts: pl.DataFrame, plan: EligibilityPlan) -> Numbers:
    """`met` of `criterion_verdict` as numbers: a row per subject, a column per criterion of `plan`
    in its order."""
    places = {criterion.id: place for place, criterion in enumerate(plan.criteria)}
    order = np.array([places[name] for name in sorted(places)], dtype=np.int64)
    shape = (len(verdicts) // max(len(places), 1), len(places))
    found = np.empty(shape, dtype=np.int64)
    found[:, order] = whole(verdicts["met"].cast(pl.Int64), -1).reshape(shape)
    return found


def over_all(found: Numbers, plan: EligibilityPlan) -> Numbers:
    """Of each row of verdicts the verdict over all: 0 if one is not met, else -1 while one that is
    not judged provisionally is not yet known, else 1."""
    firm = np.array([not criterion.provisional for criterion in plan.criteria], dtype=np.bool_)
    unmet, held = (found == 0).any(axis=1), ((found < 0) & firm).any(axis=1)
    return np.where(unmet, 0, np.where(held, -1, 1))


def truth(verdicts: Numbers) -> pl.Series:
    """1, 0 and -1 as true, false and null."""
    return optional("verdict", verdicts, verdicts >= 0).cast(pl.Boolean)


def _distinct(arrays: Iterable[Numbers]) -> list[Numbers]:
    found: list[Numbers] = []
    for array in arrays:
        if not any(np.array_equal(array, other) for other in found):
            found.append(array)
    return found


def flagged(plan: EligibilityPlan, flags: Flags) -> pl.Series:
    """For each subject the criteria that are flagged, in protocol order."""
    rows, places = np.nonzero(flags)
    names = [criterion.id for criterion in plan.criteria]
    return grouped_lists(rows, named("criteria", names, places), len(flags))
