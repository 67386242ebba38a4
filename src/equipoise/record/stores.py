"""Opening and making records: the one place that knows the stores. Used at the top only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.errors import RecordError

if TYPE_CHECKING:
    from equipoise.record.keys import KeyStore
    from equipoise.record.log import Log
    from equipoise.record.verify import Examined

MASTER = "EQUIPOISE_MASTER"
"""The variable that may hold the key of the store of keys: 64 hexadecimal digits."""


def is_address(record: str) -> bool:
    """Whether `record` names a PostgreSQL database rather than a file.

    >>> is_address("postgresql://host/trial"), is_address("record.sqlite3")
    (True, False)
    """
    return record.startswith(("postgresql://", "postgres://"))


def opened(record: str, *, schema: str = "equipoise") -> Log:
    """The record in a file or a database. RecordError when there is none."""
    if is_address(record):
        from equipoise.record.postgres import PostgresLog

        return PostgresLog(record, schema=schema)
    from equipoise.record.sqlite import SqliteLog

    return SqliteLog(record)


def examine(record: str, *, schema: str = "equipoise", **options: Any) -> Examined:
    """The head of a record, and what is wrong with it, by whichever store it lies in: `options` are
    those of `equipoise.record.verify.verify`. RecordError when there is none."""
    if is_address(record):
        from equipoise.record import postgres

        return postgres.examine(record, schema=schema, **options)
    from equipoise.record import sqlite

    return sqlite.examine(record, **options)


def keys_of(record: str) -> KeyStore:
    """The keys of an embedded record, which lie beside it in a file of their own."""
    return keys_at(Path(f"{record}.keys"))


def keys_at(file: Path) -> KeyStore:
    """The store of keys in a file, under the master key of the environment where there is one."""
    from equipoise.record.keys import KeyStore

    return KeyStore(file, master=os.environ.get(MASTER))


def created(path: Path, trial: str) -> tuple[Log, KeyStore]:
    """A new embedded record and its store of keys; RecordError when one is there already."""
    from equipoise.record.keys import KeyStore
    from equipoise.record.sqlite import SqliteLog

    if path.exists():
        raise RecordError(
            f"there is a record at {path} already, and a record is never overwritten; "
            "choose another folder, or remove the rehearsal yourself"
        )
    keys = KeyStore.create(f"{path}.keys", master=os.environ.get(MASTER))
    try:
        return SqliteLog.create(path, trial=trial), keys
    except RecordError:
        keys.close()
        Path(f"{path}.keys").unlink()
        raise


def created_in_postgres(
    owner: str, application: str, *, schema: str, trial: str, keys: Path
) -> tuple[Log, KeyStore]:
    """A new record in a schema that its `owner` makes, opened as the `application`'s role, and its
    store of keys in the file `keys`; RecordError when either is there already."""
    from psycopg.conninfo import conninfo_to_dict

    from equipoise.record.keys import KeyStore
    from equipoise.record.postgres import PostgresLog

    role = str(conninfo_to_dict(application).get("user") or "")
    store = KeyStore.create(keys, master=os.environ.get(MASTER))
    try:
        PostgresLog.create(owner, schema=schema, trial=trial, application_role=role)
        return PostgresLog(application, schema=schema), store
    except RecordError:
        store.close()
        keys.unlink()
        raise
