"""A prior therapy that is recorded answers the question of a form: cases for a clinician."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.answered import apart, check_each_keeps_its_own
from tests.harness.history import read_cases, tables_of

STUDY = load_study("mgmt-net")
CASES = read_cases(Path(__file__).parent / "prior_therapies.yaml")
ITEM = "prior_oxaliplatin"
TOLD = {"yes": True, "no": False, "unknown": None}


def entries(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"event": "SubjectScreened", "on": "2024-01-01"}
    for number, step in enumerate(case["record"], start=2):
        ((kind, said), *dated) = step.items()
        therapy = {"entry": f"T{number}", "therapy": said, "on": "2024-01-03", **dict(dated)}
        if kind == "form":
            yield form(said)
        elif kind == "entry":
            yield {"event": "PriorTherapyRecorded", **therapy}
        elif kind == "later":
            yield {"event": "SubsequentTherapyRecorded", **therapy}
        else:
            old = json.dumps(said["from"])
            new = {"new_missing": "not_applicable"}
            if said["to"] is not None:
                new = {"new": json.dumps(said["to"])}
            yield {
                "event": "Corrected", "target": said["of"], "target_version": 1, "item": "therapy",
                "old": old, **new,
            }  # fmt: skip


def form(said: str) -> dict[str, Any]:
    answer = {"yes": {"value": "true"}, "no": {"value": "false"}, "open": {}}
    items = [
        {"item": ITEM, **answer.get(said, {"value_missing": said})},
        {"item": "prior_alkylating_agent", "value": "false"},
    ]
    saved = {"event": "FormSaved", "on": "2024-01-02", "form": "prior_therapies"}
    return {**saved, "instance": "1", "items": items}


@pytest.mark.requirement("LB1", "RN3")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_answer_that_counts(case: dict[str, Any]) -> None:
    found = derive(tables_of(entries(case)), STUDY, upto="criterion_verdict")
    row = found["subject_item"].row(0, named=True)
    assert row[ITEM] is TOLD[case["expect"]]
    assert row["item_sources"][ITEM] == case.get("by")
    if "by" in case:
        (latest,) = found["item"].filter(item=ITEM).iter_rows(named=True)
        assert (latest["form"], latest["sources"]) == ("prior_therapies", [case["by"]])
    verdict = found["criterion_verdict"].filter(criterion="E1").row(0, named=True)
    silent = not any("form" in step for step in case["record"])
    excluded = TOLD[case["excluded"]]
    assert verdict["met"] is (None if excluded is None else not excluded)
    missing = [ITEM] + ["prior_alkylating_agent"] * silent if excluded is None else []
    assert verdict["missing_items"] == missing
    assert case.get("by", 1) in [1, *verdict["sources"]]


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_where_form_and_entries_do_not_agree(case: dict[str, Any]) -> None:
    told = case.get("apart")
    assert apart(entries(case), STUDY) == ([(ITEM, *told.values())] if told else [])


def test_each_subject_of_each_trial_keeps_its_own() -> None:
    check_each_keeps_its_own([entries(case) for case in CASES], STUDY)
