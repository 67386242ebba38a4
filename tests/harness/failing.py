"""Trials that are served while something around them fails."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from equipoise.record.keys import KeyStore
from equipoise.record.postgres import PostgresLog
from tests.harness.postgresql import APPLICATION, OWNER, Cluster
from tests.harness.served import running_on
from tests.harness.stores import TRIAL
from tests.harness.trial import Trial

SUBJECT = "X01-001"


def opened(log: Any, keys: Path, subjects: int = 1) -> Trial:
    """A trial that began ten days ago, with subjects in screening."""
    trial = Trial.opened(log, KeyStore.create(keys), behind=10)
    trial.activate()
    trial.wait(10)
    for number in range(1, subjects + 1):
        trial.act("SubjectScreened", {}, subject=f"X01-00{number}")
    return trial


@contextmanager
def on_postgres(server: Cluster, folder: Path) -> Iterator[tuple[Trial, str, dict[str, str]]]:
    """A trial whose record and accounts are in PostgreSQL, served."""
    where = server.database()
    PostgresLog.create(
        where.owner_dsn, schema=where.schema, trial=TRIAL, application_role=APPLICATION
    )
    log = PostgresLog(where.application_dsn, schema=where.schema)
    trial = opened(log, folder / "keys", 3)
    with running_on(
        folder, record=where.application_dsn, schema=where.schema, keys=str(folder / "keys"),
        accounts=server.dsn(OWNER), logins=str(folder / "logins"),
    ) as (_, address, people):  # fmt: skip
        yield trial, address, people
    log.close()


@contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """A file system of its own with so many bytes, that every account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="equipoise-full-"))
    folder.chmod(0o755)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        folder.rmdir()
        pytest.skip(f"a full disk NOT TESTED: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for block in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(block)):
                    pass
    return ballast
