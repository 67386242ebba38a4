"""Where each query stands: cases for a data manager and a monitor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.oversight.plan import OversightPlan
from equipoise.oversight.query import QUERY, query
from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from tests.harness.history import read_cases, tables_of, together

CASES = read_cases(Path(__file__).with_name("queries.yaml"))
TOLD = (
    "query", "target", "form", "instance", "item", "raised", "answered", "closed", "status",
    "days", "sources",
)  # fmt: skip


def told(rows: pl.DataFrame) -> list[list[Any]]:
    return [[*row] for row in rows.select(TOLD).iter_rows()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    rows = query(tables_of(case["events"]), OversightPlan())
    assert rows.schema == pl.Schema(QUERY)
    assert told(rows) == case["expect"]


def test_subjects_and_trials_have_their_own_queries() -> None:
    """The same name of a query in another trial, or about nobody, is another query."""
    raised, closed = CASES[3]["events"]
    nobody = [{**raised, "subject": None}]
    parts = [tables_of(nobody), tables_of([raised], replicate=1), tables_of([raised, closed])]
    rows = query(together(parts), OversightPlan())
    keys = rows.select("replicate", "subject", "status").rows()
    assert keys == [(0, None, "open"), (0, "01-001", "closed"), (1, "01-001", "open")]


def test_no_query_no_row() -> None:
    assert query(empty_tables(CATALOGUE), OversightPlan()).is_empty()
