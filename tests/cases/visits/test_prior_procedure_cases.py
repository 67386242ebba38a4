"""A procedure that was done before entry answers the question of a form: cases for a clinician."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.answered import ALLOCATED, apart, check_each_keeps_its_own
from tests.harness.history import read_cases, tables_of

STUDY = load_study("mgmt-net")
CASES = read_cases(Path(__file__).parent / "prior_procedures.yaml")
ITEM = "prior_surgery"
TOLD = {"yes": True, "no": False, "unknown": None}
SAID: dict[str, dict[str, str]] = {"yes": {"value": "true"}, "no": {"value": "false"}, "open": {}}


def entries(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"event": "SubjectScreened", "on": "2024-01-01"}
    for number, step in enumerate(case["record"], start=2):
        ((kind, said), *dated) = step.items()
        if kind == "form":
            items = [{"item": ITEM, **SAID[said]}]
            yield {
                "event": "FormSaved", "on": "2024-01-02", "form": "prior_therapies",
                "instance": "1", "items": items,
            }  # fmt: skip
        elif kind == "procedure":
            missing = {"procedure_missing": "not_applicable"} if said is None else {}
            named = {"entry": f"P{number}", "procedure": said, **missing}
            yield {"event": "ProcedureRecorded", **named, **dict(dated)}
        elif kind == "therapy":
            yield {"event": "PriorTherapyRecorded", "entry": f"T{number}", "therapy": said}
        elif kind == "randomised":
            yield {"event": "Randomised", "on": said, **ALLOCATED}
        else:
            yield {"event": "ScreeningFailed", "on": said, "cause": "declined"}


@pytest.mark.requirement("LB1", "RN3")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_answer_that_counts(case: dict[str, Any]) -> None:
    row = derive(tables_of(entries(case)), STUDY, upto="subject_item")["subject_item"].row(
        0, named=True
    )
    assert row[ITEM] is TOLD[case["expect"]]
    assert row["item_sources"][ITEM] == case.get("by")


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_where_form_and_entries_do_not_agree(case: dict[str, Any]) -> None:
    told = case.get("apart")
    assert apart(entries(case), STUDY) == ([(ITEM, *told.values())] if told else [])


def test_each_subject_of_each_trial_keeps_its_own() -> None:
    check_each_keeps_its_own([entries(case) for case in CASES], STUDY)
