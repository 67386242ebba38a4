"""What a record is made of in SQLite, and whether a file still is that.

The triggers abort every UPDATE and DELETE, and every INSERT that does not continue the chain: the
next seq, the hash of the last event as `prev`, a time not before the last. They also abort a key
or guard that exists, because INSERT OR REPLACE from a connection without `recursive_triggers`
deletes the old row past the DELETE trigger.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from equipoise.errors import RecordError
from equipoise.record.log import GENESIS

FORMAT: Final = 1
"""Version of the tables; a file of another version is not opened."""

_APPLICATION: Final = int.from_bytes(b"Eqpo")
"""What marks a SQLite file as ours (PRAGMA application_id)."""

_DAY = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
_MOMENT = f"{_DAY}T[0-2][0-9]:[0-5][0-9]:[0-6][0-9].{'[0-9]' * 6}Z"

_TABLES: Final = (
    'CREATE TABLE meta ("key" TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID',
    f"""CREATE TABLE event (
  seq INTEGER PRIMARY KEY CHECK (seq >= 1),
  trial TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type <> ''),
  type_version INTEGER NOT NULL CHECK (type_version >= 1),
  subject TEXT,
  site TEXT,
  occurred TEXT CHECK (length(occurred) IN (4, 7, 10)),
  recorded TEXT NOT NULL CHECK (recorded GLOB '{_MOMENT}'),
  "offset" INTEGER NOT NULL CHECK (abs("offset") < 24 * 60),
  actor TEXT NOT NULL CHECK (actor <> ''),
  role TEXT NOT NULL CHECK (role <> ''),
  organisation TEXT NOT NULL CHECK (organisation <> ''),
  reason TEXT,
  cause TEXT,
  study_version TEXT NOT NULL,
  release TEXT NOT NULL,
  idempotency_key TEXT UNIQUE,
  body TEXT NOT NULL CHECK (json_valid(body)),
  prev TEXT NOT NULL CHECK (length(prev) = 64),
  hash TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT""",
    """CREATE TABLE guard (
  name TEXT PRIMARY KEY CHECK (name <> ''),
  seq INTEGER NOT NULL REFERENCES event (seq)
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX event_of_subject ON event (subject, seq)",
    "CREATE INDEX event_of_type ON event (type, seq)",
)

_LAST = "FROM event ORDER BY seq DESC LIMIT 1"
_TRIGGERS: Final = (
    f"""CREATE TRIGGER event_continues_the_chain BEFORE INSERT ON event
WHEN NEW.seq IS NOT coalesce((SELECT seq {_LAST}), 0) + 1
  OR NEW.prev IS NOT coalesce((SELECT hash {_LAST}), '{GENESIS}')
  OR NEW.recorded < coalesce((SELECT recorded {_LAST}), '')
  OR NEW.trial IS NOT (SELECT value FROM meta WHERE "key" = 'trial')
  OR EXISTS (SELECT 1 FROM event WHERE idempotency_key = NEW.idempotency_key)
BEGIN SELECT RAISE(ABORT, 'the event does not continue the record, or its key was used'); END""",
    """CREATE TRIGGER guard_is_new BEFORE INSERT ON guard
WHEN EXISTS (SELECT 1 FROM guard WHERE name = NEW.name)
  OR NOT EXISTS (SELECT 1 FROM event WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the guard is held, or its event does not exist'); END""",
    """CREATE TRIGGER meta_is_complete BEFORE INSERT ON meta
BEGIN SELECT RAISE(ABORT, 'what a record says of itself is fixed'); END""",
    *(
        f"""CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table}
BEGIN SELECT RAISE(ABORT, 'the record is append-only: {change} is refused'); END"""
        for table in ("event", "guard", "meta")
        for change in ("UPDATE", "DELETE")
    ),
)


def build(connection: sqlite3.Connection, trial: str, release: str) -> None:
    """Make an empty record of `trial` in an empty file."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        connection.execute(statement)
    described = {"format": str(FORMAT), "trial": trial, "release": release}
    connection.executemany('INSERT INTO meta ("key", value) VALUES (?, ?)', described.items())
    for statement in _TRIGGERS:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute("COMMIT")


def check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """RecordError for a file that is not a record, or one of another format."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise RecordError(
            f"{path} is not a record of Equipoise, or it was cut short: correct the path, or "
            "restore a copy"
        )
    if version != FORMAT:
        raise RecordError(
            f"{path} has record format {version}; this release reads format {FORMAT}: "
            "open it with the release that made it, or a newer one"
        )


def differences(connection: sqlite3.Connection) -> list[str]:
    """How the file's tables, indexes and triggers differ from those it was made with."""
    stored = "SELECT type || ' ' || name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    present = dict(connection.execute(stored).fetchall())
    expected = {" ".join(sql.split()[1:3]).lower(): sql for sql in (*_TABLES, *_TRIGGERS)}
    return (
        [f"its {name} is missing" for name in expected if name not in present]
        + [f"its {n} was changed" for n, sql in expected.items() if present.get(n, sql) != sql]
        + [f"it has a {name} that is not ours" for name in present if name not in expected]
    )
