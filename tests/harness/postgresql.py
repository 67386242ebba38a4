"""A PostgreSQL for tests: in a temporary folder, on a free port of the loopback, never as root."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

MISSING = "PostgreSQL NOT TESTED"
OWNER, APPLICATION = "equipoise_owner", "equipoise_application"
_SUPERUSER = "cluster_superuser"
_DATABASE = "equipoise"
_PATIENCE = 60.0
"""Seconds to wait for a start; a recovery after a kill on a loaded machine takes a few."""


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL on this machine; None without one."""
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    found = sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    for folder in found:
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    return None


@dataclass(frozen=True, slots=True)
class Database:
    """Where a test keeps one record: two roles of one database, and a schema not yet made."""

    owner_dsn: str
    application_dsn: str
    application_role: str
    schema: str


class Cluster:
    """One PostgreSQL server with the roles of a trial: an owner, and the application."""

    def __init__(self, folder: Path, *, beneath: Path | None = None) -> None:
        self._binaries = folder
        self._account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="equipoise-postgres-", dir=beneath))
        self._process: subprocess.Popen[bytes] | None = None
        self._schemas = itertools.count(1)
        self.port = _free_port()
        if self._account:
            os.chown(self._home, self._account.pw_uid, self._account.pw_gid)
        atexit.register(self.remove)

    @property
    def pid(self) -> int | None:
        """The process id of the server; None while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def dsn(self, role: str) -> str:
        """Connects to the trial's database as `role`."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{_DATABASE}?connect_timeout=10"

    def database(self) -> Database:
        """The roles, and a schema name that no other test has; who tests a store creates it."""
        return Database(
            owner_dsn=self.dsn(OWNER),
            application_dsn=self.dsn(APPLICATION),
            application_role=APPLICATION,
            schema=f"trial_{next(self._schemas)}",
        )

    def start(self) -> Cluster:
        """Runs the server until it accepts connections; after a `kill`, it recovers first."""
        data = self._home / "data"
        fresh = not data.exists()
        if fresh:
            self._initialise(data)
        deadline = time.monotonic() + _PATIENCE
        while not self._came_up(data, deadline):
            # Another process took the port, or the killed server's children still hold its memory.
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self._log()}")
            if fresh:
                self.port = _free_port()
            time.sleep(0.1)
        if fresh:
            self._create_roles()
        return self

    def kill(self) -> None:
        """SIGKILL to the server and to each of its processes, as when the machine loses power."""
        if self._process is None or self.pid is None:
            raise RuntimeError("the server does not run")
        children = _children(self._process.pid)
        self._process.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Shuts the server down in order, then less politely."""
        for polite in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._process is None or self.pid is None:
                return
            self._process.send_signal(polite)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=15)

    def remove(self) -> None:
        """Stops the server and deletes its files; a second time does nothing."""
        atexit.unregister(self.remove)
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _initialise(self, data: Path) -> None:
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [self._binaries / "initdb", "-D", data, "-U", _SUPERUSER, *options],
            capture_output=True,
            text=True,
            **self._as_account(),
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")

    def _came_up(self, data: Path, deadline: float) -> bool:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": self.port,
            "max_connections": 100,
            "fsync": "on",
            "synchronous_commit": "on",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_dies_with_us(), self._binaries / "postgres", "-D", data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._as_account(),
            )
        while self._process.poll() is None:
            if self._answers():
                return True
            if time.monotonic() > deadline:
                self.stop()
            time.sleep(0.05)
        return False

    def _as_account(self) -> dict[str, Any]:
        """How to run a program of PostgreSQL: as Debian's account when we are root."""
        options: dict[str, Any] = {
            "cwd": self._home,
            "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        }
        if self._account:
            options |= {
                "user": self._account.pw_uid,
                "group": self._account.pw_gid,
                "extra_groups": [],
            }
        return options

    def _answers(self) -> bool:
        import psycopg

        try:
            self._superuser("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _superuser(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        import psycopg

        dsn = f"postgresql://{_SUPERUSER}@127.0.0.1:{self.port}/{database}?connect_timeout=5"
        return psycopg.connect(dsn, autocommit=True)

    def _create_roles(self) -> None:
        with self._superuser("postgres") as connection:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN")
            connection.execute(f"CREATE ROLE {APPLICATION} LOGIN")
            connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {OWNER}")

    def _log(self) -> str:
        return (self._home / "log").read_text(errors="replace")[-4000:]


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _dies_with_us() -> list[str]:
    """Has the kernel shut the server down, should this process be killed and clean up nothing."""
    return ["setpriv", "--pdeathsig=INT", "--"] if shutil.which("setpriv") else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
