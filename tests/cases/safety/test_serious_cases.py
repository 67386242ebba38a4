"""Serious adverse events, SUSARs and what is due about them: tables that a clinician can read."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.errors import BadInput
from equipoise.safety.plan import (
    ExpectedReaction,
    NoticePlan,
    ReferenceSafetyInformation,
    ReportingClocks,
    SafetyPlan,
)
from equipoise.safety.serious import (
    EXPEDITED_REPORT,
    SERIOUS_ADVERSE_EVENT,
    expedited_report,
    reports_due,
    serious_adverse_event,
)
from equipoise.safety.seriousness import CRITERIA, check_criteria
from tests.harness.history import read_cases, tables_of

TERM = "Pneumonitis"
PLAN = SafetyPlan(
    grading="ctcae_5",
    days_after_last_dose=30,
    clocks=ReportingClocks(
        site_to_sponsor_hours=24, fatal_days=7, fatal_follow_up_days=8, other_days=15
    ),
    reference_safety_information=ReferenceSafetyInformation(
        document="by hand",
        reactions=(
            ExpectedReaction(drug="mab", term=TERM),
            ExpectedReaction(drug="known", term=TERM, up_to="fatal"),
            ExpectedReaction(drug="chemo", term="Nausea", up_to="fatal"),
        ),
    ),
)
CASES = read_cases(Path(__file__).parent / "serious.yaml")


def recorded(case: dict[str, Any], name: str = "AE1") -> list[dict[str, Any]]:
    about = {"adverse_event": name}
    entries: list[dict[str, Any]] = [
        {"event": "AdverseEventReported", "on": case["reports"][0][0], **about, "term": TERM,
         "grade": 3, "serious": True, "outcome": "unknown"}
    ]  # fmt: skip
    hours = case.get("hours", [[None, None]] * len(case["reports"]))
    entries += [
        {"event": "SeriousAdverseEventReported", "on": received, **about, "report": number,
         "criteria": criteria, "aware": aware, "aware_time": knew, "received_time": told}
        for number, ((aware, received, criteria), (knew, told)) in enumerate(
            zip(case["reports"], hours, strict=True), start=1
        )
    ]  # fmt: skip
    entries += [
        {"event": "CausalityAssessed", "on": day, **about, "opinion_of": who, "drug": drug,
         "related": opinion}
        for day, who, drug, opinion in case.get("opinions", [])
    ]  # fmt: skip
    entries += [
        {"event": "SusarSubmitted", "on": day, **about, "kind": kind, "number": f"EV-{number}"}
        for number, (day, kind) in enumerate(case.get("sent", []))
    ]
    return entries


def derived(
    entries: list[dict[str, Any]], plan: SafetyPlan = PLAN
) -> tuple[pl.DataFrame, pl.DataFrame]:
    tables = tables_of(entries)
    tables["serious_adverse_event"] = serious_adverse_event(tables, plan)
    notices = NoticePlan(clocks=plan.clocks, zones={"01": "Europe/Paris"})
    return tables["serious_adverse_event"], expedited_report(tables, notices)


@pytest.mark.requirement("SA1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_serious_adverse_event(case: dict[str, Any]) -> None:
    found, due = derived(recorded(case))
    row = found.row(0, named=True)
    shown = {
        "severity": row["severity"],
        "investigator": row["related_investigator"],
        "sponsor": row["related_sponsor"],
        "related": row["related"],
        "expected": row["expected"],
        "susar": row["susar"],
    }
    assert {name: shown[name] for name in shown if name in case} == {
        name: case[name] for name in shown if name in case
    }
    if "due" in case:
        rows = {each["report"]: each for each in due.iter_rows(named=True)}
        assert {
            name: [each["start"], each["due"], each["done"]] for name, each in rows.items()
        } == case["due"]
    if "notice" in case:
        first = due.row(by_predicate=pl.col("report") == "site_to_sponsor", named=True)
        moments = [
            each and f"{each:%Y-%m-%d %H:%M}" for each in (first["due_at"], first["done_at"])
        ]
        assert [*moments, first["late"]] == case["notice"]
    certain = due.filter(pl.col("report") != "site_to_sponsor")["certain"].to_list()
    assert certain == [case.get("certain", True)] * len(certain)
    for day, states in case.get("states", {}).items():
        assert reports_due(due, day)["state"].to_list() == states


def test_sources_are_the_reports_the_opinions_and_what_left() -> None:
    case = next(each for each in CASES if each["case"].startswith("the first report of a death"))
    found, due = derived(recorded(case))
    assert found["sources"].to_list() == [[2, 3]]
    assert due["sources"].to_list() == [[2, 3], [2, 3, 4], [2, 3, 5]]


def test_each_event_keeps_its_own() -> None:
    """The events of one subject do not touch one another; the order in does not matter."""
    unrelated, related = CASES[2], CASES[0]
    found, due = derived(recorded(unrelated, "AE2") + recorded(related, "AE1"))
    assert found["adverse_event"].to_list() == ["AE1", "AE2"]
    assert found["susar"].to_list() == [True, False]
    assert due["adverse_event"].to_list() == ["AE1", "AE1", "AE2"]


def test_without_reference_safety_information_everything_is_unexpected() -> None:
    plan = PLAN.model_copy(update={"reference_safety_information": None})
    found, _ = derived(recorded(CASES[1]), plan)
    assert (found["expected"].item(), found["susar"].item()) == (False, True)


def test_begun_days_count_where_the_notice_takes_more_than_one() -> None:
    clocks = PLAN.clocks.model_copy(update={"site_to_sponsor_hours": 25})
    _, due = derived(recorded(CASES[0]), PLAN.model_copy(update={"clocks": clocks}))
    assert due["due"].min() == datetime.date(2024, 5, 3)


def test_the_hours_of_the_study_file_run_over_several_days() -> None:
    clocks = PLAN.clocks.model_copy(update={"site_to_sponsor_hours": 36})
    timed = {**CASES[0], "hours": [["15:30", None]]}
    _, due = derived(recorded(timed), PLAN.model_copy(update={"clocks": clocks}))
    assert due["due_at"].min() == datetime.datetime.fromisoformat("2024-05-03 03:30")
    assert due["due"].min() == datetime.date(2024, 5, 3)


def test_once_the_hour_is_past_a_report_is_overdue_on_the_day_itself() -> None:
    row = {
        "due": datetime.date(2024, 5, 2),
        "due_at": datetime.datetime.fromisoformat("2024-05-02 15:30"),
    }
    frame = pl.DataFrame([{name: row.get(name) for name in EXPEDITED_REPORT}], EXPEDITED_REPORT)
    for hour, state in ((15, "due"), (16, "overdue")):
        assert reports_due(frame, row["due"], datetime.time(hour))["state"].item() == state
    assert reports_due(frame, row["due"])["state"].item() == "due"


def test_nothing_serious_nothing_due() -> None:
    found, due = derived([])
    assert found.schema == pl.Schema(SERIOUS_ADVERSE_EVENT)
    assert due.schema == pl.Schema(EXPEDITED_REPORT)
    assert found.is_empty() and due.is_empty()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_each_criterion_alone_suffices(criterion: str) -> None:
    check_criteria((criterion,), 5 if criterion == "death" else 3, "by hand")


@pytest.mark.parametrize(
    ("criteria", "grade", "told"),
    [
        ((), 3, "at least one criterion"),
        (("hospitalisation", "hospitalisation"), 3, "each once"),
        (("bad",), 3, "found 'bad'"),
        (("death",), 4, "if and only if the event has grade 5"),
        (("hospitalisation",), 5, "if and only if the event has grade 5"),
    ],
)
def test_criteria_that_cannot_be(criteria: tuple[str, ...], grade: int, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        check_criteria(criteria, grade, "by hand")
