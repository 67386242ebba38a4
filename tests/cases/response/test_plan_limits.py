"""What a study file may say of reading the tumour, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from equipoise.response.plan import ResponseConventions, ResponsePlan, ResponseWindow
from tests.properties.response.courses import PLAN

LIMITS: list[tuple[str, int, int]] = [
    ("baseline_days_before_first_dose", 0, -1),
    ("stable_disease_minimum_days", 0, -1),
    ("confirmation_days", 1, 0),
]


@pytest.mark.parametrize(("field", "least", "beyond"), LIMITS)
def test_days_have_a_least_number(field: str, least: int, beyond: int) -> None:
    given = PLAN.model_dump(mode="json", exclude_none=True)
    assert getattr(ResponsePlan.model_validate({**given, field: least}), field) == least
    with pytest.raises(ValidationError, match=rf"{field}\s+Input should be greater"):
        ResponsePlan.model_validate({**given, field: beyond})


@pytest.mark.parametrize("field", ["not_evaluable_between", "stable_between"])
def test_no_fewer_than_none_may_stand_between(field: str) -> None:
    assert getattr(ResponseConventions.model_validate({field: 0}), field) == 0
    with pytest.raises(ValidationError, match=field):
        ResponseConventions.model_validate({field: -1})


def test_what_is_not_said_is_left_to_the_standard_and_to_the_protocol_of_the_trial() -> None:
    """No confirmation, the standard's conventions; progression without a scan is non-response."""
    given: dict[str, Any] = PLAN.model_dump(mode="json", exclude_none=True)
    told = {"confirmation_days", "conventions"}
    plan = ResponsePlan.model_validate({key: given[key] for key in given.keys() - told})
    assert (plan.confirmation_days, plan.conventions) == (None, None)
    assert not ResponseConventions().model_dump(exclude_none=True, exclude={"assumed"})
    days = {"target_day": 91, "first_day": 77, "last_day": 105}
    window = ResponseWindow.model_validate({"code": "w", "label": {"en": "w"}, **days})
    assert window.progression_or_death_until_last_day == "non_response"
