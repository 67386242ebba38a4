"""Jobs of a chunk that processes and clusters can be tried with: drawn, and fatal once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equipoise.simulation.chunks import Chunk, in_order
from equipoise.statistics.random import uniforms


@dataclass(frozen=True)
class Drawn:
    """The sum of the logarithms of uniform numbers, one for each trial."""

    seed: int

    def __call__(self, part: Chunk) -> float:
        return float(np.log(uniforms(self.seed, "chunk", part.trials, 1)).sum())


@dataclass(frozen=True)
class KilledAt:
    """The same, but whoever computes one of `numbers` first is killed with SIGKILL."""

    seed: int
    folder: Path
    numbers: tuple[int, ...]
    always: bool = False

    def __call__(self, part: Chunk) -> float:
        if part.number in self.numbers:
            mark = self.folder / f"{part.number}.killed"
            if self.always or not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return Drawn(self.seed)(part)


def total(parts: list[Chunk], ready: Iterator[tuple[Chunk, float]]) -> str:
    """The sum in the order of the chunks, to the last bit."""
    found = 0.0
    for _, value in in_order(parts, ready):
        found += value
    return found.hex()
