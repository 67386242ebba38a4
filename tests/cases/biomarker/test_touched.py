"""Whose status is read once more: a correction that comes later, of something it was read from."""

from __future__ import annotations

from typing import Any

import pytest

from equipoise.biomarker.touched import marker_touched
from equipoise.study.load import load_study
from tests.harness.history import tables_of

PLAN = load_study("mgmt-net").biomarker
ALLOCATED = {
    "scheme": "main", "scheme_version": "1", "allocation": 1, "stratum": "DEFICIENT",
    "stratum_allocation": 1, "factors": [], "marker_status": "DEFICIENT",
    "status_rule": "jco-2024", "arm": "OX", "pending_criteria": [],
}  # fmt: skip
FORM = {"event": "FormSaved", "on": "2024-01-02", "form": "tumour", "instance": "1", "items": []}
SAMPLE = {"event": "SampleCollected", "on": "2024-01-02", "sample": "S1", "material": "ffpe"}


def corrected(target: int) -> dict[str, Any]:
    return {
        "event": "Corrected", "target": target, "target_version": 1, "item": "occurred",
        "old": '"2024-01-02"', "new": '"2024-01-01"',
    }  # fmt: skip


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize(("target", "touched"), [(2, []), (3, [(4, [5])])])
def test_only_what_the_status_was_read_from_touches_it(
    target: int, touched: list[tuple[int, list[int]]]
) -> None:
    """A form (2) is none of it, a sample (3) is; what was known is what the record held at 4."""
    history = [
        {"event": "SubjectScreened", "on": "2024-01-01"}, FORM, SAMPLE,
        {"event": "Randomised", "on": "2024-01-03", **ALLOCATED},
    ]  # fmt: skip
    found = marker_touched(tables_of([*history, corrected(target)]), PLAN)
    assert found.select("as_of", "sources").rows() == touched
    before = [history[0], FORM, SAMPLE, corrected(target), history[3]]
    assert marker_touched(tables_of(before), PLAN).is_empty(), "corrected before the allocation"
