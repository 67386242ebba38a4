"""Many rehearsed trials in tables, batch by batch, on as many processor cores as there are."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

from equipoise.analysis.run import OperatingCounts
from equipoise.simulation.characteristics import Characteristic, batch_counts, characteristics
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
    parts = [range(first, min(trials, first + BATCH)) for first in range(0, trials, BATCH)]
    wanted = _cores() if processes is None else processes
    task = partial(batch_counts, versions, scenario, seed)
    with _mapped(min(wanted, len(parts)), task, parts) as counted:
        return characteristics(_told(counted, parts, trials, progress))


def _cores() -> int:
    """The processor cores that this process may use, where the system tells; else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _mapped(
    processes: int,
    task: Callable[[range], list[OperatingCounts]],
    parts: Sequence[range],
) -> Iterator[Iterator[list[OperatingCounts]]]:
    """`task` over `parts` in order: here, or in processes with one thread each."""
    if processes < 2:
        yield map(task, parts)
        return
    given = {name: os.environ.get(name) for name in _PROCESS}
    os.environ.update(_PROCESS)
    try:
        spawned = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=spawned) as pool:
            yield pool.map(task, parts)
    finally:
        for name, value in given.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_PROCESS = {
    "POLARS_MAX_THREADS": "1",
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:5000,muzzy_decay_ms:5000",
}
"""Read by polars when a process first imports it: this one has, those that it starts have not. One
thread each; memory that a table leaves is kept for the next table, not given back at once."""


def _told(
    counted: Iterator[list[OperatingCounts]],
    parts: Sequence[range],
    trials: int,
    progress: Progress,
) -> Iterator[list[OperatingCounts]]:
    for part, counts in zip(parts, counted, strict=True):
        yield counts
        progress(part.stop, trials)
