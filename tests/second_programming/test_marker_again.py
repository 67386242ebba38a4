"""Marker status from two programmers: the product's rules beside a programming from the study file.

Compared row by row: the value of each run and whether it can be interpreted; replicates as one
value on both bases; the status by every version of the rule, the assay that decided and its value.
Not compared: `sources`, and the words of a finding.
"""

from __future__ import annotations

import random
from collections import Counter

import polars as pl
import pytest

from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.assay_histories import assays
from tests.second_programming.marker_again import declared
from tests.second_programming.marker_compared import derived, differences

SUBJECTS = 800
"""Random subjects of each plan."""


def _stricter(assay: Assay) -> Assay:
    """The assay rounded before it is compared, with fewer positions; with more replicates and a
    control that may not be left out, where it has any."""
    few = 4 if assay.summary == "h_score" else min(assay.minimum_measurements, 3)
    changed: dict[str, object] = {"rounded_to": 0, "minimum_measurements": few}
    replicates = declared(assay, "replicates", None)
    if replicates is not None:
        changed["replicates"] = replicates.model_copy(update={"needed": 2, "at_most": 3})
    first, *others = declared(assay, "controls", ()) or (None,)
    if first is not None:
        changed["controls"] = (first.model_copy(update={"obligatory": True}), *others)
    return assay.model_copy(update=changed)


def _plans(code: str) -> dict[str, Study]:
    study = load_study(code)
    marker = study.biomarker.marker
    changed = marker.model_copy(update={"assays": tuple(map(_stricter, marker.assays))})
    plan: BiomarkerPlan = study.biomarker.model_copy(update={"marker": changed})
    return {"bundled": study, "stricter": study.model_copy(update={"biomarker": plan})}


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str) -> None:
    study = load_study(code)
    scenario = troubled(scenario_of(code, "planning"))
    tables = rehearsed([Version(0, study)], scenario, 23, range(6)).tables
    rows, said = differences(tables, derived(tables, study), study.biomarker)
    assert not said
    assert rows["marker_status"] > 1000


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("plan", ["bundled", "stricter"])
@pytest.mark.parametrize("code", STUDIES)
def test_random_histories(code: str, plan: str) -> None:
    study = _plans(code)[plan]
    tables = assays(random.Random(f"{code} {plan}"), SUBJECTS, study.biomarker)
    product = derived(tables, study)
    rows, said = differences(tables, product, study.biomarker)
    assert not said
    assert rows["assay_value"] > SUBJECTS
    assert rows["marker_corrected"] > SUBJECTS // 5
    moved = product["marker_corrected"].join(
        product["marker_path"], on=["replicate", "subject", "rule"], suffix="_stands"
    )
    moved = moved.filter(pl.col("status").ne_missing(pl.col("status_stands")))
    assert moved.height > SUBJECTS // 100
    found = Counter(product["marker_status"]["status"])
    assert all(found[status.code] > 20 for status in study.biomarker.marker.statuses), found
    assert set(product["assay_value"]["interpretable"]) == {True, False}


@pytest.mark.parametrize("code", STUDIES)
def test_another_plan_is_seen(code: str) -> None:
    """The comparison can fail: values and statuses by another plan would be found."""
    plans = _plans(code)
    tables = assays(random.Random(code), SUBJECTS, plans["bundled"].biomarker)
    product = derived(tables, plans["bundled"])
    said = differences(tables, product, plans["stricter"].biomarker)[1]
    assert any(each.startswith("marker_status") for each in said)
