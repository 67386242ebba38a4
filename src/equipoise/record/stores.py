"""Opening and making records: the one place that knows the stores. Used at the top only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from equipoise.errors import RecordError

if TYPE_CHECKING:
    from equipoise.record.keys import KeyStore
    from equipoise.record.log import Log


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


def keys_of(record: str) -> KeyStore:
    """The keys of an embedded record, which lie beside it in a file of their own."""
    from equipoise.record.keys import KeyStore

    return KeyStore(f"{record}.keys")


def created(path: Path, trial: str) -> tuple[Log, KeyStore]:
    """A new embedded record and its store of keys; RecordError when one is there already."""
    from equipoise.record.keys import KeyStore
    from equipoise.record.sqlite import SqliteLog

    if path.exists():
        raise RecordError(
            f"there is a record at {path} already, and a record is never overwritten; "
            "choose another folder, or remove the rehearsal yourself"
        )
    keys = KeyStore.create(f"{path}.keys")
    try:
        return SqliteLog.create(path, trial=trial), keys
    except RecordError:
        keys.close()
        Path(f"{path}.keys").unlink()
        raise
