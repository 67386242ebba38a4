"""Adverse events, laboratory values and reference ranges through conduct: what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from equipoise.conduct.admission import validated
from equipoise.errors import BadInput, EquipoiseError
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from tests.harness.trial import Trial


@pytest.fixture
def screened(embedded: Trial) -> Trial:
    """A live trial with one subject."""
    embedded.act("SubjectScreened", {}, subject="A-001")
    return embedded


def _result(**changes: Any) -> dict[str, Any]:
    found = {"analyte": "platelets", "unit": "10^9/L", "value": "140", **changes}
    return {name: value for name, value in found.items() if value is not None}


def _report(*results: dict[str, Any], name: str = "L1") -> dict[str, Any]:
    return {"report": name, "results": list(results)}


def _range(**changes: Any) -> dict[str, Any]:
    found = {"analyte": "platelets", "unit": "10^9/L", "low": "150", "high": "400", **changes}
    return {"ranges": [{name: value for name, value in found.items() if value is not None}]}


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize(
    ("name", "body", "how", "told"),
    [
        ("LaboratoryReported", _report(), {}, "at least one result"),
        ("LaboratoryReported", _report(_result()), {"occurred": None}, "the day of the blood draw"),
        ("LaboratoryReported", _report(_result(analyte="thrombocytes")), {}, "'thrombocytes'"),
        ("LaboratoryReported", _report(_result(unit="G/l")), {}, "a unit of platelets: 10^9/L"),
        ("LaboratoryReported", _report(_result(value=None)), {}, "the reason why none"),
        ("LaboratoryReported", _report(_result(value="-1")), {}, "must lie between 0"),
        ("LaboratoryReported", _report(_result(value="1.23456")), {}, "at most 4 decimal places"),
        ("LaboratoryReported", _report(_result(), _result(value="9")), {}, "each analyte once"),
        (
            "LaboratoryReported",
            _report(_result(analyte="creatinine", unit="mg/dL", value="113123")),
            {}, "less than 10000000 µmol/L",
        ),
        ("ReferenceRangesDeclared", {"ranges": []}, {"site": "S01"}, "at least one range"),
        ("ReferenceRangesDeclared", _range(unit="g"), {"site": "S01"}, "a unit of platelets"),
        ("ReferenceRangesDeclared", _range(low="400"), {"site": "S01"}, "below the upper limit"),
        ("ReferenceRangesDeclared", _range(low=None, high=None), {"site": "S01"}, "or both"),
        ("ReferenceRangesDeclared", _range(sex="MALE"), {"site": "S01"}, "one of F, M"),
        (
            "ReferenceRangesDeclared", _range(age_from=60, age_below=60), {"site": "S01"},
            "below 60 years",
        ),
        (
            "ReferenceRangesDeclared", {"ranges": _range()["ranges"] * 2}, {"site": "S01"},
            "one range for the same people",
        ),
        (
            "ReferenceRangesDeclared", _range(), {"site": "S01", "occurred": None},
            "the day from which they are valid",
        ),
        ("ReferenceRangesDeclared", _range(), {"subject": "A-001"}, "an open site, and no subject"),
    ],
)  # fmt: skip
def test_what_a_laboratory_cannot_have_said(
    screened: Trial, name: str, body: dict[str, Any], how: dict[str, Any], told: str
) -> None:
    how = {**how, "site": screened.site} if "site" in how else {"subject": "A-001", **how}
    before = screened.log.head().seq
    with pytest.raises(BadInput) as refusal:
        screened.act(name, body, **how)
    assert told in str(refusal.value)
    assert screened.log.head().seq == before


def test_a_corrected_value_passes_the_checks_again(screened: Trial) -> None:
    (event,) = screened.act("LaboratoryReported", _report(_result()), subject="A-001")
    body = {"target": event.seq, "item": "results/platelets/unit", "new": '"g/L"'}
    with pytest.raises(BadInput, match="a unit of platelets"):
        screened.act("Correct", body, subject="A-001", reason="read again")
    body = {"target": event.seq, "item": "results/platelets/value", "new": '"40"'}
    screened.act("Correct", body, subject="A-001", reason="read again")
    found = derive(tables(screened.log.read(), CATALOGUE), screened.study, upto="laboratory_value")
    row = found["laboratory_value"].row(0, named=True)
    assert (row["value"], row["low_least"], row["low_most"]) == (400_000, 3, 3)


def test_a_report_has_one_name(screened: Trial) -> None:
    screened.act("LaboratoryReported", _report(_result()), subject="A-001")
    with pytest.raises(EquipoiseError, match="laboratory_report/A-001/L1"):
        screened.act("LaboratoryReported", _report(_result()), subject="A-001")


def test_the_range_of_the_hospital_counts_in_conduct(screened: Trial) -> None:
    """A derived table of one subject rests on what was declared for their hospital."""
    context = screened.conductor._context
    screened.act("ReferenceRangesDeclared", _range(), "laboratory", site=screened.site)
    screened.act("LaboratoryReported", _report(_result()), subject="A-001")
    action = screened.action("LaboratoryReported", _report(_result()), subject="A-001")
    found = context(action, validated(action)).derived("laboratory_value").row(0, named=True)
    whole = derive(tables(screened.log.read(), CATALOGUE), screened.study, upto="laboratory_value")
    assert (found["low_least"], found["missing"]) == (1, None)
    assert found == whole["laboratory_value"].row(0, named=True)
