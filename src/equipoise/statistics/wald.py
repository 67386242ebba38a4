"""Which printed figures can be of one Wald analysis: exact, for all values that round to them.

A Wald analysis has two unknowns, the estimate m and its standard error s, both on the scale of the
analysis (the logarithm for ratios). Its limits are m - z s and m + z s, its statistic is
(m - null) / s. That each figure lies between two values is then a set of straight lines in the
plane of m and s: the figures agree if, and only if, the polygon that the lines leave is not empty,
and what any figure may be is found at its corners. No search and no simulation is needed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

from equipoise.statistics.proportion import Side, normal_quantile

Range = tuple[float, float]
Ranges = Mapping[str, Range]
"""By figure (`estimate`, `lower`, `upper`, `p`) the least and greatest value that it stands for."""

_SLACK = 1e-10
"""Of the size of the figures: what rounding in binary may do."""
_FAR = 1e13
"""An unknown that may be as large as this may be anything."""


class Corner(NamedTuple):
    """A pair of true values that the figures allow, in units of `scale`; `sign` is that of the
    statistic."""

    sign: int
    estimate: float
    error: float
    scale: float


class _Line(NamedTuple):
    """The half-plane estimate * m + error * s <= limit."""

    m: float
    s: float
    limit: float


@dataclass(frozen=True, slots=True)
class Wald:
    """One Wald analysis. `null` is the value of no effect, None where nothing is tested.

    `logarithmic`: estimate and limits are ratios, symmetric on the scale of their logarithm.
    """

    logarithmic: bool
    null: float | None
    level: float = 0.95
    side: Side = "two_sided"

    def corners(self, ranges: Ranges) -> list[Corner]:
        """The corners of what `ranges` leave; empty where no true values give these figures.

        >>> ratio = Wald(logarithmic=True, null=1.0)
        >>> len(ratio.corners({"estimate": (1.115, 1.125), "lower": (0.055, 0.065),
        ...                    "upper": (2.095, 2.105)}))
        0
        """
        scale = self._scale(ranges)
        found = []
        for sign in self._signs():
            lines = list(self._lines(ranges, sign, scale))
            for one, other in itertools.combinations(lines, 2):
                determinant = one.m * other.s - other.m * one.s
                if abs(determinant) < 1e-14:
                    continue
                m = (one.limit * other.s - other.limit * one.s) / determinant
                s = (one.m * other.limit - other.m * one.limit) / determinant
                if all(_inside(line, m, s) for line in lines):
                    found.append(Corner(sign, m, max(0.0, s), scale))
        return found

    def span(self, figure: str, corners: Sequence[Corner]) -> Range:
        """The least and greatest value of a figure over a region that is given by its corners."""
        if figure == "p":
            tails = [tail for each in corners for tail in self._p(each)]
            return min(tails), max(tails)
        shift = {"estimate": 0.0, "lower": -1.0, "upper": 1.0}[figure] * self._z
        values = [_near(each.estimate + shift * each.error, each.scale) for each in corners]
        low, high = min(values), max(values)
        return (_exp(low), _exp(high)) if self.logarithmic else (low, high)

    @property
    def _z(self) -> float:
        return normal_quantile(self.level)

    def _signs(self) -> tuple[int, ...]:
        if self.null is None:
            return (1,)
        return {"two_sided": (1, -1), "greater": (1,), "less": (-1,)}[self.side]

    def _scale(self, ranges: Ranges) -> float:
        """The size of the figures; logarithms are of the size of 1 as they are."""
        if self.logarithmic:
            return 1.0
        ends = [abs(end) for name, each in ranges.items() if name != "p" for end in each]
        return max((end for end in ends if 0 < end < math.inf), default=1.0)

    def _lines(self, ranges: Ranges, sign: int, scale: float) -> Iterator[_Line]:
        for name, slope in (("estimate", 0.0), ("lower", -self._z), ("upper", self._z)):
            low, high = self._on_scale(ranges.get(name, (-math.inf, math.inf)), scale)
            if math.isfinite(high):
                yield _Line(1.0, slope, high)
            if math.isfinite(low):
                yield _Line(-1.0, -slope, -low)
        yield _Line(0.0, -1.0, 0.0)
        yield from (_Line(0.0, 1.0, _FAR), _Line(1.0, 0.0, _FAR), _Line(-1.0, 0.0, _FAR))
        if self.null is None:
            return
        null = math.log(self.null) if self.logarithmic else self.null / scale
        least, most = self._statistic(ranges.get("p", (0.0, 1.0)))
        if math.isfinite(least):
            yield _Line(-sign, least, -sign * null)
        if math.isfinite(most):
            yield _Line(sign, -most, sign * null)

    def _on_scale(self, ends: Range, scale: float) -> Range:
        if self.logarithmic:
            low, high = (math.log(end) if end > 0 else -math.inf for end in ends)
            return low, high
        return ends[0] / scale, ends[1] / scale

    def _statistic(self, p: Range) -> Range:
        """The least and greatest statistic, in the direction of `sign`, of a P value."""
        tails = 2 if self.side == "two_sided" else 1
        least, most = _upper_quantile(p[1] / tails), _upper_quantile(p[0] / tails)
        return (max(0.0, least) if tails == 2 else least), most

    def _p(self, corner: Corner) -> Range:
        """P at a corner; without any width at no effect it may be anything."""
        null = self.null if self.null is not None else math.nan
        null = math.log(null) if self.logarithmic else null / corner.scale
        distance = corner.sign * (corner.estimate - null)
        if corner.error == 0:
            return (0.0, 1.0) if distance == 0 else (0.0, 0.0) if distance > 0 else (1.0, 1.0)
        tail = math.erfc(distance / corner.error / math.sqrt(2)) / 2
        p = min(1.0, 2 * tail) if self.side == "two_sided" else tail
        return p, p


def _inside(line: _Line, m: float, s: float) -> bool:
    size = max(1.0, abs(line.m * m), abs(line.s * s))
    return line.m * m + line.s * s <= line.limit + _SLACK * size


def _upper_quantile(tail: float) -> float:
    """The standard normal value that is exceeded with probability `tail`."""
    if tail <= 0:
        return math.inf
    return -NormalDist().inv_cdf(tail) if tail < 1 else -math.inf


def _near(value: float, scale: float) -> float:
    """`value` in units of the figures; infinite where nothing holds it."""
    return math.copysign(math.inf, value) if abs(value) > _FAR / 100 else value * scale


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
