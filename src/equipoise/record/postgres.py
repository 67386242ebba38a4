"""The record in a schema of a PostgreSQL database: the store for production.

Two roles. The owner makes the schema (`PostgresLog.create`) and is not used again. The application
may SELECT and INSERT, nothing else; `PostgresLog` refuses to work as anybody who may do more.
Triggers that fire always refuse UPDATE, DELETE and TRUNCATE even to the owner, and every INSERT
that does not continue the chain. A superuser can still switch them off; `examine` says so, and the
chain shows what was done then.

A transaction takes the trial's advisory lock first, under READ COMMITTED: under REPEATABLE READ
its snapshot would be older than the lock. Bodies are TEXT, so that every byte that was hashed
stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Final

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from equipoise import __version__
from equipoise.errors import RecordError, StoreFailed
from equipoise.record import postgres_schema as made
from equipoise.record.event import Event
from equipoise.record.log import Head
from equipoise.record.postgres_session import (
    Connection,
    admitted,
    application,
    connected,
    meta_of,
    roll_back,
    rows,
    translated,
)
from equipoise.record.sql import COLUMNS, Guards, StoreLog, StoreTransaction, head_of, taken
from equipoise.record.verify import (
    Examined,
    Finding,
    GuardsOf,
    Last,
    SignatureCheck,
    SignedHead,
    verify,
)

_ROWS: Final = 1000
"""Rows to an INSERT; a statement takes 65 535 values."""

_BATCH: Final = 5000
"""Rows to a round trip when a whole record is read for verification."""


class PostgresLog(StoreLog):
    """The record in `schema` of the database at `dsn`. One object serves one thread.

    A connection that was lost is opened again for the next transaction.
    """

    MARK: ClassVar[str] = "%s"

    def __init__(self, dsn: str, *, schema: str, release: str = __version__) -> None:
        """Open the record; RecordError when it is not one, or the role may do too much."""
        made.check_name(schema)
        self.schema, self.release = schema, release
        self._dsn, self._prefix = dsn, f"{schema}."
        self._closed = False
        self._connection: Connection | None
        self._connection, self.trial = admitted(dsn, schema)
        key = sha256(f"{schema}\n{self.trial}".encode()).digest()[:8]
        self._begin_sql = (
            "BEGIN ISOLATION LEVEL READ COMMITTED; "
            f"SELECT pg_advisory_xact_lock({int.from_bytes(key, signed=True)}); {self._head_sql()}"
        )

    @classmethod
    def create(
        cls,
        owner_dsn: str,
        *,
        schema: str,
        trial: str,
        application_role: str,
        release: str = __version__,
    ) -> None:
        """Make a new and empty record of `trial`, as its owner; open it as `application_role`.

        RecordError when the schema exists, or the application's role does not, or is the owner's.
        """
        made.check_name(schema)
        if not trial.strip():
            raise RecordError("a record needs the identifier of its trial")
        described = {"format": str(made.FORMAT), "trial": trial, "release": release}
        try:
            with closing(connected(owner_dsn)) as connection, connection.transaction():
                role = application(connection, application_role)
                for statement in made.creation(schema):
                    connection.execute(statement.encode())
                connection.cursor().executemany(
                    f"INSERT INTO {schema}.meta (key, value) VALUES (%s, %s)".encode(),
                    list(described.items()),
                )
                for statement in (*made.closing(schema), *made.grants(schema, role)):
                    connection.execute(statement.encode())
        except psycopg.Error as error:
            raise translated(error, schema) from error

    def close(self) -> None:
        """Let go of the connection; a second time does nothing."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """A turn to write: waits up to 30 s for other writers, then holds the lock.

        When the connection is lost while the transaction commits, the record itself is asked
        whether it was written; RecordError says so when it cannot be asked.
        """
        connection, head = self._begin()
        transaction = PostgresTransaction(self, connection, head)
        try:
            yield transaction
            transaction.check_usable()
            self._commit(connection, transaction.written)
        except BaseException:
            roll_back(connection)
            raise
        finally:
            transaction.end("its block was left")

    def _begin(self, *, again: bool = True) -> tuple[Connection, Head]:
        """A connection that holds the lock, and the head behind which it may write."""
        connection = self._opened()
        if connection.info.transaction_status != TransactionStatus.IDLE:
            raise RecordError("a transaction of this log is still open")
        try:
            cursor = connection.execute(self._begin_sql.encode())
            while cursor.nextset():
                pass
            return connection, head_of(cursor.fetchall())
        except psycopg.Error as error:
            if again and connection.closed:  # lost since it was last used: nothing was written yet
                return self._begin(again=False)
            roll_back(connection)
            raise translated(error, self.schema) from error
        except BaseException:
            roll_back(connection)
            raise

    def _commit(self, connection: Connection, written: Sequence[Event]) -> None:
        try:
            said = connection.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            if not connection.closed:
                raise translated(error, self.schema) from error
            if written and not self._was_written(written[-1], error):
                raise StoreFailed(
                    "the connection was lost before the action was saved; nothing was written: "
                    "try again"
                ) from error
            return
        if said != "COMMIT":
            raise StoreFailed(f"the server answered {said} to COMMIT: nothing was written")

    def _was_written(self, last: Event, error: psycopg.Error) -> bool:
        """Whether a transaction whose commit was not answered went through.

        With the lock in hand: the server has ended that transaction, one way or the other.
        """
        try:
            connection, _ = self._begin()
        except RecordError as failure:
            raise StoreFailed(
                "the connection was lost while the action was being saved, and it is not known "
                "whether it was: repeat it under the same idempotency key, which saves it once"
            ) from failure
        try:
            sql = f"SELECT hash FROM {self._prefix}event WHERE seq = %s"
            return connection.execute(sql.encode(), [last.seq]).fetchall() == [(last.hash,)]
        finally:
            roll_back(connection)

    def _fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        connection = self._opened()
        idle = connection.info.transaction_status == TransactionStatus.IDLE
        try:
            return rows(connection, sql, values)
        except psycopg.Error as error:
            if not (idle and connection.closed):
                raise translated(error, self.schema) from error
        try:
            return rows(self._opened(), sql, values)
        except psycopg.Error as error:
            raise translated(error, self.schema) from error

    def _opened(self) -> Connection:
        """The connection, made anew and examined again when it was lost."""
        if self._closed:
            raise RecordError("the log is closed")
        if self._connection is None or self._connection.closed:
            self._connection, _ = admitted(self._dsn, self.schema)
        return self._connection


class PostgresTransaction(StoreTransaction):
    """One turn to write to a PostgreSQL schema. It ends with its connection."""

    MARK = PostgresLog.MARK

    def __init__(self, log: PostgresLog, connection: Connection, head: Head) -> None:
        super().__init__(log.trial, log.release, head)
        self._log, self._connection, self._prefix = log, connection, log._prefix

    def _fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.check_usable()
        try:
            return rows(self._connection, sql, values)
        except psycopg.Error as error:
            self.end("it failed: nothing was written")
            raise translated(error, self._log.schema) from error

    def _insert(self, events: Sequence[Event], guards: Guards) -> None:
        try:
            for at in range(0, len(events), _ROWS):
                self._insert_rows(f"event ({COLUMNS})", events[at : at + _ROWS])
            for at in range(0, len(guards), _ROWS):
                self._insert_rows("guard (name, seq)", guards[at : at + _ROWS])
        except errors.IntegrityError as error:
            roll_back(self._connection)
            refused = error.diag.message_primary
            why = "; ".join(taken(self._log, events, guards)) or f"the store refuses it: {refused}"
            raise RecordError(f"{why}. Nothing was written") from error
        except psycopg.Error as error:
            raise translated(error, self._log.schema) from error

    def _insert_rows(self, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
        sql = _insertion(f"{self._prefix}{into}", len(rows), len(rows[0]))
        with psycopg.RawCursor(self._connection) as cursor:
            cursor.execute(sql, [value for row in rows for value in row])


@lru_cache(maxsize=256)
def _insertion(into: str, rows: int, columns: int) -> bytes:
    """An INSERT in the server's own words: a long one takes longer to translate than to write."""
    numbers = iter(range(1, rows * columns + 1))
    values = (f"({', '.join(f'${next(numbers)}' for _ in range(columns))})" for _ in range(rows))
    return f"INSERT INTO {into} VALUES {', '.join(values)}".encode()


def examine(
    dsn: str,
    *,
    schema: str,
    anchors: Collection[SignedHead] = (),
    public_keys: Collection[str] = (),
    is_signed: SignatureCheck | None = None,
    guards_of: GuardsOf | None = None,
) -> Examined:
    """The head of the record in `schema`, tampered with or not, and what is wrong with it.

    To the findings of `equipoise.record.verify.verify`, which takes the same options, it adds those
    of kind "store": the schema's own protections are gone. Any role that may SELECT will do.
    RecordError when there is no record to read.
    """
    made.check_name(schema)
    found: list[Finding] = []
    try:
        with closing(connected(dsn)) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            described = meta_of(connection, schema)

            def fetch(sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
                return rows(connection, sql, values)

            problems = made.differences(fetch, schema) + made.rights_beyond(fetch, schema)
            found += [Finding(None, "store", problem) for problem in problems]
            sql = f"SELECT {COLUMNS} FROM {schema}.event ORDER BY seq"
            events = Last(_whole(connection, sql, found))
            chain = verify(
                events,
                trial=described.get("trial"),
                anchors=anchors,
                public_keys=public_keys,
                is_signed=is_signed,
                guards=_whole(connection, f"SELECT name, seq FROM {schema}.guard", found),
                guards_of=guards_of,
            )
    except psycopg.Error as error:
        raise translated(error, schema) from error
    return Examined(events.head, found + chain)


def _whole(connection: Connection, sql: str, found: list[Finding]) -> Iterator[tuple[Any, ...]]:
    """Rows in batches, up to the first that the server cannot give, which becomes a finding."""
    try:
        with connection.transaction(), connection.cursor("whole") as cursor:
            cursor.itersize = _BATCH
            yield from cursor.execute(sql.encode())
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error)
        found.append(Finding(None, "store", f"reading stopped ({sql.split(' ORDER')[0]}): {said}"))
