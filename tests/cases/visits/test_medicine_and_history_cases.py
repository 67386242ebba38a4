"""Medicines and conditions of the history answer the question of a form: cases for a clinician."""

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
CASES = read_cases(Path(__file__).parent / "medicines_and_history.yaml")
ITEM = "contraindication"
TOLD = {"yes": True, "no": False, "unknown": None}
SAID: dict[str, dict[str, str]] = {"yes": {"value": "true"}, "no": {"value": "false"}, "open": {}}


def entries(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"event": "SubjectScreened", "on": "2024-01-01"}
    for number, step in enumerate(case["record"], start=2):
        kind, said = next(iter(step.items()))
        course = {"start": step.get("from"), "end": step.get("to")}
        if kind == "form":
            yield {
                "event": "FormSaved", "on": "2024-01-02", "form": "eligibility_statement",
                "instance": "1", "items": [{"item": ITEM, **SAID[said]}],
            }  # fmt: skip
        elif kind == "medicine":
            missing = {"drug_class_missing": "not_applicable"} if said is None else {}
            yield {
                "event": "ConcomitantMedicationRecorded", "on": step.get("on", "2024-01-08"),
                "entry": f"M{number}", "drug": "a medicine", "drug_class": said, **missing,
                **course, "ongoing": "to" not in step and "ended" not in step,
            }  # fmt: skip
        elif kind == "condition":
            back = {"term": None, "term_missing": "not_applicable"}
            named = back if step.get("taken_back") else {"term": "A condition"}
            yield {
                "event": "MedicalHistoryRecorded", "on": "2024-01-08", "entry": f"H{number}",
                **named, "condition": said, **course, "ongoing": "to" not in step,
            }  # fmt: skip
        elif kind == "confirmed":
            yield {"event": "EligibilityConfirmed", "on": said, "study_version_judged": "1.0"}
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


@pytest.mark.requirement("LB1", "RN3")
def test_the_criterion_reads_it() -> None:
    """Exclusion criterion 4 of a subject who takes brivudine, whatever the form says."""
    found = derive(tables_of(entries(CASES[0])), STUDY, upto="criterion_verdict")
    assert found["criterion_verdict"].filter(criterion="E4")["met"].item() is False


def test_each_subject_of_each_trial_keeps_its_own() -> None:
    check_each_keeps_its_own([entries(case) for case in CASES], STUDY)
