"""What was found in no source is labelled an assumption, with its reason; the rest has a source."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from equipoise.record.plan import Label, assumed_values, assumptions, reasons
from equipoise.simulation.scenario import load_scenario, scenario_text
from equipoise.study.analysis_plan import Analysis, Estimand, TimeToEventEndPoint
from equipoise.study.definition import Study
from equipoise.study.load import bundled, load_study, study_path, study_text
from equipoise.study.synopsis import unreleased_regimens


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("mgmt-net")


NOT_FOUND = [
    "registration.official_title",
    "registration.dates.registered",
    "eligibility.criteria[I5]",  # what "4 weeks +/- 1 week" means
    "eligibility.criteria[E4]",
    "biomarker.disclosed_to_sites",
    "biomarker.marker.assays[pyrosequencing]",  # kit, positions, interpretability
    "biomarker.marker.assays[ihc]",
    "biomarker.marker.rule_in_force",
    "randomisation.scheme",  # method, blocks, factors
    "treatment.body_surface_area",
    "treatment.regimens[CAPTEM]",
    "treatment.regimens[LV5FU2_DTIC]",
    "treatment.regimens[LV5FU2_DTIC].doses[dacarbazine]",
    "treatment.regimens[LV5FU2_STZ].doses[streptozotocin]",
    "treatment.regimens[GEMOX].doses[gemcitabine]",
    "treatment.regimens[GEMOX].doses[oxaliplatin]",
    "treatment.regimens[FOLFOX]",  # mFOLFOX6
    "treatment.regimens[CAPOX].doses[capecitabine]",
    "response.windows[month_3]",
    "response.stable_disease_minimum_days",
    "response.confirmation_days",
    "safety",
    "safety.clocks",
    "visits",
    "visits.visits[imaging]",
    "oversight",
    "analysis.populations[randomised]",
    "analysis.end_points[pfs]",
    "analysis.sample_size",  # level, power, loss
]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_what_was_not_found_says_so(path: str, study: Study) -> None:
    reasons = dict(assumptions(study))
    assert len(reasons[path]) > 20


def test_every_estimand_analysis_and_time_is_labelled(study: Study) -> None:
    """No public copy has an estimand, the method of a test or the definition of an end point."""
    plan = study.analysis
    parts: tuple[Estimand | Analysis | TimeToEventEndPoint, ...] = (
        *plan.estimands,
        *plan.analyses,
        *(each for each in plan.end_points if isinstance(each, TimeToEventEndPoint)),
    )
    assert all(each.assumption for each in parts)


def test_every_dose_has_a_source_or_an_assumption_and_none_is_released(study: Study) -> None:
    doses = [dose for regimen in study.treatment.regimens for dose in regimen.doses]
    assert all(dose.source or dose.assumption for dose in doses)
    assert all(dose.release is None for dose in doses)
    assert unreleased_regimens(study) == [each.code for each in study.treatment.regimens]


def test_what_was_read_has_a_source(study: Study) -> None:
    found = [
        study.registration.source,
        study.eligibility.source,
        study.biomarker.marker.source,
        *(rule.source for rule in study.biomarker.marker.rules),
        *(arm.source for arm in study.randomisation.arms),
        *(regimen.source for regimen in study.treatment.regimens),
        study.analysis.sample_size.source if study.analysis.sample_size else None,
    ]
    assert all(found)


def test_an_assumption_comes_with_its_value(study: Study) -> None:
    found = {each.path: each for each in assumed_values(study)}
    assert found["response.stable_disease_minimum_days"].value == 42
    assert found["randomisation.scheme"].value is study.randomisation.scheme


def test_the_invented_study_says_that_it_is() -> None:
    study = load_study("lung-tmb")
    assert study.assumption is not None and "invented" in study.assumption
    assert "invented" in study.title.en
    drugs = {dose.label.en for regimen in study.treatment.regimens for dose in regimen.doses}
    assert all("(invented)" in drug for drug in drugs)


def test_names_that_are_never_used(study: Study) -> None:
    """ "pMGMT" means promoter in one paper and proficient in another."""
    assert "pMGMT" not in study.model_dump_json()


def _labels(value: object) -> Iterator[Label]:
    if isinstance(value, Label):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _labels(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _labels(item)


@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_every_label_is_in_french_too(name: str) -> None:
    labels = list(_labels(load_study(name)))
    assert len(labels) > 60
    assert all(label.fr for label in labels)


def test_the_two_studies_are_of_different_shapes(study: Study) -> None:
    """What is hard-coded to 2 x 2 fails on the second study."""
    lung = load_study("lung-tmb")
    assert [len(each.biomarker.marker.statuses) for each in (study, lung)] == [2, 3]
    assert [len(each.randomisation.arms) for each in (study, lung)] == [2, 3]
    assert [list(each.ratio.values()) for each in lung.randomisation.scheme.ratios] == [
        [1, 2, 1]
    ] * 3
    assert [len(each.randomisation.scheme.factors) for each in (study, lung)] == [0, 1]
    codes = [{item.code for form in s.visits.forms for item in form.items} for s in (study, lung)]
    assert codes[0] & codes[1] == {"sex"}


def test_rules_of_mgmt_net_differ_between_eight_and_nine(study: Study) -> None:
    rules = {rule.version: rule for rule in study.biomarker.marker.rules}
    steps = {version: rule.steps[0].intervals[0] for version, rule in rules.items()}
    assert (steps["jco-2024"].at_least, steps["esmo-2023"].above) == (9, 8)
    assert study.biomarker.marker.rule_in_force == "jco-2024"


def test_the_published_size_follows_from_the_assumptions(study: Study) -> None:
    """27 ALKY patients a status, 1:1 and 2:1, and ten per cent more: 103.95, hence 104."""
    size = study.analysis.sample_size
    assert size is not None
    per_group, total = 27, 0.0
    for ratio in study.randomisation.scheme.ratios:
        total += per_group * sum(ratio.ratio.values()) / ratio.ratio["ALKY"]
    assert total == 94.5
    assert round(total * (1 + float(size.loss)), 2) == 103.95
    assert size.planned == 104


def test_assumptions_of_a_plan_are_those_of_its_text() -> None:
    """As a record keeps studies and scenarios: nothing is lost, and paths are the same."""
    for name in bundled():
        study = load_study(name)
        assert sorted(reasons(json.loads(study_text(study)))) == sorted(assumptions(study))
        folder = study_path(name).parent
        scenarios = sorted(path.stem for path in (folder / "scenarios").glob("*.yaml"))
        assert scenarios
        for each in scenarios:
            scenario = load_scenario(folder, each)
            found = sorted(reasons(json.loads(scenario_text(scenario))))
            assert found == sorted(assumptions(scenario)) and found
