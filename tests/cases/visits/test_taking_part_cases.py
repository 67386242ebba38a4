"""Whether something may be recorded of a subject on its day: cases for an investigator."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.record.tables import empty_tables
from equipoise.study.access import ACTION_ROLES
from equipoise.study.catalogue import CATALOGUE
from equipoise.visits.consent import Procedure
from equipoise.visits.consent_missing import CONSENT_MISSING, consent_missing
from equipoise.visits.participation import Withdrawal
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.reconsent import InForce
from equipoise.visits.taking_part import (
    Barred,
    Facts,
    Signature,
    Withdrawn,
    barred,
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
    """On the day of the signature nothing is missing; a consent that is not required never is. The
    first signature counts, in whatever version; without one the consent is missing on any day."""
    made = dict(empty_tables(CATALOGUE))
    signed = [("early", 9), ("early", 12), ("same", 12), ("same", 10), ("late", 11)]
    for name, rows in (
        ("randomised", [(who, 10) for who in ("early", "same", "late", "never")]),
        ("consent_signed", signed),
    ):
        said = [
            {"replicate": 0, "subject": who, "occurred": datetime.date(2024, 1, day), "seq": seq,
             "consent": "main", "event": seq}
            for seq, (who, day) in enumerate(rows, start=100 if name == "randomised" else 1)
        ]  # fmt: skip
        schema = made[name].schema
        made[name] = pl.DataFrame([{of: row.get(of) for of in schema} for row in said], schema)
    found = consent_missing(made, PLAN)
    assert found.schema == pl.Schema(CONSENT_MISSING)
    assert found.select("subject", "consent", "signed", "sources").rows() == [
        ("late", "main", datetime.date(2024, 1, 11), [5, 102]),
        ("never", "main", None, [103]),
    ]
    assert consent_missing(dict(empty_tables(CATALOGUE)), PLAN).schema == found.schema
