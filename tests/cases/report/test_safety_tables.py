"""Tables of harm in the report: serious adverse events, and how laboratory grades moved."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest

from equipoise.report.laboratory import laboratory_shift_table
from equipoise.report.safety import serious_event_table
from equipoise.safety.laboratory_value import LABORATORY_VALUE
from equipoise.safety.serious import EXPEDITED_REPORT, SERIOUS_ADVERSE_EVENT
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, study

PEOPLE = (Subject("a"), Subject("b"), Subject("c", arm="B"))


def frame(rows: list[dict[str, Any]], columns: Any) -> pl.DataFrame:
    whole = [{name: {"replicate": 0, **row}.get(name) for name in columns} for row in rows]
    return pl.DataFrame(whole, schema=dict(columns))


def value(subject: str, grade: int | None, *, when: str, analyte: str = "platelets") -> Any:
    """A value whose least grade as too low is `grade`, `before`, at `baseline` or `under`."""
    return {
        "subject": subject, "analyte": analyte, "low_least": grade, "low_most": grade,
        "baseline": when == "baseline", "on_treatment": when == "under",
    }  # fmt: skip


def shifts(*values: Any) -> list[tuple[str, list[str]]]:
    tables = trial(*PEOPLE)
    tables["laboratory_value"] = frame(list(values), LABORATORY_VALUE)
    table = laboratory_shift_table(tables, study(TWO_BY_TWO))
    return [(row.heading, row.texts) for row in table.rows]


def test_subjects_move_from_baseline_to_their_worst_grade() -> None:
    found = shifts(
        value("a", 0, when="baseline"), value("a", 1, when="under"), value("a", 3, when="under"),
        value("b", 0, when="baseline"), value("b", 0, when="under"),
        value("c", 1, when="baseline"), value("c", 1, when="under"),
    )  # fmt: skip
    assert found == [
        ("Platelet count decreased (Platelets)", []),
        ("Grade 0", ["1", "0", "0", "1", "0", "0", "0", "0", "0", "0"]),
        ("Grade 1", ["0", "0", "0", "0", "0", "0", "1", "0", "0", "0"]),
    ]


def test_what_is_not_graded_does_not_count() -> None:
    """Before the baseline, after the reporting period, without a range; no value at baseline."""
    found = shifts(
        value("a", 4, when="before"), value("a", None, when="baseline"),
        value("a", 2, when="under"), value("a", None, when="under"),
        value("b", 0, when="baseline"), value("b", 4, when="after"),
    )  # fmt: skip
    assert found[1:] == [("No graded value", ["0", "0", "1"] + ["0"] * 7)]


def test_an_analyte_without_graded_values_has_no_line() -> None:
    assert shifts(value("a", None, when="under")) == []


@pytest.mark.parametrize("design", [TWO_BY_TWO, THREE_BY_THREE])
def test_the_shift_table_has_the_arms_of_the_study(design: Any) -> None:
    table = laboratory_shift_table(trial(), study(design))
    assert table.width == 5 * len(study(design).randomisation.arms)
    assert list(table.rows) == []


@pytest.mark.requirement("SA1")
def test_serious_events_are_listed_with_what_is_due() -> None:
    tables = trial(*PEOPLE)
    event = {"subject": "c", "adverse_event": "AE1"}
    day = datetime.date
    tables["serious_adverse_event"] = frame(
        [{**event, "term": "Pneumonitis", "severity": "life_threatening", "related": True,
          "related_investigator": True, "related_sponsor": False, "expected": False,
          "susar": True, "sources": [5]}],
        SERIOUS_ADVERSE_EVENT,
    )  # fmt: skip
    reports = [
        ("site_to_sponsor", day(2024, 5, 2), day(2024, 5, 2)),
        ("fatal_or_life_threatening", day(2024, 5, 9), day(2024, 5, 10)),
        ("fatal_follow_up", day(2024, 5, 17), None),
    ]
    tables["expedited_report"] = frame(
        [
            {
                **event,
                "report": name,
                "due": due,
                "done": done,
                "sources": [9],
                "late": done and done > due,
            }
            for name, due, done in reports
        ],
        EXPEDITED_REPORT,
    )
    (row,) = serious_event_table(tables, study(TWO_BY_TWO), day(2024, 5, 18)).rows
    assert row.heading == "c AE1" and row.whole.sources == (5, 9)
    assert row.texts == [
        "B", "Pneumonitis", "life-threatening", "yes", "no", "no", "yes",
        "site to sponsor by 2024-05-02: done 2024-05-02; "
        "fatal or life threatening by 2024-05-09: late 2024-05-10; "
        "fatal follow up by 2024-05-17: overdue",
    ]  # fmt: skip
