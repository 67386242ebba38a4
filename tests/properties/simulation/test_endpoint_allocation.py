"""Who gets which arm is decided by the live rule's arithmetic, whatever the source of chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equipoise.randomisation.rules import method_of, minimisation_of
from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.statistics import trial_kernel as kernel
from equipoise.statistics.allocation import allocate
from equipoise.statistics.minimisation import minimise
from equipoise.statistics.trial_draws import fill_words, seed_key, trial_key, trial_word
from equipoise.statistics.trial_tables import ARM
from equipoise.statistics.trial_workspace import workspace
from equipoise.study.definition import Study
from equipoise.study.load import load_study, study_path

SEED = 9


def _minimised() -> Study:
    """MGMT-NET with minimisation over the primary site, an arm's weights kept."""
    told = load_study("mgmt-net").model_dump(mode="json", exclude_none=True)
    scheme = told["randomisation"]["scheme"]
    scheme.update(
        method="minimisation",
        factors=["primary_site"],
        minimisation={"probability": "0.8", "measure": "range", "weights": {"primary_site": 1}},
    )
    for ratio in scheme["ratios"]:
        ratio["block_sizes"] = []
    return Study.model_validate(told)


def _in_many_blocks() -> Study:
    """MGMT-NET with blocks short and long, in more strata than two."""
    told = load_study("mgmt-net").model_dump(mode="json", exclude_none=True)
    scheme = told["randomisation"]["scheme"]
    scheme["factors"] = ["primary_site"]
    for ratio in scheme["ratios"]:
        ratio["block_sizes"] = [sum(ratio["ratio"].values()) * many for many in (1, 2, 4)]
    return Study.model_validate(told)


def _patients(simulation: EndpointSimulation, trial: int) -> tuple[np.ndarray, np.ndarray]:
    """Variables of the candidates of one trial by plain Python, and who was randomised."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    own = kernel.tally

    def watched(tallies: Any, who: Any, number: int, values: Any, *rest: Any) -> None:
        kept.append((values.copy(), who[:number].copy()))
        own(tallies, who, number, values, *rest)

    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(kernel, "tally", watched)
        out = np.zeros((1, simulation.tables.width))
        work = workspace(simulation.tables)
        kernel._trials(simulation.tables, np.uint64(seed_key(SEED)), trial, out, work)
    return kept[0]


@pytest.mark.parametrize(
    "study", [load_study("mgmt-net"), load_study("lung-tmb"), _minimised(), _in_many_blocks()]
)
def test_arms_are_those_of_the_live_rule(study: Study) -> None:
    told = load_scenario(study_path(study.id).parent, "planning").model_dump(
        mode="json", exclude_none=True
    )
    simulation = endpoint_simulation(study, Scenario.model_validate(told))
    plan, scheme = simulation.tables.randomisation, study.randomisation.scheme
    arms = [each.code for each in study.randomisation.arms]
    strata_each = len(plan.limits) // len(scheme.ratios)
    for trial in range(3):
        values, who = _patients(simulation, trial)
        strata, given = values[plan.stratum, who], values[ARM, who]
        for stratum in range(len(plan.limits)):
            status = scheme.ratios[stratum // strata_each].status
            with np.errstate(over="ignore"):
                key = trial_key(plan.stream[stratum], trial_word(np.uint64(seed_key(SEED)), trial))

            def words(_: str, block: int, count: int, key: np.uint64 = key) -> np.ndarray:
                drawn = np.empty(count, dtype=np.uint64)
                with np.errstate(over="ignore"):
                    fill_words(key, block * count, drawn)
                return drawn

            mine = given[strata == stratum].tolist()
            if scheme.method == "minimisation":
                levels = values[plan.factors][:, who[strata == stratum]].T
                method = minimisation_of(scheme, status, arms)
                expected = [each.arm for each in minimise(method, status, levels, words)]
            else:
                blocks = method_of(scheme, status, arms)
                expected = [allocate(blocks, status, n, words).arm for n in range(len(mine))]
            assert mine == expected


def test_minimisation_keeps_the_ratio_and_balances_the_factor() -> None:
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    simulation = endpoint_simulation(_minimised(), scenario)
    trials = simulation.trials(1, 0, 4000)
    alky, everybody = (
        trials[:, simulation.columns.index(f"size/DEFICIENT{arm}")].sum() for arm in ("/ALKY", "")
    )
    error = np.sqrt(2 / 9 / everybody)
    assert abs(alky / everybody - 2 / 3) < 4.5 * error


def test_arms_by_other_names_in_another_order_change_nothing_but_names() -> None:
    """With the arms written in the other order sizes keep their law; differences of one group of
    each arm keep their size."""
    study = load_study("mgmt-net")
    told = study.model_dump(mode="json", exclude_none=True)
    told["randomisation"]["arms"].reverse()
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    plain = endpoint_simulation(study, scenario)
    turned = endpoint_simulation(Study.model_validate(told), scenario)
    assert sorted(plain.columns) == sorted(turned.columns)
    one, other = plain.trials(1, 0, 4000), turned.trials(1, 0, 4000)
    for name in ("size/DEFICIENT/OX", "response_3m_arms_deficient/difference", "pfs_alky/p"):
        first = one[:, plain.columns.index(name)]
        second = other[:, turned.columns.index(name)]
        error = np.sqrt((first.var() + second.var()) / 4000)
        assert abs(first.mean() - second.mean()) < 4.5 * error
