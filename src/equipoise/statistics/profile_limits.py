"""Where a profile likelihood has fallen far enough: one limit at a time, from within."""

from __future__ import annotations

import math
from collections.abc import Callable

FURTHEST = 40.0
"""No limit is looked for beyond."""


def crossed(excess: Callable[[float], float], centre: float, direction: float) -> float:
    """Where `excess`, negative at `centre`, rises through 0 in this direction; infinite if never.

    >>> round(crossed(lambda value: value**2 - 4, 0.0, -1.0), 6)
    -2.0
    >>> crossed(lambda value: -1.0, 0.0, 1.0)
    inf
    """
    from scipy.optimize import brentq

    reach = 0.5
    while abs(centre + direction * reach) <= FURTHEST:
        if excess(centre + direction * reach) > 0:
            inner = centre + direction * reach / 2 if reach > 0.5 else centre
            outer = centre + direction * reach
            return float(brentq(excess, inner, outer, xtol=1e-10, rtol=1e-12))
        reach *= 2
    return direction * math.inf
