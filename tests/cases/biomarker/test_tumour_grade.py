"""Grade and differentiation, local and central: cases that a pathologist can read."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.biomarker.grade import TUMOUR_GRADE, tumour_grade
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.record.tables import Tables
from equipoise.study.load import load_study
from tests.harness.history import read_cases, tables_of, together

CASES = [
    pytest.param(case, id=case["case"])
    for group in read_cases(Path(__file__).parent / "tumour_grade.yaml").values()
    for case in group
]
STUDY = load_study("mgmt-net")
FIRST = datetime.date(2024, 1, 1)
ITEMS = ("grade", "differentiation", "ki67", "mitoses")


def plan_of(case: dict[str, Any]) -> BiomarkerPlan:
    pathology = STUDY.biomarker.pathology
    assert pathology is not None
    changed = {
        "analysed": case.get("analysed", "central_else_local"),
        "local": pathology.local.model_copy(update={"mitoses": "mitoses"}),
    }
    return STUDY.biomarker.model_copy(update={"pathology": pathology.model_copy(update=changed)})


def form(case: dict[str, Any], replicate: int) -> pl.DataFrame:
    """The row of subject_item: answers, and the events (101 to 104) that gave them."""
    said = case.get("form", {})
    numbers = {name: said.get(name) for name in ("ki67", "mitoses")}
    return pl.DataFrame(
        {
            "replicate": [replicate],
            "subject": ["01-001"],
            "grade": [said.get("grade")],
            "differentiation": [said.get("differentiation")],
            **{name: [None if x is None else Decimal(str(x))] for name, x in numbers.items()},
            "item_sources": [
                {name: 101 + n if name in said else None for n, name in enumerate(ITEMS)}
            ],
        },
        schema={
            "replicate": pl.Int32, "subject": pl.String, "grade": pl.String,
            "differentiation": pl.String, "ki67": pl.Decimal(18, 1), "mitoses": pl.Decimal(18, 1),
            "item_sources": pl.Struct(dict.fromkeys(ITEMS, pl.Int64)),
        },
    )  # fmt: skip


def reviews(case: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for number, line in enumerate(case.get("reviews", ()), start=1):
        if "correct" in line:
            yield {
                "event": "Corrected", "target": line["correct"], "target_version": 1,
                "item": line["item"],
                "old": json.dumps(line["from"]), "new": json.dumps(line["to"]),
                "on": FIRST + datetime.timedelta(days=number),
            }  # fmt: skip
            continue
        read = {name: str(line[name]) for name in ("ki67", "mitoses") if name in line}
        yield {
            "event": "PathologyReviewed", "review": f"P{number}", "sample": "B1",
            "classification": "who-2019", "differentiation": line.get("differentiation"), **read,
            "on": FIRST + datetime.timedelta(days=line.get("day", number)),
        }  # fmt: skip


def tables_for(case: dict[str, Any], replicate: int = 0) -> Tables:
    tables = tables_of(reviews(case), replicate=replicate)
    as_of = [case["frozen"]] if "frozen" in case else []
    frozen = pl.DataFrame(
        {"replicate": [replicate] * len(as_of), "as_of": as_of},
        schema={"replicate": pl.Int32, "as_of": pl.Int64},
    )
    return {**tables, "subject_item": form(case, replicate), "redetermination_frozen": frozen}


def expected(case: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in TUMOUR_GRADE if name in case["expected"]]
    return {name: case["expected"][name] for name in names}


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    found = tumour_grade(tables_for(case), plan_of(case))
    row = found.filter(classification=case.get("version", "who-2019")).row(0, named=True)
    unsaid = ("local", "central", "discordant", "stated_differs", "differentiation_discordant")
    assert {name: row[name] for name in case["expected"]} == expected(case)
    assert all(row[name] is None for name in unsaid if name not in case["expected"])


@pytest.mark.requirement("BM1")
def test_many_trials_at_once_are_as_one_by_one() -> None:
    cases = [each.values[0] for each in CASES if "analysed" not in each.values[0]]
    parts = [tables_for(case, number) for number, case in enumerate(cases)]
    items = pl.concat(part.pop("subject_item") for part in parts)
    found = tumour_grade({**together(parts), "subject_item": items}, plan_of({}))
    alone = pl.concat(
        tumour_grade(tables_for(case, number), plan_of({})) for number, case in enumerate(cases)
    )
    assert found.drop("sources").equals(alone.drop("sources"))


def test_the_sources_are_the_answers_and_the_review() -> None:
    """Of two reviews only the last; of the form every answer that was read."""
    case = {"form": {"grade": "G1", "ki67": 1}, "reviews": [{"ki67": 30}, {"ki67": 4}]}
    found = tumour_grade(tables_for(case), plan_of(case))
    assert found["sources"].to_list() == [[2, 101, 103]] * 2


def test_who_was_not_read_has_no_row() -> None:
    """Neither where nothing was asked, nor where the form says that it was not done."""
    for said in ({}, {"form": {"grade": None, "ki67": None}}):
        assert tumour_grade(tables_for(said), plan_of({})).is_empty()


def test_a_form_without_mitoses() -> None:
    case = {"form": {"grade": "G1", "ki67": 1, "differentiation": "WELL"}}
    found = tumour_grade(tables_for(case), STUDY.biomarker)
    assert found["local"].to_list() == ["G1", "G1"]
    assert found["sources"].to_list() == [[101, 102, 103]] * 2


def test_a_study_that_reads_no_grade_has_no_table() -> None:
    tumb = load_study("lung-tmb").biomarker
    assert tumb.pathology is None
    assert tumour_grade(tables_for({"form": {"grade": "G1"}}), tumb).is_empty()
