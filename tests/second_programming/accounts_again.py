"""What became of dispensed drugs, programmed again from the rule's description in words.

Units come out of the pharmacy and back into it; the diary says what was taken. Exact milligrams.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import polars as pl

from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

KEY = ("replicate", "subject", "cycle", "drug")
TABLES = ("drug_dispensed", "drug_returned", "dose_given")


def differences(
    tables: Mapping[str, pl.DataFrame], found: pl.DataFrame
) -> tuple[list[Row], list[str]]:
    """The accounts, and every difference to `found`."""
    again = []
    for (replicate, name), subject in rows_by_subject(tables, TABLES).items():
        for account in _accounts(subject):
            again.append({"replicate": replicate, "subject": name, **account})
    return again, told_apart(again, found, KEY)


def _accounts(subject: Mapping[str, list[Row]]) -> Iterator[Row]:
    out = subject["drug_dispensed"]
    for cycle, drug in sorted({(row["cycle"], row["drug"]) for row in out}):
        mine = [row for row in out if (row["cycle"], row["drug"]) == (cycle, drug)]
        strength = {row["dispensing"]: Fraction(row["unit"], 100) for row in mine}
        gone = sum(strength[row["dispensing"]] * row["units"] for row in mine)
        back = sum(
            strength[row["dispensing"]] * row["units"]
            for row in subject["drug_returned"]
            if row["dispensing"] in strength
        )
        taken = sum(
            Fraction(row["amount"], 100) * row["administrations"]
            for row in subject["dose_given"]
            if (row["cycle"], row["drug"]) == (cycle, drug) and row["amount"] is not None
        )
        yield {
            "cycle": cycle,
            "drug": drug,
            "lots": sorted({row["lot"] for row in mine}),
            "dispensed": gone * 100,
            "returned": back * 100,
            "administered": taken * 100,
            "difference": (gone - back - taken) * 100,
        }
