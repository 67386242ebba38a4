"""Best responses that another package's authors wrote down as expected, from dated responses alone.

Their convention, given here as parameters: only a progression date that is given ends the course (a
PD by itself does not), and nothing at all is MISSING, or NE if asked.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.response.best_response import COURSE, Terms, best_of

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("bor_cases.json").read_text(encoding="utf-8")
)["cases"]


def _terms(case: dict[str, Any]) -> Terms:
    asked = case["parameters"]
    return Terms(
        confirmation_required=case["endpoint"] == "CBOR",
        confirmation_days=asked.get("ref_confirm_days", 28),
        stable_minimum_days=asked["ref_start_window_days"],
        not_evaluable_between=asked.get("max_nr_ne", 0),
        stable_between=int(asked.get("accept_sd", False)),
    )


def _course(case: dict[str, Any]) -> pl.DataFrame:
    reference = datetime.date.fromisoformat(case["reference_date"])
    end = datetime.date.fromisoformat(case["progression_date"] or "9999-12-31")
    dated = [
        (datetime.date.fromisoformat(each["date"]), each["response"])
        for each in case["assessments"]
    ]
    rows = [
        (0, "1", "any", order, date, (date - reference).days, response)
        for order, (date, response) in enumerate(dated)
        if date <= end
    ]
    return pl.DataFrame(rows, schema=dict(COURSE), orient="row")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_expected_response_and_date(case: dict[str, Any]) -> None:
    course = _course(case)
    found = best_of(course, _terms(case)).join(course.drop("response"), ["subject", "order"])
    none = "NE" if case["parameters"].get("missing_as_ne") else "MISSING"
    response, date = found.select("response", "occurred").row(0) if len(found) else (none, None)
    assert response == case["expected"]["response"]
    assert (None if date is None else date.isoformat()) == case["expected"]["date"]


def test_all_cases_are_there() -> None:
    assert len(CASES) == 30
    assert {case["expected"]["response"] for case in CASES} >= {"CR", "PR", "SD", "PD", "NE"}
