"""Body surface area, in whole numbers of 1/10000 m2."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from equipoise.errors import BadInput
from equipoise.record.declaration import column_measure
from equipoise.record.subject_rows import Numbers
from equipoise.treatment.amount import AREA_SCALE
from equipoise.treatment.events import CycleStarted
from equipoise.treatment.plan import BodySurfaceArea

HEIGHT_SCALE = 10 ** column_measure(CycleStarted, "height").places
WEIGHT_SCALE = 10 ** column_measure(CycleStarted, "weight").places

MOSTELLER_DIVISOR = 3600
"""Mosteller RD, N Engl J Med 1987;317:1098: m2 = sqrt(cm x kg / 3600)."""
DUBOIS = (0.007184, 0.725, 0.425)
"""Du Bois D, Du Bois EF, Arch Intern Med 1916;17:863: m2 = 0.007184 x cm ** 0.725 x kg ** 0.425."""


def body_surface_area(height: Numbers, weight: Numbers, plan: BodySurfaceArea) -> Numbers:
    """Body surface area in 1/10000 m2, rounded half up, of each row of a cycle's measures.

    `height` is in 1/10 cm, `weight` in 1/10 kg, as the table `cycle_started` holds them. Actual
    weight is used; with a cap no area exceeds it. The rounding is that of exact arithmetic: over
    all heights and weights that can be recorded no area comes closer to a half than 5e-9 of the
    unit (a test goes through them), and binary numbers are far more exact than that.

    >>> plan = BodySurfaceArea(formula="mosteller")
    >>> body_surface_area(np.array([1700]), np.array([700]), plan).tolist()
    [18181]
    """
    if plan.formula == "mosteller":
        exact = np.sqrt(height * weight / (MOSTELLER_DIVISOR * HEIGHT_SCALE * WEIGHT_SCALE))
    else:
        factor, of_height, of_weight = DUBOIS
        exact = factor * (height / HEIGHT_SCALE) ** of_height
        exact = exact * (weight / WEIGHT_SCALE) ** of_weight
    area: Numbers = np.floor(exact * AREA_SCALE + 0.5).astype(np.int64)
    return area if plan.cap is None else np.minimum(area, _whole(plan.cap, AREA_SCALE, "cap"))


def _whole(value: object, scale: int, field: str) -> int:
    scaled = Fraction(str(value)) * scale
    if scaled.denominator != 1:
        allowed = f"must be a multiple of 1/{scale}"
        raise BadInput(allowed, where="treatment", field=field, found=value)
    return scaled.numerator
