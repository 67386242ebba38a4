"""The kernel's answers are those of the analysis on the same patients, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.analysis.counts import two_sided_p
from equipoise.statistics import trial_kernel as kernel
from equipoise.statistics.cox import cox_p_batch
from equipoise.statistics.log_rank import log_rank, log_rank_z_batch
from equipoise.statistics.proportion import chi_square, fisher_exact_p
from equipoise.statistics.trial_tables import ARM
from tests.harness.watched import SEED, Watched, simulation_of


@pytest.mark.parametrize(
    ("study", "endpoints"),
    [
        ("mgmt-net", {}),
        ("mgmt-net", {"seen": "at_once", "loadings": {"response": "0.5", "progression": "0.5"}}),
        ("mgmt-net", {"prevalence": {"between_trials": "0.3", "between_sites": "0.4"}}),
        ("lung-tmb", {}),
    ],
)
def test_times_are_compared_as_in_the_analysis(study: str, endpoints: dict[str, object]) -> None:
    simulation = simulation_of(study, **endpoints)
    trials = simulation.trials(SEED, 0, 12)
    for trial in range(3):
        watched = Watched(simulation, trial)
        compiled = kernel.run_trials(simulation.tables, SEED, trial, 1)
        assert watched.out.tobytes() == compiled.tobytes()
        status = simulation.tables.comparisons.status
        group = simulation.tables.comparisons.group
        order_of = [
            each
            for end_point in range(len(simulation.tables.end_points.ended_by))
            for each, own in enumerate(simulation.tables.comparisons.end_point)
            if own == end_point
        ]
        for place, one in enumerate(simulation.compared):
            order, days, events = watched.sorted[order_of.index(one.comparison)]
            cells = (
                watched.values[status[one.comparison], order] * simulation.tables.arms
                + watched.values[ARM, order]
            )
            groups = group[one.comparison][cells]
            p = trials[trial, simulation.columns.index(f"{one.analysis.id}/p")]
            if len(one.analysis.groups) > 2:
                inside = groups >= 0
                found = log_rank(days[inside], events[inside], groups[inside])
                assert found.p == p, place
            elif one.analysis.method == "log_rank":
                z = log_rank_z_batch(days[None], events[None], groups[None])
                assert two_sided_p(z)[0] == p, place
            else:
                covariates = np.where(groups == 0, 1.0, 0.0)[None, :, None]
                stratum = np.where(groups >= 0, 0, -1)[None]
                expected = cox_p_batch(days[None], events[None], covariates, stratum, [0])
                assert expected[0] == p, place


def test_counts_are_tested_as_in_the_analysis() -> None:
    beside = ["chi_square", "chi_square_corrected", "mid_p"]
    simulation = simulation_of("mgmt-net", analyses=["primary"], beside_fisher=beside)
    trials = simulation.trials(SEED, 0, 200)
    names = simulation.columns
    p, difference = (trials[:, names.index(f"primary/{each}")] for each in ("p", "difference"))
    raw = kernel.run_trials(simulation.tables, SEED, 0, 200)
    counted = simulation.counted[0]
    sums = raw[:, slice(*counted.columns)] @ counted.sums
    for row, (x1, x2, n1, n2) in enumerate(sums.astype(int).tolist()):
        assert p[row] == fisher_exact_p(x1, n1, x2, n2)
        assert difference[row] == x1 / n1 - x2 / n2
        found = trials[row, [names.index(f"primary/{test}/p") for test in beside]].tolist()
        assert found[0] == chi_square(x1, n1, x2, n2).p
        assert found[1] == chi_square(x1, n1, x2, n2, continuity_correction=True).p
        assert found[2] == fisher_exact_p(x1, n1, x2, n2, mid_p=True)
