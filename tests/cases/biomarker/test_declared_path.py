"""What is done when nothing can be read: cases of the declared path."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.biomarker.path import PLACES, standing_on
from equipoise.biomarker.plan import BiomarkerPlan, DeclaredPath, Replicates
from equipoise.biomarker.rules import RULES
from equipoise.record.tables import Tables
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
PLAN = BiomarkerPlan.model_validate(read_cases(HERE / "marker_plan.yaml")["mgmt"])
GROUPS = dict(read_cases(HERE / "declared_path.yaml"))
PATH = GROUPS.pop("path")
AGAIN = GROUPS.pop("redetermination")
EVERY = [case for group in GROUPS.values() for case in group]
CASES = [pytest.param(case, id=case["case"]) for case in EVERY]
FIRST = datetime.date(2024, 1, 1)
RANDOMISED = {
    "event": "Randomised", "scheme": "main", "scheme_version": "1", "allocation": 1, "stratum": "x",
    "stratum_allocation": 1, "factors": [], "marker_status": "X", "status_rule": "x", "arm": "A",
}  # fmt: skip


def day(number: int | None) -> datetime.date | None:
    return None if number is None else FIRST + datetime.timedelta(days=number)


def run(line: dict[str, Any], assay: str, number: int) -> dict[str, Any]:
    sample, read = line[assay]
    values = {f"CPG{position}": read for position in range(74, 79)}
    if assay == "ihc" and read != "failed":
        values = {"negative": 100 - read, "weak": read, "moderate": 0, "strong": 0}
    failed = read == "failed"
    return {
        "event": "AssayResultRecorded", "result": f"R{number}", "sample": sample, "assay": assay,
        "purpose": "redetermination" if line.get("again") else "randomisation",
        "determination": line.get("determination"), "technically_valid": not failed,
        "failure": "no signal" if failed else None,
        "internal_control": "positive",
        "measurements": [] if failed else [
            {"measurement": code, "value": str(value), "quality": "passed"}
            for code, value in values.items()
        ],
    }  # fmt: skip


def entry(line: dict[str, Any], number: int) -> dict[str, Any]:
    if assay := next((each for each in ("psq", "ihc") if each in line), None):
        return run(line, assay, number)
    if "collected" in line:
        return {
            "event": "SampleCollected", "sample": line["collected"],
            "material": line.get("material", "ffpe"), "step": line.get("step"),
        }  # fmt: skip
    if "received" in line:
        fit = line.get("adequate", True)
        return {"event": "SampleReceived", "sample": line["received"], "adequate": fit}
    if "cut" in line:
        return {
            "event": "SampleDerived", "sample": line["cut"], "parent": line["of"],
            "kind": "section", "step": line.get("step"),
        }  # fmt: skip
    if "consent" in line:
        return {"event": "ConsentSigned", "consent": line["consent"], "version": "1"}
    return RANDOMISED if line["event"] == "randomised" else {"event": "SubjectScreened"}


def entries(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(case["history"], start=1):
        yield {**entry(line, number), "on": day(line["day"])}


def plan_of(case: dict[str, Any]) -> BiomarkerPlan:
    otherwise = case.get("then", {})
    path = None if otherwise is None else DeclaredPath.model_validate({**PATH, **otherwise})
    assays = PLAN.marker.assays
    if needed := case.get("needed"):
        twice = Replicates(most_apart="5", needed=needed, at_most=3)  # type: ignore[arg-type]
        assays = (assays[0].model_copy(update={"replicates": twice}), *assays[1:])
    rules = PLAN.marker.rules
    if version := case.get("rule"):
        alone = rules[0].model_copy(update={"version": version, "steps": rules[0].steps[-1:]})
        rules = (*rules, alone)
    marker = PLAN.marker.model_copy(update={"path": path, "assays": assays, "rules": rules})
    return PLAN.model_copy(update={"marker": marker})


def stands(case: dict[str, Any], tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, plan)
    found = tables["marker_path"].filter(rule=case.get("rule", plan.marker.rule_in_force))
    if "on" not in case:
        return found
    return standing_on(found, pl.Series([day(case["on"])] * len(found)), plan)


def expected(case: dict[str, Any]) -> dict[str, Any]:
    days = {name: day(case["stands"].get(name)) for name in ("due", "deadline", "decided")}
    said = {name: case["stands"].get(name) for name in ("place", "step", "status", "finding")}
    return {**said, **days}


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    found = stands(case, tables_of(entries(case)), plan_of(case)).row(0, named=True)
    assert {name: found[name] for name in expected(case)} == expected(case)


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", AGAIN, ids=lambda case: case["case"])
def test_what_is_determined_again(case: dict[str, Any]) -> None:
    tables, plan = tables_of(entries(case)), plan_of(case)
    stands(case, tables, plan)
    found = tables["marker_status"].filter(basis="redetermination", rule="jco-2024")["status"]
    assert (found.item() or "none") == case["as_redetermined"]


@pytest.mark.requirement("BM1")
def test_many_trials_at_once_are_as_one_by_one() -> None:
    """The same names in every replicate: nobody's samples touch another's."""
    alike = [case for case in EVERY if not {"then", "on", "needed", "rule"} & set(case)]
    parts = [tables_of(entries(case), replicate=number) for number, case in enumerate(alike)]
    found = stands({}, together(parts), PLAN.model_copy(update={"marker": plan_of({}).marker}))
    assert [
        {name: row[name] for name in expected(case)}
        for row, case in zip(found.iter_rows(named=True), alike, strict=True)
    ] == [expected(case) for case in alike]
    by_rule = found["sources"].to_list()
    assert all(each == sorted(set(each)) for each in by_rule)


def test_the_sources_of_a_missing_status_are_what_was_tried() -> None:
    """Reception (2) begins the days; both runs (3, 4) are why; the judgement of a block is, too."""
    failed, unfit = (
        next(each for each in EVERY if each["case"] == name)
        for name in ("both assays failed", "the block is inadequate")
    )
    for case, sources in ((failed, [2, 3, 4]), (unfit, [2])):
        assert stands(case, tables_of(entries(case)), plan_of(case))["sources"].to_list() == [
            sources
        ]


def test_every_place_has_a_case() -> None:
    assert {case["stands"]["place"] for case in EVERY} == set(PLACES)
