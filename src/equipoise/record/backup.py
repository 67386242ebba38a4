"""A copy of an embedded record that is in use: whole, at one moment, without stopping anybody."""

from __future__ import annotations

import os
import sqlite3
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
