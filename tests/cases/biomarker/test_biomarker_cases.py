"""Marker status from assay results: tables that a pathologist can read, against the rules."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.rules import RULES
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
PLANS = {
    name: BiomarkerPlan.model_validate(plan)
    for name, plan in read_cases(HERE / "marker_plan.yaml").items()
}
TUMOURS = [
    pytest.param(group["plan"], tumour, id=f"{title}-{number}")
    for title, group in read_cases(HERE / "marker_status.yaml").items()
    for number, tumour in enumerate(group["tumours"])
]
HISTORIES = [pytest.param(case, id=case["case"]) for case in read_cases(HERE / "histories.yaml")]
CODES = {
    "psq": [f"CPG{number}" for number in range(74, 79)],
    "ihc": ["negative", "weak", "moderate", "strong"],
    "panel": ["tmb"],
}
FIRST = datetime.date(2024, 1, 1)


def result(step: dict[str, Any], number: int, on: Any) -> Iterator[dict[str, Any]]:
    """The results that one line of a table stands for."""
    for assay in (name for name in CODES if name in step):
        values = step[assay] if isinstance(step[assay], list) else [step[assay]]
        control = "positive" if assay == "ihc" else "not_applicable"
        yield {
            "event": "AssayResultRecorded",
            "on": step.get("on", on),
            "result": f"R{number}-{assay}",
            "sample": "S1",
            "assay": assay,
            "purpose": "redetermination" if step.get("again") else "randomisation",
            "technically_valid": "failure" not in step,
            "failure": step.get("failure"),
            "internal_control": step.get("control", control),
            "measurements": [
                measurement(code, str(value))
                for code, value in zip(CODES[assay], values, strict=False)
            ],
        }  # fmt: skip


def measurement(code: str, text: str) -> dict[str, Any]:
    if text == "-":
        return {"measurement": code, "quality": "failed"}
    quality = "failed" if text.startswith("x") else "passed"
    return {"measurement": code, "value": text.removeprefix("x"), "quality": quality}


RANDOMISED = {
    "event": "Randomised", "scheme": "main", "scheme_version": "1", "allocation": 1, "stratum": "x",
    "stratum_allocation": 1, "factors": [], "marker_status": "X", "status_rule": "x", "arm": "A",
}  # fmt: skip
SAMPLE = {"event": "SampleCollected", "sample": "S1", "material": "ffpe", "on": FIRST}


def received(adequate: bool, on: Any) -> dict[str, Any]:
    return {"event": "SampleReceived", "sample": "S1", "adequate": adequate, "on": on}


def entries(history: list[Any]) -> Iterator[dict[str, Any]]:
    """The entries of a history; the sample comes first, each step a day later."""
    yield SAMPLE
    results: list[str] = []
    seq, first_result = 1, 0
    for number, step in enumerate(history, start=1):
        on = FIRST + datetime.timedelta(days=number)
        if step == "randomised":
            found = [{**RANDOMISED, "on": on}]
        elif step == "frozen":
            found = [{"event": "RedeterminationFrozen", "on": on, "subject": None, "as_of": seq}]
        elif step in ("adequate", "inadequate"):
            found = [received(step == "adequate", on)]
        elif "invalidated" in step:
            name = results[step["invalidated"] - 1]
            found = [
                {"event": "AssayResultInvalidated", "on": on, "result": name, "finding": "mixed up"}
            ]
        elif "corrected" in step:
            change = step["corrected"]
            found = [
                {
                    "event": "Corrected", "on": on, "target": first_result, "target_version": 1,
                    "item": f"measurements/{change['measurement']}/value",
                    "old": f'"{change["from"]}"', "new": f'"{change["to"]}"',
                }
            ]  # fmt: skip
        else:
            found = list(result(step, number, on))
            results += [each["result"] for each in found]
            first_result = first_result or seq + 1
        seq += len(found)
        yield from found


def derived(tables: dict[str, pl.DataFrame], plan: BiomarkerPlan) -> dict[str, pl.DataFrame]:
    """The tables with every derived one added."""
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, plan)
    return tables


def statuses(tables: dict[str, pl.DataFrame], plan: BiomarkerPlan, basis: str) -> dict[str, str]:
    found = derived(tables, plan)["marker_status"].filter(pl.col("basis") == basis)
    return {rule: status or "none" for rule, status in found.select("rule", "status").iter_rows()}


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize(("plan", "tumour"), TUMOURS)
def test_tumour(plan: str, tumour: dict[str, Any]) -> None:
    history = [SAMPLE, received(not tumour.get("inadequate", False), FIRST)]
    tables = tables_of([*history, *result(tumour, 1, FIRST)])
    rules = [rule.version for rule in PLANS[plan].marker.rules]
    for basis in ("randomisation", "redetermination"):
        assert statuses(tables, PLANS[plan], basis) == {rule: tumour[rule] for rule in rules}
    if "finding" in tumour:
        assert tables["assay_value"]["finding"].to_list() == [tumour["finding"]]
    else:
        assert tables["assay_value"].filter("interpretable").height >= 1


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", HISTORIES)
def test_history(case: dict[str, Any]) -> None:
    tables = tables_of(entries(case["history"]))
    for basis, expected in (
        ("randomisation", case["as_randomised"]),
        ("redetermination", case["as_redetermined"]),
    ):
        assert statuses(tables, PLANS["mgmt"], basis)["jco-2024"] == expected


def test_the_two_versions_part_the_same_tumours_differently() -> None:
    """Every tumour above 8 % and below 9 % is deficient in 2023 and proficient in 2024."""
    values = [f"{hundredths / 100:.2f}" for hundredths in range(790, 911)]
    parts = [
        tables_of([SAMPLE, *result({"psq": [value] * 5}, 1, FIRST)], replicate=number)
        for number, value in enumerate(values)
    ]
    tables = together(parts)
    found = derived(tables, PLANS["mgmt"])["marker_status"].filter(basis="randomisation")
    wide = found.pivot("rule", index="replicate", values="status").sort("replicate")
    differ = wide.filter(pl.col("jco-2024") != pl.col("esmo-2023"))
    assert [values[number] for number in differ["replicate"]] == [
        f"{hundredths / 100:.2f}" for hundredths in range(801, 900)
    ]


def test_sources_name_the_result_its_correction_and_what_invalidated_it() -> None:
    tables = tables_of(
        entries(
            [
                {"psq": [9, 9, 9, 9, 9]},
                {"corrected": {"measurement": "CPG78", "from": "9", "to": "8"}},
                {"invalidated": 1},
            ]
        )
    )
    value = derived(tables, PLANS["mgmt"])["assay_value"]
    assert value["sources"].to_list() == [[2, 3, 4]]
    assert value.select("total", "count", "invalidated").row(0) == (440_000, 5, True)
    status = tables["marker_status"]
    assert set(status["status"]) == {None}
    # Nothing counts any more: the sample is all there is.
    assert status["sources"].to_list() == [[1]] * 4


def test_no_status_names_the_results_that_were_considered() -> None:
    tables = tables_of(entries([{"psq": [9, 9, "-", "-", "-"]}, {"ihc": [50, 49, 0, 0]}]))
    assert derived(tables, PLANS["mgmt"])["marker_status"]["sources"].to_list() == [[2, 3]] * 4


def test_an_assay_that_the_version_does_not_declare_is_a_finding() -> None:
    tables = tables_of([SAMPLE, *result({"panel": 12}, 1, FIRST)])
    value = derived(tables, PLANS["mgmt"])["assay_value"]
    assert value["finding"].to_list() == ["the assay panel is not declared"]
    assert value["total"].to_list() == [None]


def test_nothing_in_nothing_out() -> None:
    tables = derived(tables_of([]), PLANS["mgmt"])
    for rule in RULES:
        assert tables[rule.produces].is_empty()
        assert dict(tables[rule.produces].schema) == dict(pl.Schema(rule.columns))
