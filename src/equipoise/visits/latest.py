"""The latest answer to each question of each form."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    coded,
    days,
    pack,
    parent_rows,
)
from equipoise.visits.plan import VisitsPlan

ITEM: Columns = {
    **KEY,
    "form": pl.String,
    "item": pl.String,
    "value": pl.String,
    "value_missing": pl.String,
    "occurred": pl.Date,
    **SOURCES,
}


def item(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """The latest answer to each item of each form, sorted by replicate, subject, form, item.

    Of a repeating form the instance that speaks about the latest day counts (on a tie, or without
    a complete day, the one saved last), whole: an item that it leaves open is open. The source is
    the event that gave the answer, or the later correction of the answer or of the form's day.
    """
    forms, answers = tables["form_saved"], tables["form_item"]
    if forms.is_empty() or answers.is_empty():
        return pl.DataFrame(schema=ITEM)
    subjects = SubjectRows(forms)
    rows = subjects.rows(forms)
    form_names, form_codes = coded(forms["form"])
    counts = _latest_instances(forms, rows * len(form_names) + form_codes)
    parents = parent_rows(forms, answers)
    kept = np.flatnonzero(counts[parents] & (parents >= 0))
    parents = parents[kept]
    item_names, item_codes = coded(answers["item"][kept])
    pair = form_codes[parents] * len(item_names) + item_codes
    used = np.zeros(len(form_names) * len(item_names), dtype=np.int64)
    used[pair] = 1
    place = rows[parents] * int(used.sum()) + (np.cumsum(used) - 1)[pair]
    order = np.full(len(subjects) * int(used.sum()), -1, dtype=np.int64)
    order[place] = np.arange(len(kept))
    order = order[order >= 0]
    found = answers.select(*(name for name in ITEM if name in answers.columns), "seq")[kept[order]]
    seqs = np.maximum(found["seq"].to_numpy(), forms["seq"].to_numpy()[parents[order]])
    return found.with_columns(
        form_names[form_codes[parents[order]]].alias("form"),
        array_sources([seqs]).alias("sources"),
    ).select(*ITEM)


def _latest_instances(forms: pl.DataFrame, groups: Numbers) -> Flags:
    """Whether each form saved is the instance of its group that counts."""
    day = days(forms["occurred"])
    packed = pack(np.where(day == NONE, -(2**20), day), forms["event"].to_numpy())
    latest = np.full(int(groups.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(latest, groups, packed)
    counts: Flags = packed == latest[groups]
    return counts
