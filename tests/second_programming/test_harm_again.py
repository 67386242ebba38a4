"""Harm from two programmers: the product's rules beside a programming from the study file.

Compared row by row: every column of `adverse_event`, `serious_adverse_event` and
`expedited_report` but `sources`.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from equipoise.record.partial_date import Imputation
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.harm_compared import derived, differences
from tests.second_programming.harm_histories import harm

SUBJECTS = 500
"""Random subjects by each plan."""

CHANGES = {
    "bundled": {},
    "other days": {"days_after_last_dose": 0, "partial_onset": Imputation(method="latest")},
    "no list": {"reference_safety_information": None, "partial_onset": Imputation(method="none")},
    "middle": {"partial_onset": Imputation(method="middle")},
}


def _study(code: str, change: str) -> Study:
    study = load_study(code)
    return study.model_copy(update={"safety": study.safety.model_copy(update=CHANGES[change])})


@pytest.mark.requirement("SA1")
@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str) -> None:
    study = load_study(code)
    scenario = troubled(scenario_of(code, "planning"))
    tables = derived(rehearsed([Version(0, study)], scenario, 37, range(2)).tables, study)
    rows, said = differences(tables, tables, study)
    assert not said
    assert rows["adverse_event"] > 100


@pytest.mark.requirement("SA1", "DT1")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("code", STUDIES)
def test_random_harm(code: str, change: str) -> None:
    study = _study(code, change)
    tables = harm(random.Random(f"{code} {change}"), SUBJECTS, study.safety)
    product = derived(tables, study)
    rows, said = differences(tables, product, study)
    assert not said
    assert min(rows.values()) > SUBJECTS
    assert set(product["adverse_event"]["treatment_emergent"]) == {True, False}
    assert set(product["adverse_event"]["worsened"]) == {True, False}
    assert set(product["serious_adverse_event"]["susar"]) == {True, False, None}
    kinds = Counter(product["expedited_report"]["report"])
    assert len(kinds) == 4
    assert min(kinds.values()) > 50, kinds


@pytest.mark.parametrize(
    "clock", ["site_to_sponsor_hours", "fatal_days", "fatal_follow_up_days", "other_days"]
)
def test_another_clock_is_seen(clock: str) -> None:
    """The comparison can fail: other days, and another list, would be found."""
    study = load_study("mgmt-net")
    tables = harm(random.Random(clock), 60, study.safety)
    product = derived(tables, study)
    clocks = study.safety.clocks
    later = clocks.model_copy(update={clock: getattr(clocks, clock) + 1})
    for update in ({"clocks": later}, CHANGES["other days"], CHANGES["no list"]):
        other = study.model_copy(update={"safety": study.safety.model_copy(update=update)})
        assert differences(tables, product, other)[1]
