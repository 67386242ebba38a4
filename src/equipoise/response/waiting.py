"""Scans that an evaluator has not read yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from equipoise.record.rule import KEY, Columns, Tables

SCAN_WAITING: Columns = {
    **KEY,
    "evaluator": pl.String,
    "visit": pl.String,
    "occurred": pl.Date,
}


def scan_waiting(
    tables: Tables, evaluators: Collection[str], tolerance: Mapping[str, int]
) -> pl.DataFrame:
    """The scans that each evaluator has still to read, the oldest first.

    A scan is known from a visit with imaging that took place, or from another evaluator's reading.
    `tolerance`: the visits with imaging, and by how many days two dates of one scan may differ: a
    reading for the same visit that is no farther away has read it, and of two dates that are no
    farther apart the earlier one is listed. Columns: SCAN_WAITING, sorted by day, subject.
    """
    days = pl.DataFrame(
        {"visit": list(tolerance), "days": list(tolerance.values())},
        schema={"visit": pl.String, "days": pl.Int64},
    )
    readings = tables["tumour_assessed"].select(*KEY, "evaluator", "visit", "occurred")
    visits = tables["visit_recorded"].filter(pl.col("not_done").is_null())
    scans = (
        pl.concat([readings.drop("evaluator"), visits.select(*KEY, "visit", "occurred")])
        .drop_nulls("occurred")
        .unique()
        .join(days, "visit")
        .sort(*KEY, "visit", "occurred")
    )
    group = (*KEY, "visit")
    before = (pl.col("occurred") - pl.col("occurred").shift().over(group)).dt.total_days()
    scans = scans.filter((before > pl.col("days")).fill_null(True))
    wanted = scans.join(pl.DataFrame({"evaluator": list(evaluators)}), how="cross")
    apart = (pl.col("occurred") - pl.col("read")).dt.total_days().abs()
    read = (
        wanted.join(readings.rename({"occurred": "read"}), [*KEY, "evaluator", "visit"])
        .filter(apart <= pl.col("days"))
        .select(*KEY, "evaluator", "visit", "occurred")
    )
    return (
        wanted.join(read, [*KEY, "evaluator", "visit", "occurred"], "anti")
        .select(list(SCAN_WAITING))
        .sort("occurred", "subject", "evaluator")
    )
