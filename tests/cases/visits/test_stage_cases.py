"""Where a subject stands, in one word: cases for a nurse."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from equipoise.visits.plan import VisitsPlan
from equipoise.visits.rules import disposition
from equipoise.visits.stage import STAGES, stage
from tests.harness.history import read_cases, tables_of

HERE = Path(__file__).parent
PLAN = VisitsPlan.model_validate(read_cases(HERE / "visits_plan.yaml"))
CASES = read_cases(HERE / "stages.yaml")
SCREENED = {"event": "SubjectScreened", "on": datetime.date(2024, 1, 5)}
RANDOMISED = {
    "event": "Randomised", "on": datetime.date(2024, 2, 1), "scheme": "s", "scheme_version": "1",
    "allocation": 1, "stratum": "x", "stratum_allocation": 1, "factors": [], "marker_status": "LOW",
    "status_rule": "r", "arm": "A",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    history = [RANDOMISED if each == "RANDOMISED" else each for each in case["history"]]
    found = stage(disposition(tables_of([SCREENED, *history]), PLAN))
    assert found["stage"].to_list() == [case["stage"]]


def test_each_stage_has_a_case() -> None:
    assert {case["stage"] for case in CASES} == set(STAGES)
