"""A result of a laboratory answers the question of a form: cases that a clinician can read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.record.rule import KEY
from equipoise.record.scaled import ANSWER_PLACES
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from equipoise.treatment.answers import items_read
from tests.harness.history import read_cases, tables_of, together

STUDY = load_study("mgmt-net")
CASES = read_cases(Path(__file__).parent / "laboratory_answers.yaml")
FORMS = {item.code: form.code for form in STUDY.visits.forms for item in form.items}


def entries(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"event": "SubjectScreened", "on": "2024-01-01"}
    for number, step in enumerate(case["record"], start=2):
        ((kind, said),) = step.items()
        if kind == "correct":
            yield {"event": "Corrected", "target_version": 1, **said}
            continue
        values = {name: value for name, value in said.items() if name != "on"}
        yield {"on": said["on"], **(form if kind == "form" else report)(values, str(number))}


def form(values: dict[str, Any], instance: str) -> dict[str, Any]:
    items = []
    for code, value in values.items():
        answer = {"value_missing": value["missing"]} if isinstance(value, dict) else {}
        items.append({"item": code, **answer})
        if not answer and value != "open":
            items[-1]["value"] = value
    (name,) = {FORMS[code] for code in values}
    return {"event": "FormSaved", "form": name, "instance": instance, "items": items}


def report(values: dict[str, str], name: str) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    for analyte, said in values.items():
        value, _, unit = said.partition(" ")
        results.append({"analyte": analyte, "unit": unit or "10^9/L"})
        results[-1] |= {"value_missing": "sample_failed"} if value == "none" else {"value": value}
    return {"event": "LaboratoryReported", "report": name, "results": results}


def scaled(text: str | None) -> int | None:
    return None if text is None else int(Decimal(text).scaleb(ANSWER_PLACES))


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_answer_that_counts(case: dict[str, Any]) -> None:
    tables = tables_of(entries(case))
    expect = dict(case["expect"])
    by, reason = expect.pop("by", None), expect.pop("reason", None)
    ((code, value),) = expect.items()
    found = derive(tables, STUDY, upto="subject_item")
    wide = found["subject_item"].row(0, named=True)
    assert wide[code] == (None if value is None else Decimal(value))
    assert wide["item_sources"][code] == by
    latest = found["item"].filter(item=code).row(0, named=True)
    assert (latest["form"], latest["value"], latest["value_missing"]) == (
        FORMS[code],
        value,
        reason,
    )
    if code in items_read(STUDY.treatment):
        given = derive(found, STUDY, upto="dosing_answer")["dosing_answer"].filter(item=code)
        day = latest["occurred"]
        assert given.filter(occurred=day)["value"].to_list()[-1] == scaled(value)
        assert given["occurred"].max() == day


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_what_a_form_and_a_report_do_not_agree_on(case: dict[str, Any]) -> None:
    found = derive(tables_of(entries(case)), STUDY, upto="answer_discrepancy")
    told = found["answer_discrepancy"].select("item", "on_form", "reported").rows()
    if "apart" in case:
        assert told == [tuple(case["apart"].values())]
        assert found["answer_discrepancy"]["sources"].to_list() == [[2, 3]]
    elif case.get("because", "").startswith("the latest value is not known"):
        (item,) = case["expect"]
        assert told == [(item, None, "not convertible")]
    else:
        assert told == []


@pytest.mark.requirement("LB1")
def test_each_subject_of_each_trial_keeps_its_own_answers() -> None:
    tables = ("item", "dosing_answer", "answer_discrepancy")
    parts = [
        tables_of(entries(case), subject=f"01-{number % 7:03}", replicate=number)
        for number, case in enumerate(CASES)
    ]
    whole = together(parts)
    for table in tables:
        alone = pl.concat([derive(part, STUDY, upto=table)[table] for part in parts])
        found = derive(whole, STUDY, upto=table)[table]
        order = [*KEY, "item"]
        assert found.sort(order, maintain_order=True).equals(
            alone.sort(order, maintain_order=True)
        ), table
