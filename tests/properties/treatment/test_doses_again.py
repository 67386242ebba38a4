"""Body surface area and doses programmed a second time, in decimals of sixty digits."""

from __future__ import annotations

import decimal
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.treatment.area import body_surface_area
from equipoise.treatment.plan import BodySurfaceArea, TreatmentPlan
from equipoise.treatment.rules import exposure, planned_dose
from tests.harness.history import read_cases, tables_of, together

CASES = Path(__file__).parents[2] / "cases" / "treatment"
PLAN = TreatmentPlan.model_validate(read_cases(CASES / "treatment_plan.yaml"))
PRECISE = decimal.Context(prec=60)

bodies = st.tuples(st.integers(500, 2500), st.integers(200, 3500))


def areas(found: list[tuple[int, int]], plan: BodySurfaceArea) -> list[int]:
    frame = pl.DataFrame(found, schema=["height", "weight"], orient="row")
    return (
        frame.select(body_surface_area(pl.col("height"), pl.col("weight"), plan))
        .to_series()
        .to_list()
    )


def square_metres(height: int, weight: int, formula: str) -> Decimal:
    cm, kg = Decimal(height) / 10, Decimal(weight) / 10
    if formula == "mosteller":
        exact = PRECISE.sqrt(PRECISE.divide(cm * kg, Decimal(3600)))
    else:
        exact = PRECISE.multiply(
            Decimal("0.007184"),
            PRECISE.multiply(
                PRECISE.power(cm, Decimal("0.725")), PRECISE.power(kg, Decimal("0.425"))
            ),
        )
    return exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)


@settings(max_examples=150)
@given(st.lists(bodies, min_size=1, max_size=40), st.sampled_from(["mosteller", "dubois"]))
def test_body_surface_area(found: list[tuple[int, int]], formula: str) -> None:
    plan = BodySurfaceArea.model_validate({"formula": formula})
    expected = [int(square_metres(*body, formula).scaleb(4)) for body in found]
    assert areas(found, plan) == expected
    capped = BodySurfaceArea.model_validate({"formula": formula, "cap": "1.8"})
    assert areas(found, capped) == [min(each, 18_000) for each in expected]


def test_every_height_by_mosteller_is_rounded_as_exact_arithmetic_rounds() -> None:
    """Integers only: r is right when (2r - 1)^2 < 4 h w 10^8 / 360000 < (2r + 1)^2."""
    found = [(height, weight) for height in range(500, 2501, 7) for weight in range(200, 3501, 13)]
    plan = BodySurfaceArea(formula="mosteller")
    for (height, weight), area in zip(found, areas(found, plan), strict=True):
        fourfold = 4 * height * weight * 10**8
        assert (2 * area - 1) ** 2 * 360_000 <= fourfold < (2 * area + 1) ** 2 * 360_000


def test_no_body_comes_near_to_a_half() -> None:
    """So that floating-point numbers, good to 1e-11 here, round as exact numbers do."""
    height = np.arange(500, 2501)[:, None] / 10
    weight = np.arange(200, 3501)[None, :] / 10
    mosteller = np.sqrt(height * weight / 3600)
    dubois = 0.007184 * height**0.725 * weight**0.425
    for area in (mosteller * 10_000, dubois * 10_000):
        assert np.abs(area - np.floor(area) - 0.5).min() > 5e-9


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(bodies, st.lists(st.integers(0, 300_000), max_size=3)), min_size=1, max_size=4
    )
)
def test_doses_and_exposure(people: list[tuple[tuple[int, int], list[int]]]) -> None:
    parts = []
    for number, ((height, weight), amounts) in enumerate(people):
        measures = {"height": str(Decimal(height) / 10), "weight": str(Decimal(weight) / 10)}
        entries = [
            {"event": "CycleStarted", "on": f"2024-0{cycle}-01", "cycle": cycle,
             "regimen": "CAPTEM", **measures}
            for cycle in range(1, len(amounts) + 1)
        ]  # fmt: skip
        entries += [
            {"event": "DoseGiven", "on": f"2024-0{cycle}-10", "cycle": cycle, "day": 10,
             "drug": "temozolomide", "amount": str(Decimal(amount) / 100), "administrations": 5}
            for cycle, amount in enumerate(amounts, start=1)
        ]  # fmt: skip
        parts.append(tables_of(entries, replicate=number))
    tables = together(parts)
    tables["planned_dose"] = planned_dose(tables, PLAN)
    received = exposure(tables, PLAN)
    for number, ((height, weight), amounts) in enumerate(people):
        area = square_metres(height, weight, "mosteller")
        for drug, dose, times in (("capecitabine", 750, 28), ("temozolomide", 200, 5)):
            each = (dose * area).quantize(Decimal("0.01"), ROUND_HALF_UP)
            mine = (pl.col("replicate") == number) & (pl.col("drug") == drug)
            planned = tables["planned_dose"].filter(mine)
            assert planned["amount"].to_list() == [int(each * 100)] * len(amounts)
            total = received.filter(mine)
            if not amounts:
                assert total.is_empty()
                continue
            row = total.row(0, named=True)
            assert row["planned"] == int(each * 100) * times * len(amounts)
            assert row["administered"] == (5 * sum(amounts) if drug == "temozolomide" else 0)
            assert row["cycles"] == (
                sum(amount > 0 for amount in amounts) if drug == "temozolomide" else 0
            )
