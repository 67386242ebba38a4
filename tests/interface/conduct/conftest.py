"""A trial under test on each store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.postgres import PostgresLog
from equipoise.record.sqlite import SqliteLog
from tests.harness.trial import Trial


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Log, KeyStore]]:
    """A new record in each store, and its keys in a file of their own."""
    log: Log
    if request.param == "sqlite":
        log = SqliteLog.create(tmp_path / "record.sqlite3", trial="T1")
    else:
        database = request.getfixturevalue("postgres")
        PostgresLog.create(
            database.owner_dsn, schema=database.schema, trial="T1",
            application_role=database.application_role,
        )  # fmt: skip
        log = PostgresLog(database.application_dsn, schema=database.schema)
    keys = KeyStore.create(tmp_path / "record.sqlite3.keys")
    yield log, keys
    log.close()
    keys.close()


@pytest.fixture
def trial(store: tuple[Log, KeyStore]) -> Trial:
    """A live trial, staffed, its scheme active."""
    opened = Trial.opened(*store)
    opened.activate()
    return opened


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Trial]:
    """A live trial in SQLite, its scheme active, a few days ago so that days can pass in it: for
    rules that no store can change."""
    log = SqliteLog.create(tmp_path / "record.sqlite3", trial="T1")
    keys = KeyStore.create(tmp_path / "record.sqlite3.keys")
    opened = Trial.opened(log, keys, behind=5)
    opened.activate()
    yield opened
    log.close()
    keys.close()
