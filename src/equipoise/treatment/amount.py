"""From a dose per body surface area to the milligrams that are dispensed, in whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import numpy as np

from equipoise.record.subject_rows import Flags, Numbers

AREA_SCALE = 10_000
"""Body surface area is kept in 1/10000 m2."""
AMOUNT_SCALE = 100
"""Amounts are kept in 1/100 mg, as `DoseGiven.amount` is."""


def calculated(dose: Numbers, denominator: int, area: Numbers, by_area: Flags) -> Numbers:
    """Amounts in 1/100 mg, rounded half up, of doses in mg or mg/m2, all over `denominator`.

    >>> calculated(np.array([75000]), 100, np.array([18181]), np.array([True])).tolist()
    [136358]
    """
    numerator = dose * np.where(by_area, area, AREA_SCALE) * 2
    divisor = denominator * AREA_SCALE // AMOUNT_SCALE
    amount: Numbers = (numerator + divisor) // (2 * divisor)
    return amount


def dispensed(amount: Numbers, units: Sequence[Decimal]) -> Numbers:
    """The sum of whole units that is nearest to each amount (1/100 mg), of two the lower.

    Capecitabine in tablets of 150 and 500 mg: 1363.58 mg are 1350 mg (9 x 150), not 1400.

    >>> dispensed(np.array([136358, 20000, 32500]), [Decimal(150), Decimal(500)]).tolist()
    [135000, 15000, 30000]
    """
    if not units:
        return amount
    sizes = sorted({int(each * AMOUNT_SCALE) for each in units})
    step = math.gcd(*sizes)
    sums = _sums(tuple(size // step for size in sizes))
    below = np.searchsorted(sums * step, amount, side="right") - 1
    low = sums[below] * step
    high = sums[np.minimum(below + 1, len(sums) - 1)] * step
    beyond = amount >= sums[-1] * step
    low = np.where(beyond, amount // step * step, low)
    high = np.where(beyond, low + step, high)
    nearest: Numbers = np.where(amount - low <= high - amount, low, high)
    return nearest


@cache
def _sums(sizes: tuple[int, ...]) -> Numbers:
    """Every sum of the sizes (whose greatest common divisor is 1) up to one from which on every
    number is a sum: the product of the smallest and the largest (Brauer A, Am J Math 1942;64:299).
    """
    limit = sizes[0] * sizes[-1]
    reached = np.zeros(limit + 1, dtype=np.bool_)
    reached[0] = True
    for size in sizes:
        for number in range(size, limit + 1):
            reached[number] |= reached[number - size]
    return np.flatnonzero(reached)
