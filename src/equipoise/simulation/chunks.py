"""Many trials in numbered chunks: here, or in processes of which any may die, with the same result.

A job is a picklable function of one chunk. Which trials a chunk holds depends on its number alone,
and results are taken together in the order of the numbers: so nothing depends on who computed what,
when, or how often it was begun.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast

from equipoise.errors import EquipoiseError

Result = TypeVar("Result")

ATTEMPTS = 3
"""How often in a row processes may die without one chunk finished, until the run gives up."""

AHEAD = 2
"""Chunks handed out for each process: one to compute, one to go on with."""

ENVIRONMENT = {
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 26),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:5000,muzzy_decay_ms:5000",
}
"""Read by a process that first imports numba or polars: this one has, those that it starts have
not. One thread each; memory that a table or a chunk leaves is kept for the next one, not
given back at once: pages that are asked for again are cleared again, a tenth of a chunk's time."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Trials `first` to `first + count - 1`, chunk `number` of a simulation."""

    number: int
    first: int
    count: int

    @property
    def trials(self) -> range:
        """The numbers of its trials."""
        return range(self.first, self.first + self.count)


Job = Callable[[Chunk], Result]


def chunks(trials: int, size: int) -> list[Chunk]:
    """The chunks of `size` that hold the trials 0 to `trials - 1`; the last may be smaller.

    >>> chunks(2500, 1000)[-1]
    Chunk(number=2, first=2000, count=500)
    """
    return [
        Chunk(number, first, min(size, trials - first))
        for number, first in enumerate(range(0, trials, size))
    ]


def cores() -> int:
    """The processor cores that this process may use, where the system tells; else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def computed(
    job: Job[Result], parts: Sequence[Chunk], processes: int
) -> Iterator[tuple[Chunk, Result]]:
    """Each of `parts` with its result, as they become ready: here, or in so many processes.

    Processes are spawned, never forked. A process that dies, by whatever cause, is replaced, and
    its chunks are computed again; EquipoiseError when that happens again and again.
    """
    wanted = min(processes, len(parts))
    if wanted < 2:
        yield from ((part, job(part)) for part in parts)
        return
    left = {part.number: part for part in parts}
    packed, failures = pickle.dumps(job), 0
    while left:
        before = len(left)
        try:
            for part, result in _round(packed, list(left.values()), min(wanted, len(left))):
                del left[part.number]
                yield part, cast(Result, result)
        except BrokenProcessPool as error:
            failures = failures + 1 if len(left) == before else 0
            if failures == ATTEMPTS:
                raise EquipoiseError(
                    f"processes died {ATTEMPTS} times without finishing one of {before} chunks, "
                    f"from chunk {min(left)} on. Way out: look whether memory ran out, or take "
                    "fewer processes"
                ) from error


def in_order(
    parts: Iterable[Chunk],
    ready: Iterator[tuple[Chunk, Result]],
    kept: Callable[[Chunk], Result | None] = lambda part: None,
) -> Iterator[tuple[Chunk, Result]]:
    """The results of all `parts` in the order of their numbers, each as soon as it can be told.

    `ready` yields those that are computed, in any order; `kept` gives those of earlier runs.
    """
    waiting: dict[int, Result] = {}
    for part in parts:
        found = kept(part)
        while found is None:
            if part.number in waiting:
                found = waiting.pop(part.number)
            else:
                other, result = next(ready)
                waiting[other.number] = result
        yield part, found


def _round(packed: bytes, parts: Sequence[Chunk], processes: int) -> Iterator[tuple[Chunk, object]]:
    """Results from one pool. Raises BrokenProcessPool once one of its processes died, after all
    that had been finished by then."""
    waiting = iter(parts)
    with _pool(packed, processes) as pool:
        running: dict[Future[object], Chunk] = {}

        def hand_out(number: int) -> None:
            for part in islice(waiting, number):
                running[pool.submit(_part, part)] = part

        hand_out(AHEAD * processes)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            broken: BrokenProcessPool | None = None
            for future in sorted(done, key=lambda each: running[each].number):
                part = running.pop(future)
                try:
                    yield part, future.result()
                except BrokenProcessPool as error:
                    broken = error
            if broken is not None:
                raise broken
            hand_out(len(done))


@contextmanager
def _pool(packed: bytes, processes: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes that hold the job, with one thread each."""
    given = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    pool = ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(packed,)
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in given.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_held: dict[str, Any] = {}
"""The job of a process that was spawned for it."""


def _begin(packed: bytes) -> None:
    """A process begins: Ctrl-C is for the one that started it, and it ends when that one does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True).start()
    _held["job"] = pickle.loads(packed)


def _end_with(ended: Callable[[], None]) -> None:
    ended()
    os._exit(1)


def _part(part: Chunk) -> object:
    return _held["job"](part)
