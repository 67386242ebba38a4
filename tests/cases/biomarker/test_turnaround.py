"""From tissue to status: each leg in days, failed runs, a second sample, quartiles as in R."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl

from equipoise.biomarker.assay import ASSAY_VALUE
from equipoise.biomarker.path import MARKER_PATH
from equipoise.biomarker.sample import SAMPLE_STATE
from equipoise.biomarker.steps import declared_path
from equipoise.biomarker.turnaround import (
    LEGS,
    MARKER_TURNAROUND,
    TURNAROUND_SUMMARY,
    marker_turnaround,
    turnaround_summary,
)
from equipoise.record.rule import KEY
from equipoise.study.load import load_study

PLAN = load_study("mgmt-net").biomarker
DAY = datetime.date
FIRST, SECOND = (each.code for each in declared_path(PLAN).steps[:2])
TODAY = DAY(2026, 2, 1)


def frame(columns: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{"replicate": 0, **row} for row in rows], schema=dict(columns))


def found(
    samples: list[dict[str, Any]], paths: list[dict[str, Any]], runs: Any = (), failed: Any = ()
) -> list[dict[str, Any]]:
    tables = {
        "sample_state": frame(SAMPLE_STATE, samples),
        "marker_path": frame(
            MARKER_PATH, [{"rule": PLAN.marker.rule_in_force, **each} for each in paths]
        ),
        "assay_value": frame(ASSAY_VALUE, [*runs]),
        "screening_failed": frame({**KEY, "cause": pl.String}, [*failed]),
    }
    rows = marker_turnaround(tables, PLAN, TODAY)
    assert rows.schema == pl.Schema(MARKER_TURNAROUND)
    return rows.rows(named=True)


BLOCK = {"subject": "S", "sample": "s1", "taken": DAY(2026, 1, 5), "received": DAY(2026, 1, 8)}


def run(day: int, *, fits: bool, purpose: str = "randomisation", gone: bool = False) -> Any:
    return {"subject": "S", "occurred": DAY(2026, 1, day), "interpretable": fits,
            "purpose": purpose, "invalidated": gone}  # fmt: skip


def test_a_status_on_the_first_sample_has_every_leg() -> None:
    path = {"subject": "S", "place": "determined", "step": FIRST, "decided": DAY(2026, 1, 20)}
    (row,) = found([BLOCK], [path], [run(12, fits=False), run(20, fits=True)])
    assert (row["state"], row["fallback"], row["failed_runs"]) == ("reported", False, 1)
    assert [row[leg] for leg in LEGS] == [3, 4, 15]


def test_runs_for_another_purpose_and_invalidated_ones_do_not_count() -> None:
    path = {"subject": "S", "place": "awaiting_result", "step": FIRST}
    runs = [run(9, fits=False, gone=True), run(10, fits=False, purpose="redetermination")]
    (row,) = found([BLOCK], [path], runs)
    assert (row["state"], row["failed_runs"], row["first_result"]) == ("waiting", 0, None)
    assert [row[leg] for leg in LEGS] == [3, None, None]


def test_a_second_sample_counts_from_the_first_and_is_a_fallback() -> None:
    cut = {**BLOCK, "sample": "s2", "parent": "s1", "taken": DAY(2026, 1, 21), "received": None}
    path = {"subject": "S", "place": "determined", "step": SECOND, "decided": DAY(2026, 1, 30)}
    (row,) = found([BLOCK, cut], [path])
    assert (row["fallback"], row["collected"]) == (True, DAY(2026, 1, 5))
    assert row["days_to_status"] == 25


def test_who_gets_no_status_is_told_from_who_left_before() -> None:
    waiting = {"place": "awaiting_result", "step": FIRST}
    names = ("ended", "late", "none", "other", "waits")
    samples = [{**BLOCK, "subject": name} for name in names]
    paths = [
        {"subject": "ended", "place": "ended", "step": None},
        {"subject": "late", **waiting, "deadline": DAY(2026, 1, 31)},
        {"subject": "none", **waiting},
        {"subject": "other", **waiting},
        {"subject": "waits", **waiting, "deadline": TODAY},
    ]
    failed = [{"subject": "none", "cause": "no_marker_status"},
              {"subject": "other", "cause": "declined"}]  # fmt: skip
    rows = found(samples, paths, failed=failed)
    assert {row["subject"]: row["state"] for row in rows} == {
        "ended": "failed", "late": "failed", "none": "failed", "other": "left", "waits": "waiting",
    }  # fmt: skip


def test_quartiles_are_those_of_r() -> None:
    """R 4.x: quantile(c(1, 2, 4, 10)) gives 1.00 1.75 3.00 5.50 10.00."""
    rows = pl.DataFrame({leg: [1, 2, 4, 10, None] for leg in LEGS})
    summary = turnaround_summary(rows)
    assert summary.schema == pl.Schema(TURNAROUND_SUMMARY)
    assert summary.row(0) == (LEGS[0], 4, 1.0, 1.75, 3.0, 5.5, 10.0)
    none = turnaround_summary(pl.DataFrame(schema=MARKER_TURNAROUND))
    assert none.row(1) == (LEGS[1], 0, None, None, None, None, None)
