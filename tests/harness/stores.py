"""Both stores behind one face, for tests that must hold on either: made, opened, tampered with."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equipoise.record import postgres, sqlite
from equipoise.record.event import Draft
from equipoise.record.postgres import PostgresLog
from equipoise.record.sqlite import SqliteLog
from equipoise.record.verify import Examined
from tests.harness.postgresql import Database

TRIAL = "NCT03217097"
RELEASE = "0.1.0"


def draft(number: int = 1, **changes: Any) -> Draft:
    """A lesion measured by an investigator; `changes` replace fields."""
    fields = {
        "type": "LesionMeasured",
        "type_version": 1,
        "body": {"lesion": f"T{number}", "diameter": "15.3"},
        "actor": "m.dupont",
        "role": "investigator",
        "organisation": "Hôpital Édouard-Herriot",
        "study_version": "1",
        "occurred": "2026-11-23",
        "subject": "01-001",
        "site": "01",
    }
    return Draft(**{**fields, **changes})


def _below(before: tuple[type, ...], kind: Any) -> Any:
    return type(kind.__name__, (*before, kind), {}) if before else kind


@dataclass(frozen=True)
class SqliteStore:
    """A record in a file."""

    path: Path
    name = "sqlite"
    refusals = sqlite3.Error
    mark = "?"

    def create(self) -> SqliteLog:
        return SqliteLog.create(self.path, trial=TRIAL, release=RELEASE)

    def open(self, *before: type) -> SqliteLog:
        """The record, opened; classes in `before` overrule what the log's class does."""
        return _below(before, SqliteLog)(self.path, release=RELEASE)

    def examine(self, **outside: Any) -> Examined:
        return sqlite.examine(self.path, **outside)

    def as_application(self, statement: str, values: Sequence[object] = ()) -> None:
        """Run a statement with the rights of the application, past our code and its settings."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute(statement, values)

    def tables(self) -> tuple[str, str, str]:
        return "event", "guard", "meta"

    @contextmanager
    def unprotected(self) -> Iterator[Any]:
        """A connection of the file's owner, who has dropped every trigger."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for (name,) in connection.execute(triggers).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            yield connection


@dataclass(frozen=True)
class PostgresStore:
    """A record in a schema of its own."""

    database: Database
    name = "postgres"
    mark = "%s"

    @property
    def refusals(self) -> type[Exception]:
        import psycopg

        return psycopg.Error

    def create(self) -> PostgresLog:
        PostgresLog.create(
            self.database.owner_dsn,
            schema=self.database.schema,
            trial=TRIAL,
            application_role=self.database.application_role,
            release=RELEASE,
        )
        return self.open()

    def open(self, *before: type) -> PostgresLog:
        """The record, opened; classes in `before` overrule what the log's class does."""
        return _below(before, PostgresLog)(
            self.database.application_dsn, schema=self.database.schema, release=RELEASE
        )

    def examine(self, **outside: Any) -> Examined:
        return postgres.examine(
            self.database.application_dsn, schema=self.database.schema, **outside
        )

    def as_application(self, statement: str, values: Sequence[object] = ()) -> None:
        import psycopg

        with psycopg.connect(self.database.application_dsn, autocommit=True) as connection:
            connection.execute(statement, values)

    def tables(self) -> tuple[str, str, str]:
        schema = self.database.schema
        return f"{schema}.event", f"{schema}.guard", f"{schema}.meta"

    @contextmanager
    def unprotected(self) -> Iterator[Any]:
        """A connection of the record's owner, who has switched every trigger off."""
        import psycopg

        with psycopg.connect(self.database.owner_dsn, autocommit=True) as connection:
            for table in self.tables():
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            yield connection


Store = SqliteStore | PostgresStore
