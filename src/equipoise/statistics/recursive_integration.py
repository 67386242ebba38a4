"""The distribution of a sequence of test statistics up to the look at which it stops.

Statistics have independent increments: the score B at information t is normal with mean
drift * t and variance t, and Z = B / sqrt(t). The density of B among the trials that go on is
carried from look to look (Armitage, McPherson and Rowe 1969, J R Stat Soc A 132:235-244; Jennison
and Turnbull 2000, Group Sequential Methods, chapter 19), here on panels of Gauss-Legendre nodes
that are narrow compared with the next increment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_NODES = 16
"""Nodes of a panel."""
_PANEL = 3.0
"""The width of a panel, in standard deviations of the smaller of the increments beside it."""
_REACH = 8.5
"""Standard deviations beyond which a density is nothing."""
_FARTHEST = 38.0
"""Critical values beyond which the normal tail is no number of the machine."""
_LOG_OF_NOTHING = -800.0
"""Below the logarithm of every probability that the machine can tell from 0."""
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class Ongoing:
    """The trials that go on after a look: where their score lies, and with what probability.

    `mass` are the probabilities of the nodes: density times quadrature weight.
    """

    information: float
    score: FloatArray
    mass: FloatArray
    drift: float

    @classmethod
    def before_the_first_look(cls, drift: float) -> Ongoing:
        """Every trial, with a score of 0."""
        return cls(0.0, np.zeros(1), np.ones(1), drift)

    @property
    def probability(self) -> float:
        """The probability of going on."""
        return float(self.mass.sum())

    def above(self, z: float, information: float) -> float:
        """The probability of going on so far, and then of Z >= z at the next look."""
        return self._tail(z, information, -1.0)

    def below(self, z: float, information: float) -> float:
        """The probability of going on so far, and then of Z <= z at the next look."""
        return self._tail(z, information, 1.0)

    def critical(self, probability: float, information: float, *, upper: bool) -> float:
        """The z whose `above` (or, if not `upper`, `below`) is this probability.

        Infinite, so that nobody stops, for a probability of 0.
        """
        sign = 1.0 if upper else -1.0
        if probability <= 0:
            return sign * math.inf
        from scipy.optimize import brentq

        tail = self.above if upper else self.below
        goal = math.log(probability)

        def excess(distance: float) -> float:
            found = tail(sign * distance, information)
            return (math.log(found) if found > 0 else _LOG_OF_NOTHING) - goal

        centre = sign * self.drift * math.sqrt(information)
        low, high = centre - _FARTHEST / 2, centre + _FARTHEST
        if excess(low) <= 0:
            return sign * low
        if excess(high) >= 0:
            return sign * math.inf
        return sign * float(brentq(excess, low, high, xtol=1e-13, rtol=1e-14))

    def go_on(
        self, lower: float, upper: float, information: float, following: float | None
    ) -> Ongoing:
        """The trials with Z between the two limits at the next look.

        `following` is the information of the look after it, which decides how fine the nodes are.
        """
        step, root = information - self.information, math.sqrt(information)
        centre = self.drift * information
        low = max(lower * root, centre - _REACH * root)
        high = min(upper * root, centre + _REACH * root)
        if high <= low:
            return Ongoing(information, np.zeros(1), np.zeros(1), self.drift)
        finest = min(step, following - information) if following is not None else step
        score, weight = _nodes(low, high, _PANEL * math.sqrt(finest))
        apart = (score[:, None] - self.score[None, :] - self.drift * step) / math.sqrt(step)
        density = np.exp(-apart * apart / 2) @ self.mass / (_ROOT_TWO_PI * math.sqrt(step))
        return Ongoing(information, score, density * weight, self.drift)

    def _tail(self, z: float, information: float, sign: float) -> float:
        from scipy.special import ndtr

        if math.isinf(z):
            return self.probability if z * sign > 0 else 0.0
        step = information - self.information
        apart = (z * math.sqrt(information) - self.score - self.drift * step) / math.sqrt(step)
        return float(ndtr(sign * apart) @ self.mass)


def crossing_probabilities(
    information: tuple[float, ...],
    lower: tuple[float, ...],
    upper: tuple[float, ...],
    drift: float,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The probabilities of stopping below and above at each look; the last look ends in any case.

    At the last look both limits count as they stand: what lies between is in neither.

    >>> below, above = crossing_probabilities((0.5, 1.0), (-9.0, -9.0), (2.178, 2.178), 0.0)
    >>> [round(each, 4) for each in above]
    [0.0147, 0.0103]
    """
    ongoing = Ongoing.before_the_first_look(drift)
    below, above = [], []
    for look, t in enumerate(information):
        below.append(ongoing.below(lower[look], t))
        above.append(ongoing.above(upper[look], t))
        if look + 1 < len(information):
            ongoing = ongoing.go_on(lower[look], upper[look], t, information[look + 1])
    return tuple(below), tuple(above)


@cache
def _rule() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def _nodes(low: float, high: float, width: float) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights on panels of at most this width."""
    panels = math.ceil((high - low) / width)
    nodes, weights = _rule()
    half = (high - low) / panels / 2
    centres = low + half * (2 * np.arange(panels) + 1)
    score = (centres[:, None] + half * nodes[None, :]).ravel()
    return score, np.tile(weights * half, panels)
