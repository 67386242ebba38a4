"""Opening records: the one place of the command line that knows the stores."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from equipoise.errors import BadInput, RecordError

if TYPE_CHECKING:
    from equipoise.record.event import Event
    from equipoise.record.keys import KeyStore
    from equipoise.record.log import Head, Log
    from equipoise.record.verify import Finding


def is_address(record: str) -> bool:
    """Whether `record` names a PostgreSQL database rather than a file."""
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


def guards_of(event: Event) -> Iterable[str]:
    """The guards that an event takes, from its class."""
    from equipoise.record.event import EventBody
    from equipoise.study.catalogue import CATALOGUE

    cls = CATALOGUE.of(event.type)
    if cls.guards is EventBody.guards:
        return ()
    body = CATALOGUE.upcast(event.type, event.type_version, json.loads(event.body), cls.VERSION)
    return cls.model_validate(body).guards(event.subject)


def verified(
    record: str, *, schema: str = "equipoise", anchors: str | None = None
) -> tuple[Head, list[Finding]]:
    """The head of a record, and what is wrong with it."""
    from equipoise.record.anchors import is_signed, read_anchors

    heads = []
    if anchors is not None:
        try:
            heads = read_anchors(Path(anchors).read_text(encoding="utf-8"), where=anchors)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("a readable text file of anchors", where=anchors) from error
    if is_address(record):
        from equipoise.record import postgres

        examined = postgres.examine(
            record, schema=schema, anchors=heads, is_signed=is_signed, guards_of=guards_of
        )
    else:
        from equipoise.record import sqlite

        examined = sqlite.examine(record, anchors=heads, is_signed=is_signed, guards_of=guards_of)
    return examined.head, examined.findings
