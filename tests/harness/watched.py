"""A simulated trial run by the cores as plain Python, and watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.statistics import trial_kernel as kernel
from equipoise.statistics import trial_outcomes
from equipoise.statistics.trial_draws import seed_key
from equipoise.statistics.trial_workspace import workspace
from equipoise.study.load import load_study, study_path

SEED = 3


def simulation_of(study: str, **endpoints: object) -> EndpointSimulation:
    """The simulation of a bundled study in its planning scenario, end points as told."""
    told = load_scenario(study_path(study).parent, "planning").model_dump(
        mode="json", exclude_none=True
    )
    if endpoints:
        told["endpoints"] = endpoints
    return endpoint_simulation(load_study(study), Scenario.model_validate(told))


class Watched:
    """One trial, run by the cores as plain Python, with its patients as they were compared."""

    def __init__(self, simulation: EndpointSimulation, trial: int) -> None:
        self.sorted: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.values: np.ndarray = np.zeros((0, 0))
        self.out = np.zeros((1, simulation.tables.width))

        def watching(own: Callable[..., None]) -> Callable[..., None]:
            def watched(*given: Any) -> None:
                _, _, _, number, values, order, days, events = given[:8]
                self.values = values.copy()
                self.sorted.append(tuple(each[:number].copy() for each in (order, days, events)))
                own(*given)

            return watched

        with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
            patch.setattr(trial_outcomes, "compare", watching(trial_outcomes.compare))
            patch.setattr(trial_outcomes, "compare_many", watching(trial_outcomes.compare_many))
            work = workspace(simulation.tables)
            kernel._trials(simulation.tables, np.uint64(seed_key(SEED)), trial, self.out, work)
