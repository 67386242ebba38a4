"""What cannot be simulated is refused before anything runs, with field and reason."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from equipoise.errors import BadInput
from equipoise.simulation.endpoints import endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.study.definition import Study
from equipoise.study.load import load_study, study_path


def _told(study: str = "mgmt-net") -> dict[str, Any]:
    scenario = load_scenario(study_path(study).parent, "planning")
    return scenario.model_dump(mode="json", exclude_none=True)


@cache
def _study(name: str = "mgmt-net") -> Study:
    return load_study(name)


def _refused(told: dict[str, Any], study: Study | None = None) -> str:
    with pytest.raises(BadInput) as refused:
        endpoint_simulation(study or _study(), Scenario.model_validate(told))
    return str(refused.value)


@pytest.mark.parametrize(
    ("endpoints", "field", "reason"),
    [
        ({"analyses": ["primry"]}, "endpoints.analyses", "an analysis of the plan"),
        ({"analyses": ["failure_medians"]}, "endpoints.analyses", "discontinuation is not drawn"),
        ({"contrary": {"elisa": "0.1"}}, "endpoints.contrary", "pyrosequencing, ihc"),
        ({"loadings": {"survival": "0.1"}}, "endpoints.loadings", "response, progression, death"),
        ({"sites": {"Z9": {"share": 1}}}, "endpoints.sites", "found 'Z9'"),
        ({"calendar": [{"from_month": 3, "factor": "0"}]}, "endpoints.calendar", "patients come"),
    ],
)  # fmt: skip
def test_what_the_section_cannot_mean(endpoints: dict[str, Any], field: str, reason: str) -> None:
    message = _refused({**_told(), "endpoints": endpoints})
    assert message.startswith(f"scenario planning, {field}")
    assert reason in message


@pytest.mark.parametrize(
    "endpoints",
    [
        {"contrary": {"ihc": "1.2"}},
        {"loadings": {"response": "-1.1"}},
        {"screening_failure": "2"},
        {"beside_fisher": ["t_test"]},
    ],
)
def test_what_is_no_probability_or_test_is_no_scenario(endpoints: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="endpoints"):
        Scenario.model_validate({**_told(), "endpoints": endpoints})


def test_a_prevalence_outside_0_to_1() -> None:
    told = _told()
    told["marker"]["prevalence"]["THORAX"] = {"DEFICIENT": "1.2", "PROFICIENT": "-0.2"}
    assert "marker.prevalence.THORAX: found '[1.2, -0.2]'; probabilities" in _refused(told)


def test_a_level_without_a_prevalence() -> None:
    told = _told()
    del told["marker"]["prevalence"]["THORAX"]
    assert "marker.prevalence: a prevalence for primary_site THORAX" in _refused(told)


def test_an_arm_without_a_rate_or_a_median() -> None:
    for field in ("shrinkage", "progression_median_months"):
        told = _told()
        del told["tumour"][field]["DEFICIENT"]["OX"]
        assert f"tumour.{field}: a number for DEFICIENT and OX" in _refused(told)


def test_an_assay_that_nobody_described() -> None:
    told = _told()
    del told["marker"]["assays"]["ihc"]
    assert "marker.assays: how the assay ihc behaves" in _refused(told)


def test_fewer_screened_than_randomised() -> None:
    told = _told()
    told["enrolment"]["screen_at_most"] = 90
    assert "enrolment: found '(104, 90, 10, 21)'" in _refused(told)


def test_a_block_that_the_ratio_does_not_divide() -> None:
    study = _study()
    scheme = study.randomisation.scheme
    ratios = [scheme.ratios[0].model_copy(update={"block_sizes": (4,)}), *scheme.ratios[1:]]
    plan = study.randomisation.model_copy(
        update={"scheme": scheme.model_copy(update={"ratios": tuple(ratios)})}
    )
    message = _refused(_told(), study.model_copy(update={"randomisation": plan}))
    assert (
        message
        == "sizes: found '4'; a block size is a positive multiple of 3, the sum of the ratio 2:1."
    )


def test_a_factor_that_is_drawn_as_a_number() -> None:
    told = _told("lung-tmb")
    told["items"]["smoking"] = {"normal": {"mean": 1, "sd": 1, "minimum": 0, "maximum": 2}}
    message = _refused(told, _study("lung-tmb"))
    assert "items.smoking: a coded item (choice, chance or value)" in message


def test_a_scenario_of_another_study() -> None:
    assert "study: found 'lung-tmb'; a scenario of the study mgmt-net" in _refused(
        _told("lung-tmb")
    )
