"""What may be recorded of one run of an assay, and what each refusal says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from equipoise.biomarker.assay import assay_value
from equipoise.biomarker.events import AssayControl, AssayMeasurement, AssayResultRecorded
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.recordable import check_result
from equipoise.biomarker.sample import sample_state
from equipoise.errors import BadInput
from tests.harness.history import read_cases, tables_of

HERE = Path(__file__).parent
PLANS = read_cases(HERE / "marker_plan.yaml")
PLAN = BiomarkerPlan.model_validate(PLANS["mgmt"])
STRICT = BiomarkerPlan.model_validate(PLANS["strict"])
CASES = read_cases(HERE / "assay_results.yaml")


def body(case: dict[str, Any]) -> AssayResultRecorded:
    measured = [
        AssayMeasurement(
            measurement=code,
            value=None if value is None else str(value),
            quality=case.get("quality", "not_given"),
        )
        for code, value in case.get("measurements", {}).items()
    ]
    measured += [each for each in measured if each.measurement == case.get("repeated")]
    return AssayResultRecorded(
        result="R1",
        sample="S1",
        assay=case["assay"],
        purpose="randomisation",
        technically_valid=case.get("technically_valid", True),
        failure=case.get("failure"),
        internal_control=case.get("control", "not_applicable"),
        determination=case.get("determination"),
        measurements=tuple(measured),
        controls=tuple(
            AssayControl(control=code, value=None if value is None else str(value))
            for code, value in case.get("run_controls", ())
        ),
    )


@pytest.mark.parametrize("case", CASES["accepted"])
def test_accepted(case: dict[str, Any]) -> None:
    check_result(STRICT if case.get("strict") else PLAN, body(case))


@pytest.mark.parametrize("case", CASES["refused"])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refusal:
        check_result(STRICT if case.get("strict") else PLAN, body(case))
    assert str(refusal.value).splitlines() == [f"assay result R1, {told}." for told in case["says"]]


def test_an_h_score_is_made_of_its_four_classes() -> None:
    marker = PLAN.marker
    ihc = marker.assays[1].model_copy(update={"measurements": marker.assays[1].measurements[:3]})
    plan = PLAN.model_copy(update={"marker": marker.model_copy(update={"assays": (ihc,)})})
    recorded = {
        "event": "AssayResultRecorded", "result": "R1", "sample": "S1", "assay": "ihc",
        "purpose": "randomisation", "technically_valid": True,
    }  # fmt: skip
    tables = tables_of([recorded])
    tables["sample_state"] = sample_state(tables, plan)
    with pytest.raises(
        BadInput, match=r"assay ihc, measurements: found 'moderate, negative, weak'"
    ):
        assay_value(tables, plan)
