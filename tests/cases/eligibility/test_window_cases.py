"""Whether an answer is recent enough for entry, and what is said when it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.cases.eligibility.test_entry_cases import ALLOCATED, FILE, saved
from tests.harness.history import read_cases, tables_of, together

CASES = read_cases(Path(__file__).parent / "windows.yaml")["cases"]
STUDY = load_study("lung-tmb")


def reported(on: Any, creatinine: str) -> dict[str, Any]:
    value, unit = creatinine.split()
    results = [{"analyte": "creatinine", "value": value, "unit": unit}]
    return {"event": "LaboratoryReported", "on": on, "report": f"L-{on}", "results": results}


def history(case: dict[str, Any]) -> list[dict[str, Any]]:
    answers = {**FILE["person"], **case.get("with", {})}
    answers = {code: value for code, value in answers.items() if value != "-"}
    entries: list[dict[str, Any]] = [
        {"event": "SubjectScreened", "on": "2024-01-05"},
        {"event": "ConsentSigned", "on": "2024-01-05", "consent": "participation", "version": "1"},
        *saved("2024-01-05", "1", answers),
        *(reported(on, said) for on, said in case.get("report", {}).items()),
    ]
    if "again" in case:
        entries += saved(case["again"], "2", {"ecog_status": "1", "serum_creatinine": "80"})
    if "confirmed" in case:
        entries.append(
            {"event": "EligibilityConfirmed", "on": case["confirmed"], "study_version_judged": "1"}
        )
    if "randomised" in case:
        entries.append({"event": "Randomised", "on": case["randomised"], **ALLOCATED})
    return entries


@pytest.mark.requirement("RN3")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    derived = derive(tables_of(history(case)), STUDY, upto="entry_eligibility")
    derived = derive(derived, STUDY, upto="eligibility")
    verdicts = derived["criterion_verdict"].filter(pl.col("criterion") != "IN4")
    waiting = verdicts.filter(pl.col("met").is_null())
    assert dict(waiting.select("criterion", "out_of_window").iter_rows()) == case.get("open", {})
    assert verdicts.filter(met=False)["criterion"].to_list() == case.get("unmet", [])
    told = verdicts.filter(pl.col("met").is_not_null())["out_of_window"].list.len().sum()
    assert told == 0
    eligible = False if "unmet" in case else None if "open" in case else True
    assert derived["eligibility"]["eligible"].to_list() == [eligible]
    if "randomised" in case:
        row = derived["entry_eligibility"].row(0, named=True)
        assert row["eligible_now"] is eligible
        assert row["pending_now"] == ["IN4", *case.get("open", {})]


def test_a_later_measurement_makes_no_entry_recent() -> None:
    case = {"randomised": "2024-01-20"}
    late = saved("2024-01-25", "2", {"ecog_status": "1", "serum_creatinine": "80"})
    entries = [*history(case), *late]
    row = derive(tables_of(entries), STUDY, upto="entry_eligibility")["entry_eligibility"].row(
        0, named=True
    )
    assert (row["eligible_now"], row["pending_now"]) == (None, ["IN4", "EX2"])
    seen = derive(tables_of(entries), STUDY, upto="criterion_verdict")["criterion_verdict"]
    assert seen.filter(criterion="EX1")["met"].to_list() == [True], "as the record says now"


@pytest.mark.requirement("LB1", "RN3")
@pytest.mark.parametrize(("day", "now"), [("2024-01-19", False), ("2024-01-20", True)])
def test_a_report_counts_for_entry_up_to_the_day_of_entry(day: str, now: bool) -> None:
    """Whenever it is recorded: creatinine of 2.2 mg/dL excludes."""
    cycle = {"event": "CycleStarted", "on": "2024-01-22", "cycle": 1, "regimen": "DOUBLET",
              "height": "170", "weight": "70"}  # fmt: skip
    entries = [*history({"randomised": "2024-01-19"}), cycle, reported(day, "2.2 mg/dL")]
    found = derive(tables_of(entries), STUDY, upto="entry_eligibility")
    row = found["entry_eligibility"].row(0, named=True)
    assert (row["eligible_now"], row["unmet_now"]) == (now, [] if now else ["EX2"])
    seen = found["criterion_verdict"].filter(criterion="EX2")
    assert seen["met"].to_list() == [False], "the record says so today"


def test_each_subject_is_judged_on_its_own_day() -> None:
    parts, alone = [], []
    for number, case in enumerate(CASES):
        part = tables_of(history(case), subject=f"{number:02}-001", replicate=number % 3)
        shift = {name: pl.col(name) + 100 * number for name in ("seq", "event")}
        parts.append({name: frame.with_columns(**shift) for name, frame in part.items()})
        alone.append(derive(parts[-1], STUDY, upto="criterion_verdict")["criterion_verdict"])
    both = derive(together(parts), STUDY, upto="criterion_verdict")["criterion_verdict"]
    assert both.equals(pl.concat(alone).sort("replicate", "subject", "criterion"))


@pytest.mark.parametrize(
    ("answer", "met"), [("NEGATIVE", None), ("POSITIVE", False), ("NOT_APPLICABLE", True)]
)
def test_only_a_negative_pregnancy_test_goes_out_of_date(answer: str, met: bool | None) -> None:
    """Five weeks before the confirmation: a man stays a man, and a positive test positive."""
    form = {
        "event": "FormSaved", "on": "2024-01-05", "form": "pregnancy", "instance": "1",
        "items": [
            {"item": "pregnancy_test", "value": answer},
            {"item": "breastfeeding", "value": "false"},
        ],
    }  # fmt: skip
    confirmed = {"event": "EligibilityConfirmed", "on": "2024-02-09", "study_version_judged": "1"}
    entries = [{"event": "SubjectScreened", "on": "2024-01-05"}, form, confirmed]
    found = derive(tables_of(entries), load_study("mgmt-net"), upto="criterion_verdict")
    assert found["criterion_verdict"].filter(criterion="E2")["met"].to_list() == [met]
