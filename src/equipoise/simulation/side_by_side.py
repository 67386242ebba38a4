"""Several simulations of the same trials, compared trial by trial.

Members share seed and trial numbers, so that each trial meets the same patients under each of them
(common random numbers). What one member gains over the first is then counted in pairs: trials that
reject with it and not with the first, and the reverse. The error of the difference comes from these
alone, and is far smaller than that of two separate simulations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.simulation.chunks import Chunk
from equipoise.simulation.endpoints import EndpointSimulation
from equipoise.simulation.operating import Sums, merged, rejections, sums

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NORMAL_975 = 1.959963984540054
"""The 97.5 per cent point of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """A chunk: the sums of each member, trials `gained` and `lost` against the first member (one
    row for each member, one column for each tested analysis of the first), and where asked for
    every trial of each member."""

    sums: tuple[Sums, ...]
    gained: IntArray
    lost: IntArray
    trials: tuple[FloatArray, ...] = ()


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The job of a chunk: the same trials by each of `simulations`, the first of which is the one
    that the others are compared with."""

    simulations: tuple[EndpointSimulation, ...]
    seed: int
    every_trial: bool = False

    def nothing(self) -> ChunkResult:
        """The result of no trials, of the shape that every chunk's has."""
        each = tuple(sums(one, np.zeros((0, len(one.described)))) for one in self.simulations)
        none = np.zeros((len(each), len(self.simulations[0].tested)), dtype=np.int64)
        return ChunkResult(each, none, none.copy())

    def __call__(self, part: Chunk) -> ChunkResult:
        tested = self.simulations[0].tested
        gained = np.zeros((len(self.simulations), len(tested)), dtype=np.int64)
        lost = np.zeros_like(gained)
        found, kept = [], []
        reference: NDArray[np.bool_] | None = None
        for place, simulation in enumerate(self.simulations):
            trials = simulation.trials(self.seed, part.first, part.count)
            rejected = rejections(simulation, trials)
            reference = rejected if reference is None else reference
            for ours, name in enumerate(tested):
                if name in simulation.tested:
                    theirs = rejected[:, simulation.tested.index(name)]
                    gained[place, ours] = np.count_nonzero(theirs & ~reference[:, ours])
                    lost[place, ours] = np.count_nonzero(reference[:, ours] & ~theirs)
            found.append(sums(simulation, trials, rejected))
            if self.every_trial:
                kept.append(trials)
        return ChunkResult(tuple(found), gained, lost, tuple(kept))


def together(first: ChunkResult, second: ChunkResult) -> ChunkResult:
    """Two results in the order of their chunks; single trials are not kept."""
    both = zip(first.sums, second.sums, strict=True)
    return ChunkResult(
        tuple(merged(one, other) for one, other in both),
        first.gained + second.gained,
        first.lost + second.lost,
    )


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """What a member rejects more often than the first, with its Monte-Carlo error.

    `gained` and `lost` are the trials in which only one of them rejects.
    """

    analysis: str
    estimate: float
    standard_error: float
    lower: float
    upper: float
    gained: int
    lost: int
    trials: int


def paired_difference(analysis: str, gained: int, lost: int, trials: int) -> PairedDifference:
    """The difference of two rates in the same trials, with limits of 95 per cent.

    (gained - lost) / n, and the standard error of the mean of n differences that are 1, 0 or -1
    (Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, section 13.1.1).

    >>> paired_difference("primary", 60, 20, 1000).estimate
    0.04
    >>> round(paired_difference("primary", 60, 20, 1000).standard_error, 6)
    0.008854
    """
    estimate = (gained - lost) / trials
    variance = max(0.0, (gained + lost) / trials - estimate**2)
    error = math.sqrt(variance / trials)
    reach = NORMAL_975 * error
    return PairedDifference(
        analysis, estimate, error, estimate - reach, estimate + reach, gained, lost, trials
    )


def flattened(result: ChunkResult) -> tuple[IntArray, FloatArray]:
    """The counts and sums of a chunk as two rows of numbers, whole ones and others."""
    arrays = [*_arrays(result.sums), result.gained, result.lost]
    whole = [each.ravel() for each in arrays if each.dtype != np.float64]
    other = [each.ravel() for each in arrays if each.dtype == np.float64]
    return (
        np.concatenate([each.astype(np.int64) for each in whole]),
        np.concatenate([*other, np.empty(0)]),
    )


def restored(like: ChunkResult, whole: IntArray, other: FloatArray) -> ChunkResult | None:
    """The result that `flattened` gave, of the shape of `like`; None where the lengths differ."""
    expected = [len(each) for each in flattened(like)]
    if expected != [len(whole), len(other)]:
        return None
    rest = {True: other, False: whole}

    def taken(model: NDArray[np.generic]) -> NDArray[np.generic]:
        real = model.dtype == np.float64
        found, rest[real] = rest[real][: model.size], rest[real][model.size :]
        return found.astype(model.dtype).reshape(model.shape)

    def filled(member: Sums) -> Sums:
        arrays: dict[str, Any] = {
            each.name: taken(np.asarray(getattr(member, each.name))) for each in fields(member)
        }
        return Sums(**arrays)

    members = tuple(filled(member) for member in like.sums)
    return ChunkResult(
        members, taken(like.gained).astype(np.int64), taken(like.lost).astype(np.int64)
    )


def _arrays(members: Sequence[Sums]) -> list[NDArray[np.generic]]:
    return [np.asarray(getattr(each, name.name)) for each in members for name in fields(each)]
