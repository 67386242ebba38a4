"""Many processes randomise at once, and are killed at it: every allocation is the seed's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.verify import verify
from tests.harness.killing import Tally, _Running, kill_writers
from tests.harness.randomising import (
    assert_replayed,
    prepared,
    randomise_all,
    randomise_until_killed,
)
from tests.harness.stores import PostgresStore, SqliteStore, Store

PROCESSES, EACH = 8, 40
KILLS, BETWEEN = 200, 60


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
