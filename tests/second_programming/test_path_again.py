"""The declared path from two programmers: the product's rules beside a programming from the plan.

Compared row by row, beside what `test_marker_again.py` compares: samples with their step and what
is said of them, determinations and statuses with deadline, steps and freeze, and where every
subject stands. Not compared: `sources`, the words of a finding, the days of samples.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from equipoise.biomarker.plan import BiomarkerPlan, Status
from equipoise.record.plan import Label
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.second_programming.marker_compared import derived, differences
from tests.second_programming.path_histories import ways

SUBJECTS = 350
"""Random trials of one subject each, by each plan."""

PLACES = {
    "determined", "past_deadline", "ended", "awaiting_result", "awaiting_sample",
    "to_be_recut", "to_be_rebiopsied",
}  # fmt: skip


def _with_path(code: str, **changes: object) -> BiomarkerPlan:
    plan = load_study(code).biomarker
    path = plan.marker.path
    assert path
    return plan.model_copy(
        update={"marker": plan.marker.model_copy(update={"path": path.model_copy(update=changes)})}
    )


def _two_runs(plan: BiomarkerPlan) -> BiomarkerPlan:
    """The plan with assays that need two runs, where they have replicates."""
    assays = tuple(
        assay.model_copy(
            update={"replicates": assay.replicates.model_copy(update={"needed": 2, "at_most": 3})}
        )
        if assay.replicates
        else assay
        for assay in plan.marker.assays
    )
    return plan.model_copy(update={"marker": plan.marker.model_copy(update={"assays": assays})})


def _without_path(code: str) -> BiomarkerPlan:
    plan = load_study(code).biomarker
    return plan.model_copy(update={"marker": plan.marker.model_copy(update={"path": None})})


def _stratum(code: str) -> BiomarkerPlan:
    """Those who cannot be read are a stratum; frozen tissue is not of the path; blood is."""
    plan = _with_path(code, then="stratum", status="UNREAD", materials=("ffpe", "blood"))
    statuses = (*plan.marker.statuses, Status(code="UNREAD", label=Label(en="Unread")))
    return plan.model_copy(update={"marker": plan.marker.model_copy(update={"statuses": statuses})})


PLANS = {
    "mgmt-net": lambda: load_study("mgmt-net").biomarker,
    "lung-tmb": lambda: load_study("lung-tmb").biomarker,
    "mgmt-net, two runs": lambda: _two_runs(_with_path("mgmt-net")),
    "lung-tmb, two runs, a stratum": lambda: _two_runs(_stratum("lung-tmb")),
    "mgmt-net, a stratum": lambda: _stratum("mgmt-net"),
    "mgmt-net, without a path": lambda: _without_path("mgmt-net"),
}


def _study(plan: str) -> Study:
    return load_study(plan.split(",")[0]).model_copy(update={"biomarker": PLANS[plan]()})


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("plan", PLANS)
def test_random_ways(plan: str) -> None:
    study = _study(plan)
    tables = ways(random.Random(plan), SUBJECTS, study.biomarker)
    found = derived(tables, study)
    rows, said = differences(tables, found, study.biomarker)
    assert not said
    assert rows["marker_path"] == SUBJECTS * len(study.biomarker.marker.rules)
    assert rows["marker_corrected"] > SUBJECTS // 5
    places = Counter(found["marker_path"]["place"])
    path = study.biomarker.marker.path
    materials = {step.material for step in path.steps} if path else {"first"}
    expected = PLACES - ({"to_be_recut"} if "recut" not in materials else set())
    if path is None:
        expected = {"determined", "ended", "awaiting_result", "awaiting_sample"}
    assert set(places) == expected
    assert min(places[each] for each in expected) > SUBJECTS // 100, places


@pytest.mark.parametrize("change", ["days", "materials", "counted_from", "needed", "stratum"])
def test_another_path_is_seen(change: str) -> None:
    """The comparison can fail: another path would be found."""
    study = _study("mgmt-net")
    tables = ways(random.Random(change), 60, study.biomarker)
    path = study.biomarker.marker.path
    assert path
    days = tuple(
        each.model_copy(update={"within_days": each.within_days + 1}) for each in path.steps
    )
    other = {
        "days": lambda: _with_path("mgmt-net", steps=days),
        "materials": lambda: _with_path("mgmt-net", materials=("ffpe",)),
        "counted_from": lambda: _with_path("mgmt-net", counted_from="consent", consent="other"),
        "needed": lambda: _two_runs(study.biomarker),
        "stratum": lambda: _with_path("mgmt-net", then="stratum", status="UNREAD"),
    }
    said = differences(tables, derived(tables, study), other[change]())[1]
    assert any(each.startswith("marker_path") for each in said)
