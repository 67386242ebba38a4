"""Forms that a visit asks for: there, there in part, missing, and from when on they are late."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest

from equipoise.record.plan import Label
from equipoise.record.rule import Columns
from equipoise.visits.expected_form import (
    EXPECTED_FORM,
    KEPT_FORM,
    REQUIRES,
    completeness,
    expected_form,
    kept_form,
    late_forms,
)
from equipoise.visits.plan import Form, Item, Visit, VisitsPlan

DAY = datetime.date
NAME = Label(en="x", fr="x")
PLAN = VisitsPlan(
    consents=(),
    forms=(
        Form(code="once", label=NAME, items=(Item(code="a", label=NAME, type="text"),)),
        Form(code="signs", label=NAME, repeating=True,
             items=tuple(Item(code=c, label=NAME, type="text") for c in "bc")),
        Form(code="blood", label=NAME, repeating=True,
             items=tuple(Item(code=c, label=NAME, type="decimal", unit="g/L", analyte=c)
                         for c in "de")),
    ),
    visits=(
        Visit(code="first", label=NAME, anchor="screening", day=0, window_before=0,
              window_after=7, forms=("once", "signs", "blood")),
    ),
)  # fmt: skip
HELD = {"visit": "first", "instance": 1, "earliest": DAY(2026, 1, 1), "latest": DAY(2026, 1, 8),
        "actual": DAY(2026, 1, 3)}  # fmt: skip


def table(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    columns: Columns = REQUIRES[name]
    return pl.DataFrame([{"replicate": 0, "subject": "S", **each} for each in rows], schema=columns)


def states(
    *saved: dict[str, Any], items: tuple[dict[str, Any], ...] = (),
    answers: tuple[dict[str, Any], ...] = (), held: dict[str, Any] = HELD,
) -> list[str]:  # fmt: skip
    found = expected_form(
        {
            "visit_timeline": table("visit_timeline", held),
            "form_saved": table("form_saved", *saved),
            "form_item": table("form_item", *items),
            "laboratory_answer": table("laboratory_answer", *answers),
        },
        PLAN,
    )
    assert found.schema == pl.Schema(EXPECTED_FORM)
    return found["state"].to_list()


def form(code: str, day: datetime.date, event: int = 1) -> dict[str, Any]:
    return {"form": code, "visit": "first", "occurred": day, "event": event}


def test_of_a_visit_that_took_place_every_form_is_expected_and_of_none_other() -> None:
    assert states() == ["missing"] * 3
    assert states(held={**HELD, "actual": None}) == []
    assert states(held={**HELD, "latest": None, "earliest": None}) == [], "it was not planned"


@pytest.mark.parametrize(
    ("day", "visit", "expected"),
    [
        (DAY(2026, 1, 3), "first", "complete"),
        (DAY(2026, 1, 8), "first", "complete"),
        (DAY(2026, 1, 9), "first", "missing"),
        (DAY(2026, 1, 3), "other", "missing"),
    ],
)
def test_a_form_that_repeats_is_that_of_the_visit_by_its_day(
    day: datetime.date, visit: str, expected: str
) -> None:
    assert states({**form("signs", day), "visit": visit})[1] == expected


def test_a_form_that_does_not_repeat_is_there_once_it_was_saved() -> None:
    assert states({**form("once", DAY(2026, 6, 1)), "visit": None})[0] == "complete"


def test_the_form_of_a_visit_is_found_before_the_visit_is_recorded_too() -> None:
    """By the same days as one that is expected; a visit that is not planned asks for its forms."""
    waits = {**HELD, "actual": None}
    unplanned = {**HELD, "instance": 2, "latest": None, "earliest": None}
    found = kept_form(
        {
            "visit_timeline": table("visit_timeline", waits, unplanned),
            "form_saved": table("form_saved", form("once", DAY(2026, 6, 1), 5),
                                form("signs", DAY(2026, 1, 8), 6), form("blood", DAY(2026, 1, 9))),
            "form_item": table("form_item"),
        },
        PLAN,
    )  # fmt: skip
    assert found.schema == pl.Schema(KEPT_FORM)
    events = {(row[2], row[3], row[4]): row[5] for row in found.iter_rows()}
    first, second = ([("first", n, code) for code in ("once", "signs", "blood")] for n in (1, 2))
    assert [events[each] for each in first] == [5, 6, None]
    assert [events[each] for each in second] == [5, None, None]


def test_an_item_that_is_not_yet_known_leaves_a_form_in_part_and_a_coded_reason_does_not() -> None:
    known = {"event": 1, "value": "x", "value_missing": None}
    coded = {"event": 1, "value": None, "value_missing": "not_done"}
    open_ = {"event": 1, "value": None, "value_missing": None}
    day = DAY(2026, 1, 3)
    assert states(form("signs", day), items=(known, coded))[1] == "complete"
    assert states(form("signs", day), items=(known, open_))[1] == "partial"
    again = (open_, {**known, "event": 2})
    assert states(form("signs", day), form("signs", day, 2), items=again)[1] == "complete"


def test_what_laboratories_measure_is_there_by_their_reports_of_the_window() -> None:
    def of(item: str, day: int, *, reported: bool = True) -> dict[str, Any]:
        return {"item": item, "occurred": DAY(2026, 1, day), "reported": reported}

    assert states(answers=(of("d", 2), of("e", 8)))[2] == "complete"
    assert states(answers=(of("d", 2), of("d", 3)))[2] == "partial"
    assert states(answers=(of("d", 9), of("e", 3, reported=False)))[2] == "missing"


def test_a_form_is_late_from_the_fifteenth_day_after_the_visit_on() -> None:
    found = expected_form(
        {
            "visit_timeline": table("visit_timeline", HELD),
            "form_saved": table("form_saved", form("once", DAY(2026, 1, 3))),
            "form_item": table("form_item"),
            "laboratory_answer": table("laboratory_answer"),
        },
        PLAN,
    )
    assert late_forms(found, DAY(2026, 1, 17)).is_empty()
    late = late_forms(found, DAY(2026, 1, 18))
    assert late.select("form", "days").rows() == [("signs", 1), ("blood", 1)]
    assert completeness(found, "visit").rows() == [("first", 3, 1, 0, 2, 33)]
