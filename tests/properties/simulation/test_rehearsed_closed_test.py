"""How often the closed test rejects in rehearsed trials is the mean of what it decides in each."""

from __future__ import annotations

import math

import pytest

from equipoise.simulation.characteristics import CLOSED, batch_counts, characteristics
from equipoise.simulation.run import Version
from equipoise.simulation.scenario import load_scenario
from equipoise.statistics.graphical_test import graphical_test
from equipoise.study.analysis_plan import ClosedTesting
from equipoise.study.load import load_study, study_path

NAMES = ("primary", "response_3m_arms_deficient", "pfs_arms_deficient")
PLAN = ClosedTesting.model_validate(
    {
        "alpha": "0.3",
        "weights": dict(zip(NAMES, ("0.6", "0.4", "0"), strict=True)),
        "transitions": {NAMES[0]: {NAMES[2]: "1"}, NAMES[2]: {NAMES[1]: "1"}},
    }
)
TRIALS = 12


@pytest.fixture(scope="module")
def batches() -> list[list[object]]:
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    study = load_study("mgmt-net")
    return [
        batch_counts([Version(0, study)], scenario, 5, range(first, first + TRIALS // 2))
        for first in (0, TRIALS // 2)
    ]


@pytest.mark.slow
def test_rates_of_the_closed_test(batches: list[list[object]]) -> None:
    found = {each.analysis: each for each in characteristics(batches, PLAN)}  # type: ignore[arg-type]
    counts = dict.fromkeys(NAMES, 0)
    some = 0
    for batch in batches:
        p = {each.analysis.id: each.p for each in batch}  # type: ignore[attr-defined]
        for trial in range(TRIALS // 2):
            mine = [float(p[name][trial]) for name in NAMES]
            told = graphical_test(
                [1.0 if math.isnan(each) else each for each in mine],
                [0.6, 0.4, 0.0], [[0, 0, 1], [0, 0, 0], [0, 1, 0]], alpha=0.3,
            )  # fmt: skip
            for name, rejected in zip(NAMES, told.rejected, strict=True):
                counts[name] += rejected
            some += any(told.rejected)
    assert some
    for name in NAMES:
        rate = counts[name] / TRIALS
        assert found[name].closed_rejection == pytest.approx(rate)
        error = math.sqrt(rate * (1 - rate) / TRIALS)
        assert found[name].closed_standard_error == pytest.approx(error)
    assert found[CLOSED].rejection == pytest.approx(some / TRIALS)
    assert found["pfs_alky"].closed_rejection is None


@pytest.mark.slow
def test_without_a_plan_nothing_is_added(batches: list[list[object]]) -> None:
    found = characteristics(batches)  # type: ignore[arg-type]
    assert CLOSED not in {each.analysis for each in found}
    assert all(each.closed_rejection is None for each in found)
