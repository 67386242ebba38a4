"""How adverse events go and stand, what the sponsor waits for, which values nobody answered."""

from __future__ import annotations

import datetime
import json
import zoneinfo
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.conduct.harm_inquiry import serious_since
from equipoise.errors import BadInput
from equipoise.record.event import Event
from equipoise.safety.course import (
    AWAITED,
    ENDED,
    adverse_event_course,
    adverse_event_standing,
    left_of,
    reports_awaited,
)
from equipoise.safety.ctcae import ctcae_term, ctcae_terms
from equipoise.safety.laboratory import limits
from equipoise.safety.laboratory_finding import analytes_of, term_grades, unreported_grades
from equipoise.safety.laboratory_value import LABORATORY_VALUE
from equipoise.safety.rules import ADVERSE_EVENT
from equipoise.safety.term_search import customary_names, search_terms
from equipoise.treatment import toxicity
from tests.cases.safety.test_serious_cases import PLAN
from tests.harness.history import read_cases, tables_of

CASES = read_cases(Path(__file__).parent / "course.yaml")
DAY = datetime.date(2024, 5, 1)


def recorded(case: dict[str, Any]) -> list[dict[str, Any]]:
    grade, outcome = case["report"]
    about = {"adverse_event": "AE1"}
    return [
        {"event": "AdverseEventReported", "on": case["on"], **about, "term": "Nausea",
         "grade": grade, "outcome": outcome, "end": case.get("told")},
        *({"event": "AdverseEventFollowedUp", "on": day, **about, "grade": g, "outcome": o}
          for day, g, o in case.get("followed", [])),
    ]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_how_an_event_stands(case: dict[str, Any]) -> None:
    row = adverse_event_standing(tables_of(recorded(case))).row(0, named=True)
    assert [row["present_grade"], row["outcome"]] == case["now"]
    assert row["ongoing"] == case["ongoing"]
    assert row["end"] == case.get("end")
    last = case.get("ended", case.get("end"))
    assert row["ended"] == (datetime.date.fromisoformat(str(last)) if last else None)


def test_the_course_keeps_every_entry_with_its_day_as_told() -> None:
    case = next(each for each in CASES if each["on"] == "2024")
    course = adverse_event_course(tables_of(recorded(case)))
    assert course["day_text"].to_list() == ["2024", "2024-05-02"]
    assert course["grade"].to_list() == [3, 1]


def test_what_is_over_is_over_for_doses_too() -> None:
    assert set(ENDED) == set(toxicity.ENDED)


def of_events(*rows: dict[str, Any]) -> pl.DataFrame:
    none = dict.fromkeys(ADVERSE_EVENT)
    full = [{**none, "replicate": 0, "subject": "S", "sources": [], **row} for row in rows]
    return pl.DataFrame(full, schema=dict(ADVERSE_EVENT))


@pytest.mark.requirement("SA1")
def test_the_sponsor_waits_for_what_is_serious_or_fatal_and_was_not_reported() -> None:
    events = of_events(
        {"adverse_event": "A", "term": "Sepsis", "grade": 3, "serious": True},
        {"adverse_event": "B", "term": "Sepsis", "grade": 5, "serious": False},
        {"adverse_event": "C", "term": "Nausea", "grade": 4, "serious": False},
        {"adverse_event": "D", "term": "Sepsis", "grade": 3, "serious": True},
    )
    sent = events.filter(adverse_event="D")
    since = datetime.datetime.combine(DAY, datetime.time(), datetime.UTC)
    known = {("S", "A"): since, ("S", "B"): since, ("S", "D"): since}
    found = reports_awaited(events, sent, known, PLAN)
    assert found.schema == pl.Schema(AWAITED)
    assert found["adverse_event"].to_list() == ["A", "B"]
    assert found["due"].to_list() == [datetime.date(2024, 5, 2)] * 2, "24 hours are a day"


PARIS = zoneinfo.ZoneInfo("Europe/Paris")


@pytest.mark.requirement("SA1")
@pytest.mark.parametrize(
    ("known", "due"),
    [("2026-10-24 15:30", "2026-10-25 14:30"), ("2026-03-28 15:30", "2026-03-29 16:30")],
)
def test_hours_pass_as_they_do_over_a_change_of_the_clocks(known: str, due: str) -> None:
    """On the two Sundays of Paris: what is awaited, and what is left of it half a day before."""
    events = of_events({"adverse_event": "A", "term": "Sepsis", "grade": 3, "serious": True})
    since = datetime.datetime.fromisoformat(known).replace(tzinfo=PARIS)
    last = datetime.datetime.fromisoformat(due)
    (row,) = reports_awaited(events, events.clear(), {("S", "A"): since}, PLAN).rows(named=True)
    assert (row["known"], row["due"], row["due_at"]) == (since.date(), last.date(), last)
    assert left_of(row["due"], since, row["due_at"]) == datetime.timedelta(hours=24)
    to_midnight = {10: 33.5, 3: 31.5}[since.month]
    assert left_of(row["due"], since) == datetime.timedelta(hours=to_midnight)


def event(seq: int, kind: str, body: dict[str, Any], recorded: str) -> Event:
    return Event(
        seq=seq, trial="t", type=kind, type_version=1, subject="S", site="01", occurred=None,
        recorded=recorded, offset=0, actor="a", role="nurse", organisation="o", reason=None,
        cause=None, study_version="1", release="0", idempotency_key=None, body=json.dumps(body),
        prev="", hash="",
    )  # fmt: skip


@pytest.mark.requirement("SA1")
def test_a_clock_begins_when_the_record_first_says_serious_on_the_day_of_the_hospital() -> None:
    """And at its hour: in Paris it is then half past midnight of the next day."""
    late = "2024-05-01T22:30:00.000000Z"
    about = {"adverse_event": "A", "grade": 3}
    first = event(1, "AdverseEventReported", {**about, "serious": True}, late)
    assert serious_since([first], "Europe/Paris") == {
        ("S", "A"): datetime.datetime.fromisoformat("2024-05-02 00:30+02:00")
    }
    mild = event(1, "AdverseEventReported", {**about, "serious": False}, late)
    corrected = {"target": 1, "item": "serious", "new": "true"}
    other = {"target": 1, "item": "grade", "new": "2"}
    after = event(3, "Corrected", corrected, "2024-05-09T08:00:00.000000Z")
    later = event(4, "Corrected", other, "2024-05-10T08:00:00.000000Z")
    assert serious_since([mild, after, later], "UTC") == {
        ("S", "A"): datetime.datetime.fromisoformat("2024-05-09 08:00Z")
    }
    died = event(2, "AdverseEventFollowedUp", {"adverse_event": "A", "grade": 5}, late)
    assert serious_since([mild, died, after], "UTC") == {
        ("S", "A"): datetime.datetime.fromisoformat("2024-05-01 22:30Z")
    }


def value(analyte: str, day: datetime.date = DAY, **grades: Any) -> dict[str, Any]:
    none = dict.fromkeys(LABORATORY_VALUE)
    return {**none, "replicate": 0, "subject": "S", "analyte": analyte, "day": day, "value": 1,
            "unit": "u", "standard_value": 1, "baseline": False, "on_treatment": True,
            "sources": [], **grades}  # fmt: skip


def of_values(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(LABORATORY_VALUE))


def standing(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    entries = [
        {"event": "AdverseEventReported", "on": on, "adverse_event": name, "term": "Nausea",
         "grade": 1, "outcome": "unknown", "end": end}
        for name, on, end in rows
    ]  # fmt: skip
    return adverse_event_standing(tables_of(entries, subject="S"))


SEVERE = {"low_least": 3, "low_most": 3, "high_least": 0, "high_most": 0}


def test_a_severe_value_is_looked_after_until_an_adverse_event_answers_it() -> None:
    values = of_values(value("potassium", **SEVERE))
    none = of_events()
    found = unreported_grades(values, none, standing())
    assert found.select("term", "least").rows() == [("Hypokalemia", 3)]
    answers = {"adverse_event": "A", "term": "Hypokalemia", "grade": 3, "onset": DAY}
    for change, day, end, answered in (
        ({}, "2024-05-01", None, True),
        ({"grade": 2}, "2024-05-01", None, False),
        ({"grade": 4}, "2024-05-01", None, True),
        ({"term": "Hyperkalemia"}, "2024-05-01", None, False),
        ({"onset": datetime.date(2024, 5, 2)}, "2024-05-02", None, False),
        ({"onset": None}, "2024-05-01", None, True),
        ({"onset": datetime.date(2024, 4, 1)}, "2024-04-01", "2024-04-30", False),
        ({"onset": datetime.date(2024, 4, 1)}, "2024-04-01", "2024-05-01", True),
    ):
        events = of_events({**answers, **change})
        found = unreported_grades(values, events, standing(("A", day, end)))
        assert found.is_empty() == answered, (change, end)


@pytest.mark.parametrize(
    "change",
    [{"on_treatment": False}, {"baseline": True}, {"low_least": 2, "low_most": 4}],
    ids=["not under treatment", "the baseline itself", "perhaps severe"],
)
def test_only_what_is_certainly_severe_under_treatment(change: dict[str, Any]) -> None:
    values = of_values(value("potassium", **{**SEVERE, **change}))
    assert unreported_grades(values, of_events(), standing()).is_empty()


def test_of_a_term_the_latest_value() -> None:
    later = datetime.date(2024, 5, 9)
    values = of_values(value("potassium", **SEVERE), value("potassium", later, **SEVERE))
    found = unreported_grades(values, of_events(), standing())
    assert found["day"].to_list() == [later]


def test_a_value_stands_under_each_term_that_grades_it() -> None:
    values = of_values(value("potassium", **SEVERE), value("uracil"))
    rows = term_grades(values).select("term", "least").rows()
    assert rows == [("Hypokalemia", 3), ("Hyperkalemia", 0)]


def test_every_graded_term_says_its_analytes() -> None:
    named = {(each.term, each.analyte) for each in limits() if each.analyte}
    told = {(term, analyte) for term, _ in named for analyte, _ in analytes_of(term)}
    assert told == named


def test_customary_names_lead_to_terms_of_the_standard_and_find_them() -> None:
    for term, names in customary_names().items():
        assert ctcae_term(term).term == term
        for name in (names.french, *names.others):
            assert term in [each.term.term for each in search_terms(name)], (term, name)


def test_every_term_is_found_by_its_own_name_first() -> None:
    for term in ctcae_terms():
        assert search_terms(term)[0].term.term == term


def test_a_search_for_nothing_finds_nothing() -> None:
    assert search_terms("") == search_terms("a") == search_terms("---") == []
    with pytest.raises(BadInput):
        ctcae_term("nausées")
