"""Best response from dated responses alone: the table of confirmed responses, line by line.

Days count from the reference date; stable disease needs 42 days, a confirmation 28.
"""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from equipoise.response.best_response import COURSE, Terms, best_of
from equipoise.response.dated import DATED_RESPONSE, SUBJECT_DATES, CourseEnd, dated_course

REFERENCE = datetime.date(2024, 1, 1)
ASKED = Terms(
    confirmation_required=True,
    confirmation_days=28,
    stable_minimum_days=42,
    not_evaluable_between=1,
    stable_between=0,
)
Dated = list[tuple[int | None, str]]


def on(day: int) -> datetime.date:
    return REFERENCE + datetime.timedelta(days=day)


def best(dated: Dated, asked: Terms = ASKED) -> tuple[str, int, bool | None, int | None]:
    """Response, its order, whether confirmed, and the order of the confirmation."""
    rows = [
        (
            0, "1", "any", order,
            None if day is None else on(day), day, response,
        )
        for order, (day, response) in enumerate(dated)
    ]  # fmt: skip
    found = best_of(pl.DataFrame(rows, schema=dict(COURSE), orient="row"), asked)
    row: tuple[str, int, bool | None, int | None] = found.select(
        "response", "order", "confirmed", "confirmation_order"
    ).row(0)
    return row


@pytest.mark.parametrize(
    ("dated", "response", "order"),
    [
        ([(42, "CR"), (84, "CR")], "CR", 0),
        ([(42, "CR"), (84, "PR")], "SD", 0),
        ([(30, "CR"), (41, "PR")], "NE", 0),
        ([(42, "CR"), (84, "SD")], "SD", 0),
        ([(42, "CR"), (84, "PD")], "SD", 0),
        ([(30, "CR"), (84, "PD")], "PD", 1),
        ([(42, "CR"), (84, "NE")], "SD", 0),
        ([(30, "CR"), (84, "NE")], "NE", 0),
        ([(42, "PR"), (84, "CR")], "PR", 0),
        ([(42, "PR"), (84, "PR")], "PR", 0),
        ([(42, "PR"), (84, "SD")], "SD", 0),
        ([(42, "PR"), (84, "PD")], "SD", 0),
        ([(30, "PR"), (84, "PD")], "PD", 1),
        ([(42, "PR"), (84, "NE")], "SD", 0),
        ([(30, "PR"), (84, "NE")], "NE", 0),
        ([(42, "NE"), (84, "NE")], "NE", 0),
        ([(42, "NON-CR/NON-PD"), (84, "PD")], "NON-CR/NON-PD", 0),
        ([(41, "NON-CR/NON-PD"), (84, "PD")], "PD", 1),
    ],
)
def test_the_table_of_confirmed_responses(dated: Dated, response: str, order: int) -> None:
    assert best(dated)[:2] == (response, order)


@pytest.mark.parametrize(
    ("dated", "expected"),
    [
        ([(42, "CR"), (60, "SD"), (84, "CR")], ("SD", 0, None, None)),
        ([(42, "CR"), (60, "PR"), (84, "CR")], ("SD", 0, None, None)),
        ([(42, "CR"), (60, "NE"), (84, "CR")], ("CR", 0, True, 2)),
        ([(42, "CR"), (50, "NE"), (60, "NE"), (84, "CR")], ("SD", 0, None, None)),
        ([(42, "PR"), (60, "NON-CR/NON-PD"), (84, "PR")], ("SD", 0, None, None)),
        ([(42, "PR"), (60, "CR"), (84, "PR")], ("SD", 0, None, None)),
        ([(42, "PR"), (60, "CR"), (84, "CR")], ("PR", 0, True, 2)),
        ([(42, "PR"), (60, "CR"), (88, "CR")], ("CR", 1, True, 2)),
        ([(42, "PR"), (69, "PR"), (70, "PR")], ("PR", 0, True, 2)),
        ([(42, "PR"), (50, "SD"), (60, "PR"), (88, "PR")], ("PR", 2, True, 3)),
        ([(42, "CR"), (None, "NE"), (84, "CR")], ("CR", 0, True, 2)),
        ([(42, "CR"), (None, "CR")], ("SD", 0, None, None)),
    ],
)
def test_what_may_stand_between(
    dated: Dated, expected: tuple[str, int, bool | None, int | None]
) -> None:
    assert best(dated) == expected


def test_of_two_subjects_neither_confirms_the_other() -> None:
    rows = [(0, subject, "any", 0, on(day), day, "PR") for subject, day in (("1", 42), ("2", 84))]
    found = best_of(pl.DataFrame(rows, schema=dict(COURSE), orient="row"), ASKED)
    assert found["response"].to_list() == ["SD", "SD"]


def counting(
    dated: Dated, end: CourseEnd, *, reference: bool = True, progression: int | None = None
) -> list[tuple[str, int]]:
    """The responses that count, each with its day."""
    rows = [
        (0, "1", "any", order, None if day is None else on(day), response)
        for order, (day, response) in enumerate(dated)
    ]
    ended = None if progression is None else on(progression)
    subject = [(0, "1", REFERENCE if reference else None, ended)]
    found = dated_course(
        pl.DataFrame(rows, schema=dict(DATED_RESPONSE), orient="row"),
        pl.DataFrame(subject, schema=dict(SUBJECT_DATES), orient="row"),
        end,
    )
    return [(response, day) for response, day in found.select("response", "day").iter_rows()]


COURSE_PAST_PD: Dated = [(42, "PR"), (84, "PD"), (126, "CR"), (168, "PD")]


def test_the_first_progression_is_the_last_response_that_counts() -> None:
    assert counting(COURSE_PAST_PD, "first-pd") == [("PR", 42), ("PD", 84)]


def test_a_progression_date_that_is_given_ends_the_course_and_nothing_else_does() -> None:
    assert counting(COURSE_PAST_PD, "given", progression=126) == [
        ("PR", 42), ("PD", 84), ("CR", 126),
    ]  # fmt: skip
    assert len(counting(COURSE_PAST_PD, "given", progression=125)) == 2
    assert len(counting(COURSE_PAST_PD, "given")) == 4


def test_the_reference_day_counts_and_the_day_before_it_does_not() -> None:
    assert counting([(-1, "CR"), (0, "PR")], "first-pd") == [("PR", 0)]


def test_without_a_reference_date_every_response_counts_on_day_0() -> None:
    assert counting([(-1, "SD"), (42, "PR")], "first-pd", reference=False) == [("SD", 0), ("PR", 0)]
