"""Departures from the second programming, beside those of the product: row by row, no row twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from tests.second_programming import departures_again as again
from tests.second_programming.rows_by_subject import Row, Subject, rows_by_subject

PROGRAMS = {
    "treatment_departure": again.treatment,
    "prohibited_therapy": again.prohibited,
    "deviation": again.deviations,
}


def derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    """`tables` with those of the product that are compared, and those that these rest on."""
    return derive(tables, study, upto="deviation")


def differences(
    tables: Mapping[str, pl.DataFrame], product: Mapping[str, pl.DataFrame], study: Study
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every row that only one program has; both
    from the same tables that departures rest on."""
    return compared(rows_by_subject(tables, again.TABLES), product, study)


def compared(
    subjects: Mapping[Subject, Mapping[str, list[Row]]],
    product: Mapping[str, pl.DataFrame],
    study: Study,
) -> tuple[Counter[str], list[str]]:
    """The same, of subjects as the second programs have them.

    Every column, but `sources` only where all that a departure rests on tells its own; rows that
    are alike must be there as often.
    """
    expected: dict[str, list[Row]] = {name: [] for name in PROGRAMS}
    for (replicate, name), subject in subjects.items():
        who = {"replicate": replicate, "subject": name}
        for table, program in PROGRAMS.items():
            expected[table] += [{**who, **row} for row in program(subject, study)]
    said = []
    for table, rows in expected.items():
        told = all(row["sources"] is not None for row in rows)
        columns = [name for name in product[table].columns if told or name != "sources"]
        twice, once = (
            Counter(tuple(str(row[name]) for name in columns) for row in found)
            for found in (rows, product[table].to_dicts())
        )
        said += [f"{table} again: {row} x{times}" for row, times in (twice - once).items()]
        said += [f"{table} product: {row} x{times}" for row, times in (once - twice).items()]
    return Counter({table: len(rows) for table, rows in expected.items()}), sorted(said)
