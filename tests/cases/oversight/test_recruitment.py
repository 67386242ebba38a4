"""Recruitment by month, site and criterion, counted by hand, beside a plan on a straight line."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest

from equipoise.oversight.query import QUERY, query_states
from equipoise.oversight.recruitment import (
    BY_MONTH,
    RECRUITMENT_STEP,
    SCREENING_FAILURE,
    counted,
    cumulated,
    planned_by,
    recruitment_by_month,
    recruitment_by_site,
    recruitment_steps,
    screening_failures,
)
from equipoise.visits.rules import DISPOSITION

DAY = datetime.date
PLAN = {"start": DAY(2026, 1, 1), "months": 2, "planned": 12}
NO_PLAN: dict[str, Any] = dict.fromkeys(PLAN)


def people(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of `disposition`; what is not said is not known."""
    every = [{"replicate": 0, "site": "A", **row} for row in rows]
    return pl.DataFrame(every, schema=dict(DISPOSITION))


FIVE = people(
    {"subject": "A-1", "screened": DAY(2026, 1, 5), "randomised": DAY(2026, 1, 30)},
    {"subject": "A-2", "screened": DAY(2026, 1, 8), "randomised": DAY(2026, 3, 2)},
    {"subject": "A-3", "screened": DAY(2026, 3, 9), "screening_failed": DAY(2026, 3, 11),
     "failure_cause": "not_eligible", "failed_criteria": ["IN2", "EX1"]},
    {"subject": "B-1", "site": "B", "screened": DAY(2026, 3, 10), "failure_cause": "declined",
     "screening_failed": DAY(2026, 3, 31), "failed_criteria": []},
    {"subject": "B-2", "site": "B", "screened": DAY(2026, 3, 31)},
)  # fmt: skip


def test_each_step_is_a_row_of_its_own() -> None:
    steps = recruitment_steps(FIVE)
    assert steps.schema == pl.Schema(RECRUITMENT_STEP)
    assert dict(counted(steps, "step").rows()) == {"screened": 5, "failed": 2, "randomised": 2}
    assert cumulated(steps).rows() == [(DAY(2026, 1, 30), 1), (DAY(2026, 3, 2), 2)]


def test_months_without_anybody_are_there_and_the_plan_stops_at_its_number() -> None:
    found = recruitment_by_month(recruitment_steps(FIVE), DAY(2026, 4, 2), PLAN)
    assert found.schema == pl.Schema(BY_MONTH)
    assert found.rows() == [
        (DAY(2026, 1, 1), 2, 0, 1, 1, 6),
        (DAY(2026, 2, 1), 0, 0, 0, 1, 12),
        (DAY(2026, 3, 1), 3, 2, 1, 2, 12),
        (DAY(2026, 4, 1), 0, 0, 0, 2, 12),
    ]


def test_without_a_plan_nothing_is_planned_and_months_begin_with_the_first_step() -> None:
    late = recruitment_steps(FIVE.filter(site="B"))
    assert recruitment_by_month(late, DAY(2026, 3, 31), NO_PLAN).rows() == [
        (DAY(2026, 3, 1), 2, 1, 0, 0, None)
    ]
    assert recruitment_by_month(late.clear(), DAY(2026, 3, 31), NO_PLAN).is_empty()
    assert recruitment_by_month(late.clear(), DAY(2025, 3, 31), PLAN).is_empty()


@pytest.mark.parametrize(
    ("day", "expected"),
    [(DAY(2025, 12, 1), 0), (DAY(2026, 1, 31), 6), (DAY(2027, 1, 1), 12)],
)
def test_the_plan_is_a_straight_line(day: datetime.date, expected: int) -> None:
    assert planned_by(day, start=DAY(2026, 1, 1), months=2, planned=12) == expected


def test_each_site_has_its_numbers_and_the_days_since_its_last_randomisation() -> None:
    found = recruitment_by_site(recruitment_steps(FIVE), DAY(2026, 4, 1))
    assert found.rows() == [("A", 3, 1, 2, 30), ("B", 2, 1, 0, None)]


def test_a_person_who_fails_two_criteria_is_counted_at_each_and_once_in_all() -> None:
    failures = screening_failures(FIVE)
    assert failures.schema == pl.Schema(SCREENING_FAILURE)
    assert counted(failures, "cause", "criterion").rows() == [
        ("declined", None, 1),
        ("not_eligible", "EX1", 1),
        ("not_eligible", "IN2", 1),
    ]
    assert dict(counted(failures, "cause").rows()) == {"declined": 1, "not_eligible": 1}


def test_nobody_no_row() -> None:
    none = people()
    assert recruitment_steps(none).is_empty() and screening_failures(none).is_empty()
    assert recruitment_by_site(recruitment_steps(none), DAY(2026, 1, 1)).is_empty()


def test_queries_are_counted_by_state_and_overdue_from_the_fifteenth_day_on() -> None:
    of = {"replicate": 0, "subject": "A-1", "raised": DAY(2026, 1, 1)}
    rows = [
        {**of, "site": "A", "query": "1", "status": "open"},
        {**of, "site": "A", "query": "2", "status": "answered"},
        {**of, "site": "B", "query": "3", "status": "closed"},
    ]
    asked = pl.DataFrame(rows, schema=dict(QUERY))
    in_time = [("A", "answered", 1), ("A", "open", 1), ("B", "closed", 1)]
    assert query_states(asked, DAY(2026, 1, 15)).rows() == in_time
    late = query_states(asked, DAY(2026, 1, 16)).rows()
    assert sorted({*late} - {*in_time}) == [("A", "overdue", 1)]
