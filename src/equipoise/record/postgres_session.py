"""Connections to PostgreSQL that may be trusted with a record, and what its errors mean."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from equipoise.errors import RecordError, StoreFailed, StoreFull
from equipoise.record import postgres_schema as made

Connection = psycopg.Connection[tuple[Any, ...]]

PATIENCE: Final = "30s"
"""How long a writer waits for another that holds the lock."""

LONGEST_TURN: Final = "60s"
"""How long a writer may hold the lock doing nothing; then the server ends its turn."""


def connected(dsn: str) -> Connection:
    """A connection that looks at `pg_catalog` alone, waits a bounded time, and commits for good."""
    connection = psycopg.connect(dsn, autocommit=True, client_encoding="UTF8")
    try:
        settings = {
            "search_path": "pg_catalog",
            "lock_timeout": PATIENCE,
            "idle_in_transaction_session_timeout": LONGEST_TURN,
        }
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
    except BaseException:
        connection.close()
        raise
    return connection


def admitted(dsn: str, schema: str) -> tuple[Connection, str]:
    """A connection whose role, server and schema were examined, and the trial of the record."""
    try:
        connection = connected(dsn)
    except psycopg.Error as error:
        raise translated(error, schema) from error
    try:

        def fetch(sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
            return rows(connection, sql, values)

        described = meta_of(connection, schema)
        if problems := made.differences(fetch, schema):
            raise RecordError(
                f"the schema {schema} is not as Equipoise made it ({problems[0]}): do not write to "
                "it; run `equipoise verify` and restore a certified copy"
            )
        problems = made.role_problems(fetch, schema) + made.rights_beyond(fetch, schema)
        if problems := problems + made.server_problems(fetch):
            raise RecordError(
                f"{schema} was not opened: {'; '.join(problems)}. Connect as the application's "
                "role, to a server that keeps what it confirms"
            )
        return connection, described["trial"]
    except psycopg.Error as error:
        connection.close()
        raise translated(error, schema) from error
    except BaseException:
        connection.close()
        raise


def meta_of(connection: Connection, schema: str) -> dict[str, str]:
    described = dict(rows(connection, f"SELECT key, value FROM {schema}.meta"))
    if described.get("format") != str(made.FORMAT) or "trial" not in described:
        raise RecordError(
            f"{schema} has record format {described.get('format')}; this release reads format "
            f"{made.FORMAT}: open it with the release that made it, or a newer one"
        )
    return described


def application(connection: Connection, role: str) -> str:
    """The role in quotes; RecordError when it does not exist or may act as the connected one."""
    found = rows(
        connection,
        "SELECT quote_ident(rolname), pg_has_role(rolname, current_user, 'MEMBER') "
        "FROM pg_roles WHERE rolname = %s",
        [role],
    )
    if not found:
        raise RecordError(f"there is no role {role}: have it created first (CREATE ROLE ... LOGIN)")
    ((quoted, is_owner),) = found
    if is_owner:
        raise RecordError(
            f"the role {role} owns the record, or may act as its owner: the application needs a "
            "role that may not change the record's tables"
        )
    return str(quoted)


def rows(connection: Connection, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    return connection.execute(sql.encode(), values or None).fetchall()


def roll_back(connection: Connection) -> None:
    """End the transaction; a connection that cannot is closed, and the server ends it."""
    if connection.info.transaction_status == TransactionStatus.IDLE:
        return
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        with suppress(psycopg.Error):
            connection.close()


_SAID: Final = (
    (errors.LockNotAvailable, f"another process has been writing for {PATIENCE}: try again"),
    (errors.DuplicateSchema, "the schema exists and was left as it is: open it, or choose another"),
    (errors.InvalidSchemaName, "there is no such schema: create the record first"),
    (errors.UndefinedTable, "there is no record in this schema: create it first"),
    (errors.InsufficientPrivilege, "the role may not do this"),
    (errors.DiskFull, "the server's disk is full: make room and try again"),
    (
        psycopg.OperationalError,
        "the server cannot be reached, or ended the connection; nothing was written: try again",
    ),
)


def translated(error: psycopg.Error, schema: str) -> RecordError:
    """The error of PostgreSQL as one that says what to do; nothing was written."""
    detail = error.diag.message_primary or " ".join(str(error).split())
    for kind, said in _SAID:
        if isinstance(error, kind):
            failure = StoreFull if kind is errors.DiskFull else StoreFailed
            return failure(f"{schema}: {said} ({detail})")
    return StoreFailed(f"{schema}: {detail}")
