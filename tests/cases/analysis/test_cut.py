"""A data cut by date."""

from __future__ import annotations

import datetime

import pytest

from equipoise.analysis.cut import data_cut
from equipoise.errors import BadInput
from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from tests.harness.hand_made import DERIVED, Subject, day, trial


def events(*subjects: Subject) -> dict:  # type: ignore[type-arg]
    return {name: table for name, table in trial(*subjects).items() if name not in DERIVED}


def test_what_occurred_on_the_day_stays_and_what_came_later_goes() -> None:
    cut_off = day(91)
    assert cut_off is not None
    tables = events(Subject("a", death=92, alive=91))
    found = data_cut(tables, cut_off)
    assert len(found["tumour_assessed"]) == 1
    assert len(found["vital_status_recorded"]) == 1
    assert found["death_recorded"].is_empty()
    assert data_cut(tables, cut_off - datetime.timedelta(days=1))["tumour_assessed"].is_empty()


@pytest.mark.parametrize(
    ("text", "cut_off", "kept"),
    [
        ("2021-03", datetime.date(2021, 3, 1), 1),
        ("2021-03", datetime.date(2021, 2, 28), 0),
        ("2021", datetime.date(2021, 1, 1), 1),
        ("2022", datetime.date(2021, 12, 31), 0),
    ],
)
def test_a_partly_known_date_counts_from_its_earliest_day(
    text: str, cut_off: datetime.date, kept: int
) -> None:
    found = data_cut(events(Subject("a", death_text=text)), cut_off)
    assert len(found["death_recorded"]) == kept


def test_a_cut_is_nothing_new_to_a_cut() -> None:
    once = data_cut(events(Subject("a", death=300)), datetime.date(2021, 4, 1))
    again = data_cut(once, datetime.date(2021, 4, 1))
    assert all(again[name].equals(table) for name, table in once.items())


def test_every_table_of_the_catalogue_can_be_cut() -> None:
    empty = empty_tables(CATALOGUE)
    found = data_cut(empty, datetime.date(2021, 4, 1))
    assert {name: table.schema for name, table in found.items()} == {
        name: table.schema for name, table in empty.items()
    }


def test_derived_tables_are_refused() -> None:
    with pytest.raises(BadInput, match="cut before deriving"):
        data_cut(trial(Subject("a")), datetime.date(2021, 4, 1))
