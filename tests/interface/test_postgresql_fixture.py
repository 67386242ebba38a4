"""The PostgreSQL that the store's tests run on: private, not root, and back after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.harness.postgresql import MISSING, Cluster, Database

ROOT = Path(__file__).parents[2]


def test_each_test_has_a_schema_name_of_its_own(
    postgres: Database, postgres_cluster: Cluster
) -> None:
    assert postgres_cluster.database().schema != postgres.schema


def test_the_owner_makes_a_schema_and_the_application_cannot(postgres: Database) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(postgres.application_dsn) as connection, refused:
        connection.execute(f"CREATE SCHEMA {postgres.schema}")
    with psycopg.connect(postgres.owner_dsn) as connection:
        connection.execute(f"CREATE SCHEMA {postgres.schema}")


def test_it_listens_on_the_loopback_only_and_is_durable(postgres: Database) -> None:
    with psycopg.connect(postgres.owner_dsn) as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone()
            for name in ("listen_addresses", "fsync", "synchronous_commit")
        ]
    assert shown == [("127.0.0.1",), ("on",), ("on",)]


def test_it_does_not_run_as_root(postgres_cluster: Cluster) -> None:
    assert postgres_cluster.pid is not None
    assert Path(f"/proc/{postgres_cluster.pid}").stat().st_uid != 0


def test_what_was_committed_outlives_a_kill(postgres_server: Cluster) -> None:
    dsn = postgres_server.database().owner_dsn
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept (value integer)")
        connection.execute("INSERT INTO kept VALUES (42)")
    open_when_killed = psycopg.connect(dsn)
    open_when_killed.execute("INSERT INTO kept VALUES (43)")
    first = postgres_server.pid
    postgres_server.kill()
    with pytest.raises(psycopg.OperationalError):
        open_when_killed.execute("SELECT 1")
    open_when_killed.close()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)
    postgres_server.start()
    assert postgres_server.pid not in (None, first)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [(42,)]


def test_nothing_is_left_when_it_is_removed(postgres_server: Cluster) -> None:
    pid = postgres_server.pid
    assert pid is not None
    home = Path(f"/proc/{pid}/cwd").resolve()
    postgres_server.remove()
    assert not home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_a_machine_without_postgresql_says_so_and_ci_fails(
    tmp_path: Path, ci: str, outcome: str
) -> None:
    (tmp_path / "without_postgresql.py").write_text(
        "import tests.harness.postgresql\ntests.harness.postgresql.binaries = lambda: None\n"
    )
    one = f"{__file__}::{test_it_does_not_run_as_root.__name__}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "without_postgresql", one],
        cwd=ROOT,
        env=clean | {"CI": ci, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert outcome in run.stdout
    assert f"{MISSING}: it is not on this machine. On Debian: apt-get install" in run.stdout
    assert (f"!! {MISSING}: 1 tests skipped !!" in run.stdout) == (not ci)
    assert bool(run.returncode) == bool(ci)
