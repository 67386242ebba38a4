"""Body surface area, doses and exposure: tables that a pharmacist can check with a calculator."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from equipoise.errors import BadInput
from equipoise.treatment.area import body_surface_area
from equipoise.treatment.departure import DeparturePlan
from equipoise.treatment.plan import BodySurfaceArea, TreatmentPlan
from equipoise.treatment.rules import RULES, exposure, planned_dose
from tests.harness.history import read_cases, tables_of

HERE = Path(__file__).parent
PLAN = TreatmentPlan.model_validate(read_cases(HERE / "treatment_plan.yaml"))
MEASURES = {"height": "170", "weight": "70"}


def area(height: Any, weight: Any, plan: BodySurfaceArea) -> Decimal:
    tenths = [int(Decimal(str(value)) * 10) for value in (height, weight)]
    found = body_surface_area(*(np.array([each]) for each in tenths), plan)
    return Decimal(found.item()).scaleb(-4)


def milligrams(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)


@pytest.mark.parametrize("formula", ["mosteller", "dubois"])
@pytest.mark.parametrize("case", read_cases(HERE / "body_surface_area.yaml"))
def test_body_surface_area(case: dict[str, Any], formula: Any) -> None:
    plan = BodySurfaceArea(formula=formula)
    assert area(case["height"], case["weight"], plan) == Decimal(case[formula])


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize("case", read_cases(HERE / "planned_doses.yaml"))
def test_planned_dose(case: dict[str, Any]) -> None:
    formula = BodySurfaceArea(formula=case.get("formula", "mosteller"), cap=case.get("cap"))
    plan = PLAN.model_copy(update={"body_surface_area": formula})
    cycle = {
        "event": "CycleStarted", "on": "2024-01-01", "cycle": 1, "regimen": case["regimen"],
        "height": str(case["height"]), "weight": str(case["weight"]),
    }  # fmt: skip
    found = planned_dose(tables_of([cycle]), plan)
    row = found.row(by_predicate=pl.col("drug") == case["drug"], named=True)
    assert milligrams(row["amount"]) == Decimal(case["mg"])
    assert row["administrations"] == case["administrations"]
    assert milligrams(row["cycle_amount"]) == Decimal(case["cycle_mg"])
    assert row["released"] is case["released"]
    assert row["occurred"] == datetime.date(2024, 1, 1)
    assert row["sources"] == [1]


def recorded(case: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for cycle, (regimen, on) in case["cycles"].items():
        entries.append(
            {"event": "CycleStarted", "on": on, "cycle": cycle, "regimen": regimen, **MEASURES}
        )
    for dose in case["given"]:
        first = case["cycles"][dose["cycle"]][1]
        day = first + datetime.timedelta(days=dose["day"] - 1)
        entries.append(
            {
                "event": "DoseGiven",
                "on": None if dose.get("undated") else day,
                "cycle": dose["cycle"],
                "day": dose["day"],
                "drug": dose["drug"],
                "amount": dose.get("mg"),
                "amount_missing": dose.get("why_none"),
                "administrations": dose.get("administrations", 1),
            }
        )
    return entries


@pytest.mark.parametrize("case", read_cases(HERE / "exposure.yaml"), ids=lambda case: case["case"])
def test_exposure(case: dict[str, Any]) -> None:
    tables = tables_of(recorded(case))
    tables["planned_dose"] = planned_dose(tables, PLAN)
    found = {
        row["drug"]: {
            "cycles": row["cycles"],
            "given": milligrams(row["administered"]),
            "planned": milligrams(row["planned"]),
            "first": row["first_dose"] or "none",
            "last": row["last_dose"] or "none",
        }
        for row in exposure(tables, PLAN).iter_rows(named=True)
    }
    expected = {
        drug: {**row, "given": Decimal(row["given"]), "planned": Decimal(row["planned"])}
        for drug, row in case["expect"].items()
    }
    assert found == expected


def test_sources_of_exposure_are_the_cycles_and_the_doses_that_were_given() -> None:
    cases = {case["case"]: case for case in read_cases(HERE / "exposure.yaml")}
    tables = tables_of(recorded(cases["two cycles, in the second nothing was given"]))
    tables["planned_dose"] = planned_dose(tables, PLAN)
    found = exposure(tables, PLAN)
    assert dict(found.select("drug", "sources").iter_rows()) == {
        "capecitabine": [1, 2],
        "temozolomide": [1, 2, 3],
    }


def test_a_cap_has_at_most_four_places() -> None:
    with pytest.raises(BadInput, match=r"found '2\.00001'; must be a multiple of 1/10000"):
        area(170, 70, BodySurfaceArea(formula="mosteller", cap="2.00001"))


def test_nothing_in_nothing_out() -> None:
    tables = tables_of([])
    departures = DeparturePlan(regimens=PLAN.regimens, early_days=2)
    plans = {"treatment": PLAN, "departures": departures}
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, plans[rule.plan])
        assert tables[rule.produces].is_empty()
        assert dict(tables[rule.produces].schema) == dict(pl.Schema(rule.columns))
