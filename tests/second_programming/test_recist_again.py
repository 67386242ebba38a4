"""RECIST 1.1 from two programmers: the product's rules beside a programming from the sources.

Compared row by row: sums, nadir and completeness; target, non-target and overall response,
reappearance; progression and last adequate assessment; best response with and without
confirmation; the response in a window of days. Not compared: `sources`.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import polars as pl
import pytest

from equipoise.response.plan import ResponseConventions
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.lesion_histories import (
    Writer,
    at_the_limits,
    day_of,
    histories,
    tables_of_rows,
)
from tests.second_programming.recist_compared import KEYS, differences
from tests.second_programming.recist_sums_again import Conventions
from tests.second_programming.response_courses import courses

TRIALS = {"planning": 6, "null": 3, "troubled": 12}
"""Simulated trials of each study."""

HISTORIES = 300
"""Random histories for each study and set of conventions."""

CONVENTIONS: Mapping[str, Mapping[str, Any]] = {
    "as the standard has them": {},
    "known sum": {"known_sum_shows_progression": False},
    "reappearance": {"reappearance_is_progression": False},
    "first sight": {"equivocal_new_lesion_dates_back": False},
    "between": {"not_evaluable_between": 0, "stable_between": 1},
    "more between": {"not_evaluable_between": 2, "stable_between": 2},
    "treated": {"treated_lesion_is_evaluable": True},
    "markers": {"markers_count_for_complete_response": True},
}


def _study(code: str, conventions: str) -> Study:
    """A bundled study with these conventions."""
    study = load_study(code)
    chosen = ResponseConventions(**CONVENTIONS[conventions])
    plan = study.response.model_copy(update={"conventions": chosen})
    return study.model_copy(update={"response": plan})


def _derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    found = dict(tables)
    for table in KEYS:
        found = derive(found, study, upto=table)
    return found


@functools.cache
def _random(code: str) -> dict[str, pl.DataFrame]:
    readers = [each.code for each in load_study(code).response.evaluators]
    return histories(random.Random(code), HISTORIES, [*readers, "a_stranger"])


@pytest.mark.parametrize("scenario", TRIALS)
@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str, scenario: str) -> None:
    drawn = scenario_of(code, "planning" if scenario == "troubled" else scenario)
    drawn = troubled(drawn) if scenario == "troubled" else drawn
    study = load_study(code)
    tables = rehearsed([Version(0, study)], drawn, 41, range(TRIALS[scenario])).tables
    rows, said = differences(tables, _derived(tables, study), study.response)
    assert not said
    assert rows["time_point_response"] > 200 * TRIALS[scenario]
    assert rows["window_response"] > 50 * TRIALS[scenario]


@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize("code", STUDIES)
def test_random_histories(code: str, conventions: str) -> None:
    study = _study(code, conventions)
    derived = _derived(_random(code), study)
    rows, said = differences(_random(code), derived, study.response)
    assert not said
    assert rows["time_point_response"] > HISTORIES
    assert _outcomes(derived) >= {"CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE"}


@pytest.mark.parametrize("conventions", ["as the standard has them", "between", "more between"])
@pytest.mark.parametrize("code", STUDIES)
def test_courses_of_responses(code: str, conventions: str) -> None:
    """Every course of up to three assessments, and longer ones: best response, progression."""
    study = _study(code, conventions)
    tables = courses(random.Random(5), study.response.primary_evaluator)
    derived = _derived(tables, study)
    _, said = differences(tables, derived, study.response)
    assert not [each for each in said if not each.startswith(("target_sum", "time_point"))]
    best = derived["best_overall_response"]
    confirmed = Counter(best.select("response", "confirmed").iter_rows())
    assert min(confirmed["CR", True], confirmed["PR", True]) > 50
    assert set(derived["window_response"]["response"]) > {"DEATH", "NE", "PD"}


@pytest.mark.parametrize("code", STUDIES)
def test_limits(code: str) -> None:
    """-30 %, +20 % and 5 mm, exactly and a hundredth of a millimetre beside."""
    study = load_study(code)
    tables = at_the_limits(study.response.primary_evaluator)
    rows, said = differences(tables, _derived(tables, study), study.response)
    assert not said
    assert rows["time_point_response"] > 2000


@pytest.mark.parametrize("convention", [each.name for each in fields(Conventions)])
def test_another_convention_is_seen(convention: str) -> None:
    """The comparison can fail: a rule that read one convention otherwise would be found."""
    study = load_study("mgmt-net")
    value = getattr(Conventions(), convention)
    other = 2 if isinstance(value, int) and not isinstance(value, bool) else not value
    plan = study.response.model_copy(
        update={"conventions": ResponseConventions(**{convention: other})}
    )
    tables = _random("mgmt-net")
    if "between" in convention:
        tables = courses(random.Random(5), "central")
    assert differences(tables, _derived(tables, study), plan)[1]


def test_new_lesion_without_baseline() -> None:
    """Without a baseline nothing can be told to be new: not evaluable, and no progression."""
    study = load_study("mgmt-net")
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("01-0001", rows)
    writer.event("randomised", day_of(0), arm="A", stratum="all", scheme="main")
    scan = writer.event(
        "tumour_assessed", day_of(84), assessment="A1", evaluator="central", visit="imaging",
        baseline=False, modality="ct",
    )  # fmt: skip
    writer.beneath("new_lesion_observed", scan, 0, lesion="NEW", certainty="unequivocal")
    tables = tables_of_rows(rows)
    assert not differences(tables, _derived(tables, study), study.response)[1]


def _outcomes(derived: Mapping[str, pl.DataFrame]) -> set[str]:
    return set(derived["time_point_response"]["overall_response"])
