"""Adverse events and grades: tables that a clinician can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.errors import BadInput
from equipoise.record.partial_date import Imputation
from equipoise.safety.ctcae import (
    check_grade,
    check_report,
    ctcae_term,
    ctcae_terms,
    grade_allowed,
)
from equipoise.safety.events import AdverseEventReported
from equipoise.safety.plan import ReportingClocks, SafetyPlan
from equipoise.safety.rules import RULES, adverse_event
from equipoise.treatment.plan import BodySurfaceArea, TreatmentPlan
from equipoise.treatment.rules import exposure, planned_dose
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
PLAN = SafetyPlan(
    grading="ctcae_5",
    days_after_last_dose=30,
    clocks=ReportingClocks(
        site_to_sponsor_hours=24, fatal_days=7, fatal_follow_up_days=8, other_days=15
    ),
)
EARLIEST = PLAN.model_copy(update={"partial_onset": Imputation(method="earliest")})
NO_REGIMENS = TreatmentPlan(regimens=(), body_surface_area=BodySurfaceArea(formula="mosteller"))
CASES = read_cases(HERE / "adverse_events.yaml")
GRADES = read_cases(HERE / "ctcae.yaml")
DOSES = ["2024-03-01", "2024-06-10"]


def doses_of(case: dict[str, Any]) -> dict[str, list[Any]]:
    return {"d": case.get("doses", DOSES), "e": case.get("second_drug", [])}


def recorded(case: dict[str, Any]) -> list[dict[str, Any]]:
    name = {"adverse_event": "AE1"}
    entries: list[dict[str, Any]] = [
        {"event": "DoseGiven", "on": day, "cycle": 1, "day": 1, "drug": drug, "amount": "100"}
        for drug, days in doses_of(case).items()
        for day in days
    ]
    entries.append(
        {
            "event": "AdverseEventReported", "on": case["on"], **name, "outcome": "unknown",
            "term": case.get("term", "Fatigue"), "grade": case.get("grade", 2),
            "serious": case.get("serious", False),
        }
    )  # fmt: skip
    entries += [
        {"event": "AdverseEventFollowedUp", **name, "grade": grade, "outcome": "unknown", "on": day}
        for day, grade in [
            *((None, each) for each in case.get("later", [])),
            *case.get("followed", []),
        ]
    ]
    if case.get("sae"):
        entries.append(
            {"event": "SeriousAdverseEventReported", **name, "report": 1,
             "criteria": ["hospitalisation"], "aware": "2024-05-06"}
        )  # fmt: skip
    entries += [
        {"event": "CausalityAssessed", **name, "opinion_of": who, "drug": "d", "related": opinion}
        for who, opinion in case.get("opinions", [])
    ]
    return entries


def derived(tables: dict[str, pl.DataFrame], plan: SafetyPlan = PLAN) -> pl.DataFrame:
    tables["planned_dose"] = planned_dose(tables, NO_REGIMENS)
    tables["exposure"] = exposure(tables, NO_REGIMENS)
    return adverse_event(tables, plan)


@pytest.mark.requirement("SA1", "DT1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_adverse_event(case: dict[str, Any]) -> None:
    entries = recorded(case)
    row = derived(tables_of(entries)).row(0, named=True)
    shown = {
        "emergent": row["treatment_emergent"],
        "worst": row["grade"],
        "is_serious": row["serious"],
        "related": row["related"],
        "worsened": row["worsened"],
        "class": row["system_organ_class"] or "none",
    }
    assert {name: case[name] for name in shown if name in case} == {
        name: value for name, value in shown.items() if name in case
    }
    doses = sum(len(days) for days in doses_of(case).values())
    assert row["sources"] == list(range(doses + 1, len(entries) + 1))
    assert (row["onset"] is None) == (len(str(case["on"])) != len("YYYY-MM-DD"))


@pytest.mark.requirement("DT1")
@pytest.mark.parametrize(
    ("on", "onset", "flag"),
    [
        ("2024-05-05", "2024-05-05", None),
        ("2024-02", "2024-02-01", "D"),
        ("2024-03", "2024-03-01", "D"),
        ("2024-05", "2024-05-01", "D"),
        ("2024", "2024-03-01", "M"),
        ("2023", "2023-01-01", "M"),
        (None, None, None),
    ],
)
def test_the_day_that_stands_for_a_partly_known_onset(
    on: str | None, onset: str | None, flag: str | None
) -> None:
    """The earliest, moved to the first dose (2024-03-01) where that is possible."""
    case = {"on": on}
    row = derived(tables_of(recorded(case)), EARLIEST).row(0, named=True)
    assert (row["onset"] and row["onset"].isoformat(), row["onset_flag"]) == (onset, flag)
    declared = derived(tables_of(recorded(case))).row(0, named=True)
    assert row["treatment_emergent"] == declared["treatment_emergent"]


def test_each_event_of_each_subject_keeps_its_own() -> None:
    """Two subjects of two replicates use the same numbers for their adverse events."""
    parts = [
        tables_of(recorded(case), replicate=number % 2, subject=f"01-00{number // 2}")
        for number, case in enumerate(CASES[:4] + CASES[19:23])
    ]
    alone = pl.concat([derived(dict(part)) for part in parts])
    both = derived(together(parts))
    assert both.equals(alone.sort("replicate", "subject", "adverse_event"))


@pytest.mark.parametrize("case", GRADES, ids=lambda case: case["term"])
def test_grades_of_ctcae(case: dict[str, Any]) -> None:
    assert ctcae_term(case["term"]).system_organ_class == case["class"]
    assert [grade for grade in range(1, 6) if grade_allowed(case["term"], grade)] == case["has"]
    for grade in case["has"]:
        check_grade(case["term"], grade)
    for grade in case["has_not"]:
        with pytest.raises(BadInput, match=f"grade: found '{grade}'; must be a grade that CTCAE 5"):
            check_grade(case["term"], grade)


def test_the_standard_is_whole() -> None:
    """837 terms in 26 classes; every term has a grade, and every grade a wording."""
    terms = ctcae_terms().values()
    assert len(terms) == 837
    assert len({term.system_organ_class for term in terms}) == 26
    assert all(term.wordings and all(term.wordings.values()) for term in terms)
    assert sum(term.needs_specification for term in terms) == 26
    assert {grade for term in terms for grade in term.wordings} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("Neutropenia", "Febrile neutropenia"),
        ("anaemia", "Anemia"),
        ("neutrophil count decreased", "Neutrophil count decreased"),
    ],
)
def test_an_unknown_term_names_the_nearest(written: str, nearest: str) -> None:
    with pytest.raises(BadInput) as refusal:
        ctcae_term(written)
    assert f"found '{written}'; must be a term of CTCAE 5; perhaps" in str(refusal.value)
    assert nearest in str(refusal.value)


def test_a_term_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(BadInput) as refusal:
        ctcae_term("zzzzzz")
    assert str(refusal.value) == "term: found 'zzzzzz'; must be a term of CTCAE 5."


@pytest.mark.parametrize(
    ("specified", "accepted"), [(None, False), ("  ", False), ("Hiccups", True)]
)
def test_other_says_what_it_is(specified: str | None, accepted: bool) -> None:
    body = AdverseEventReported(
        adverse_event="AE1",
        term="Gastrointestinal disorders - Other, specify",
        specified=specified,
        grade=1,
        outcome="unknown",
    )
    if specified == "Hiccups":
        check_report(body)
    else:
        with pytest.raises(BadInput, match="specified: must say what the event is"):
            check_report(body)


def test_nothing_in_nothing_out() -> None:
    tables = tables_of([])
    found = derived(tables)
    assert found.is_empty()
    assert dict(found.schema) == dict(pl.Schema(RULES[0].columns))
