"""Dispositions and timelines from the second programming, beside those of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.visits.plan import VisitsPlan
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart
from tests.second_programming.visits_again import TABLES, disposition, timeline

KEYS = {
    "disposition": ("replicate", "subject"),
    "visit_timeline": ("replicate", "subject", "visit", "instance", "actual", "target", "again"),
}


def derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    """`tables` with those of the product that are compared."""
    found = dict(tables)
    for table in KEYS:
        found = derive(found, study, upto=table)
    return found


def programmed_again(tables: Mapping[str, pl.DataFrame], plan: VisitsPlan) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in KEYS}
    for (replicate, name), subject in rows_by_subject(tables, TABLES).items():
        if not subject["subject_screened"]:
            continue
        who = {"replicate": replicate, "subject": name}
        found["disposition"].append({**who, **disposition(subject, plan)})
        found["visit_timeline"] += [{**who, **row} for row in timeline(subject, plan)]
    found["visit_timeline"] = _counted(found["visit_timeline"])
    return found


def _counted(rows: list[Row]) -> list[Row]:
    """With the number of each among those that are otherwise alike."""
    seen: Counter[tuple[object, ...]] = Counter()
    counted = []
    for row in sorted(rows, key=lambda row: (row["state"], str(row["reason"]))):
        key = tuple(row[name] for name in KEYS["visit_timeline"][:-1])
        counted.append({**row, "again": seen[key]})
        seen[key] += 1
    return counted


def differences(
    tables: Mapping[str, pl.DataFrame], product: Mapping[str, pl.DataFrame], plan: VisitsPlan
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every difference."""
    said = []
    rows: Counter[str] = Counter()
    for table, expected in programmed_again(tables, plan).items():
        rows[table] += len(expected)
        frame = product[table]
        if table == "visit_timeline":
            frame = pl.DataFrame(
                _counted(frame.to_dicts()), schema={**frame.schema, "again": pl.Int64}
            )
        said += [f"{table} {each}" for each in told_apart(expected, frame, KEYS[table])]
    return rows, said
