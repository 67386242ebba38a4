"""A data cut by date: what had happened by the evening of that day.

What was known is another matter: `as_of` is a position in the record and is settled when the
record is read, before any table exists. An analysis names both.
"""

from __future__ import annotations

import datetime

import polars as pl

from equipoise.errors import BadInput
from equipoise.record.partial_date import earliest_day
from equipoise.record.rule import Tables

PARTIAL = "occurred_partial"


def data_cut(tables: Tables, cut: datetime.date) -> dict[str, pl.DataFrame]:
    """Event tables without the rows that occurred after `cut`.

    A partly known date counts from its earliest possible day on: "2021-03" stays in a cut of
    2021-03-01. Rows without any date stay. Derived tables are refused with BadInput: what is
    derived from later events cannot be taken back, so cut first and derive then.
    """
    derived = sorted(name for name, table in tables.items() if "sources" in table.columns)
    if derived:
        raise BadInput(
            "event tables only: cut before deriving", field="tables", found=", ".join(derived)
        )
    return {name: _until(table, cut) for name, table in tables.items()}


def _until(table: pl.DataFrame, cut: datetime.date) -> pl.DataFrame:
    day = pl.col("occurred")
    if PARTIAL in table.columns:
        day = earliest_day(day, pl.col(PARTIAL))
    return table.filter((day <= cut).fill_null(True))
