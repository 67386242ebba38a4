"""What a study file may say of assays and of the declared path, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from equipoise.biomarker.plan import Assay, DeclaredPath, PathStep, Replicates, RunControl
from equipoise.record.plan import Plan

LABEL = {"en": "by hand"}
ASSAY = {
    "code": "psq", "label": LABEL, "summary": "mean", "unit": "%",
    "measurements": [{"code": "cpg_74", "unit": "%", "minimum": 0, "maximum": 100}],
}  # fmt: skip
STEP = {"code": "first", "label": LABEL, "material": "first", "assays": ["psq"], "within_days": 21}

LIMITS: list[tuple[type[Plan], dict[str, Any], str, list[Any], list[Any]]] = [
    (Replicates, {"most_apart": 5}, "most_apart", [0, "0.5"], [-1, "-0.01"]),
    (Replicates, {"most_apart": 5}, "needed", [1, 2], [0, -1]),
    (Replicates, {"most_apart": 5}, "at_most", [2, 3], [1, 0]),
    (Assay, ASSAY, "minimum_measurements", [1, 4], [0, -1]),
    (Assay, ASSAY, "rounded_to", [0, 4], [-1, 5]),
    (Assay, ASSAY, "minimum_tumour_cells", [0, 100], ["-0.1", "100.1"]),
    (PathStep, STEP, "within_days", [1, 42], [0, -1]),
]


def each_value(place: int) -> list[Any]:
    return [(*row[:3], value) for row in LIMITS for value in row[place]]


@pytest.mark.parametrize(("cls", "given", "field", "value"), each_value(3), ids=str)
def test_the_limit_itself_may_be_said(
    cls: type[Plan], given: dict[str, Any], field: str, value: Any
) -> None:
    found = getattr(cls.model_validate({**given, field: value}), field)
    assert found == type(found)(value)


@pytest.mark.parametrize(("cls", "given", "field", "value"), each_value(4), ids=str)
def test_what_lies_beyond_may_not(
    cls: type[Plan], given: dict[str, Any], field: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as refused:
        cls.model_validate({**given, field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_what_is_not_said_of_an_assay() -> None:
    """One measurement is enough, of any quality but a failed one; no control, no replicates."""
    assay = Assay.model_validate(ASSAY)
    assert assay.minimum_measurements == 1
    assert assay.accepted_qualities == ("passed", "check", "not_given")
    assert not assay.internal_control_needed
    assert (assay.rounded_to, assay.minimum_tumour_cells, assay.replicates) == (None, None, None)
    assert not RunControl.model_validate({"code": "c", "label": LABEL, "unit": "%"}).obligatory
    replicates = Replicates.model_validate({"most_apart": 5})
    assert (replicates.needed, replicates.at_most) == (1, 3)


def test_a_path_is_of_tissue_unless_the_study_says_otherwise() -> None:
    given = {"counted_from": "sample_received", "steps": [STEP], "then": "not_randomised"}
    path = DeclaredPath.model_validate(given)
    assert (path.materials, path.consent, path.status) == (("ffpe", "frozen"), None, None)
