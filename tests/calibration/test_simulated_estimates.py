"""Estimates of simulated trials against what is true and what enumeration says of their intervals.

Tolerances follow from the trials: see ERRORS.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom

from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.operating import OperatingRow, operating_characteristics, sums
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.statistics.binomial_interval import clopper_pearson, wilson
from equipoise.statistics.proportion import Estimate
from equipoise.study.analysis_plan import AnalysisPlan
from equipoise.study.load import load_study, study_path

TRIALS = 10_000
ERRORS = 4.5
"""Standard errors that a right value is allowed: one test in 150 000 would fail by chance."""
LARGE, FEW = 3000, 200
RATES = {
    "DEFICIENT": {"ALKY": "0.5", "OX": "0.25"},
    "PROFICIENT": {"ALKY": "0.15", "OX": "0.3"},
}


def _scenario(
    study: str, endpoints: dict[str, object], randomise: int | None = None, **changes: object
) -> Scenario:
    """Everybody has the true status, and every response is read."""
    told = load_scenario(study_path(study).parent, "planning").model_dump(
        mode="json", exclude_none=True
    )
    told["endpoints"] = endpoints
    for assay in told["marker"]["assays"].values():
        for level in assay["levels"].values():
            level.update(between="0", within="0")
    told["tumour"].update(missed_scan="0", **changes)
    told["tumour"]["reading"].update(not_evaluable="0")
    told.pop("withdrawal", None)
    if randomise is not None:
        many = {"randomise": randomise, "screen_at_most": 2 * randomise, "per_month": randomise}
        told["enrolment"].update(many, follow_up_months=120)
    return Scenario.model_validate(told)


def _simulated(study: str, *given: object, **changes: object) -> EndpointSimulation:
    scenario = _scenario(study, *given, **changes)  # type: ignore[arg-type]
    return endpoint_simulation(load_study(study), scenario)


def _rows(simulation: EndpointSimulation, trials: int) -> dict[tuple[str, str], OperatingRow]:
    found = sums(simulation, simulation.trials(13, 0, trials))
    return {(r.subject, r.measure): r for r in operating_characteristics(simulation, found)}


@pytest.mark.parametrize(
    ("name", "interval"), [("clopper_pearson", clopper_pearson), ("wilson", wilson)]
)
def test_coverage_of_a_proportion_is_that_of_enumeration(
    name: str, interval: Callable[[int, int], Estimate]
) -> None:
    """Given the size of a group its coverage is a sum over all counts: 97 % or 92 %, not 95 %."""
    study = load_study("mgmt-net")
    analyses = [
        each.model_copy(update={"interval": name})
        for each in study.analysis.analyses
        if each.id == "response_3m_proportions"
    ]
    plan = AnalysisPlan.model_validate(study.analysis.model_dump() | {"analyses": analyses})
    own = {"analyses": ["response_3m_proportions"], "intervals": ["response_3m_proportions"]}
    simulation = endpoint_simulation(
        study.model_copy(update={"analysis": plan}), _scenario("mgmt-net", own)
    )
    trials = simulation.trials(7, 0, TRIALS)
    for status, rate in (("DEFICIENT", 0.50), ("PROFICIENT", 0.15)):
        own = f"response_3m_proportions/{status}, ALKY"
        sizes = Counter(
            trials[:, simulation.columns.index(f"size/{status}/ALKY")].astype(int).tolist()
        )
        expected = variance = 0.0
        for size, times in sizes.items():
            x = np.arange(size + 1)
            limits = [interval(each, size) for each in x.tolist()]
            held = [(found.lower or 0) <= rate <= (found.upper or 1) for found in limits]
            coverage = float(binom.pmf(x, size, rate) @ np.array(held))
            expected += times * coverage
            variance += times * coverage * (1 - coverage)
        covered = trials[:, simulation.columns.index(f"{own}/covered")].sum()
        assert abs(covered - expected) <= ERRORS * math.sqrt(variance), (covered, expected)
        estimates = trials[:, simulation.columns.index(own)]
        assert abs(estimates.mean() - rate) <= ERRORS * estimates.std() / math.sqrt(TRIALS)


@pytest.mark.parametrize(
    ("study", "names"),
    [("mgmt-net", ["pfs_medians", "os_medians"]), ("lung-tmb", ["pfs_medians", "ttp_medians"])],
)
def test_medians_of_large_trials_are_those_of_the_scenario(study: str, names: list[str]) -> None:
    """Nobody is lost and progression is seen at once: the mean of the medians is the truth."""
    endpoints = {"analyses": names, "seen": "at_once"}
    rows = _rows(_simulated(study, endpoints, LARGE), FEW)
    biases = {subject: row for (subject, measure), row in rows.items() if measure == "bias"}
    assert len(biases) >= 5
    for subject, row in biases.items():
        assert row.estimate is not None and row.standard_error is not None and row.truth
        # The estimate is a day of observation, and follows the skewed law of an order statistic.
        days = 1.0 / 30 if row.truth < 60 else 1.0
        assert abs(row.estimate) <= ERRORS * row.standard_error + days, (subject, row)
        coverage = rows[subject, "coverage"].estimate
        error = math.sqrt(0.95 * 0.05 / FEW)
        assert coverage is not None and abs(coverage - 0.95) <= ERRORS * error
        width = rows[subject, "mean_width"].estimate
        assert width is not None and 0 < width < row.truth


def test_an_interaction_of_odds_is_that_of_the_scenario() -> None:
    """Bias and coverage in large trials: the log odds ratio of each cell has a bias of about
    (2 p - 1) / (2 n p (1 - p)), together below 40 over the subjects."""
    odds = {s: {a: float(r) / (1 - float(r)) for a, r in by.items()} for s, by in RATES.items()}
    truth = math.log(
        odds["DEFICIENT"]["ALKY"] / odds["DEFICIENT"]["OX"]
        / (odds["PROFICIENT"]["ALKY"] / odds["PROFICIENT"]["OX"])
    )  # fmt: skip
    simulation = _simulated("mgmt-net", {"analyses": ["bor_interaction"]}, LARGE, shrinkage=RATES)
    _close(_rows(simulation, 1000), "bor_interaction", truth, LARGE, 1000)


@pytest.mark.slow
def test_hazard_ratios_and_their_ratio_are_those_of_the_scenario() -> None:
    """Without response hazards are proportional; progression and death are the events."""
    none = {s: dict.fromkeys(by, "0") for s, by in RATES.items()}
    endpoints = {"analyses": ["pfs_interaction", "pfs_hazard_ratio_deficient"], "seen": "at_once"}
    medians = {"DEFICIENT": {"ALKY": "20", "OX": "10"}, "PROFICIENT": {"ALKY": "8", "OX": "12"}}
    simulation = _simulated(
        "mgmt-net", endpoints, 1000, shrinkage=none, progression_median_months=medians
    )
    rows = _rows(simulation, FEW)
    death = 1 / 120
    hazard = {s: {a: 1 / float(m) + death for a, m in by.items()} for s, by in medians.items()}
    deficient = math.log(hazard["DEFICIENT"]["ALKY"] / hazard["DEFICIENT"]["OX"])
    proficient = math.log(hazard["PROFICIENT"]["ALKY"] / hazard["PROFICIENT"]["OX"])
    _close(rows, "pfs_hazard_ratio_deficient", deficient, 1000, FEW)
    _close(rows, "pfs_interaction", deficient - proficient, 1000, FEW)


def _close(
    rows: dict[tuple[str, str], OperatingRow], name: str, truth: float, size: int, trials: int
) -> None:
    bias, coverage = rows[name, "bias"], rows[name, "coverage"]
    assert bias.truth == pytest.approx(truth, abs=1e-9)
    assert bias.estimate is not None and bias.standard_error is not None
    assert abs(bias.estimate) <= ERRORS * bias.standard_error + 40 / size
    error = math.sqrt(0.95 * 0.05 / trials)
    assert coverage.estimate is not None and abs(coverage.estimate - 0.95) <= ERRORS * error + 0.01
