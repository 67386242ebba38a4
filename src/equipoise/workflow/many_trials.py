"""Many rehearsed trials in tables, batch by batch, on as many processor cores as there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from equipoise.analysis.run import OperatingCounts
from equipoise.simulation.characteristics import Characteristic, batch_counts, characteristics
from equipoise.simulation.chunks import Chunk, chunks, computed, cores, in_order
from equipoise.simulation.run import Version
from equipoise.simulation.scenario import Scenario

BATCH = 50
"""Trials in one set of tables: 25 are slower by a third, 100 take twice the memory."""

Progress = Callable[[int, int], None]


def many_trials(
    versions: Sequence[Version],
    scenario: Scenario,
    seed: int,
    trials: int,
    *,
    processes: int | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Characteristic]:
    """Operating characteristics of the analyses over `trials` trials of the scenario.

    They are the same for every number of `processes`; None takes one a core. `progress` is told
    trials done and in all. Raises BadInput when the scenario does not say how to draw what the
    study asks for.
    """
    parts = chunks(trials, BATCH)
    counted = computed(
        _Batches(versions, scenario, seed), parts, cores() if processes is None else processes
    )
    return characteristics(
        _told(in_order(parts, counted), trials, progress),
        versions[-1].study.analysis.closed_testing,
    )


@dataclass(frozen=True, slots=True)
class _Batches:
    """The counts of the analyses in the trials of a chunk."""

    versions: Sequence[Version]
    scenario: Scenario
    seed: int

    def __call__(self, part: Chunk) -> list[OperatingCounts]:
        return batch_counts(self.versions, self.scenario, self.seed, part.trials)


def _told(
    counted: Iterator[tuple[Chunk, list[OperatingCounts]]], trials: int, progress: Progress
) -> Iterator[list[OperatingCounts]]:
    for part, counts in counted:
        yield counts
        progress(part.trials.stop, trials)
