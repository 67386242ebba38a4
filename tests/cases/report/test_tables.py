"""The tables of the report, from subjects typed in by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from equipoise.report.baseline import baseline_table
from equipoise.report.layout import Table
from equipoise.report.safety import adverse_event_table
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, study


def cells(table: Table, heading: str) -> list[str]:
    return next(row.texts for row in table.rows if row.heading == heading)


def heads(table: Table) -> list[list[str]]:
    return [[head.text for head in line] for line in table.heads]


def person(
    name: str, age: int | None, sex: str | None, ki67: str | None = None, **where: Any
) -> Subject:
    value = None if ki67 is None else Decimal(ki67)
    return Subject(name, items={"age": age, "sex": sex, "ki67": value}, **where)


PEOPLE = [
    person("a", 60, "F", "1.5"),
    person("b", 71, "M", "2.5"),
    person("c", None, "M", arm="B"),
    person("d", 44, None, status="HIGH"),
    person("e", 99, "F", arm=None, failure="declined", first_dose=None),
]


def test_baseline_columns_are_strata_then_arms_then_all() -> None:
    table = baseline_table(trial(*PEOPLE), study(TWO_BY_TWO))
    assert heads(table) == [["Low", "High", ""], ["A", "B", "A", "B", "All"]]
    assert [head.note.text for head in table.heads[1]] == [
        "n = 2",
        "n = 1",
        "n = 1",
        "n = 0",
        "n = 4",
    ]


def test_baseline_counts_randomised_subjects_with_a_known_value() -> None:
    table = baseline_table(trial(*PEOPLE), study(TWO_BY_TWO))
    assert cells(table, "Female") == ["1 (50%)", "0 (0%)", "0", "0", "1 (33%)"]
    assert cells(table, "Male") == ["1 (50%)", "1 (100%)", "0", "0", "2 (67%)"]
    assert cells(table, "Not known") == ["0", "0", "1", "0", "1"]


def test_baseline_numbers_are_median_and_range() -> None:
    table = baseline_table(trial(*PEOPLE), study(TWO_BY_TWO))
    found = [cell.replace("\u2060", "") for cell in cells(table, "Age, years")]
    assert found == ["65.5 (60–71)", "–", "44 (44–44)", "–", "60 (44–71)"]
    ki67 = [cell.replace("\u2060", "") for cell in cells(table, "Ki-67 index, %")]
    assert ki67[0] == "2.0 (1.5–2.5)"


def test_baseline_leaves_out_free_text_repeating_forms_and_levels_that_nobody_has() -> None:
    names = [row.heading for row in baseline_table(trial(*PEOPLE), study(TWO_BY_TWO)).rows]
    assert "Note" not in names and "Pulse, 1/min" not in names
    assert "Pancreas" in names and "Thorax" not in names


def test_baseline_of_three_by_three() -> None:
    table = baseline_table(trial(*PEOPLE), study(THREE_BY_THREE))
    assert table.width == 10 and table.block == 3
    assert all(len(row.texts) == 10 for row in table.rows if row.kind != "group")


def test_an_adverse_event_counts_once_per_subject_at_its_worst_grade() -> None:
    tables = trial(
        Subject("a", events=(("Nausea", 1), ("Nausea", 3), ("Fatigue", 2))),
        Subject("b", events=(("Nausea", 5),)),
        Subject("c", arm="B", events=(("Fatigue", 4),)),
        Subject("d", arm="B", first_dose=None, events=(("Fatigue", 2),)),
    )
    table = adverse_event_table(tables, study(TWO_BY_TWO))
    assert [head.note.text for head in table.heads[0]] == ["n = 2 treated", "n = 1 treated"]
    assert cells(table, "Any adverse event") == [
        "2 (100%)", "0", "1", "0", "1", "1 (100%)", "0", "0", "1", "0",
    ]  # fmt: skip
    assert cells(table, "Nausea")[:5] == ["2 (100%)", "0", "1", "0", "1"]
    assert cells(table, "Fatigue") == [
        "1 (50%)", "1", "0", "0", "0", "1 (100%)", "0", "0", "1", "0",
    ]  # fmt: skip


def test_terms_stand_under_their_class_the_most_frequent_first() -> None:
    tables = trial(
        Subject("a", events=(("Nausea", 1), ("Fatigue", 1))), Subject("b", events=(("Nausea", 1),))
    )
    rows = adverse_event_table(tables, study(TWO_BY_TWO)).rows
    assert [(row.heading, row.kind) for row in rows] == [
        ("Any adverse event", "plain"), ("Investigations", "group"), ("Nausea", "level"),
        ("Fatigue", "level"),
    ]  # fmt: skip


@pytest.mark.parametrize("design", [TWO_BY_TWO, THREE_BY_THREE])
def test_tables_of_a_trial_without_subjects(design: Any) -> None:
    nothing, whole = trial(), study(design)
    assert list(baseline_table(nothing, whole).rows) == []
    assert set(adverse_event_table(nothing, whole).rows[0].texts) == {"0"}
