"""Whether what was measured is recent enough to judge entry by.

A laboratory value of six weeks ago does not show that somebody may be treated today. The study file
says of an item for how many days an answer counts (`entry_window`), and `subject_item` carries the
day on which it was measured with the last day on which it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from equipoise.record.columns import present
from equipoise.record.entry_day import judged_on
from equipoise.record.rule import Tables
from equipoise.record.sources import listed
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    days,
    gathered,
    grouped_lists,
)

WINDOWS = "item_windows"
"""The column of `subject_item` that a study with windows has: for each such item a struct of the
days `measured` and `until`."""


def within_windows(
    items: pl.DataFrame, tables: Tables
) -> tuple[pl.DataFrame, Mapping[str, pl.Series]]:
    """`items` without the answers that were not measured in their windows, and why not.

    An answer counts when it was measured at most so many days before the day on which entry is
    judged, or later. Until there is such a day, every answer counts; once there is, none of which
    the day is not known. The reason names item, day and window; it is null for an answer that
    counts.
    """
    if WINDOWS not in items.columns or items.is_empty():
        return items, {}
    subjects = SubjectRows(items)
    judged = judged_on(subjects, tables)[subjects.rows(items)]
    reasons = {}
    windows = items[WINDOWS].struct.unnest()
    for name in windows.columns:
        window = windows[name].struct.unnest()
        until = days(window["until"])
        answered = present(items[name])
        out = (judged != NONE) & answered & ((until == NONE) | (judged > until))
        if not out.any():
            continue
        reasons[name] = _reason(name, window, judged, out)
        items = items.with_columns(pl.when(~pl.Series(out)).then(pl.col(name)).alias(name))
    return items, reasons


def _reason(name: str, window: pl.DataFrame, judged: Numbers, out: Flags) -> pl.Series:
    on = pl.Series("judged", np.where(judged == NONE, 0, judged).astype(np.int32)).cast(pl.Date)
    text = pl.format(
        "{} of {}, not in the {} days before {}",
        pl.lit(name), "measured", (pl.col("until") - pl.col("measured")).dt.total_days(), "judged",
    )  # fmt: skip
    undated = pl.format("{} of an unknown day", pl.lit(name))
    return (
        window.with_columns(on)
        .select(pl.when(pl.Series(out)).then(pl.coalesce(text, undated)))
        .to_series()
    )


def out_of_window(
    read: Sequence[Sequence[str]], reasons: Mapping[str, pl.Series], verdicts: Numbers
) -> pl.Series:
    """For each verdict that is null the reasons of the items that its criterion reads."""
    if not reasons:
        return listed([[]], "out_of_window", pl.String).new_from_index(0, verdicts.size)
    groups, texts = [np.empty(0, dtype=np.int64)], [pl.Series(dtype=pl.String)]
    for place, items in enumerate(read):
        for name in items:
            if name in reasons:
                there = present(reasons[name]) & (verdicts[:, place] < 0)
                rows = np.flatnonzero(there)
                groups.append(rows * verdicts.shape[1] + place)
                texts.append(gathered(reasons[name], rows))
    group = np.concatenate(groups)
    order = np.argsort(group, kind="stable")
    return grouped_lists(group[order], pl.concat(texts)[order], verdicts.size)
