"""Body surface area, in whole numbers of 1/10000 m2."""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from equipoise.errors import BadInput
from equipoise.record.declaration import column_measure
from equipoise.treatment.amount import AREA_SCALE
from equipoise.treatment.events import CycleStarted
from equipoise.treatment.plan import BodySurfaceArea

HEIGHT_SCALE = 10 ** column_measure(CycleStarted, "height").places
WEIGHT_SCALE = 10 ** column_measure(CycleStarted, "weight").places

MOSTELLER_DIVISOR = 3600
"""Mosteller RD, N Engl J Med 1987;317:1098: m2 = sqrt(cm x kg / 3600)."""
DUBOIS = (0.007184, 0.725, 0.425)
"""Du Bois D, Du Bois EF, Arch Intern Med 1916;17:863: m2 = 0.007184 x cm ** 0.725 x kg ** 0.425."""


def body_surface_area(height: pl.Expr, weight: pl.Expr, plan: BodySurfaceArea) -> pl.Expr:
    """Body surface area in 1/10000 m2, rounded half up, from columns of a cycle's measures.

    `height` is in 1/10 cm, `weight` in 1/10 kg, as the table `cycle_started` holds them. Actual
    weight is used; with a cap no area exceeds it. The rounding is that of exact arithmetic: over
    all heights and weights that can be recorded no area comes closer to a half than 5e-9 of the
    unit (a test goes through them), and binary numbers are far more exact than that.

    >>> measures = pl.DataFrame({"height": [1700], "weight": [700]})
    >>> plan = BodySurfaceArea(formula="mosteller")
    >>> measures.select(body_surface_area(pl.col("height"), pl.col("weight"), plan)).item()
    18181
    """
    height, weight = height.cast(pl.Int64), weight.cast(pl.Int64)
    if plan.formula == "mosteller":
        exact: pl.Expr = (
            height * weight / (MOSTELLER_DIVISOR * HEIGHT_SCALE * WEIGHT_SCALE)
        ).sqrt()
    else:
        factor, of_height, of_weight = DUBOIS
        exact = factor * (height / HEIGHT_SCALE).pow(of_height)
        exact = exact * (weight / WEIGHT_SCALE).pow(of_weight)
    area = (exact * AREA_SCALE + 0.5).floor().cast(pl.Int64)
    if plan.cap is None:
        return area
    return pl.min_horizontal(area, pl.lit(_whole(plan.cap, AREA_SCALE, "cap"), pl.Int64))


def _whole(value: object, scale: int, field: str) -> int:
    scaled = Fraction(str(value)) * scale
    if scaled.denominator != 1:
        allowed = f"must be a multiple of 1/{scale}"
        raise BadInput(allowed, where="treatment", field=field, found=value)
    return scaled.numerator
