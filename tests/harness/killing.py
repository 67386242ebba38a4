"""Kill writer processes, many times and at chosen moments, and count what they had confirmed.

A writer is a function at the top of a module, `writer(report, name, pauses, *arguments)`. It acts
for as long as it lives, names its actions `name/0`, `name/1` and so on, and after each calls
`report("acknowledged", action)`. Where `pauses` is a number, it stops for good in its action of
that number, between BEGIN and COMMIT, and says so with `report("begun", action)`: `Pausing` makes
a log that can. Writers are started from a server process that has imported what they need and run
none of it: polars hangs after a fork only where it was at work before.
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from equipoise.errors import RecordError
from tests.harness.stores import Store, draft

Report = Callable[[str, str], None]
Writer = Callable[..., None]

PATIENCE = 60.0
"""Seconds that a writer may take to get going."""

EVENTS = 3
"""Events of each action of the writers here."""


@dataclass
class Tally:
    """What happened: kills, those of them between BEGIN and COMMIT, and what was confirmed."""

    kills: int = 0
    between: int = 0
    acknowledged: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    troubles: int = 0
    """How often writers were told that the store failed."""


def light_processes() -> Any:
    """How to start processes that write: cheaply, from one that has imported the stores only."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["equipoise.record.sqlite", "equipoise.record.postgres", "equipoise.conduct.conductor"]
    )
    return context


class _Running:
    """A writer process and what it says."""

    def __init__(
        self, writer: Writer, name: str, pauses: int | None, arguments: tuple[Any, ...]
    ) -> None:
        context = light_processes()
        self._heard, said = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(writer, said, name, pauses, arguments), daemon=True
        )
        self._process.start()
        said.close()

    def wait_for(self, kind: str, tally: Tally) -> str | None:
        """The action of the next message of this kind; None when the writer ended before."""
        deadline = time.monotonic() + PATIENCE
        while self._heard.poll(max(0.0, deadline - time.monotonic())):
            try:
                said, action = self._heard.recv()
            except EOFError:
                return None
            _note(tally, said, action)
            if said == kind:
                return str(action)
        raise AssertionError(f"no writer said {kind!r} for {PATIENCE} seconds")

    def kill(self, tally: Tally) -> None:
        """SIGKILL; what it had said before counts."""
        assert self._process.is_alive(), f"a writer ended by itself: {self._process.exitcode}"
        self._process.kill()
        self._process.join()
        try:
            while True:
                _note(tally, *self._heard.recv())
        except EOFError:
            self._heard.close()
        self._process.close()


def _note(tally: Tally, said: str, action: str) -> None:
    if said == "acknowledged":
        tally.acknowledged.add(action)
    elif said == "begun":
        tally.begun.add(action)
    elif said == "trouble":
        tally.troubles += 1


def _run(
    writer: Writer, said: Connection, name: str, pauses: int | None, arguments: tuple[Any, ...]
) -> None:
    writer(lambda kind, action: said.send((kind, action)), name, pauses, *arguments)


def kill_writers(
    writer: Writer,
    *arguments: Any,
    kills: int,
    between: int,
    check: Callable[[Tally], None],
    at_once: int = 4,
    checks: int = 10,
    seed: int = 1,
    patience: float = 0.03,
) -> Tally:
    """Start and kill writers, `at_once` of them at any time; `check` between batches of them.

    `between` of the kills hit a writer that stands between BEGIN and COMMIT, the others whatever
    it is doing some milliseconds after its first action was confirmed.
    """
    draw = random.Random(seed)
    tally, lock = Tally(), threading.Lock()
    plan = [number < between for number in range(kills)]
    draw.shuffle(plan)

    def one(number: int, pause: bool, patience: float, actions: int) -> None:
        mine = Tally(kills=1)
        running = _Running(writer, f"w{number}", actions if pause else None, arguments)
        if pause:
            assert running.wait_for("begun", mine), "the writer ended before it paused"
            mine.between += 1
        else:
            assert running.wait_for("acknowledged", mine), "the writer ended before it acted"
            time.sleep(patience)
        running.kill(mine)
        with lock:
            tally.kills += mine.kills
            tally.between += mine.between
            tally.acknowledged |= mine.acknowledged
            tally.begun |= mine.begun

    jobs = [(n, pause, draw.uniform(0, 0.05), draw.randrange(4)) for n, pause in enumerate(plan)]
    size = -(-len(jobs) // checks)
    with ThreadPoolExecutor(at_once) as pool:
        for start in range(0, len(jobs), size):
            list(pool.map(lambda job: one(*job), jobs[start : start + size]))
            check(tally)
    return tally


class Pausing:
    """Put before a log's class (`store.open(Pausing)`): `pause` is called before each commit.

    It is given the transaction that has written and not yet committed.
    """

    pause: Callable[[Any], None]

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with super().transaction() as transaction:  # type: ignore[misc]
            yield transaction
            if transaction.written:
                self.pause(transaction)


def paused_for_good(report: Report, action: str) -> None:
    """Say that the action has begun, and wait for the kill."""
    report("begun", action)
    time.sleep(10 * PATIENCE)


def append_until_killed(report: Report, name: str, pauses: int | None, store: Store) -> None:
    """A writer of actions of three events each."""
    current = [""]

    def pause(transaction: Any) -> None:
        if current[0] == f"{name}/{pauses}":
            paused_for_good(report, current[0])

    log: Any = store.open(Pausing)
    log.pause = pause
    for number in itertools.count():
        current[0] = f"{name}/{number}"
        log.append_many(_action(current[0]))
        report("acknowledged", current[0])


def append_whatever_happens(report: Report, name: str, pauses: int | None, store: Store) -> None:
    """A writer that repeats each action under its key until it is confirmed."""
    log = store.open()
    report("ready", "")
    for number in itertools.count():
        action = f"{name}/{number}"
        confirmed = False
        while not confirmed:
            try:
                with log.transaction() as transaction:
                    if not transaction.by_key(action):
                        transaction.append(_action(action))
                confirmed = True
            except RecordError as error:
                report("trouble", str(error))
                time.sleep(0.05)
        report("acknowledged", action)


def _action(name: str) -> list[Any]:
    drafts = [draft(number, idempotency_key=name) for number in range(EVENTS - 1)]
    return [*drafts, draft(EVENTS, idempotency_key=name, guards=(f"done/{name}",))]


def keep_writing(writer: Writer, *arguments: Any, writers: int) -> _Crew:
    """Writers that go on until they are dismissed."""
    crew = _Crew([_Running(writer, f"w{n}", None, arguments) for n in range(writers)])
    for each in crew.running:
        each.wait_for("ready", crew.tally)
    return crew


@dataclass
class _Crew:
    running: list[_Running]
    tally: Tally = field(default_factory=Tally)

    def wait_for_each(self) -> None:
        """Until every writer has confirmed one more action."""
        for each in self.running:
            assert each.wait_for("acknowledged", self.tally), "a writer ended by itself"

    def dismiss(self) -> Tally:
        """Kill them all."""
        for each in self.running:
            each.kill(self.tally)
        return self.tally
