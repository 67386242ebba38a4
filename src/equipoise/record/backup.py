"""A copy of a record that is in use: whole, at one moment, without stopping anybody."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from equipoise.errors import RecordError


def copied(source: Path, target: Path) -> None:
    """Copy the SQLite file `source` to the new file `target`, as of one committed moment.

    The pages come through SQLite's own online backup: a copy of the file alone would lack what
    still stands in the write-ahead log. RecordError when there is a file already, or no source.
    """
    if not source.is_file():
        raise RecordError(f"there is no file {source} to copy")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise RecordError(f"cannot create the copy {target}: {error.strerror}") from error
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written)
    except sqlite3.Error as error:
        target.unlink()
        raise RecordError(f"{source} cannot be copied: {error}") from error


def dumped(dsn: str, schema: str, target: Path) -> None:
    """Write the schema of a PostgreSQL database into the new file `target`, for pg_restore.

    The application's role will do: it may read. A password travels in the environment, not among
    the arguments, which every list of processes shows. RecordError when pg_dump lacks or fails.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    if (program := shutil.which("pg_dump")) is None:
        raise RecordError("pg_dump is not on this machine: install PostgreSQL's client programs")
    parts = conninfo_to_dict(dsn)
    environment = dict(os.environ)
    if (password := parts.pop("password", None)) is not None:
        environment["PGPASSWORD"] = str(password)
    command = [
        program, "--format=custom", f"--schema={schema}", f"--file={target}",
        f"--dbname={make_conninfo('', **parts)}",
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RecordError(f"pg_dump failed: {done.stderr.strip()[:500]}")
    target.chmod(0o600)
