"""The closed test of the plan: the same in simulated trials, in the analysis and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.analysis.closed import adjusted_p
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.operating import operating_characteristics, rejections, sums
from equipoise.simulation.scenario import load_scenario
from equipoise.study.analysis_plan import ClosedTesting
from equipoise.study.definition import Study
from equipoise.study.load import load_study, study_path


def _with_graph(name: str) -> tuple[Study, ClosedTesting]:
    """The bundled study with a closed test of its first three simulated analyses."""
    study = load_study(name)
    plain = endpoint_simulation(study, load_scenario(study_path(name).parent, "planning"))
    one, two, three = [each for each in plain.tested if "/" not in each][:3]
    closed = ClosedTesting.model_validate(
        {
            "alpha": "0.05",
            "weights": {one: "0.8", two: "0.2", three: "0"},
            "transitions": {one: {three: "1"}, two: {one: "0.5", three: "0.5"}, three: {two: "1"}},
        }
    )
    analysis = study.analysis.model_copy(update={"closed_testing": closed})
    return study.model_copy(update={"analysis": analysis}), closed


@pytest.fixture(scope="module", params=["mgmt-net", "lung-tmb"])
def made(request: pytest.FixtureRequest) -> tuple[EndpointSimulation, ClosedTesting]:
    study, closed = _with_graph(request.param)
    return endpoint_simulation(
        study, load_scenario(study_path(request.param).parent, "planning")
    ), closed


def test_every_trial_has_the_adjusted_p_of_the_analysis(
    made: tuple[EndpointSimulation, ClosedTesting],
) -> None:
    simulation, closed = made
    trials = simulation.trials(5, 0, 60)
    place = {name: number for number, name in enumerate(simulation.columns)}
    for row in trials:
        p = {name: float(row[place[f"{name}/p"]]) for name in closed.weights}
        for name, adjusted in adjusted_p(closed, p).items():
            assert row[place[f"{name}/closed/p"]] == pytest.approx(adjusted, abs=1e-12)
    names = [f"{name}/closed test" for name in closed.weights]
    rejected = rejections(simulation, trials)[:, [simulation.tested.index(n) for n in names]]
    assert (rejected.any(axis=1) == trials[:, place["closed/any"]]).all()
    apart = np.vstack([simulation.trials(5, first, 1) for first in range(60)])
    assert apart.tobytes() == trials.tobytes()


def test_the_first_of_all_has_no_less_power_than_its_weight_gives(
    made: tuple[EndpointSimulation, ClosedTesting],
) -> None:
    simulation, closed = made
    trials = simulation.trials(6, 0, 400)
    rows = {
        row.subject: row
        for row in operating_characteristics(simulation, sums(simulation, trials))
        if row.measure in ("power", "type_1_error")
    }
    one = next(iter(closed.weights))
    alone = float((trials[:, simulation.columns.index(f"{one}/p")] <= 0.04).mean())
    found = rows[f"{one}/closed test"].estimate
    assert found is not None and rows[one].estimate is not None
    assert alone <= found <= rows[one].estimate


def test_without_a_hypothesis_it_is_told_why() -> None:
    study, closed = _with_graph("mgmt-net")
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    one = next(iter(closed.weights))
    nature = (scenario.endpoints or EndpointNature()).model_copy(update={"analyses": (one,)})
    alone = scenario.model_copy(update={"endpoints": nature})
    simulation = endpoint_simulation(study, alone)
    assert simulation.closed is None
    reason = dict(simulation.skipped)["closed_testing"]
    assert "is not simulated" in reason
