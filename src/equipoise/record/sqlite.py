"""The record in one SQLite file: the default store, for one machine.

The file itself refuses whatever is not an append (`equipoise.record.sqlite_schema`). Whoever owns
it can still drop its triggers; `examine` says so, and the chain shows what was done then.

A transaction is durable when it is over: write-ahead log, `synchronous=FULL`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

from equipoise import __version__
from equipoise.errors import RecordError, StoreFailed, StoreFull
from equipoise.record.event import Event
from equipoise.record.sql import COLUMNS, Guards, StoreLog, StoreTransaction, taken
from equipoise.record.sqlite_schema import build, check_ours, differences
from equipoise.record.verify import (
    Examined,
    Finding,
    GuardsOf,
    Last,
    SignatureCheck,
    SignedHead,
    verify,
)

PATIENCE: Final = 30.0
"""Seconds to wait for another process that writes."""

_OLDEST_SQLITE: Final = (3, 37, 0)
"""The first with STRICT tables."""

_FAILURES: Final = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises; the second when damage stands in the message of the first."""

_INSERT_EVENT: Final = (
    f"INSERT INTO event ({COLUMNS}) VALUES ({', '.join('?' * len(Event._fields))})"
)
_INSERT_GUARD: Final = "INSERT INTO guard (name, seq) VALUES (?, ?)"


class SqliteLog(StoreLog):
    """The record in the file `path`. One object serves one thread at a time; any number share the
    file."""

    MARK: ClassVar[str] = "?"

    def __init__(self, path: str | Path, *, release: str = __version__) -> None:
        """Open the record; RecordError when the file is missing, not a record, or damaged."""
        self.path, self.release = Path(path), release
        self._connection = _connected(self.path, "rw")
        try:
            self._prepare()
            self.trial = _described(self._connection, self.path)["trial"]
        except _FAILURES as error:
            self._connection.close()
            raise _translated(error, self.path) from error
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def create(cls, path: str | Path, *, trial: str, release: str = __version__) -> SqliteLog:
        """A new and empty record of `trial`; RecordError when there is a file already."""
        path = Path(path)
        if not trial.strip():
            raise RecordError("a record needs the identifier of its trial")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError as error:
            raise RecordError(
                f"{path} exists and was left as it is: open it, or choose another name"
            ) from error
        except OSError as error:
            raise RecordError(f"{path} cannot be created: {error.strerror}") from error
        try:
            with closing(_connected(path, "rw")) as connection:
                build(connection, trial, release)
        except BaseException as error:
            _remove(path)
            if isinstance(error, _FAILURES):
                raise _translated(error, path) from error
            raise
        return cls(path, release=release)

    def close(self) -> None:
        """Let go of the file; a second time does nothing."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """A turn to write: waits up to 30 s for other writers, then holds the lock."""
        connection = self._connection
        try:
            if connection.in_transaction:
                raise RecordError("a transaction of this log is still open")
            connection.execute("BEGIN IMMEDIATE")
        except _FAILURES as error:
            raise _translated(error, self.path) from error
        transaction = None
        try:
            transaction = SqliteTransaction(self)
            yield transaction
            transaction.check_usable()
            self._commit()
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            if transaction is not None:
                transaction.end("its block was left")

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except _FAILURES as error:
            raise _translated(error, self.path) from error

    def _fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except _FAILURES as error:
            raise _translated(error, self.path) from error

    def _prepare(self) -> None:
        """Refuse a file that is not a whole record of this version; set up the connection."""
        connection = self._connection
        check_ours(connection, self.path)
        if problems := differences(connection):
            raise RecordError(
                f"{self.path} is not as Equipoise made it ({problems[0]}): do not write to it; run "
                "`equipoise verify` and restore a certified copy"
            )
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise RecordError(f"{self.path} lies where SQLite cannot keep a write-ahead log")
        for setting in ("synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("PRAGMA recursive_triggers = ON")


class SqliteTransaction(StoreTransaction):
    """One turn to write to a SQLite file."""

    MARK = SqliteLog.MARK

    def __init__(self, log: SqliteLog) -> None:
        super().__init__(log.trial, log.release, log.head())
        self._log = log

    def _fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.check_usable()
        return self._log._fetch(sql, values)

    def _insert(self, events: Sequence[Event], guards: Guards) -> None:
        connection = self._log._connection
        try:
            connection.executemany(_INSERT_EVENT, events)
            if guards:
                connection.executemany(_INSERT_GUARD, guards)
        except sqlite3.IntegrityError as error:
            why = "; ".join(taken(self._log, events, guards)) or f"the store refuses it: {error}"
            raise RecordError(f"{why}. Nothing was written") from error
        except _FAILURES as error:
            raise _translated(error, self._log.path) from error


def examine(
    path: str | Path,
    *,
    anchors: Collection[SignedHead] = (),
    public_keys: Collection[str] = (),
    is_signed: SignatureCheck | None = None,
    guards_of: GuardsOf | None = None,
) -> Examined:
    """The head of the record in the file `path`, tampered with or not, and what is wrong with it.

    To the findings of `equipoise.record.verify.verify`, which takes the same options, it adds those
    of kind "store": the file's own protections are gone, or SQLite finds it damaged. Nothing is
    written. RecordError when there is no record to read: the file is missing or not ours.
    """
    path = Path(path)
    check = partial(
        verify,
        anchors=anchors,
        public_keys=public_keys,
        is_signed=is_signed,
        guards_of=guards_of,
    )
    with closing(_connected(path, "ro")) as connection, ThreadPoolExecutor(1) as beside:
        try:
            check_ours(connection, path)
            damage = beside.submit(_damage, path)
            connection.execute("BEGIN")  # one state of the record, whoever writes meanwhile
            try:
                head, findings = _looked_through(connection, check)
            except _FAILURES:
                # Bytes that are no UTF-8 must come through, so that their event can be named.
                connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
                stops: list[Finding] = []
                head, findings = _looked_through(connection, check, stops)
                findings += stops
        except _FAILURES as error:
            raise _translated(error, path) from error
        damaged = [Finding(None, "store", problem) for problem in damage.result()]
    return Examined(head, damaged + findings)


def _looked_through(
    connection: sqlite3.Connection,
    check: Callable[..., list[Finding]],
    stops: list[Finding] | None = None,
) -> Examined:
    """Head and findings; what SQLite cannot read ends the reading in `stops`, or is raised."""
    found = [Finding(None, "store", problem) for problem in differences(connection)]
    trial = dict(_whole(connection, 'SELECT "key", value FROM meta', stops)).get("trial")
    events = Last(_whole(connection, f"SELECT {COLUMNS} FROM event ORDER BY seq", stops))
    guards = _whole(connection, "SELECT name, seq FROM guard", stops)
    chain = check(events, trial=trial, guards=guards)
    return Examined(events.head, found + chain)


def _whole(
    connection: sqlite3.Connection, sql: str, stops: list[Finding] | None
) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(sql)
    except _FAILURES as error:
        if stops is None:
            raise
        stops.append(Finding(None, "store", f"reading stopped ({sql.split(' ORDER')[0]}): {error}"))


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise RecordError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
    if not path.is_file():
        raise RecordError(f"there is no record at {path}: create one, or correct the path")
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        return sqlite3.connect(
            uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
    except _FAILURES as error:
        raise _translated(error, path) from error


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def _damage(path: Path) -> list[str]:
    """What SQLite's own examination of pages, indexes and constraints says."""
    try:
        with closing(_connected(path, "ro")) as connection:
            said = [text for (text,) in connection.execute("PRAGMA integrity_check(10)")]
    except _FAILURES as error:
        return [f"SQLite cannot examine the file: {error}"]
    return [] if said == ["ok"] else [f"SQLite finds damage: {text}" for text in said]


def _described(connection: sqlite3.Connection, path: Path) -> dict[str, str]:
    described = dict(connection.execute('SELECT "key", value FROM meta').fetchall())
    if "trial" not in described:
        raise RecordError(f"{path} does not say which trial it belongs to: restore a copy")
    return described


_SAID: Final = {
    sqlite3.SQLITE_BUSY: "another process has been writing for 30 seconds: try again",
    sqlite3.SQLITE_FULL: "the disk is full: make room and try again",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written: look after it, and try again",
    sqlite3.SQLITE_READONLY: "the file or its folder may not be written to: check permissions",
    sqlite3.SQLITE_CORRUPT: "the file is damaged or cut short: restore a copy and verify it",
    sqlite3.SQLITE_NOTADB: "this is not a record, or it is damaged: correct the path, or restore",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened: check path and permissions",
}


def _translated(error: Exception, path: Path) -> RecordError:
    """The error of SQLite as one that says what to do; nothing was written."""
    code = getattr(error, "sqlite_errorcode", None)
    said = None if code is None else _SAID.get(code & 0xFF)
    kind = StoreFull if code == sqlite3.SQLITE_FULL else StoreFailed
    return kind(f"{path}: {said} ({error})" if said else f"{path}: {error}")
