"""The store of keys: the only thing of a trial that can be deleted, kept apart from the record.

Keys are named after what they cover: `subject/01-004`, `value/17/narrative`, `seed/main`. A key is
on disk before the event that needs it is recorded; a key whose event never came is harmless and
swept. Destroying a key is the erasure of what it covers: its name stays, so that a destroyed key
is told from one that is lost, and never comes back into use.

The file is readable by its owner only. It is an SQLite file without write-ahead log, so that a
destroyed secret is overwritten in place and stays behind in no other file; backups of it are the
operator's to age out. With a master key the secrets in the file are themselves encrypted.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from equipoise.errors import RecordError, StoreFailed, StoreFull
from equipoise.record.sealing import ERASED, KEY_BYTES, Erased, Key, key_of, seal, unseal

_NONCE_BYTES: Final = 12
_BUSY_SECONDS: Final = 60.0
_FORMAT: Final = "1"
_CHECK: Final = "master key"
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")

_TABLES: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
    """CREATE TABLE key (
    name TEXT PRIMARY KEY,
    secret BLOB,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    destroyed TEXT,
    CHECK ((secret IS NULL) = (destroyed IS NOT NULL))
) STRICT""",
)
_PRAGMAS: Final = (
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = EXTRA",
    "PRAGMA secure_delete = ON",
)


class KeyStore:
    """The keys of one trial in one file. Several processes may use the same file; one object serves
    one thread at a time.

    Raises RecordError when the file is missing, open to others than its owner, not a key store, or
    encrypted under another master key than `master` (64 hexadecimal digits).
    """

    def __init__(self, path: str | Path, *, master: str | None = None) -> None:
        self.path = Path(path)
        self._master = _master_bytes(master)
        self._check_file()
        self._connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in _PRAGMAS:
                self._connection.execute(pragma).fetchall()
            found = dict(self._connection.execute("SELECT name, value FROM meta").fetchall())
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise RecordError(f"{self.path} is not a store of keys: {error}") from error
        try:
            self._check_master(found)
        except RecordError:
            self._connection.close()
            raise

    @classmethod
    def create(cls, path: str | Path, *, master: str | None = None) -> KeyStore:
        """A new, empty store at `path`, mode 0600; RecordError when a file is there already."""
        path = Path(path)
        secret = _master_bytes(master)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise RecordError(f"cannot create the store of keys {path}: {error}") from error
        check = b"" if secret is None else _wrapped(secret, _CHECK, bytes(KEY_BYTES))
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma).fetchall()
            connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                connection.execute(table)
            meta = [("format", _FORMAT.encode()), (_CHECK, check)]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise RecordError(f"cannot create the store of keys {path}: {error}") from error
        finally:
            connection.close()
        return cls(path, master=master)

    def ensure(self, *names: str) -> None:
        """Every key of `names` is on disk when this returns; keys that are there stay.

        Raises RecordError for a destroyed key: what it covered is erased for good, and new values
        take a key of a new name.
        """
        there = "secret IS NOT NULL AND name IN (SELECT value FROM json_each(?))"
        if set(names) <= set(self._names(there, json.dumps(names))):
            return
        for name in names:
            if key_of(f"sealed:1:{name}:AAAA") != name:
                raise RecordError(f"{name!r} cannot name a key")
        with self._writing() as connection:
            for name in names:
                found = connection.execute(
                    "SELECT destroyed FROM key WHERE name = ?", (name,)
                ).fetchone()
                if found is None:
                    secret = self._outward(name, os.urandom(KEY_BYTES))
                    connection.execute(
                        "INSERT INTO key (name, secret) VALUES (?, ?)", (name, secret)
                    )
                elif found[0] is not None:
                    raise RecordError(f"the key {name} was destroyed on {found[0]}")

    def get(self, name: str) -> Key | Erased:
        """The key, or ERASED when it was destroyed; RecordError when there never was one."""
        found = self._read("SELECT secret FROM key WHERE name = ?", name)
        if not found:
            raise RecordError(
                f"no key {name} in {self.path}: it is of another trial, or younger than this copy "
                "of its keys"
            )
        ((secret,),) = found
        return ERASED if secret is None else Key(name, self._inward(name, secret))

    def destroy(self, name: str) -> None:
        """What `name` covers can never be read again. Destroying a destroyed key does nothing."""
        with self._writing() as connection:
            changed = connection.execute(
                "UPDATE key SET secret = NULL, destroyed = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') "
                "WHERE name = ? AND secret IS NOT NULL",
                (name,),
            ).rowcount
            if not changed and not self._names("name = ?", name):
                raise RecordError(f"no key {name} in {self.path}: nothing was destroyed")

    def seal(self, name: str, plaintext: str, context: str) -> str:
        """`plaintext` sealed under the key `name`, which is made when it is not there yet."""
        self.ensure(name)
        return seal(self._present(name), plaintext, context)

    def unseal(self, text: str, context: str) -> str | Erased:
        """What was sealed as `text`, or ERASED; RecordError when it does not open."""
        name = key_of(text)
        if name is None:
            raise RecordError("not a sealed text")
        key = self.get(name)
        return key if isinstance(key, Erased) else unseal(key, text, context)

    def names(self) -> list[str]:
        """The names of all keys that still open something, sorted."""
        return self._names("secret IS NOT NULL")

    def destroyed(self) -> list[str]:
        """The names of all destroyed keys, sorted."""
        return self._names("secret IS NULL")

    def orphans(self, known: Collection[str]) -> list[str]:
        """Keys that cover nothing: not among `known`, the names that the record mentions."""
        wanted = frozenset(known)
        return [name for name in self.names() if name not in wanted]

    def sweep(self, known: Collection[str], *, created_before: str) -> list[str]:
        """Remove the orphans that are older than `created_before`, and return their names.

        `created_before` is UTC as in `recorded`. A younger orphan may belong to an event that
        another process is about to record. Raises RecordError when it is no such time.
        """
        if not _MOMENT.fullmatch(created_before):
            raise RecordError(f"no time in UTC such as 2026-11-23T03:22:55Z: {created_before!r}")
        old = set(self._names("secret IS NOT NULL AND created < ?", created_before))
        swept = [name for name in self.orphans(known) if name in old]
        with self._writing() as connection:
            connection.executemany("DELETE FROM key WHERE name = ?", [(name,) for name in swept])
        return swept

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _names(self, condition: str, *values: str) -> list[str]:
        found = self._read(f"SELECT name FROM key WHERE {condition} ORDER BY name", *values)
        return [name for (name,) in found]

    def _read(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"the store of keys {self.path} cannot be read: {error}") from error

    def _present(self, name: str) -> Key:
        key = self.get(name)
        if isinstance(key, Erased):
            raise RecordError(f"the key {name} was destroyed")
        return key

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            kind = StoreFull if code == sqlite3.SQLITE_FULL else StoreFailed
            raise kind(f"the store of keys {self.path} cannot be written: {error}") from error

    def _check_file(self) -> None:
        try:
            mode = self.path.stat().st_mode
        except OSError as error:
            raise RecordError(
                f"the store of keys {self.path} cannot be read ({error.strerror}); without it "
                "sealed values cannot be opened: restore it, or give its place"
            ) from error
        if not stat.S_ISREG(mode):
            raise RecordError(f"{self.path} is not a file")
        if os.name == "posix" and mode & 0o077:
            raise RecordError(
                f"{self.path} is open to others than its owner (mode {stat.S_IMODE(mode):04o}); "
                "set it to 0600, and consider the keys in it as seen"
            )

    def _check_master(self, meta: dict[str, bytes]) -> None:
        if meta.get("format") != _FORMAT.encode() or _CHECK not in meta:
            raise RecordError(f"{self.path} is not a store of keys of this release")
        if bool(meta[_CHECK]) != (self._master is not None):
            needed = "needs a master key" if meta[_CHECK] else "was made without a master key"
            raise RecordError(f"the store of keys {self.path} {needed}")
        if meta[_CHECK]:
            self._inward(_CHECK, meta[_CHECK])

    def _outward(self, name: str, secret: bytes) -> bytes:
        return secret if self._master is None else _wrapped(self._master, name, secret)

    def _inward(self, name: str, stored: bytes) -> bytes:
        if self._master is None:
            return stored
        try:
            return AESGCM(self._master).decrypt(
                stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], name.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise RecordError(
                f"the {name} in {self.path} does not open with this master key"
            ) from error


def _wrapped(master: bytes, name: str, secret: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(master).encrypt(nonce, secret, name.encode())


def _master_bytes(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        found = bytes.fromhex(text.strip())
    except ValueError:
        found = b""
    if len(found) != KEY_BYTES:
        raise RecordError("a master key is 64 hexadecimal digits")
    return found
