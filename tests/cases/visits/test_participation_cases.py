"""What may be recorded of a subject who left: tables for an investigator."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from equipoise.study.access import ACTION_ROLES
from equipoise.visits.participation import (
    COLLECTED,
    LIMITS,
    SAMPLE_WORK,
    VITAL,
    Withdrawal,
    closed_by,
)
from equipoise.visits.reconsent import InForce, consent_due
from tests.harness.history import read_cases

HERE = Path(__file__).parent
WITHDRAWALS = read_cases(HERE / "withdrawals.yaml")
RECONSENTS = read_cases(HERE / "reconsents.yaml")


@pytest.mark.requirement("CN1")
@pytest.mark.parametrize("case", WITHDRAWALS, ids=lambda case: case["case"])
def test_what_a_withdrawal_closes(case: dict[str, Any]) -> None:
    left = [Withdrawal(**each) for each in case["left"]]
    for closes, expected in ((False, case["open"]), (True, case["closed"])):
        for day, actions in expected.items():
            for action in actions:
                assert action in ACTION_ROLES
                found = closed_by(action, day, left, case.get("reached", ()))
                assert (found is not None) == closes, (action, day)


@pytest.mark.requirement("CN1")
def test_every_action_that_a_withdrawal_closes_is_one() -> None:
    assert (COLLECTED | VITAL | SAMPLE_WORK) <= set(ACTION_ROLES)
    assert all(limit.closes <= COLLECTED | VITAL | SAMPLE_WORK for limit in LIMITS.values())
    assert set(LIMITS) <= set(ACTION_ROLES)


@pytest.mark.requirement("CN1")
@pytest.mark.parametrize("case", RECONSENTS, ids=lambda case: case["case"])
def test_which_consent_has_to_be_signed_again(case: dict[str, Any]) -> None:
    history = [InForce(**each) for each in case["history"]]
    signed = {(consent, version) for consent, version in case["signed"]}
    for day, due in case["due"].items():
        on = day if isinstance(day, datetime.date) else datetime.date.fromisoformat(day)
        assert consent_due(history, signed, on) == (due and tuple(due)), day
