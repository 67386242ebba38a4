"""What the laboratory has before it, what is to be determined again, how well its runs go."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.quality import failures, run_controls, run_quality, spread
from equipoise.biomarker.rules import RULES
from equipoise.biomarker.work import redetermination_work, sample_work
from equipoise.record.tables import Tables
from tests.cases.biomarker.test_declared_path import day, entry, plan_of
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
CASES = read_cases(HERE / "laboratory_work.yaml")
STRICT = BiomarkerPlan.model_validate(read_cases(HERE / "marker_plan.yaml")["strict"])

SENT = {"event": "SampleShipped", "shipment": "P1", "destination": "laboratory"}


def derived(history: list[dict[str, Any]], plan: BiomarkerPlan, replicate: int = 0) -> Tables:
    entries = [
        {**SENT, "sample": line["sent"], "on": day(line["day"])}
        if "sent" in line
        else {**entry(line, number), "on": day(line["day"])}
        for number, line in enumerate(history, start=1)
    ]
    found = tables_of(entries, replicate=replicate)
    for rule in RULES:
        found[rule.produces] = rule.rule(found, plan)
    return found


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", CASES["queue"], ids=lambda case: case["case"])
def test_the_queue(case: dict[str, Any]) -> None:
    plan, today = plan_of({}), day(case["on"])
    assert today is not None
    rows = sample_work(derived(case["history"], plan), plan, today).rows(named=True)
    told = ("sample", "step", "state", "days", "runs", "late")
    assert [{name: row[name] for name in (*told, "due")} for row in rows] == [
        {**{name: row.get(name) for name in told}, "due": day(row.get("due"))}
        for row in case["rows"]
    ]


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", CASES["again"], ids=lambda case: case["case"])
def test_what_is_to_be_determined_again(case: dict[str, Any]) -> None:
    rows = redetermination_work(derived(case["history"], plan_of({}))).rows(named=True)
    told = ("samples", "runs", "determined", "finding")
    assert [{name: row[name] for name in told} for row in rows] == [
        {name: row.get(name) for name in told} for row in case["rows"]
    ]


def run(number: int, on: datetime.date, **more: Any) -> dict[str, Any]:
    read = [{"control": "M100", "value": "98"}, {"control": "NTC", "value": None}]
    return {
        "event": "AssayResultRecorded", "result": f"R{number}", "sample": "B1", "assay": "psq",
        "purpose": "randomisation", "technically_valid": True, "on": on,
        "controls": read, "internal_control": "not_applicable",
        "measurements": [
            {"measurement": f"CPG{each}", "value": "9", "quality": "passed"}
            for each in range(74, 79)
        ],
        **more,
    }  # fmt: skip


def _runs() -> Tables:
    """Six runs: two that can be read, and one for each reason why a run cannot be."""
    first, second = datetime.date(2024, 3, 30), datetime.date(2024, 4, 2)
    low = [{"control": "M100", "value": "80"}, {"control": "NTC", "value": "41"}]
    runs = [
        run(1, first), run(2, first, controls=low), run(3, second, sample="B2"),
        run(4, second, technically_valid=False, failure="no signal", measurements=[]),
        run(5, second, measurements=[]), run(6, second),
    ]  # fmt: skip
    samples = [
        {"event": event, "sample": sample, "on": first, **said}
        for sample, cells in (("B1", "60"), ("B2", "10"))
        for event, said in (
            ("SampleCollected", {"material": "ffpe"}),
            ("SampleReceived", {"adequate": True, "tumour_cells": cells}),
        )
    ]
    found = tables_of([*samples, *runs])
    for rule in RULES:
        found[rule.produces] = rule.rule(found, STRICT)
    return found


def test_controls_by_run_and_what_each_has_to_read() -> None:
    found = run_controls(_runs(), STRICT)
    assert found.filter(result="R2").select("control", "value", "signal", "within").rows() == [
        ("M100", 80.0, True, False), ("NTC", 41.0, True, False),
    ]  # fmt: skip
    assert found.filter(result="R1").select("control", "value", "signal", "within").rows() == [
        ("M100", 98.0, True, True), ("NTC", 0.0, False, True),
    ]  # fmt: skip
    values = found.filter(control="M100")["value"]
    mean, deviation = spread(values) or (0.0, 0.0)
    assert (mean, round(deviation, 6)) == (95.0, 7.348469), "5 of 98 and one of 80; sqrt(54)"
    assert spread(values[:1]) is None


def test_runs_that_failed_are_counted_by_reason_and_quarter() -> None:
    rows = failures(run_quality(_runs()))
    told = rows.select("quarter", "runs", "interpretable", "technical", "control", "sample",
                       "other", pl.col("failed").round(6))  # fmt: skip
    assert told.rows() == [
        ("2024-Q1", 2, 1, 0, 1, 0, 0, 0.5),
        ("2024-Q2", 4, 1, 1, 0, 1, 1, 0.75),
        ("all", 6, 2, 1, 1, 1, 1, 0.666667),
    ]


def test_many_subjects_at_once_are_as_one_by_one() -> None:
    """The same names of samples in every replicate: nobody's touch another's."""
    plan, today = plan_of({}), day(20)
    assert today is not None
    parts = [
        derived(case["history"], plan, replicate=number)
        for number, case in enumerate(CASES["queue"])
    ]
    alone = pl.concat([sample_work(each, plan, today) for each in parts])
    at_once = together(parts)
    for rule in RULES:
        at_once[rule.produces] = rule.rule(at_once, plan)
    found = sample_work(at_once, plan, today)
    assert found.rows() == alone.rows()
