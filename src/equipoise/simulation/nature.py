"""Nature's draws: named streams, the same for a replicate whatever the batch it is drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from equipoise.simulation.scenario import Spread
from equipoise.statistics.random import dummy_seed, uniforms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAYS_PER_MONTH = 30.4375
"""Mean length of a month: 365.25 / 12 days."""


@dataclass(frozen=True, slots=True)
class Nature:
    """Draws for `replicates` of the scenario seed; every array has one row per replicate.

    Each question has its own stream, so that asking one more changes no other answer. Every array
    drawn has one column per candidate. `twins`, replicates x candidates, says whose draw each
    candidate takes instead: that of the same candidate in another replicate.
    """

    seed: int
    replicates: Sequence[int]
    twins: Ints | None = None

    def uniform(self, name: str, *size: int) -> Floats:
        """Numbers strictly between 0 and 1."""
        if self.twins is None:
            return uniforms(self.seed, name, self.replicates, size)
        others, where = np.unique(self.twins, return_inverse=True)
        drawn = uniforms(self.seed, name, others.tolist(), size)
        return drawn[where.reshape(self.twins.shape), np.arange(self.twins.shape[1])]

    def chance(self, name: str, probability: Floats | float, *size: int) -> Bools:
        """True with the given probability."""
        return self.uniform(name, *size) < probability

    def integer(self, name: str, low: int, high: int, *size: int) -> Ints:
        """Whole numbers from `low` to `high`, both included, equally likely."""
        return low + np.floor(self.uniform(name, *size) * (high - low + 1)).astype(np.int64)

    def between(self, name: str, low: float, high: float, *size: int) -> Floats:
        """Numbers between two limits, equally likely."""
        drawn: Floats = low + self.uniform(name, *size) * (high - low)
        return drawn

    def normal(self, name: str, *size: int) -> Floats:
        """Standard normal numbers."""
        return np.asarray(ndtri(self.uniform(name, *size)), dtype=np.float64)

    def spread(self, name: str, spread: Spread, *size: int) -> Floats:
        """Normal numbers kept between the limits of `spread`."""
        drawn = float(spread.mean) + float(spread.sd) * self.normal(name, *size)
        kept: Floats = np.clip(drawn, float(spread.minimum), float(spread.maximum))
        return kept

    def waiting(self, name: str, median: Floats | float, *size: int) -> Floats:
        """Exponential waiting times with the given median."""
        waited: Floats = -np.log(self.uniform(name, *size)) * median / np.log(2.0)
        return waited

    def choice(self, name: str, weights: Mapping[str, object], *size: int) -> Ints:
        """Positions in `weights`, by weight."""
        return chosen(self.uniform(name, *size), weights)


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of some trials, by the part that they decide.

    `arrivals`: who comes when and where. `screening`: what is found of them until they are
    allocated. `course`: what happens afterwards. `allocation`: the replicate whose dummy seed each
    trial is allocated by.
    """

    seed: int
    arrivals: Nature
    screening: Nature
    course: Nature
    allocation: Sequence[int]

    @property
    def dummy_seeds(self) -> list[bytes]:
        """The allocation seed of each trial."""
        return [dummy_seed(self.seed, replicate) for replicate in self.allocation]


def draws(seed: int, replicates: Sequence[int]) -> Draws:
    """Everything drawn for the replicates themselves."""
    nature = Nature(seed, replicates)
    return Draws(seed, nature, nature, nature, replicates)


def chosen(uniform: Floats, weights: Mapping[str, object]) -> Ints:
    """Positions in `weights` that uniform numbers point at.

    >>> chosen(np.array([0.1, 0.7]), {"a": 1, "b": 1}).tolist()
    [0, 1]
    """
    cumulated = np.cumsum([float(str(weight)) for weight in weights.values()])
    return np.searchsorted(cumulated / cumulated[-1], uniform, side="right").clip(
        0, len(cumulated) - 1
    )


def by_level(levels: NDArray[np.object_], values: Mapping[str, object]) -> Floats:
    """The number that `values` gives for each level; not a number where it gives none."""
    result = np.full(levels.shape, np.nan)
    for level, value in values.items():
        result[levels == level] = float(str(value))
    return result
