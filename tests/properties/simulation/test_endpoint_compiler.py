"""Many scenarios compiled together are what each is by itself."""

from __future__ import annotations

from typing import Any

import pytest

from equipoise.errors import BadInput
from equipoise.simulation.endpoint_compiler import EndpointCompiler
from equipoise.simulation.endpoints import endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.study.load import load_study, study_path
from tests.harness.looking import with_looks

LOOKS = {"counted": "events", "at": [10, 20], "side": "two_sided", "alpha": "0.05",
         "efficacy": {"family": "pocock"}}  # fmt: skip
LISTED = {"analyses": ["pfs_arms_deficient", "pfs_interaction"]}


def _scenario(**enrolment: object) -> Scenario:
    told: dict[str, Any] = load_scenario(study_path("mgmt-net").parent, "planning").model_dump(
        mode="json", exclude_none=True
    )
    told["enrolment"].update(enrolment)
    return Scenario.model_validate({**told, "endpoints": LISTED})


@pytest.mark.parametrize("looked", [False, True])
def test_what_only_enrolment_tells_apart_is_compiled_as_if_alone(looked: bool) -> None:
    """Sizes, rates, delays and follow-up; listings are as long as the size, and looks stand behind
    them."""
    bundled = load_study("mgmt-net")
    study = with_looks("mgmt-net", "pfs_arms_deficient", LOOKS) if looked else bundled
    compiler = EndpointCompiler()
    compiler.simulation(study, _scenario())
    for changed in (
        {"randomise": 60},
        {"randomise": 90, "screen_at_most": 120, "per_month": "9"},
        {"days_to_randomisation": [3, 30], "follow_up_months": "6"},
    ):
        scenario = _scenario(**changed)
        ours, alone = compiler.simulation(study, scenario), endpoint_simulation(study, scenario)
        assert ours.fingerprint == alone.fingerprint
        assert (ours.described, ours.limits) == (alone.described, alone.limits)
        assert ours.trials(4, 0, 40).tobytes() == alone.trials(4, 0, 40).tobytes()


def test_an_enrolment_that_cannot_be_is_refused_after_one_that_can() -> None:
    compiler, study = EndpointCompiler(), load_study("mgmt-net")
    compiler.simulation(study, _scenario())
    with pytest.raises(BadInput, match="no more than are screened"):
        compiler.simulation(study, _scenario(randomise=200, screen_at_most=100))


def test_another_study_or_another_nature_is_not_taken_for_the_same() -> None:
    compiler, study = EndpointCompiler(), load_study("mgmt-net")
    looked = with_looks("mgmt-net", "pfs_arms_deficient", LOOKS)
    told = _scenario().model_dump(mode="json", exclude_none=True)
    told["tumour"]["missed_scan"] = "0.5"
    pairs = [(study, _scenario()), (looked, _scenario()), (study, Scenario.model_validate(told))]
    found = [compiler.simulation(*pair) for pair in pairs]
    assert len({each.fingerprint for each in found}) == len(pairs)
    for ours, pair in zip(found, pairs, strict=True):
        assert (
            ours.trials(4, 0, 40).tobytes() == endpoint_simulation(*pair).trials(4, 0, 40).tobytes()
        )
