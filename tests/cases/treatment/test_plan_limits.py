"""What a study file may say of doses and of the rules that modify them, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from equipoise.record.plan import Plan
from equipoise.treatment.plan import (
    Dose,
    ItemRange,
    ModificationRule,
    Range,
    Regimen,
    RuleSet,
    Toxicity,
)

LABEL = {"en": "by hand"}
DOSE = {
    "drug": "capecitabine", "label": LABEL, "amount": 750, "unit": "mg/m2", "days": [1],
    "route": "oral",
}  # fmt: skip
REGIMEN = {"code": "CAPTEM", "label": LABEL, "cycle_days": 28, "doses": [DOSE]}
RULE = {"code": "r", "wording": LABEL}
RENAL = {**RULE, "clearance": {"below": 50}}
COUNTS = {**RULE, "values": [{"item": "platelets", "below": 100}]}
NADIR = {**RULE, "nadirs": [{"item": "platelets", "below": 50}]}
HARM = {**RULE, "toxicity": {"grades": [3], "occurrence": 1}}
QUARTER = {"decision": "reduce", "percent": 75}
STEPS = {"decision": "reduce", "minus": 50, "floor": 100}
RULES = {"code": "s", "label": LABEL, "drugs": ["capecitabine"]}
FULL = {"decision": "full"}

ALLOWED: list[tuple[type[Plan], dict[str, Any]]] = [
    (Dose, {**DOSE, "amount": "0.001"}),
    (Dose, {**DOSE, "times_per_day": 1}),
    (Dose, {**DOSE, "dispensed_in": ["0.01", 10_000]}),
    (Regimen, {**REGIMEN, "cycle_days": 1, "maximum_cycles": 1}),
    (Range, {"at_least": 0}),
    (Range, {"above": 0}),
    (Range, {"below": "9999.99"}),
    (Range, {"at_least": 30, "at_most": 50}),
    (Range, {"above": 30, "below": 45}),
    (ItemRange, {"item": "platelets", "below": 100, "valid_days": 0}),
    (Toxicity, {"grades": [2], "occurrence": 1}),
    (Toxicity, {"grades": [2], "ongoing": True}),
    (ModificationRule, {**RENAL, **FULL}),
    (ModificationRule, {**COUNTS, "decision": "delay"}),
    (ModificationRule, {**HARM, "decision": "stop"}),
    (ModificationRule, {**RENAL, "decision": "reduce", "percent": 1}),
    (ModificationRule, {**RENAL, "decision": "reduce", "percent": 99}),
    (ModificationRule, {**RENAL, "decision": "reduce", "amount": "0.5"}),
    (ModificationRule, {**NADIR, **STEPS}),
    (ModificationRule, {**NADIR, **STEPS, "minus": "0.5", "floor": "0.5"}),
    (ModificationRule, {**RENAL, **QUARTER, "lasting": True}),
    (ModificationRule, {**RENAL, **QUARTER, "reassessed_from": 2}),
    (RuleSet, {**RULES, "rules": [{**RENAL, **FULL}, {**COUNTS, **FULL}], "standing": True}),
    (RuleSet, {**RULES, "rules": [{**NADIR, **STEPS}, {**HARM, **QUARTER}]}),
]

UNITS = r"units of up to 10000 mg, of two decimal places"
PAIR = r"at_least or above, below or at_most, not both of a pair"
LIMITS = r"limits from 0 to below 10000, of at most two decimal places"
ONE_WAY = r"an occurrence or is ongoing: one of the two"
CONDITION = r"exactly one of clearance, values, nadirs, toxicity, medication"
WAY = r"one of percent, amount and minus if it reduces, else none"
REASSESSED = r"is reassessed if it reduces and is not lasting"
STANDING = r"standing rules look at creatinine clearance and answers alone"

REFUSED: list[tuple[type[Plan], dict[str, Any], str]] = [
    (Dose, {**DOSE, "amount": 0}, r"amount[\s\S]*greater than 0"),
    (Dose, {**DOSE, "times_per_day": 0}, r"times_per_day[\s\S]*greater than or equal to 1"),
    (Dose, {**DOSE, "dispensed_in": [0]}, UNITS),
    (Dose, {**DOSE, "dispensed_in": [500, "10000.01"]}, UNITS),
    (Dose, {**DOSE, "dispensed_in": ["2.505"]}, UNITS),
    (Regimen, {**REGIMEN, "cycle_days": 0}, r"cycle_days[\s\S]*greater than 0"),
    (Regimen, {**REGIMEN, "maximum_cycles": 0}, r"maximum_cycles[\s\S]*greater than 0"),
    (Range, {}, r"has at least one limit"),
    (Range, {"at_least": 30, "above": 30}, PAIR),
    (Range, {"below": 50, "at_most": 50}, PAIR),
    (Range, {"at_least": "-0.01"}, LIMITS),
    (Range, {"at_most": 10_000}, LIMITS),
    (Range, {"below": "1.505"}, LIMITS),
    (ItemRange, {"item": "platelets", "below": 100, "valid_days": -1}, r"valid_days"),
    (Toxicity, {"grades": [2]}, ONE_WAY),
    (Toxicity, {"grades": [2], "occurrence": 1, "ongoing": True}, ONE_WAY),
    (Toxicity, {"grades": [2], "occurrence": 0}, r"occurrence"),
    (ModificationRule, {**RULE, **FULL}, CONDITION),
    (ModificationRule, {**RENAL, "values": COUNTS["values"], **FULL}, CONDITION),
    (ModificationRule, {**NADIR, "toxicity": HARM["toxicity"], **FULL}, CONDITION),
    (ModificationRule, {**RENAL, "decision": "reduce"}, WAY),
    (ModificationRule, {**RENAL, **QUARTER, "amount": 65}, WAY),
    (ModificationRule, {**RENAL, "decision": "omit", "percent": 75}, WAY),
    (ModificationRule, {**RENAL, "decision": "reduce", "percent": 0}, r"percent"),
    (ModificationRule, {**RENAL, "decision": "reduce", "percent": 100}, r"percent"),
    (ModificationRule, {**RENAL, "decision": "reduce", "amount": 0}, r"amount"),
    (ModificationRule, {**NADIR, **STEPS, "minus": 0}, r"minus"),
    (ModificationRule, {**NADIR, **STEPS, "floor": 0}, r"floor"),
    (ModificationRule, {**NADIR, **STEPS, "floor": None}, r"minus and floor together"),
    (ModificationRule, {**NADIR, **QUARTER, "floor": 100}, r"minus and floor together"),
    (ModificationRule, {**RENAL, **STEPS}, r"minus is counted in cycles with a nadir"),
    (ModificationRule, {**RENAL, **QUARTER, "reassessed_from": 1}, r"reassessed_from"),
    (ModificationRule, {**RENAL, **FULL, "reassessed_from": 2}, REASSESSED),
    (ModificationRule, {**RENAL, **QUARTER, "reassessed_from": 2, "lasting": True}, REASSESSED),
    (
        RuleSet,
        {**RULES, "rules": [{**RENAL, **FULL}, {**HARM, **FULL}], "standing": True},
        STANDING,
    ),
    (RuleSet, {**RULES, "rules": [{**NADIR, **STEPS}], "standing": True}, STANDING),
]


@pytest.mark.parametrize(("cls", "given"), ALLOWED, ids=str)
def test_what_may_be_said(cls: type[Plan], given: dict[str, Any]) -> None:
    assert cls.model_validate(given).model_dump(include=set(given), mode="json")


@pytest.mark.parametrize(("cls", "given", "told"), REFUSED, ids=str)
def test_what_may_not(cls: type[Plan], given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        cls.model_validate(given)


def test_what_is_not_said_of_a_dose() -> None:
    """Once a day, in no units, not released."""
    dose = Dose.model_validate(DOSE)
    assert (dose.times_per_day, dose.dispensed_in, dose.release) == (1, (), None)
