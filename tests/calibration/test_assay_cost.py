"""What the design computes of an assay that errs and fails is what simulated trials show."""

from __future__ import annotations

import math
from typing import Any

import pytest

from equipoise.analysis.sample_size import planned_test
from equipoise.simulation.assay_cost import (
    Accuracy,
    Assayed,
    assay_exhibits,
    assays,
    reported_comparison,
)
from equipoise.simulation.assay_reading import reading
from equipoise.simulation.design import design
from equipoise.simulation.endpoints import endpoint_simulation
from equipoise.simulation.planned_population import planned_patients, prevalence
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.statistics.marker_comparison import expected_power, random_sizes
from equipoise.study.load import load_study, study_path
from tests.harness.unread import UNREAD, with_stratum

TRIALS = 20_000
ERRORS = 4.5
"""Standard errors that a right value is allowed: one test in 150 000 would fail by chance."""
BLOCKS = 0.002
"""Power that the last, unfinished block of a status may move against sizes that are rounded."""


def _scenario(contrary: str, failure: str) -> Scenario:
    """The planning scenario with a worse assay, in which everybody's response is read."""
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    told: dict[str, Any] = scenario.model_dump(mode="json", exclude_none=True)
    told["endpoints"] = {
        "analyses": ["primary"],
        "contrary": {"pyrosequencing": contrary, "ihc": contrary},
    }
    for assay in told["marker"]["assays"].values():
        assay["failure"] = failure
    told["enrolment"]["screen_at_most"] = 400
    told["tumour"].update(missed_scan="0")
    told["tumour"]["reading"].update(not_evaluable="0")
    del told["withdrawal"]
    return Scenario.model_validate(told)


@pytest.mark.parametrize(("contrary", "failure"), [("0", "0.15"), ("0.1", "0.3"), ("0.25", "0.5")])
def test_power_under_an_assay_that_errs_fails_and_falls_back(contrary: str, failure: str) -> None:
    study, scenario = load_study("mgmt-net"), _scenario(contrary, failure)
    patients = planned_patients(study, scenario)
    stated: Assayed = assays(study, scenario, patients, Accuracy())[0]
    design = reported_comparison(study, patients, stated)
    assert design is not None
    compared, test = design.compared, planned_test(study)[0]
    power = expected_power(
        random_sizes(compared, 104), compared.first.rate, compared.second.rate,
        alpha=0.05, test=test,
    )  # fmt: skip
    simulation = endpoint_simulation(study, scenario)
    trials = simulation.trials(31, 0, TRIALS)
    columns = {name: trials[:, place] for place, name in enumerate(simulation.columns)}
    rejected = float((columns["primary/p"] <= 0.05).mean())
    error = math.sqrt(power * (1 - power) / TRIALS)
    assert abs(rejected - power) <= ERRORS * error + BLOCKS, (rejected, power)
    assert power < 0.774, "with a perfect assay 104 evaluable have .774"
    # The misclassified, the sizes by reported status, and how many are screened for 104.
    for column, expected, spread in (
        ("misclassified", _false(stated, patients.population.prevalence), 0.05),
        ("size/DEFICIENT", 104 * stated.population.prevalence[0], 5.2),
        ("screened", 104 / stated.population.answered, 25.0),
    ):
        allowed = ERRORS * spread / math.sqrt(TRIALS)
        assert abs(columns[column].mean() - expected) <= allowed, column


@pytest.mark.parametrize("then", ["not_randomised", "stratum"])
def test_three_statuses_as_they_are_reported(then: str) -> None:
    """Also where those without a status are a stratum of their own."""
    study = load_study("lung-tmb")
    if then == "stratum":
        study = with_stratum(study)
    scenario = load_scenario(study_path("lung-tmb").parent, "planning")
    told = scenario.model_dump(mode="json", exclude_none=True)
    told["endpoints"] = {**told.get("endpoints", {}), "analyses": ["main_test"]}
    simulation = endpoint_simulation(study, Scenario.model_validate(told))
    trials = simulation.trials(7, 0, TRIALS)
    columns = {name: trials[:, place] for place, name in enumerate(simulation.columns)}
    found, shares = reading(study, scenario), prevalence(scenario)
    reported = {
        code: sum(
            shares[truth] * row[place] for truth, row in zip(found.truths, found.table, strict=True)
        )
        for place, code in enumerate(found.reported)
    }
    whole, subjects = sum(reported.values()), scenario.enrolment.randomise
    assert (whole == pytest.approx(1.0)) == (then == "stratum")
    assert (UNREAD in reported) == (then == "stratum")
    for code in reported:
        share = reported[code] / whole
        error = math.sqrt(subjects * share * (1 - share) / TRIALS)
        assert abs(columns[f"size/{code}"].mean() - subjects * share) <= ERRORS * error, code


def _false(stated: Assayed, prevalence: tuple[float, ...]) -> float:
    """The share with a false status, by Bayes' rule written out for two statuses."""
    (right, wrong, _), (other_wrong, other_right, _) = stated.reading.table
    one, two = prevalence
    false = one * wrong + two * other_wrong
    return false / (false + one * right + two * other_right)


def test_the_design_of_a_study_with_a_stratum_of_the_unread() -> None:
    """The unread take places of the others, so that a failing assay costs power there as well."""
    study = with_stratum(load_study("lung-tmb"))
    planning = load_scenario(study_path("lung-tmb").parent, "planning")
    answer = design(study, planning)
    rows = {row["assay"]: row for row in answer.exhibit("assay_power").rows}
    failing, reading_all = (
        float(rows[each]["power"] or 0)
        for each in ("assay as the scenario says", "without failure")
    )
    assert failing < reading_all < float(rows["perfect assay"]["power"] or 0)
    assert all(row["no_status"] == pytest.approx(0) for row in rows.values())


def test_errors_that_go_with_the_outcome_are_pointed_out() -> None:
    told = _scenario("0.1", "0.2").model_dump(mode="json", exclude_none=True)
    told["endpoints"]["loadings"] = {"ihc": "0.5", "response": "0.5"}
    study, scenario = load_study("mgmt-net"), Scenario.model_validate(told)
    patients = planned_patients(study, scenario)
    notes = assay_exhibits(study, scenario, patients, Accuracy())[1].notes
    assert "those of ihc go with the response: simulate it" in notes[-1]
