"""A trial of end-point simulation is itself: in every chunk, on any thread, under any variant."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.operating import merged, operating_characteristics, rejections, sums
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.study.load import load_study, study_path

STUDIES = ("mgmt-net", "lung-tmb")


def _scenario(study: str, name: str = "planning") -> Scenario:
    return load_scenario(study_path(study).parent, name)


@pytest.fixture(scope="module", params=STUDIES)
def simulation(request: pytest.FixtureRequest) -> EndpointSimulation:
    return endpoint_simulation(load_study(request.param), _scenario(request.param))


def test_a_trial_is_the_same_in_every_chunk_and_on_any_thread(
    simulation: EndpointSimulation,
) -> None:
    whole = simulation.trials(7, 0, 60)
    apart = np.vstack([simulation.trials(7, first, 1) for first in range(60)])
    threads = simulation.trials(7, 0, 60, threads=3)
    assert whole.tobytes() == apart.tobytes() == threads.tobytes()
    assert simulation.trials(8, 0, 60).tobytes() != whole.tobytes()


def test_a_simulation_travels(simulation: EndpointSimulation) -> None:
    sent = pickle.loads(pickle.dumps(simulation))
    assert sent.fingerprint == simulation.fingerprint
    assert sent.columns == simulation.columns
    assert sent.trials(3, 5, 4).tobytes() == simulation.trials(3, 5, 4).tobytes()


def test_sums_of_chunks_are_those_of_the_trials(simulation: EndpointSimulation) -> None:
    trials = simulation.trials(1, 0, 200)
    found = merged(sums(simulation, trials[:120]), sums(simulation, trials[120:]))
    rows = operating_characteristics(simulation, found)
    power = {row.subject: row for row in rows if row.measure in ("power", "type_1_error")}
    assert list(power) == list(simulation.tested)
    rejected = rejections(simulation, trials)
    for place, name in enumerate(simulation.tested):
        assert power[name].estimate == rejected[:, place].mean()
        assert power[name].trials == 200
    screened = next(row for row in rows if row.measure == "screened")
    assert screened.estimate == pytest.approx(trials[:, 0].mean())
    assert screened.standard_error == pytest.approx(trials[:, 0].std(ddof=1) / np.sqrt(200))


def test_an_assay_that_fails_moves_nobodys_truth_and_arrival() -> None:
    """Common random numbers: with an assay that never fails nobody is lost before allocation."""
    study, scenario = load_study("mgmt-net"), _scenario("mgmt-net")
    assays = {
        code: each.model_copy(update={"failure": 0})
        for code, each in scenario.marker.assays.items()
    }
    sample = scenario.marker.sample.model_copy(update={"inadequate": 0})
    marker = scenario.marker.model_copy(update={"assays": assays, "sample": sample})
    better = endpoint_simulation(study, scenario.model_copy(update={"marker": marker}))
    plain = endpoint_simulation(study, scenario)
    one, other = better.trials(1, 0, 500), plain.trials(1, 0, 500)
    screened, months = plain.columns.index("screened"), plain.columns.index("duration_months")
    assert (one[:, screened] == 104).all() and (other[:, screened] >= 104).all()
    assert (one[:, months] <= other[:, months]).all()
    same = one[:, screened] == other[:, screened]
    assert (one[same] == other[same])[:, months].all()


def test_a_world_in_which_nobody_responds_can_be_simulated() -> None:
    """What is certain is read as it is, and not as something drawn."""
    scenario = _scenario("mgmt-net")
    never = {status: dict.fromkeys(by, 0) for status, by in scenario.tumour.shrinkage.items()}
    tumour = scenario.tumour.model_copy(update={"shrinkage": never})
    found = endpoint_simulation(
        load_study("mgmt-net"), scenario.model_copy(update={"tumour": tumour})
    )
    trials = found.trials(1, 0, 50)
    own = [place for place, name in enumerate(found.columns) if name.startswith("bor_proportions/")]
    assert len(own) == 4 and (trials[:, own] == 0).all()


def test_every_analysis_of_the_plan_is_run_or_explained(simulation: EndpointSimulation) -> None:
    study = load_study("mgmt-net" if "primary" in simulation.tested else "lung-tmb")
    told = {name for name, _ in simulation.skipped} | {
        column.subject.partition("/")[0] for column in simulation.described
    }
    assert {each.id for each in study.analysis.analyses} <= told
    assert all(reason for _, reason in simulation.skipped)
