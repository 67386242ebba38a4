"""Values, determinations and statuses from the second programming, beside those of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
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
        parts = (_samples(subject, plan), _standing(subject, plan, frozen.get(replicate)))
        for table, mine in (pair for part in parts for pair in part.items()):
            found[table] += [{**who, **row} for row in mine]
    return found


def _samples(subject: dict[str, list[Row]], plan: BiomarkerPlan) -> dict[str, list[Row]]:
    """Samples and runs, as they are now."""
    runs = (run_of(subject, row, plan.marker) for row in subject["assay_result_recorded"])
    return {
        "sample_state": [sample_row(subject, row) for row in made(subject)],
        "assay_value": [
            {
                "result": run.result, "sample": run.sample, "assay": run.assay,
                "purpose": run.purpose, "occurred": run.day, "value": run.value,
                "interpretable": run.readable, "invalidated": run.withdrawn is not None,
                "event": run.event, "finding": not run.readable,
            }
            for run in runs
        ],
    }  # fmt: skip


def _standing(
    subject: dict[str, list[Row]], plan: BiomarkerPlan, frozen: int | None
) -> dict[str, list[Row]]:
    """What stands on each basis, as of the allocation and of the freeze; and as it reads now."""
    marker = plan.marker
    allocated = min((row["event"] for row in subject["randomised"]), default=None)
    places = {"randomisation": allocated, "redetermination": frozen}
    found: dict[str, list[Row]] = {name: [] for name in KEYS}
    for basis, place in places.items():
        then = as_of(subject, place)
        found["assay_determination"] += [
            {
                "basis": each.basis, "assay": each.assay, "purpose": each.purpose,
                "determination": each.name, "sample": each.sample, "occurred": each.day,
                "runs": each.runs, "readable": each.readable, "kept": each.kept,
                "spread": each.spread, "event": each.event,
                "interpretable": each.interpretable, "finding": not each.interpretable,
                **({"value": each.value} if each.interpretable else {}),
            }
            for each in determinations(then, marker, frozen)
            if each.basis == basis
        ]  # fmt: skip
        found["marker_status"] += [
            asdict(each) for each in statuses(then, marker, frozen) if each.basis == basis
        ]
    now = standings(subject, marker, frozen) if _something_came(subject, allocated) else []
    return found | {
        "marker_path": [
            {**asdict(each), "finding": each.place != "determined"}
            for each in standings(as_of(subject, allocated), marker, frozen)
        ],
        "marker_corrected": [{"rule": each.rule, "status": each.status} for each in now],
    }


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
