"""From body measures to what is dispensed, programmed again: exact, of one dose at a time.

Written from Mosteller, Du Bois and the plan's description of what a dose is dispensed in, by
somebody who has not read the rules.
"""

from __future__ import annotations

import decimal
import functools
from decimal import Decimal
from fractions import Fraction

from equipoise.treatment.plan import BodySurfaceArea, Dose


@functools.cache
def area(height: int, weight: int, plan: BodySurfaceArea) -> int:
    """Body surface area in 1/10000 m2 from tenths of a centimetre and of a kilogram."""
    with decimal.localcontext(prec=40):
        tall, heavy = Decimal(height) / 10, Decimal(weight) / 10
        if plan.formula == "mosteller":
            found = (tall * heavy / 3600).sqrt()
        else:
            power = Decimal("0.725") * tall.ln() + Decimal("0.425") * heavy.ln()
            found = Decimal("0.007184") * power.exp()
        if plan.cap is not None:
            found = min(found, plan.cap)
        return int((found * 10000).to_integral_value(decimal.ROUND_HALF_UP))


def hundredths_of_mg(dose: Fraction, unit: str, surface: int) -> int:
    """The calculated amount of one administration, rounded half up."""
    mg = dose * Fraction(surface, 10000) if unit == "mg/m2" else dose
    return int(mg * 100 + Fraction(1, 2))


def in_units(amount: int, dose: Dose) -> int:
    """The nearest sum of whole units, of two equally near the lower."""
    units = tuple(sorted(int(each * 100) for each in dose.dispensed_in))
    return nearest_sum(amount, units) if units else amount


@functools.cache
def nearest_sum(amount: int, units: tuple[int, ...]) -> int:
    """The nearest number that is a sum of units, each as often as one likes."""
    if len(units) == 1:
        below = amount // units[0] * units[0]
        sums = {below, below + units[0]}
    else:
        sums = {0}
        reach = amount + units[0]
        for unit in units:
            more = sums
            while more:
                more = {each + unit for each in more if each + unit <= reach} - sums
                sums |= more
    return min(sums, key=lambda each: (abs(each - amount), each))
