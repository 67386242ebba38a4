"""What became of every unit of every lot: dispensed, back, in quarantine, destroyed, still out.

Source: ICH E6(R3), annex 1, 2.10.7 (records of an investigational product's use by each
participant, its return and disposition, with quantities and lots); general knowledge of the
guideline, the section not re-read.
"""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Columns, Tables

DISPENSING_ACCOUNT: Columns = {
    **KEY,
    "dispensing": pl.String,
    "occurred": pl.Date,
    "event": pl.Int64,
    "cycle": pl.Int64,
    "drug": pl.String,
    "lot": pl.String,
    "expiry": pl.Date,
    "unit": pl.Int64,
    "units": pl.Int64,
    "returned": pl.Int64,
    "destroyed": pl.Int64,
    "quarantined": pl.Int64,
    "out": pl.Int64,
}

LOT_ACCOUNT: Columns = {
    "drug": pl.String,
    "lot": pl.String,
    "expiry": pl.Date,
    "unit": pl.Int64,
    "units": pl.Int64,
    "returned": pl.Int64,
    "destroyed": pl.Int64,
    "quarantined": pl.Int64,
    "out": pl.Int64,
}


def dispensing_account(tables: Tables) -> pl.DataFrame:
    """One row per dispensing, in the order of the record, in units of `unit` (1/100 mg).

    `returned` came back, of that `destroyed` was destroyed at its return or later, `quarantined`
    was not yet; `out` = units - returned: with the subject, taken, or lost.
    """
    named = [*KEY, "dispensing"]
    back = tables["drug_returned"]
    at_once = pl.col("units").filter(pl.col("fate") == "destroyed").sum()
    returned = back.group_by(named).agg(pl.col("units").sum().alias("returned"), at_once=at_once)
    later = tables["drug_destroyed"].group_by(named).agg(pl.col("units").sum().alias("later"))
    number = [pl.col(name).fill_null(0) for name in ("returned", "at_once", "later")]
    return (
        tables["drug_dispensed"]
        .join(returned, on=named, how="left", maintain_order="left")
        .join(later, on=named, how="left", maintain_order="left")
        .with_columns(number)
        .with_columns(destroyed=pl.col("at_once") + pl.col("later"))
        .with_columns(
            quarantined=pl.col("returned") - pl.col("destroyed"),
            out=pl.col("units") - pl.col("returned"),
        )
        .select(pl.col(name).cast(kind) for name, kind in DISPENSING_ACCOUNT.items())
    )


def lot_account(dispensings: pl.DataFrame) -> pl.DataFrame:
    """Rows of DISPENSING_ACCOUNT in sum by drug, lot, expiry and unit, sorted by these.

    >>> lot_account(pl.DataFrame(schema=dict(DISPENSING_ACCOUNT))).is_empty()
    True
    """
    names = ["drug", "lot", "expiry", "unit"]
    sums = [pl.col(name).sum() for name in LOT_ACCOUNT if name not in names]
    return dispensings.group_by(names).agg(sums).sort(names).select(*LOT_ACCOUNT)
