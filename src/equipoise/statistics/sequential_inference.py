"""After a group-sequential trial: P value, estimate and limits that allow for the looks.

Everything is on the scale of the drift, the mean of Z at full information: divide by the square
root of the greatest information for the effect (a difference, a log hazard ratio).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from equipoise.errors import BadInput
from equipoise.statistics.group_sequential import given_limits
from equipoise.statistics.proportion import checked_level
from equipoise.statistics.recursive_integration import crossing_probabilities
from equipoise.statistics.sequential_limits import Limits

_GREATEST_Z = 30.0
"""Beyond it the tail of the normal distribution is no number to work with."""
_FARTHEST = 30.0
"""Drifts this far from the naive estimate bound every search."""


@dataclass(frozen=True, slots=True)
class SequentialResult:
    """The result of a trial that stopped at a look, in stage-wise order.

    `p` is one-sided; `estimate` is median unbiased; `lower` and `upper` are its limits. `naive` is
    the estimate as if there had been no looks; `repeated_lower` and `repeated_upper` are the
    limits of the repeated confidence interval, which holds at every look, stopped or not.
    """

    p: float
    estimate: float
    lower: float
    upper: float
    naive: float
    repeated_lower: float
    repeated_upper: float


def sequential_result(
    z: float,
    look: int,
    information: Sequence[float],
    critical: Sequence[float],
    *,
    sides: Literal[1, 2] = 1,
    futility: Sequence[float] | None = None,
    level: float = 0.95,
) -> SequentialResult:
    """What a trial says that stopped at this look (from 1) with Z = z.

    Stage-wise order: stopping earlier for efficacy is more extreme than anything later, whatever
    Z (Tsiatis, Rosner and Mehta 1984, Biometrics 40:797-803; Jennison and Turnbull 2000, sections
    8.4 and 8.5). The repeated interval is Z / sqrt(t) -+ c / sqrt(t) (section 9.2): at the level
    of the design's critical values, two-sided. Give `futility` only where it was binding.

    >>> result = sequential_result(2.9, 1, [0.5, 1], [2.7965, 1.9774])
    >>> round(result.p, 5), round(result.estimate, 3)
    (0.00187, 4.101)
    """
    looks, limits = given_limits(information, critical, sides, futility)
    if not abs(z) <= _GREATEST_Z:
        raise BadInput(f"at most {_GREATEST_Z:g} in size", field="z", found=z)
    if not 1 <= look <= len(looks):
        raise BadInput(f"one of the looks 1 to {len(looks)}", field="look", found=look)
    tail = (1 - checked_level(level)) / 2
    root = math.sqrt(looks[look - 1])
    naive, reach = z / root, limits.upper[look - 1] / root

    def p(drift: float) -> float:
        return _as_extreme(z, look, looks, limits, drift)

    def drift_of(probability: float) -> float:
        from scipy.optimize import brentq

        def excess(drift: float) -> float:
            return p(drift) - probability

        low, high = naive - _FARTHEST / root, naive + _FARTHEST / root
        return float(brentq(excess, low, high, xtol=1e-12, rtol=1e-14))

    return SequentialResult(
        p(0.0),
        drift_of(0.5),
        drift_of(tail),
        drift_of(1 - tail),
        naive,
        naive - reach,
        naive + reach,
    )


def _as_extreme(
    z: float, look: int, looks: tuple[float, ...], limits: Limits, drift: float
) -> float:
    """The probability of an outcome at least as extreme, in stage-wise order."""
    upper = (*limits.upper[: look - 1], z)
    lower = (*limits.lower[: look - 1], z)
    return sum(crossing_probabilities(looks[:look], lower, upper, drift)[1])
