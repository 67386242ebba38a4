"""Every test that takes `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.record.log import Log
from tests.harness.stores import PostgresStore, SqliteStore, Store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store without a record yet."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "record.sqlite3")
    return PostgresStore(request.getfixturevalue("postgres"))


@pytest.fixture
def log(store: Store) -> Iterator[Log]:
    """A new record in that store."""
    created = store.create()
    yield created
    created.close()
