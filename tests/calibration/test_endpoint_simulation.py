"""End-point simulation draws what the scenario says; tolerances follow from the trials."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.statistics.power import exact_power
from equipoise.study.load import load_study, study_path

TRIALS = 20_000
ERRORS = 4.5
"""Standard errors that a right value is allowed: one test in 150 000 would fail by chance."""


def _simulated(name: str, **endpoints: object) -> EndpointSimulation:
    scenario = load_scenario(study_path("mgmt-net").parent, name)
    told = scenario.model_dump(mode="json", exclude_none=True)
    told["endpoints"] = {"analyses": ["primary"], **endpoints}
    # Whoever is randomised has the true status, and everybody's response is read.
    for assay in told["marker"]["assays"].values():
        for level in assay["levels"].values():
            level.update(between="0", within="0")
    told["tumour"].update(missed_scan="0")
    told["tumour"]["reading"].update(not_evaluable="0")
    del told["withdrawal"]
    return endpoint_simulation(load_study("mgmt-net"), Scenario.model_validate(told))


def _column(simulation: EndpointSimulation, trials: np.ndarray, name: str) -> np.ndarray:
    return trials[:, simulation.columns.index(name)]


@pytest.mark.parametrize(
    ("scenario", "rates"), [("planning", (0.50, 0.15)), ("null", (0.25, 0.25))]
)
def test_fisher_rejects_as_often_as_enumeration_says(
    scenario: str, rates: tuple[float, float]
) -> None:
    """Power, and under the null hypothesis the exact size, which is not 5 %: given the group sizes
    of each trial the probability to reject is a sum over all tables."""
    simulation = _simulated(scenario, beside_fisher=["chi_square"])
    trials = simulation.trials(11, 0, TRIALS)
    sizes = Counter(
        zip(
            _column(simulation, trials, "size/DEFICIENT/ALKY").astype(int).tolist(),
            _column(simulation, trials, "size/PROFICIENT/ALKY").astype(int).tolist(),
            strict=True,
        )
    )
    for test, column in (("fisher", "primary/p"), ("chi_square", "primary/chi_square/p")):
        expected = variance = 0.0
        for (n1, n2), times in sizes.items():
            power = exact_power(n1, n2, *rates, alpha=0.05, test=test)  # type: ignore[arg-type]
            expected += times * power
            variance += times * power * (1 - power)
        rejected = (_column(simulation, trials, column) <= 0.05).sum()
        assert abs(rejected - expected) <= ERRORS * math.sqrt(variance), (test, rejected, expected)
    if scenario == "null":
        assert (_column(simulation, trials, "primary/p") <= 0.05).mean() < 0.04


def test_sizes_follow_prevalence_and_ratio() -> None:
    simulation = _simulated("planning")
    trials = simulation.trials(5, 0, TRIALS)
    deficient = _column(simulation, trials, "size/DEFICIENT")
    share = (55 * 0.69 + 38 * 0.45 + 12 * 0.42) / 105
    error = math.sqrt(104 * share * (1 - share) / TRIALS)
    assert abs(deficient.mean() - 104 * share) <= ERRORS * error
    treated = _column(simulation, trials, "size/DEFICIENT/ALKY")
    assert np.abs(treated - deficient * 2 / 3).max() <= 2
    assert (trials[:, simulation.columns.index("misclassified")] == 0).all()
