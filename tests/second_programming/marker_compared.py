"""Values, determinations and statuses from the second programming, beside those of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import polars as pl

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from tests.second_programming.marker_again import TABLES, determinations, run_of, statuses
from tests.second_programming.path_again import standings
from tests.second_programming.record_again import as_of
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart
from tests.second_programming.samples_again import made, sample_row

KEYS = {
    "sample_state": ("replicate", "sample"),
    "assay_value": ("replicate", "subject", "result"),
    "assay_determination": (
        "replicate", "subject", "basis", "assay", "purpose", "sample", "determination",
    ),
    "marker_status": ("replicate", "subject", "basis", "rule"),
    "marker_path": ("replicate", "subject", "rule"),
    "marker_corrected": ("replicate", "subject", "rule"),
}  # fmt: skip


def derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    """`tables` with those of the product that are compared."""
    found = dict(tables)
    for table in KEYS:
        found = derive(found, study, upto=table)
    return found


def programmed_again(
    tables: Mapping[str, pl.DataFrame], plan: BiomarkerPlan
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in KEYS}
    none: dict[str, list[Row]] = {name: [] for name in TABLES}
    known = [name for name in TABLES if name in tables]
    freezes = tables["redetermination_frozen"].select("replicate", "as_of").iter_rows()
    frozen: dict[int, int] = dict(freezes)
    for (replicate, name), rows in rows_by_subject(tables, known).items():
        subject = {**none, **rows}
        who = {"replicate": replicate, "subject": name}
        at = frozen.get(replicate)
        for row in made(subject):
            found["sample_state"].append({**who, **sample_row(subject, row)})
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
        allocated = min((row["event"] for row in subject["randomised"]), default=None)
        places = {"randomisation": allocated, "redetermination": at}
        then = {basis: as_of(subject, place) for basis, place in places.items()}
        for each in (
            each
            for basis, rows in then.items()
            for each in determinations(rows, plan.marker, at)
            if each.basis == basis
        ):
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
        for status in (
            each
            for basis, rows in then.items()
            for each in statuses(rows, plan.marker, at)
            if each.basis == basis
        ):
            found["marker_status"].append(
                {
                    **who, "basis": status.basis, "rule": status.rule, "status": status.status,
                    "assay": status.assay, "value": status.value, "sample": status.sample,
                    "decided": status.decided,
                }
            )  # fmt: skip
        for each in standings(then["randomisation"], plan.marker, at):
            found["marker_path"].append(
                {
                    **who, "rule": each.rule, "place": each.place, "status": each.status,
                    "step": each.step, "due": each.due, "deadline": each.deadline,
                    "decided": each.decided, "finding": each.place != "determined",
                }
            )  # fmt: skip
        if _something_came(subject, allocated):
            for each in standings(subject, plan.marker, at):
                now = {**who, "rule": each.rule, "status": each.status}
                found["marker_corrected"].append(now)
    return found


def _something_came(subject: dict[str, list[Row]], allocated: int | None) -> bool:
    """Whether a sample or a report on one, or a correction, came after the allocation."""
    tables = ("sample_collected", "sample_derived", "sample_received", "corrected")
    came = [row["event"] for table in tables for row in subject[table]]
    return allocated is not None and any(event > allocated for event in came)


def differences(
    tables: Mapping[str, pl.DataFrame], product: Mapping[str, pl.DataFrame], plan: BiomarkerPlan
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every difference.

    Values are compared as fractions, of determinations where they can be interpreted; of a finding
    only that there is one.
    """
    said = []
    rows: Counter[str] = Counter()
    for table, expected in programmed_again(tables, plan).items():
        rows[table] += len(expected)
        frame = product[table]
        if "total" in frame.columns:
            value = [_value(row) for row in frame.to_dicts()]
            frame = frame.with_columns(pl.Series("value", value, dtype=pl.Object))
        if "finding" in frame.columns:
            frame = frame.with_columns(pl.col("finding").is_not_null())
        said += [f"{table} {each}" for each in told_apart(expected, frame, KEYS[table])]
    return rows, said


def _value(row: Row) -> Fraction | None:
    return None if row["total"] is None else Fraction(row["total"], row["count"] * 10_000)
