"""End-point simulation runs every test of two proportions that a plan can name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equipoise.analysis.sample_size import planned_test, sized_analysis
from equipoise.analysis.table_tests import TABLE_TESTS
from equipoise.simulation.design import design
from equipoise.simulation.endpoints import endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.study.load import load_study, study_path


def _p_of_primary(method: Any, trials: int) -> np.ndarray:
    study = load_study("mgmt-net")
    primary = study.analysis.analyses[0]
    assert (primary.method, primary.side) == ("fisher", "two_sided")
    changed = primary.model_copy(update={"method": method})
    plan = study.analysis.model_copy(update={"analyses": (changed, *study.analysis.analyses[1:])})
    told = load_scenario(study_path("mgmt-net").parent, "planning").model_dump(
        mode="json", exclude_none=True
    )
    told["endpoints"] = {"analyses": [primary.id]}
    scenario = Scenario.model_validate(told)
    simulation = endpoint_simulation(study.model_copy(update={"analysis": plan}), scenario)
    column = simulation.columns.index(f"{primary.id}/p")
    return simulation.trials(5, 0, trials)[:, column]


@pytest.mark.parametrize("method", [each for each in TABLE_TESTS if each != "fisher"])
def test_p(method: str) -> None:
    fisher, other = _p_of_primary("fisher", 30), _p_of_primary(method, 30)
    assert np.isfinite(other).all() and ((other > 0) & (other <= 1)).all()
    assert not np.array_equal(fisher, other)
    if method in ("fisher_mid_p", "boschloo"):
        assert (other <= fisher * (1 + 1e-9)).all()
    assert np.corrcoef(np.log(fisher), np.log(other))[0, 1] > 0.9


@pytest.mark.parametrize(
    ("method", "planned"),
    [
        ("fisher_mid_p", "fisher_mid_p"),
        ("chi_square_corrected", "chi_square_corrected"),
        ("boschloo", "fisher"),
        ("barnard", "chi_square"),
    ],
)
def test_the_design_of_a_study_with_this_test(method: Any, planned: str) -> None:
    study = load_study("mgmt-net")
    sized = sized_analysis(study).id
    analyses = tuple(
        each.model_copy(update={"method": method}) if each.id == sized else each
        for each in study.analysis.analyses
    )
    plan = study.analysis.model_copy(update={"analyses": analyses})
    changed = study.model_copy(update={"analysis": plan})
    assert planned_test(changed) == (planned, "two_sided")
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    told = " ".join(design(changed, scenario).findings)
    assert f"({planned})" in told
    assert ("nearest test" in told) == (method in ("boschloo", "barnard"))
