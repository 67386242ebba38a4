"""Laboratory values from two programmers: the rule beside a programming from the data of CTCAE 5.

Compared row by row, in the order of the table: the value in its standard unit, the limits of the
reference range, baseline, on treatment, the least and the highest grade as too low and as too high,
and what is missing to say more. Not compared: `sources`.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from importlib import resources

import polars as pl
import pytest

from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming import laboratory_again
from tests.second_programming.laboratory_compared import differences
from tests.second_programming.laboratory_histories import CLAUSES, laboratory_histories

SUBJECTS = 300
"""Random subjects of each study, with up to five values of three analytes each."""


def _derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    return derive(dict(tables), study, upto="laboratory_value")


def _random(code: str, subjects: int) -> tuple[Study, dict[str, pl.DataFrame]]:
    study = load_study(code)
    plan = study.safety.laboratory
    assert plan.sex_item and plan.age_item
    items = {item.code: item for form in study.visits.forms for item in form.items}
    sexes = [each.code for each in items[plan.sex_item].codes]
    draw = random.Random(f"{code} {subjects}")
    tables = laboratory_histories(draw, subjects, plan.sex_item, plan.age_item, sexes)
    return study, _derived(tables, study)


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str) -> None:
    study = load_study(code)
    scenario = troubled(scenario_of(code, "planning"))
    tables = _derived(rehearsed([Version(0, study)], scenario, 67, range(2)).tables, study)
    rows, said = differences(tables, tables["laboratory_value"], study.safety)
    assert not said
    assert rows > 6000


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize("code", STUDIES)
def test_random_histories(code: str) -> None:
    study, tables = _random(code, SUBJECTS)
    found = tables["laboratory_value"]
    rows, said = differences(tables, found, study.safety)
    assert not said
    assert rows > 5 * SUBJECTS
    assert set(found["missing"]) == {None, "unit", "range", "baseline"}
    for side in ("low", "high"):
        spans = set(found.select(f"{side}_least", f"{side}_most").drop_nulls().iter_rows())
        assert spans >= {(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)}
        assert any(least < most for least, most in spans)


@pytest.mark.parametrize("code", STUDIES)
@pytest.mark.parametrize("changed", ["above_closed", "below_closed", "baseline", "decides"])
def test_another_wording_is_seen(code: str, changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: clauses read in another way would be found."""
    study, tables = _random(code, 70)
    other = {
        "above_closed": ("yes", "no"),
        "below_closed": ("yes", "no"),
        "baseline": ("normal", ""),
    }
    old, new = other.get(changed, (None, ""))
    altered = [
        {**row, changed: new if old in (None, row[changed]) else row[changed]} for row in CLAUSES
    ]
    read = laboratory_again._file

    def file(name: str) -> list[dict[str, str]]:
        return altered if name == "ctcae_5_laboratory.csv" else read(name)

    monkeypatch.setattr(laboratory_again, "_file", file)
    laboratory_again.clauses.cache_clear()
    try:
        assert differences(tables, tables["laboratory_value"], study.safety)[1]
    finally:
        laboratory_again.clauses.cache_clear()


def test_every_clause_about_a_value_is_read() -> None:
    """No clause is lost between the term for low and the term for high values."""
    with (resources.files("equipoise.safety") / "ctcae_5_laboratory.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        about = [row for row in csv.DictReader(file) if row["analyte"]]
    seen = [
        clause
        for analyte in sorted({row["analyte"] for row in about})
        for direction in ("low", "high")
        for clause in laboratory_again.clauses(analyte, direction)
    ]
    assert len(seen) == len(about)
