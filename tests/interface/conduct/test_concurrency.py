"""Many processes randomise at once, and are killed at it: every allocation is the seed's."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.verify import verify
from tests.harness.killing import Tally, _Running, keep_writing, kill_writers
from tests.harness.postgresql import Cluster
from tests.harness.randomising import (
    WRITERS,
    assert_replayed,
    prepared,
    randomise_all,
    randomise_until_killed,
    randomise_whatever_happens,
)
from tests.harness.stores import PostgresStore, SqliteStore, Store

PROCESSES, EACH = 8, 40
KILLS, BETWEEN = 200, 60
SERVER_KILLS = 20


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Both stores."""
    if request.param == "sqlite":
        yield SqliteStore(tmp_path / "record.sqlite3")
    else:
        yield PostgresStore(request.getfixturevalue("postgres"))


@pytest.mark.slow
@pytest.mark.requirement("RN4", "RN7")
def test_eight_processes_of_forty_randomisations(store: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with closing(store.create()) as log:
        trial, subjects = prepared(log, KeyStore.create(keys), PROCESSES * EACH)
        parts = [subjects[number::PROCESSES] for number in range(PROCESSES)]
        running = [
            _Running(randomise_all, f"w{number}", None, (store, keys, parts))
            for number in range(PROCESSES)
        ]
        tally = Tally()
        waits = [threading.Thread(target=each.wait_for, args=("done", tally)) for each in running]
        for each in waits:
            each.start()
        for each in waits:
            each.join()
        events = log.read()
        assert sum(each.type == "Randomised" for each in events) == PROCESSES * EACH
        assert tally.acknowledged == set(subjects)
        assert_replayed(events, log.trial, trial.study, trial.keys)
        first = trial.action("Randomise", {}, subject=subjects[0], key=f"randomise-{subjects[0]}")
        (again,) = trial.conductor.act(first)
        assert again in events, "a repeated request allocates once"
        assert log.head().seq == events[-1].seq
    assert store.examine().findings == []


@pytest.mark.slow
@pytest.mark.requirement("RN4", "VA3")
def test_killed_while_randomising(store: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with closing(store.create()) as log:
        trial, subjects = prepared(log, KeyStore.create(keys), 330)

        def check(tally: Tally) -> None:
            events = log.read()
            assert verify(events) == []
            allocated = {each.subject for each in events if each.type == "Randomised"}
            assert tally.acknowledged <= allocated
            assert_replayed(events, log.trial, trial.study, trial.keys)

        tally = kill_writers(
            randomise_until_killed, store, keys, subjects,
            kills=KILLS, between=BETWEEN, check=check, patience=0.15,
        )  # fmt: skip
        events: list[Event] = log.read()
    assert (tally.kills, tally.between) == (KILLS, BETWEEN)
    assert sum(each.type == "Randomised" for each in events) > KILLS / 10
    assert store.examine().findings == []


@pytest.mark.slow
def test_a_killed_server_loses_no_allocation(postgres_server: Cluster, tmp_path: Path) -> None:
    """Twenty times the server dies under three processes that randomise."""
    draw = random.Random(1)
    store, keys = PostgresStore(postgres_server.database()), tmp_path / "keys"
    with closing(store.create()) as log:
        trial, subjects = prepared(log, KeyStore.create(keys), 240)
    crew = keep_writing(randomise_whatever_happens, store, keys, subjects, writers=WRITERS)
    for _ in range(SERVER_KILLS):
        crew.wait_for_each()
        time.sleep(draw.uniform(0, 0.1))
        postgres_server.kill()
        postgres_server.start()
    crew.wait_for_each()
    tally = crew.dismiss()
    with closing(store.open()) as log:
        events = log.read()
        assert verify(events) == []
        assert tally.acknowledged <= {each.subject for each in events if each.type == "Randomised"}
        assert_replayed(events, log.trial, trial.study, trial.keys)
    assert tally.troubles >= SERVER_KILLS
    assert store.examine().findings == []
