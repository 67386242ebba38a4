"""Visits from two programmers: the product's rules beside a programming from the study file.

Compared row by row: every column of `disposition` and of `visit_timeline` but `sources`.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from equipoise.simulation.run import Version, rehearsed
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.visit_histories import courses
from tests.second_programming.visits_compared import derived, differences

SUBJECTS = 500
"""Random subjects of each study."""

STATES = {
    "done", "early", "late", "missed", "not_applicable", "not_yet_due", "unscheduled", "not_placed",
}  # fmt: skip


@pytest.mark.requirement("CN1", "DT1")
@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str) -> None:
    study = load_study(code)
    scenario = troubled(scenario_of(code, "planning"))
    tables = rehearsed([Version(0, study)], scenario, 31, range(2)).tables
    product = derived(tables, study)
    rows, said = differences({**tables, **product}, product, study.visits)
    assert not said
    assert rows["visit_timeline"] > 1000


@pytest.mark.requirement("CN1", "DT1")
@pytest.mark.parametrize("code", STUDIES)
def test_random_courses(code: str) -> None:
    study = load_study(code)
    tables = courses(random.Random(code), SUBJECTS, study.visits)
    product = derived(tables, study)
    rows, said = differences(tables, product, study.visits)
    assert not said
    assert rows["visit_timeline"] > 5 * SUBJECTS
    states = Counter(product["visit_timeline"]["state"])
    assert set(states) == STATES
    assert min(states.values()) > 20, states


@pytest.mark.parametrize("change", ["window", "until", "first_cycle", "repeat_every", "consent"])
def test_another_schedule_is_seen(change: str) -> None:
    """The comparison can fail: visits of another schedule, and other consents, would be found."""
    study = load_study("mgmt-net")
    tables = courses(random.Random(change), 150, study.visits)
    product = derived(tables, study)
    update = {
        "window": lambda visit: {"window_after": visit.window_after + 1},
        "until": lambda visit: {"until": None},
        "first_cycle": lambda visit: {"first_cycle": 1},
        "repeat_every": lambda visit: {"repeat_every": visit.repeat_every and 85},
    }.get(change, lambda visit: {})
    consents = tuple(
        each.model_copy(update={"required_for_randomisation": True})
        if change == "consent"
        else each
        for each in study.visits.consents
    )
    visits = tuple(visit.model_copy(update=update(visit)) for visit in study.visits.visits)
    other = study.visits.model_copy(update={"visits": visits, "consents": consents})
    assert differences(tables, product, other)[1]
