"""The closed test of a plan keeps its level in simulated trials in which nothing is true.

Limits as in test_inference: a correct method fails for one seed in 10 000; the seed is fixed.
"""

from __future__ import annotations

import math

import pytest
from scipy.special import ndtri

from equipoise.simulation.endpoints import endpoint_simulation
from equipoise.simulation.operating import operating_characteristics, sums
from equipoise.simulation.scenario import load_scenario
from equipoise.study.analysis_plan import ClosedTesting
from equipoise.study.load import load_study, study_path

TRIALS = 20_000


@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_the_familywise_error_is_at_most_alpha(name: str) -> None:
    """Holm's procedure on four analyses of the null scenario, which share their patients."""
    study, scenario = load_study(name), load_scenario(study_path(name).parent, "null")
    plain = endpoint_simulation(study, scenario)
    chosen = [each for each in plain.tested if "/" not in each][:4]
    closed = ClosedTesting.model_validate(
        {
            "alpha": "0.05",
            "weights": dict.fromkeys(chosen, "0.25"),
            "transitions": {
                one: {other: "0.33" for other in chosen if other != one} for one in chosen
            },
        }
    )
    analysis = study.analysis.model_copy(update={"closed_testing": closed})
    simulation = endpoint_simulation(study.model_copy(update={"analysis": analysis}), scenario)
    assert simulation.closed is not None and all(simulation.closed.null)
    found = sums(simulation, simulation.trials(31, 0, TRIALS))
    rows = {row.measure: row for row in operating_characteristics(simulation, found)}
    error = rows["familywise_error"].estimate
    assert error is not None and error == rows["any_rejected"].estimate
    assert 0 < error < 0.05 - ndtri(5e-5) * math.sqrt(0.05 * 0.95 / TRIALS)
