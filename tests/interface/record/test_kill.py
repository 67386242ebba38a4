"""`kill -9` of writers and server: what was confirmed is there, and nothing is there half."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from equipoise.record.log import Log
from equipoise.record.verify import verify
from tests.harness.killing import (
    EVENTS,
    Pausing,
    Report,
    Tally,
    Writer,
    append_until_killed,
    append_whatever_happens,
    keep_writing,
    kill_writers,
    paused_for_good,
)
from tests.harness.postgresql import Cluster
from tests.harness.stores import TRIAL, PostgresStore, Store, draft

KILLS = 200
BETWEEN = 60
SERVER_KILLS = 20


def _check_whole(log: Log, tally: Tally) -> None:
    """No confirmed action lost, none half, none of those cut off; the chain holds."""
    events = log.read()
    assert verify(events, trial=TRIAL) == []
    actions = [str(event.idempotency_key).partition("#")[0] for event in events]
    assert set(Counter(actions).values()) <= {EVENTS}
    assert len(list(itertools.groupby(actions))) == len(set(actions))
    assert tally.acknowledged <= set(actions)
    assert not tally.begun & set(actions)


@pytest.mark.slow
@pytest.mark.requirement("RN4", "VA3")
def test_killed_writers_lose_nothing_and_leave_nothing_half(store: Store) -> None:
    with closing(store.create()) as log:
        tally = kill_writers(
            append_until_killed,
            store,
            kills=KILLS,
            between=BETWEEN,
            check=lambda so_far: _check_whole(log, so_far),
        )
    assert tally.kills == KILLS
    assert tally.between == len(tally.begun) == BETWEEN
    assert len(tally.acknowledged) >= KILLS - BETWEEN
    assert store.examine().findings == []


def careless(report: Report, name: str, pauses: int | None, store: Store) -> None:
    """A writer that confirms before it commits."""
    log: Any = store.open(Pausing)
    log.pause = lambda _: (report("acknowledged", name), paused_for_good(report, name))
    log.append_many([draft(idempotency_key=name)])


def halving(report: Report, name: str, pauses: int | None, store: Store) -> None:
    """A writer that commits one event of three, then pauses."""
    store.open().append_many([draft(idempotency_key=name)])
    paused_for_good(report, "the rest")


@pytest.mark.parametrize("writer", [careless, halving])
def test_the_check_finds_what_it_looks_for(store: Store, writer: Writer) -> None:
    with closing(store.create()) as log, pytest.raises(AssertionError):
        kill_writers(
            writer, store, kills=2, between=2, check=lambda so_far: _check_whole(log, so_far)
        )


@pytest.mark.slow
@pytest.mark.requirement("RN4", "VA3")
def test_a_killed_server_loses_nothing_and_leaves_nothing_half(postgres_server: Cluster) -> None:
    draw = random.Random(1)
    store = PostgresStore(postgres_server.database())
    store.create().close()
    crew = keep_writing(append_whatever_happens, store, writers=3)
    for _ in range(SERVER_KILLS):
        crew.wait_for_each()
        time.sleep(draw.uniform(0, 0.1))
        postgres_server.kill()
        postgres_server.start()
        with closing(store.open()) as log:
            _check_whole(log, crew.tally)
    crew.wait_for_each()
    tally = crew.dismiss()
    with closing(store.open()) as log:
        _check_whole(log, tally)
    assert tally.troubles >= SERVER_KILLS
    assert store.examine().findings == []
