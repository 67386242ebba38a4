"""A backup of either store, taken while others write, put back somewhere else."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from equipoise.record.backup import copied
from tests.harness.postgresql import binaries
from tests.harness.stores import PostgresStore, SqliteStore, Store

_SUPERUSER = "cluster_superuser"


def backed_up(store: Store, folder: Path) -> Path:
    """The backup of a record that may be in use."""
    if isinstance(store, SqliteStore):
        copied(store.path, folder / "backup.sqlite3")
        return folder / "backup.sqlite3"
    dump = folder / "backup.sql"
    _run("pg_dump", "--schema", store.database.schema, "--file", str(dump), _as_superuser(store))
    return dump


def restored(store: Store, backup: Path, folder: Path) -> Store:
    """The record of a backup at a new place: another file, or another database of the server."""
    if isinstance(store, SqliteStore):
        copied(backup, folder / "restored.sqlite3")
        return SqliteStore(folder / "restored.sqlite3")
    name = f"restored_{store.database.schema}"
    _run("psql", "--quiet", "--command", f"CREATE DATABASE {name}", _as_superuser(store))
    database = replace(
        store.database,
        owner_dsn=store.database.owner_dsn.replace("/equipoise?", f"/{name}?"),
        application_dsn=store.database.application_dsn.replace("/equipoise?", f"/{name}?"),
    )
    _run(
        "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(backup),
        _as_superuser(store).replace("/equipoise?", f"/{name}?"),
    )  # fmt: skip
    return PostgresStore(database)


def _as_superuser(store: PostgresStore) -> str:
    owner = store.database.owner_dsn.partition("//")[2].partition("@")[0]
    return store.database.owner_dsn.replace(f"//{owner}@", f"//{_SUPERUSER}@")


def _run(program: str, *arguments: str) -> None:
    folder = binaries()
    assert folder is not None
    done = subprocess.run([folder / program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
