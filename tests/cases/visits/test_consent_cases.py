"""What waits for the first consent, and what a withdrawn one closes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from equipoise.visits.consent import Procedure, first_consent_due, samples_closed_by
from equipoise.visits.plan import Consent, StandardOfCare
from tests.harness.history import read_cases

CASES = read_cases(Path(__file__).parent / "consents.yaml")
CARE = StandardOfCare(
    forms=("tumour",), visits=("referral",), materials=("ffpe", "frozen"), imaging=True,
    laboratory=True,
)  # fmt: skip
CONSENTS = [
    Consent.model_validate({"code": code, "label": {"en": code}, "version": "1", **more})
    for code, more in {
        "main": {"required_for_randomisation": True, "samples": ["ffpe", "frozen"]},
        "research": {"required_for_randomisation": False, "samples": ["blood"]},
    }.items()
]


def texts(days: dict[str, Any]) -> dict[str, str]:
    return {code: str(day) for code, day in days.items()}


@pytest.mark.requirement("CN1")
@pytest.mark.parametrize("case", CASES["first"], ids=lambda case: case["case"])
def test_first_consent(case: dict[str, Any]) -> None:
    signed = texts(case.get("signed", dict.fromkeys(("main", "research"), "2024-01-10")))
    procedure = Procedure(**case["procedure"])
    due = first_consent_due(procedure, str(case["day"]), signed, CONSENTS, CARE)
    assert (due and due.code) == case.get("missing")


@pytest.mark.requirement("CN1")
@pytest.mark.parametrize("case", CASES["withdrawn"], ids=lambda case: case["case"])
def test_withdrawn(case: dict[str, Any]) -> None:
    closed = samples_closed_by(
        case["action"], str(case["day"]), case["material"], texts(case["withdrawn"]), CONSENTS
    )
    assert (closed and closed.code) == case.get("closed")
