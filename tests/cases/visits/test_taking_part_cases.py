"""Whether something may be recorded of a subject on its day: cases for an investigator."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from equipoise.study.access import ACTION_ROLES
from equipoise.visits.consent import Procedure
from equipoise.visits.participation import Withdrawal
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.reconsent import InForce
from equipoise.visits.taking_part import (
    Barred,
    Facts,
    Signature,
    Withdrawn,
    barred,
    consents_missing,
)
from tests.harness.history import read_cases

CASES = read_cases(Path(__file__).parent / "taking_part.yaml")
PLAN = VisitsPlan.model_validate(
    {
        "consents": [
            {"code": code, "label": {"en": code}, "version": "1", **more}
            for code, more in {
                "main": {"required_for_randomisation": True, "samples": ["ffpe", "frozen"]},
                "research": {"required_for_randomisation": False, "samples": ["blood"]},
            }.items()
        ],
        "standard_of_care": {"forms": ["tumour"], "imaging": True},
        "forms": [],
        "visits": [],
    }
)


def told(found: Barred | None) -> str | None:
    if found is None:
        return None
    if found.consent is None:
        return f"{found.by} on {found.since}"
    code, version = found.consent
    return f"{found.by} of {code}" + (f" {version}" if found.by == "new_consent" else "")


@pytest.mark.requirement("CN1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    assert case["what"]["action"] in ACTION_ROLES
    facts = Facts(
        [Signature(*each) for each in case.get("signed", [["main", "1", "2024-01-10"]])],
        [Withdrawn(*each) for each in case.get("withdrawn", ())],
        [Withdrawal(*each) for each in case.get("left", ())],
        died=case.get("died", ()),
        in_force=[
            InForce(datetime.date.fromisoformat(since), {"main": version})
            for since, version in case.get("in_force", ())
        ],
    )
    assert told(barred(Procedure(**case["what"]), case["day"], facts, PLAN)) == case.get("barred")


@pytest.mark.requirement("CN1")
def test_randomised_without_a_consent() -> None:
    """On the day of the signature nothing is missing; a consent that is not required never is."""
    signed = [Signature("main", "1", "2024-01-12"), Signature("main", "2", "2024-01-10")]
    for day, missing in (("2024-01-09", ["main"]), ("2024-01-10", [])):
        assert consents_missing(signed, day, PLAN.consents) == missing
    assert consents_missing([], "2024-01-10", PLAN.consents) == ["main"]
