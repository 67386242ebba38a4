"""Values, determinations and statuses from the second programming, beside those of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import polars as pl

from equipoise.biomarker.plan import BiomarkerPlan
from tests.second_programming.marker_again import TABLES, determinations, run_of, statuses
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

KEYS = {
    "assay_value": ("replicate", "subject", "result"),
    "assay_determination": (
        "replicate", "subject", "basis", "assay", "purpose", "determination",
    ),
    "marker_status": ("replicate", "subject", "basis", "rule"),
}  # fmt: skip


def programmed_again(
    tables: Mapping[str, pl.DataFrame], plan: BiomarkerPlan
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in KEYS}
    none: dict[str, list[Row]] = {name: [] for name in TABLES}
    known = [name for name in TABLES if name in tables]
    for (replicate, name), rows in rows_by_subject(tables, known).items():
        subject = {**none, **rows}
        who = {"replicate": replicate, "subject": name}
        for row in subject["assay_result_recorded"]:
            run = run_of(subject, row, plan.marker)
            found["assay_value"].append(
                {
                    **who, "result": run.result, "sample": run.sample, "assay": run.assay,
                    "purpose": run.purpose, "occurred": run.day, "value": run.value,
                    "interpretable": run.readable, "invalidated": run.withdrawn is not None,
                    "event": run.event, "finding": not run.readable,
                }
            )  # fmt: skip
        for each in determinations(subject, plan.marker):
            found["assay_determination"].append(
                {
                    **who, "basis": each.basis, "assay": each.assay, "purpose": each.purpose,
                    "determination": each.name, "sample": each.sample, "occurred": each.day,
                    "runs": each.runs, "readable": each.readable, "kept": each.kept,
                    "spread": each.spread, "event": each.event,
                    "interpretable": each.interpretable, "finding": not each.interpretable,
                    **({"value": each.value} if each.interpretable else {}),
                }
            )  # fmt: skip
        for status in statuses(subject, plan.marker):
            found["marker_status"].append(
                {
                    **who, "basis": status.basis, "rule": status.rule, "status": status.status,
                    "assay": status.assay, "value": status.value,
                }
            )  # fmt: skip
    return found


def differences(
    tables: Mapping[str, pl.DataFrame], derived: Mapping[str, pl.DataFrame], plan: BiomarkerPlan
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every difference.

    Values are compared as fractions, of determinations where they can be interpreted; of a finding
    only that there is one.
    """
    said = []
    rows: Counter[str] = Counter()
    for table, expected in programmed_again(tables, plan).items():
        if table not in derived:
            continue
        rows[table] += len(expected)
        frame = derived[table]
        value = pl.Series("value", [_value(row) for row in frame.to_dicts()], dtype=pl.Object)
        frame = frame.with_columns(value)
        if "finding" in frame.columns:
            frame = frame.with_columns(pl.col("finding").is_not_null())
        said += [f"{table} {each}" for each in told_apart(expected, frame, KEYS[table])]
    return rows, said


def _value(row: Row) -> Fraction | None:
    return None if row["total"] is None else Fraction(row["total"], row["count"] * 10_000)
