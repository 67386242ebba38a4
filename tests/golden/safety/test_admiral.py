"""Grades of laboratory values, against those that admiral's authors wrote down."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from equipoise.record.rule import KEY
from equipoise.safety.laboratory import graded_term
from equipoise.safety.laboratory_value import laboratory_value
from equipoise.safety.plan import ReportingClocks, SafetyPlan
from tests.harness.history import tables_of

PLAN = SafetyPlan(
    grading="ctcae_5",
    days_after_last_dose=30,
    clocks=ReportingClocks(
        site_to_sponsor_hours=24, fatal_days=7, fatal_follow_up_days=8, other_days=15
    ),
)
FIRST_DOSE, LATER = "2024-03-01", "2024-03-11"
with (Path(__file__).parent / "admiral_ctcae_5.csv").open(encoding="utf-8", newline="") as file:
    CASES = list(csv.DictReader(file))

DIFFERENT = {
    ("exp_ggt_ctcv5_abn", "80"): "the standard prints 2.0 - 2.5 x baseline, which holds 2.0",
    ("exp_trigi_si", "1.71"): "the standard prints 1.71 mmol/L - 3.42 mmol/L, which holds 1.71",
    ("exp_urici_si", "591"): "version 5 has no limit of 590 umol/L; it was one of version 4",
}
"""Where the wording of the standard says otherwise."""


def graded(case: dict[str, str]) -> dict[str, object]:
    """The row of the value of a case: its baseline on the day of the first dose, it ten days on."""
    one = {"analyte": case["analyte"], "unit": case["unit"]}
    limits = {"low": case["lower"] or None, "high": case["upper"] or None}
    drawn = [(FIRST_DOSE, case["baseline"]), (LATER, case["value"])]
    tables = tables_of(
        [{"event": "ReferenceRangesDeclared", "on": "2024-01-01", "ranges": [{**one, **limits}]}]
        + [
            {"event": "LaboratoryReported", "on": day, "report": f"L-{day}",
             "results": [{**one, "value": value}]}
            for day, value in drawn
            if value
        ]
    )  # fmt: skip
    day = pl.lit(FIRST_DOSE).str.to_date()
    dosed = pl.DataFrame({"replicate": [0], "subject": ["01-001"]}, schema=dict(KEY))
    tables["exposure"] = dosed.with_columns(first_dose=day, last_dose=day)
    tables["subject_item"] = dosed.clear()
    return laboratory_value(tables, PLAN).row(-1, named=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['table']} {case['value']}")
def test_the_grade_of_admiral_is_the_grade_or_one_that_is_possible(case: dict[str, str]) -> None:
    found = graded(case)
    term = graded_term(case["analyte"], "low" if case["way"] == "low" else "high")[0]
    assert term is not None
    assert term.casefold() == case["term"].casefold().removesuffix(" (ionized)")
    least, most = found[f"{case['way']}_least"], found[f"{case['way']}_most"]
    if (case["table"], case["value"]) in DIFFERENT:
        assert str(least) != case["grade"]
    elif case["grade"]:
        assert isinstance(least, int)
        assert isinstance(most, int)
        assert least <= int(case["grade"]) <= most
    else:
        assert least is None or least != most
        assert found["missing"]


def test_most_grades_of_admiral_are_single() -> None:
    """Only where symptoms decide does the standard leave more than one."""
    wide = {
        case["analyte"]
        for case in CASES
        if case["grade"]
        for found in [graded(case)]
        if found[f"{case['way']}_least"] != found[f"{case['way']}_most"]
    }
    assert wide == {"amylase", "lipase", "potassium", "sodium", "urate"}
