"""Forms that overlook a prior therapy, and therapies that nobody enters, let nobody else in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import PriorTherapyNature
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of


@pytest.mark.requirement("RN3")
@pytest.mark.parametrize("code", STUDIES)
def test_who_enters_is_the_same_wherever_the_therapy_stands(code: str) -> None:
    study, entered = load_study(code), []
    for overlooked, not_entered, apart_on in (
        ("0", "0", set()),
        ("1", "0", {"false"}),
        ("0", "1", {"true"}),
        ("0.5", "0.5", {"true", "false"}),
    ):
        apart = PriorTherapyNature(overlooked=Decimal(overlooked), not_entered=Decimal(not_entered))
        scenario = scenario_of(code, "planning", 20).model_copy(update={"prior_therapies": apart})
        tables = rehearsed([Version(0, study)], scenario, 3, range(3)).tables
        derived = derive(tables, study, upto="eligibility")
        told = derive(derived, study, upto="answer_discrepancy")["answer_discrepancy"]
        said = set(told.filter(told["on_form"].is_in(["true", "false"]))["on_form"])
        assert said == apart_on
        entered.append(derived["eligibility"].drop("sources"))
    assert all(each.equals(entered[0]) for each in entered)


def test_a_therapy_is_overlooked_or_not_entered() -> None:
    with pytest.raises(ValidationError, match="overlooked and not_entered sum to 1 at most"):
        PriorTherapyNature(overlooked=Decimal("0.6"), not_entered=Decimal("0.5"))
