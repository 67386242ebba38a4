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
    "received": pl.Int64,
    "apart": pl.Int64,
    "units": pl.Int64,
    "returned": pl.Int64,
    "destroyed": pl.Int64,
    "quarantined": pl.Int64,
    "out": pl.Int64,
    "stock": pl.Int64,
}

LOT_RECEIVED: Columns = {
    "site": pl.String,
    "drug": pl.String,
    "lot": pl.String,
    "expiry": pl.Date,
    "unit": pl.Int64,
    "received": pl.Int64,
    "apart": pl.Int64,
}

INTACT = "intact"


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


def lots_received(tables: Tables) -> pl.DataFrame:
    """What came to the pharmacies, by hospital, drug, lot, expiry and unit, sorted by these.

    Of each lot of a delivery the last entry counts. `received` came intact, `apart` did not.
    """
    entries = tables["lot_received"].sort("seq")
    last = entries.group_by("site", "receipt", "drug", "lot", maintain_order=True).last()
    intact = pl.col("condition") == INTACT
    names = ["site", "drug", "lot", "expiry", "unit"]
    return (
        last.filter(pl.col("units") > 0)
        .group_by(names)
        .agg(
            pl.col("units").filter(intact).sum().alias("received"),
            pl.col("units").filter(~intact).sum().alias("apart"),
        )
        .sort(names)
        .select(pl.col(name).cast(kind) for name, kind in LOT_RECEIVED.items())
    )


def lot_account(dispensings: pl.DataFrame, received: pl.DataFrame) -> pl.DataFrame:
    """Rows of DISPENSING_ACCOUNT and LOT_RECEIVED in sum by drug, lot, expiry and unit, sorted by
    these.

    `stock` = received - units: what is there to be dispensed, below nothing where more left than
    came. `received`, `apart` and `stock` are null for a lot of which no receipt was entered.

    >>> none = (pl.DataFrame(schema=dict(each)) for each in (DISPENSING_ACCOUNT, LOT_RECEIVED))
    >>> lot_account(*none).is_empty()
    True
    """
    names = ["drug", "lot", "expiry", "unit"]
    sums = ("units", "returned", "destroyed", "quarantined", "out")
    left = dispensings.group_by(names).agg(pl.col(name).sum() for name in sums)
    came = received.group_by(names).agg(pl.col("received", "apart").sum())
    return (
        left.join(came, on=names, how="full", coalesce=True)
        .with_columns(pl.col(name).fill_null(0) for name in sums)
        .with_columns(stock=pl.col("received") - pl.col("units"))
        .sort(names)
        .select(pl.col(name).cast(kind) for name, kind in LOT_ACCOUNT.items())
    )
