"""Drawn end points against the rehearsal, in which every rule decides: where they have to agree.

They agree in the rates of response, the sizes, and the share with progression or death. They are
not meant to agree in how many are screened and hence in how long accrual takes (the rehearsal
judges every criterion), which moves events of overall survival by a few per cent.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from equipoise.analysis.subjects import end_point_of
from equipoise.simulation.characteristics import batch_counts
from equipoise.simulation.endpoints import endpoint_simulation
from equipoise.simulation.run import Version
from equipoise.simulation.scenario import load_scenario
from equipoise.statistics.trial_kernel import run_trials
from equipoise.statistics.trial_tables import RAW
from equipoise.study.analysis_plan import TimeToEventEndPoint
from equipoise.study.load import load_study, study_path

REHEARSED, DRAWN = 80, 4000
ERRORS = 4.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_rates_sizes_and_progressions_agree(name: str) -> None:
    study = load_study(name)
    scenario = load_scenario(study_path(name).parent, "planning")
    rehearsed = {
        each.analysis.id: each
        for each in batch_counts([Version(0, study)], scenario, 1, range(REHEARSED))
    }
    simulation = endpoint_simulation(study, scenario)
    raw = run_trials(simulation.tables, 1, 0, DRAWN)
    compared = 0
    for counted in simulation.counted:
        mine = rehearsed[counted.analysis.id]
        if counted.analysis.method not in ("fisher", "proportion"):
            continue
        sums = (raw[:, slice(*counted.columns)] @ counted.sums).reshape(DRAWN, 2, -1)
        for group in range(sums.shape[2]):
            _close(mine.numerators[:, group], mine.denominators[:, group], *sums[:, :, group].T)
            compared += 1
    for one in simulation.compared:
        end_point = end_point_of(study.analysis, one.analysis)
        assert isinstance(end_point, TimeToEventEndPoint)
        if "progression" not in end_point.events or len(one.analysis.groups) != 2:
            continue
        mine = rehearsed[one.analysis.id]
        begin = RAW + simulation.tables.tallies.columns + one.column
        for group in range(2):
            events, subjects = raw[:, begin + 2 + group], raw[:, begin + group]
            _close(mine.numerators[:, group], mine.denominators[:, group], events, subjects)
            compared += 1
    assert compared > 10


def _close(events: np.ndarray, sizes: np.ndarray, drawn: np.ndarray, of: np.ndarray) -> None:
    """Pooled shares within their joint error and a point; mean sizes within it and 5 %."""
    one, other = events.sum() / sizes.sum(), drawn.sum() / of.sum()
    error = math.sqrt(one * (1 - one) / sizes.sum() + other * (1 - other) / of.sum())
    assert abs(one - other) <= ERRORS * error + 0.01, (one, other)
    spread = math.sqrt(sizes.var() / len(sizes) + of.var() / len(of))
    assert abs(sizes.mean() - of.mean()) <= ERRORS * spread + 0.05 * of.mean()
