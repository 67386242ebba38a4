"""What was dispensed, came back and was taken: every milligram of every cycle (ICH E6(R3) 2.10)."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.subject_rows import (
    Numbers,
    SubjectRows,
    coded,
    grouped_lists,
    grouped_sources,
)
from equipoise.treatment.events import DrugDispensed, DrugReturned
from equipoise.treatment.intensity import GIVEN
from equipoise.treatment.plan import TreatmentPlan

ACCOUNTABILITY: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "drug": pl.String,
    "lots": pl.List(pl.String),
    "dispensed": pl.Int64,
    "returned": pl.Int64,
    "administered": pl.Int64,
    "difference": pl.Int64,
    **SOURCES,
}
DISPENSED: Columns = {
    name: schema(DrugDispensed)[name]
    for name in (*KEY, "seq", "dispensing", "cycle", "drug", "lot", "unit", "units")
}
RETURNED: Columns = {
    name: schema(DrugReturned)[name] for name in (*KEY, "seq", "dispensing", "units")
}
REQUIRES = {
    DrugDispensed.TABLE: DISPENSED,
    DrugReturned.TABLE: RETURNED,
    "dose_given": GIVEN,
}
"""The tables that the rule reads, with their columns."""


def accountability(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """Of each drug that was dispensed for a cycle what became of it, in 1/100 mg.

    Sorted by replicate, subject, cycle, drug. `lots` in order of name. `administered` is what was
    recorded as given in that cycle; `difference` = dispensed - returned - administered: positive
    where units are missing or not yet back, negative where more was recorded than dispensed.
    """
    dispensed = tables["drug_dispensed"]
    if dispensed.is_empty():
        return no_rows(ACCOUNTABILITY)
    given, returned = tables["dose_given"], tables["drug_returned"]
    subjects = SubjectRows(dispensed)
    drugs, codes = coded(pl.concat([dispensed["drug"], given["drug"]]))
    width = int(pl.concat([dispensed["cycle"], given["cycle"]]).max()) + 1  # type: ignore[arg-type]

    def keys(frame: pl.DataFrame, drug: Numbers) -> Numbers:
        rows = subjects.rows(frame)
        found = (rows * width + frame["cycle"].to_numpy()) * len(drugs) + drug
        return np.where(rows >= 0, found, -1)

    of_dispensed = keys(dispensed, codes[: len(dispensed)])
    groups, group = np.unique(of_dispensed, return_inverse=True)
    of_given = keys(given, codes[len(dispensed) :])
    at = np.minimum(np.searchsorted(groups, of_given), len(groups) - 1)
    counted = np.flatnonzero((groups[at] == of_given) & given["amount"].is_not_null().to_numpy())
    back = _returned(subjects, dispensed, returned)
    of_back = np.where(back >= 0, group[back], -1)
    unit = dispensed["unit"].to_numpy()

    def total(of: Numbers, values: Numbers) -> Numbers:
        sums = np.zeros(len(groups), dtype=np.int64)
        np.add.at(sums, of[of >= 0], values[of >= 0])
        return sums

    out = total(group, unit * dispensed["units"].to_numpy())
    came_back = total(of_back, unit[back] * returned["units"].to_numpy())
    amounts = (given["amount"] * given["administrations"]).fill_null(0).to_numpy()
    taken = total(at[counted], amounts[counted])
    of_every = np.concatenate([group, of_back, at[counted]])
    seqs = [frame["seq"].to_numpy() for frame in (dispensed, returned, given[counted])]
    subject = groups // (width * len(drugs))
    return subjects.key[subject].hstack(
        [
            pl.Series("cycle", groups // len(drugs) % width),
            drugs.gather(groups % len(drugs)).alias("drug"),
            _lots(group, dispensed["lot"], len(groups)),
            pl.Series("dispensed", out),
            pl.Series("returned", came_back),
            pl.Series("administered", taken),
            pl.Series("difference", out - came_back - taken),
            grouped_sources(of_every, np.concatenate(seqs), len(groups)),
        ]
    )


def _returned(subjects: SubjectRows, dispensed: pl.DataFrame, returned: pl.DataFrame) -> Numbers:
    """For each return the row of what was dispensed; -1 where there is none."""
    names = dispensed.select(pl.Series("row", subjects.rows(dispensed)), "dispensing")
    asked = returned.select(pl.Series("row", subjects.rows(returned)), "dispensing")
    found = asked.join(
        names.with_row_index("place"), ["row", "dispensing"], "left", maintain_order="left"
    )["place"]
    return found.cast(pl.Int64).fill_null(-1).to_numpy()


def _lots(group: Numbers, lots: pl.Series, number: int) -> pl.Series:
    """The distinct lots of each group."""
    names, codes = coded(lots)
    pairs = np.unique(group * len(names) + codes)
    return grouped_lists(
        pairs // len(names), names.gather(pairs % len(names)).alias("lots"), number
    )
