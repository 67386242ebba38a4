"""The stores refuse whatever is not an append: to the application, and past its code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from equipoise.record.event import Event
from equipoise.record.log import GENESIS, Log, event_hash
from tests.harness.postgresql import Database
from tests.harness.stores import PostgresStore, SqliteStore, Store, draft

CHANGES = [
    "UPDATE {event} SET body = '{{}}' WHERE seq = 1",
    "UPDATE {event} SET reason = reason",
    "UPDATE {event} SET body = '{{}}' WHERE seq = 99",
    "DELETE FROM {event} WHERE seq = 2",
    "DELETE FROM {event}",
    "UPDATE {guard} SET seq = 2",
    "DELETE FROM {guard}",
    "UPDATE {meta} SET value = 'T2' WHERE key = 'trial'",
    "DELETE FROM {meta}",
    "INSERT INTO {meta} (key, value) VALUES ('mode', 'live')",
    "INSERT INTO {guard} (name, seq) VALUES ('g', 2) ON CONFLICT (name) DO UPDATE SET seq = 2",
    "INSERT INTO {guard} (name, seq) VALUES ('new', 3)",
]
CHANGE_OF_NO_ROW = CHANGES[2]
"""SQLite's triggers fire for rows, PostgreSQL's for statements."""


@pytest.fixture
def written(log: Log) -> list[Event]:
    return log.append_many([draft(1, guards=("g",), idempotency_key="K"), draft(2)])


def _named(store: Store, statement: str) -> str:
    return statement.format(**dict(zip(("event", "guard", "meta"), store.tables(), strict=True)))


@pytest.mark.requirement("AT2")
def test_a_change_is_refused(store: Store, log: Log, written: list[Event]) -> None:
    for statement in CHANGES:
        if isinstance(store, SqliteStore) and statement == CHANGE_OF_NO_ROW:
            store.as_application(_named(store, statement))
        else:
            with pytest.raises(store.refusals):
                store.as_application(_named(store, statement))
        assert log.read() == written
    assert store.examine().findings == []


@pytest.mark.requirement("AT2")
@pytest.mark.parametrize("conflict", ["REPLACE", "IGNORE", "ABORT", "FAIL", "ROLLBACK"])
@pytest.mark.parametrize("same", ["seq", "idempotency_key", "guard", "meta"])
def test_insert_or_replace_is_refused(tmp_path: Path, conflict: str, same: str) -> None:
    """Past our settings: without recursive_triggers, REPLACE deletes without a DELETE trigger."""
    store = SqliteStore(tmp_path / "record.sqlite3")
    with closing(store.create()) as log:
        written = log.append_many([draft(1, guards=("g",), idempotency_key="K"), draft(2)])
    marks = ", ".join("?" * len(Event._fields))
    values: tuple[Any, ...]
    if same == "seq":
        into, values = f"event VALUES ({marks})", written[1]._replace(reason="forged")
    elif same == "idempotency_key":
        following = draft_after(written[-1])._replace(idempotency_key="K")
        into, values = f"event VALUES ({marks})", _hashed(following)
    elif same == "guard":
        into, values = "guard VALUES (?, ?)", ("g", 2)
    else:
        into, values = "meta VALUES (?, ?)", ("trial", "T2")
    with pytest.raises(sqlite3.IntegrityError):
        store.as_application(f"INSERT OR {conflict} INTO {into}", values)
    with closing(store.open()) as log:
        assert log.read() == written
    assert store.examine().findings == []


def draft_after(event: Event) -> Event:
    """The event that would follow, without its hash."""
    return event._replace(seq=event.seq + 1, prev=event.hash, idempotency_key=None)


def _hashed(event: Event) -> Event:
    return event._replace(hash=event_hash(event))


FORGERIES: list[dict[str, Any]] = [
    {"seq": 4},
    {"seq": 2},
    {"seq": 0},
    {"seq": -1},
    {"seq": None},
    {"prev": GENESIS},
    {"prev": "f" * 64},
    {"recorded": "2020-01-01T00:00:00.000000Z"},
    {"recorded": "tomorrow"},
    {"trial": "another"},
    {"idempotency_key": "K"},
    {"hash": "short"},
    {"type": ""},
    {"body": "no json"},
    {"body": None},
    {"offset": 5000},
    {"type_version": 0},
    {"occurred": "yesterday"},
]


@pytest.mark.requirement("AT2")
def test_an_insert_that_does_not_continue_the_record_is_refused(
    log: Log, written: list[Event], store: Store
) -> None:
    for forged in FORGERIES:
        row = _hashed(draft_after(written[-1]))._replace(**forged)
        marks = ", ".join([store.mark] * len(row))
        with pytest.raises(store.refusals):
            store.as_application(f"INSERT INTO {store.tables()[0]} VALUES ({marks})", row)
        assert log.read() == written, forged
    assert store.examine().findings == []


def test_the_same_insert_without_the_forgery_is_an_append(
    log: Log, written: list[Event], store: Store
) -> None:
    row = _hashed(draft_after(written[-1]))
    marks = ", ".join([store.mark] * len(row))
    store.as_application(f"INSERT INTO {store.tables()[0]} VALUES ({marks})", row)
    assert log.read() == [*written, row]
    assert store.examine().findings == []


@pytest.mark.requirement("AT2")
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE {event}",
        "TRUNCATE {event}, {guard}, {meta} CASCADE",
        "TRUNCATE {guard}",
        "DROP TABLE {guard}",
        "ALTER TABLE {event} DISABLE TRIGGER ALL",
        "ALTER TABLE {event} DISABLE TRIGGER event_is_append_only",
        "DROP TRIGGER event_is_append_only ON {event}",
        "CREATE RULE r AS ON INSERT TO {event} DO INSTEAD NOTHING",
        "ALTER TABLE {event} ADD COLUMN extra text",
        "SET session_replication_role = replica",
        "SET ROLE equipoise_owner",
        "CREATE TABLE {event}_copy (seq bigint)",
        "SELECT * FROM {event} FOR UPDATE",
        "BEGIN; LOCK TABLE {event} IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_postgresql_refuses_the_application(postgres: Database, statement: str) -> None:
    store = PostgresStore(postgres)
    with closing(store.create()) as log:
        written = log.append_many([draft(guards=("g",))])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            store.as_application(_named(store, statement))
        assert log.read() == written
    assert store.examine().findings == []


@pytest.mark.requirement("AT2")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {event} SET reason = 'x'",
        "DELETE FROM {event}",
        "TRUNCATE {event}",
        "TRUNCATE {guard}",
        "TRUNCATE {meta}",
        "SET session_replication_role = replica; DELETE FROM {event}",
    ],
)
def test_postgresql_refuses_its_owner_while_the_triggers_stand(
    postgres: Database, statement: str
) -> None:
    store = PostgresStore(postgres)
    with closing(store.create()) as log:
        written = log.append_many([draft(guards=("g",))])
        with (
            psycopg.connect(postgres.owner_dsn, autocommit=True) as owner,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            owner.execute(_named(store, statement).encode())
        assert log.read() == written


@pytest.mark.requirement("AT2", "VA3")
def test_switched_off_protections_are_found_and_the_record_not_opened(
    log: Log, written: list[Event], store: Store
) -> None:
    with store.unprotected():
        pass
    findings = store.examine().findings
    assert {finding.kind for finding in findings} == {"store"}
    assert any("event_" in finding.message for finding in findings)
    with pytest.raises(Exception, match=r"not as Equipoise made it .*equipoise verify"):
        store.open()
