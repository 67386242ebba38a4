"""Laboratory values from the second programming, beside those of the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import polars as pl

from equipoise.safety.plan import SafetyPlan
from tests.second_programming.laboratory_again import values_of
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

TABLES = ("laboratory_result", "exposure", "subject_item")
KEY = ("replicate", "subject", "analyte", "place")
"""`place`: of the values of an analyte in time, and of one day in the order of the record."""


def programmed_again(tables: Mapping[str, pl.DataFrame], plan: SafetyPlan) -> list[Row]:
    """The rows of `laboratory_value`, but for sources."""
    ranges: dict[int, list[Row]] = defaultdict(list)
    for row in tables["reference_range"].to_dicts():
        ranges[row["replicate"]].append(row)
    found: list[Row] = []
    items = plan.laboratory.sex_item, plan.laboratory.age_item
    for (replicate, name), subject in rows_by_subject(tables, TABLES).items():
        answers = subject["subject_item"][0] if subject["subject_item"] else {}
        sex, age = (None if item is None else answers.get(item) for item in items)
        rows = values_of(
            subject["laboratory_result"], ranges[replicate], subject["exposure"], sex, age,
            plan.days_after_last_dose,
        )  # fmt: skip
        found += [{"replicate": replicate, "subject": name, **row} for row in rows]
    return found


def differences(
    tables: Mapping[str, pl.DataFrame], derived: pl.DataFrame, plan: SafetyPlan
) -> tuple[int, list[str]]:
    """How many rows were compared, and every difference. The order of the rows counts."""
    place = pl.int_range(pl.len()).over("replicate", "subject", "analyte").alias("place")
    expected = programmed_again(tables, plan)
    seen: dict[tuple[int, str, str], int] = defaultdict(int)
    for row in expected:
        which = row["replicate"], row["subject"], row["analyte"]
        row["place"] = seen[which]
        seen[which] += 1
    return len(expected), told_apart(expected, derived.with_columns(place), KEY)
