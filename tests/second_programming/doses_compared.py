"""Doses, decisions and open regimens from the second programming, beside those of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from equipoise.study.definition import Study
from tests.second_programming import exposure_again
from tests.second_programming.doses_again import TABLES, doses_of, options_of
from tests.second_programming.patient_again import asked_of
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

KEYS = {
    "planned_dose": ("replicate", "subject", "cycle", "drug"),
    "dose_decision": ("replicate", "subject", "cycle", "drug"),
    "regimen_option": ("replicate", "subject", "regimen"),
    "exposure": ("replicate", "subject", "drug"),
    "treatment_cycle": ("replicate", "subject", "cycle"),
    "dose_intensity": ("replicate", "subject", "cycle", "drug"),
    "relative_dose_intensity": ("replicate", "subject", "drug"),
}


def differences(
    tables: Mapping[str, pl.DataFrame], derived: Mapping[str, pl.DataFrame], study: Study
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every difference.

    Of what is missing only that something is, not the words.
    """
    plan, asked = study.treatment, asked_of(study)
    again: dict[str, list[Row]] = {name: [] for name in KEYS}
    for (replicate, name), subject in rows_by_subject(tables, TABLES).items():
        who = {"replicate": replicate, "subject": name}
        for row in doses_of(subject, plan, asked):
            for table in ("planned_dose", "dose_decision"):
                again[table].append({**who, **row["key"], **row[table]})
        for row in options_of(subject, plan, asked) if subject["randomised"] else ():
            again["regimen_option"].append({**who, **row})
    given = {**tables, "planned_dose": derived["planned_dose"]}
    for (replicate, name), subject in rows_by_subject(given, exposure_again.TABLES).items():
        who = {"replicate": replicate, "subject": name}
        for table, rows in exposure_again.tables_of_subject(subject, plan).items():
            again[table] += [{**who, **row} for row in rows]
    said = []
    for table, expected in again.items():
        frame = derived[table]
        if "missing" in frame.columns:
            frame = frame.with_columns(pl.col("missing").is_not_null())
        said += [f"{table} {each}" for each in told_apart(expected, frame, KEYS[table])]
    return Counter({table: len(rows) for table, rows in again.items()}), said
