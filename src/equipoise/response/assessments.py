"""The assessments of each subject by each evaluator in order of time, and the lesions they follow.

What is compared with what: every assessment has a baseline in force, the last one at or before it,
and follows the lesions that were identified by then. Whatever happens later leaves it as it is.
"""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.record.sources import row_sources

READER = (*KEY, "evaluator")
"""The key of one evaluator's reading of one subject."""

_EVENT = (pl.col("replicate").cast(pl.Int64) * 2**40 + pl.col("event")).alias("event_key")
"""Replicate and event as one number: tables of observations are long, and joined on it."""


def in_order(tumour_assessed: pl.DataFrame, *items: str) -> pl.DataFrame:
    """Every assessment, by subject, evaluator and time.

    Columns: READER, assessment, occurred, event, seq, baseline, `items`; `row` (0..), `reader` (a
    number for subject and evaluator), `order` (0.. within it), `base` (the row of the baseline in
    force, null before any baseline).

    Order is that of `occurred`, then of entry. An assessment without a complete date stands right
    after the one that was entered before it.
    """
    names = (*READER, "assessment", "occurred", "event", "seq", "baseline", *items)
    found = tumour_assessed.select(names)
    time = pl.col("occurred")
    if found["occurred"].null_count():
        found = found.sort(*READER, "event")
        time = time.forward_fill().over(READER)
    found = found.sort(*READER, time, "event").with_row_index("row")
    row = pl.col("row")
    starts = pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in READER)
    return (
        found.with_columns(starts=starts.fill_null(True))
        .with_columns(
            reader=pl.col("starts").cum_sum(),
            first=pl.when("starts").then(row).forward_fill(),
            base=pl.when("baseline").then(row).forward_fill(),
        )
        .with_columns(
            order=(row - pl.col("first")).cast(pl.Int64),
            base=pl.when(pl.col("base") >= pl.col("first")).then("base"),
        )
        .drop("starts", "first")
    )


def last_before(flag: pl.Expr, start: pl.Expr) -> pl.Expr:
    """The last `row` before each row of a frame, no earlier than `start`, where `flag` holds.

    Rows are in order; `start` is where the course of a row begins. The same over groups costs
    several times as much.

    >>> frame = pl.DataFrame({"start": [0, 0, 0, 3, 3], "hit": [True, False, True, False, False]})
    >>> found = frame.with_row_index("row").select(last_before(pl.col("hit"), pl.col("start")))
    >>> found.to_series().to_list()
    [None, 0, 0, None, None]
    """
    last = pl.when(flag).then("row").forward_fill().shift()
    return pl.when(last >= start).then(last)


def smallest_before(value: pl.Expr, start: pl.Expr, bits: int) -> pl.Expr:
    """The smallest `value` of the rows before each row and no earlier than `start`.

    Values are from 0 to below 2 ** bits, or null. Each course is shifted below all courses before
    it, so that one running minimum serves them all.

    >>> frame = pl.DataFrame({"start": [0, 1, 1, 1, 4, 4], "size": [0, 5, 3, None, 9, 1]})
    >>> found = frame.select(smallest_before(pl.col("size"), pl.col("start"), 10))
    >>> found.to_series().to_list()
    [None, None, 5, 3, None, 9]
    """
    below = start.cast(pl.Int64) * 2**bits
    found = (value - below).cum_min().forward_fill().shift() + below
    return pl.when(found < 2**bits).then(found)


def followed(
    tables: Tables, assessments: pl.DataFrame, observations: pl.DataFrame, role: str
) -> pl.DataFrame:
    """The lesions of `role` that each baseline starts to follow: base, lesion, node, seq.

    Those that its evaluator identified no later than the baseline, and those that are observed at
    it (a second scan of the same time point may be a few days later than the first).
    """
    baselines = assessments.filter("baseline").select(*READER, "base", _EVENT, day="occurred")
    at_baseline = (
        observations.select(_EVENT, "lesion")
        .join(baselines.select("base", "event_key"), "event_key")
        .select("base", "lesion", observed=pl.lit(True))
        .unique()
    )
    identified, day = pl.col("occurred"), pl.col("day")
    return (
        tables["lesion_identified"]
        .filter(pl.col("role") == role)
        .select(*READER, "lesion", "node", "occurred", "seq")
        .join(baselines, READER)
        .join(at_baseline, ["base", "lesion"], "left")
        .filter(pl.col("observed") | (identified <= day) | identified.is_null() | day.is_null())
        .select("base", "lesion", "node", "seq")
    )


def at_rows(
    observations: pl.DataFrame, assessments: pl.DataFrame, *items: str, **renamed: str
) -> pl.DataFrame:
    """Every observation with the row of its assessment: row, base, lesion, items."""
    return (
        observations.select(_EVENT, "lesion", *items, **renamed)
        .join(assessments.select(_EVENT, "row", "base"), "event_key")
        .drop("event_key")
    )


def observed(
    assessments: pl.DataFrame, lesions: pl.DataFrame, observations: pl.DataFrame, *items: str
) -> pl.DataFrame:
    """What was observed of the `lesions` that each assessment follows: row, lesion, node, items."""
    return (
        at_rows(observations, assessments, *items)
        .join(lesions.select("base", "lesion", "node"), ["base", "lesion"])
        .drop("base")
    )


def own_seqs(assessments: pl.DataFrame, *observations: pl.DataFrame) -> pl.Series:
    """Per row: the seq of the assessment and of every observation of it that was corrected."""
    corrected = pl.concat(
        at_rows(each.filter(pl.col("seq") != pl.col("event")), assessments, "seq").select(
            "row", "seq"
        )
        for each in observations
    )
    by_row = corrected.group_by("row").agg(corrected="seq")
    found = assessments.select("row").join(by_row, "row", "left", maintain_order="left")
    return union_sources(assessments["seq"], found["corrected"])


def union_sources(*parts: pl.Series) -> pl.Series:
    """The sources of each row from columns that each hold a `seq` or a list of them, or null.

    >>> union_sources(pl.Series([7, 5]), pl.Series([[3, 9], None])).to_list()
    [[3, 7, 9], [5]]
    """
    wide: list[pl.Series] = []
    for part in parts:
        if isinstance(part.dtype, pl.List):
            longest = part.list.len().max()
            length = longest if isinstance(longest, int) else 0
            wide += [part.list.get(place, null_on_oob=True) for place in range(length)]
        elif part.null_count() < len(part):
            wide.append(part)
    return row_sources(*wide)
