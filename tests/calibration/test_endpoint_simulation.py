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


def test_a_hazard_ratio_without_effect_is_covered_and_rejected_as_often_as_it_should() -> None:
    """Wald's test and interval of the Cox model say the same; log-rank rejects nearly as often.

    Their size is asymptotic, so they are held to 5 % within one point and the error of simulation.
    """
    analyses = ["pfs_arms_deficient", "pfs_hazard_ratio_deficient"]
    simulation = _simulated("null", analyses=analyses, seen="at_once")
    trials = simulation.trials(2, 0, TRIALS)
    wald = _column(simulation, trials, "pfs_hazard_ratio_deficient/p") <= 0.05
    covered = _column(simulation, trials, "pfs_hazard_ratio_deficient/covered") == 1
    assert (wald == ~covered).mean() > 0.9999
    allowed = 0.01 + ERRORS * math.sqrt(0.05 * 0.95 / TRIALS)
    for rejected in (wald, _column(simulation, trials, "pfs_arms_deficient/p") <= 0.05):
        assert abs(rejected.mean() - 0.05) < allowed
    estimates = _column(simulation, trials, "pfs_hazard_ratio_deficient/log_hazard_ratio")
    known = estimates[~np.isnan(estimates)]
    assert abs(known.mean()) < ERRORS * known.std() / math.sqrt(len(known))


def test_prevalence_that_differs_between_trials_spreads_the_sizes() -> None:
    """Mean and variance of the number of deficient tumours, by quadrature over the shift."""
    simulation = _simulated("planning", prevalence={"between_trials": "0.5"})
    deficient = _column(simulation, simulation.trials(1, 0, TRIALS), "size/DEFICIENT")
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    share = sum(
        weight / 105 / (1 + (1 / p - 1) * np.exp(-0.5 * nodes))
        for weight, p in ((55, 0.69), (38, 0.45), (12, 0.42))
    )
    mean = 104 * (weights @ share)
    variance = weights @ (104 * share * (1 - share)) + weights @ (104 * share - mean) ** 2
    assert abs(deficient.mean() - mean) < ERRORS * math.sqrt(variance / TRIALS)
    assert abs(deficient.var() / variance - 1) < ERRORS * math.sqrt(2 / TRIALS)
    wider = _simulated("planning", prevalence={"between_trials": "0.5", "between_sites": "0.5"})
    spread = _column(wider, wider.trials(1, 0, TRIALS), "size/DEFICIENT")
    assert spread.var() > 104 * (weights @ share) * (1 - weights @ share)


def test_an_assay_that_errs_costs_what_mixing_the_groups_costs() -> None:
    """With a share w of contrary readings each group is a mixture, and the difference shrinks."""
    told = {"contrary": {"pyrosequencing": "0.2", "ihc": "0.2"}}
    simulation = _simulated("planning", analyses=["response_3m_proportions"], **told)
    trials = simulation.trials(4, 0, TRIALS)
    share = (55 * 0.69 + 38 * 0.45 + 12 * 0.42) / 105
    wrong = 0.2
    assert trials[:, simulation.columns.index("misclassified")].mean() == pytest.approx(
        wrong, abs=ERRORS * math.sqrt(wrong * (1 - wrong) / 104 / TRIALS)
    )
    read = share * (1 - wrong) + (1 - share) * wrong
    expected = (share * (1 - wrong) * 0.50 + (1 - share) * wrong * 0.15) / read
    found = _column(simulation, trials, "response_3m_proportions/DEFICIENT, ALKY")
    assert abs(found.mean() - expected) < ERRORS * found.std() / math.sqrt(TRIALS)
