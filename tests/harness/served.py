"""A trial served by `equipoise serve` in processes of its own, and its people's browsers."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.record.stores import opened
from equipoise.study.definition import Study
from tests.harness.trial import PEOPLE, Trial

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING: Final = "chromium is not on this machine (apt-get install chromium)"
PATIENCE: Final = 120.0
FAKETIME: Final = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Served:
    """A running application: its address, its trial, a page of anybody who has a role."""

    def __init__(
        self, trial: Trial, address: str, passwords: dict[str, str], chromium: Any
    ) -> None:
        self.trial, self.address, self.passwords, self.chromium = (
            trial, address, passwords, chromium,
        )  # fmt: skip
        self.told: list[str] = []
        self.clock: Path | None = None

    def wait(self, days: int) -> None:
        """Let days pass in the trial and on the clock of the application (see `served_behind`)."""
        assert self.clock is not None
        self.trial.wait(days)
        self.clock.write_text(_behind(self.trial))

    def page(self, role: str, *, language: str = "en", **context: Any) -> Any:
        """A page of the person who holds a role, logged in, on the work list.

        What the browser's console says of errors is kept in `told`: a test expects none.
        """
        person = PEOPLE.get(role, role)
        opened = self.chromium.new_context(
            viewport={"width": 1280, "height": 800}, locale=language, **context
        )
        page = opened.new_page()
        page.on("console", lambda each: self._note(each.type, each.text))
        page.on("pageerror", lambda each: self._note("error", str(each)))
        page.goto(f"{self.address}/accounts/login/")
        page.fill("#id_login", person)
        page.fill("#id_password", self.passwords[person])
        page.click("main button.main")
        page.wait_for_load_state()
        if page.get_attribute("html", "lang") != language:
            page.click(f"button[value={language}]")
            page.wait_for_load_state()
        return page

    def _note(self, kind: str, text: str) -> None:
        # A page that is left while a fragment is on its way tells of what was broken off.
        broken_off = re.match(r"htmx:(afterRequest|sendError|sendAbort)\b", text)
        expected = broken_off or re.search(r"status of (403|404|409|422)", text)
        if kind == "error" and not expected:
            self.told.append(text)


@contextmanager
def served(
    folder: Path, chromium: Any = None, study: Study | None = None, *, behind: int = 0,
    prepare: Any = None, workers: int = 1,
) -> Iterator[Served]:  # fmt: skip
    """A live trial in `folder`, served until the block ends. `prepare(trial)` comes before."""
    path = folder / "record.sqlite3"
    log, keys = SqliteLog.create(path, trial="T1"), KeyStore.create(f"{path}.keys")
    trial = Trial.opened(log, keys, study=study, behind=behind)
    trial.activate()
    if prepare is not None:
        prepare(trial)
    with running(path, workers=workers) as (address, passwords):
        yield Served(trial, address, passwords, chromium)
    log.close()
    keys.close()


_OPENS: Final = """
import sys
from pathlib import Path
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.study.definition import Study
from tests.harness.trial import Trial
path = sys.argv[1]
study = Study.model_validate_json(Path(f"{path}.study").read_text())
log = SqliteLog.create(path, trial="T1")
Trial.opened(log, KeyStore.create(f"{path}.keys"), study=study).activate()
log.close()
"""


@contextmanager
def served_behind(folder: Path, chromium: Any, study: Study, *, behind: int) -> Iterator[Served]:
    """A live trial that was opened `behind` days ago, and is served on a clock that is as late:
    `wait` lets days pass. Needs libfaketime."""
    path, clock = folder / "record.sqlite3", folder / "clock"
    Path(f"{path}.study").write_text(study.model_dump_json(exclude_none=True))
    clock.write_text(f"-{behind * 86_400}\n")
    subprocess.run(
        [sys.executable, "-c", _OPENS, str(path)], check=True, env=os.environ | _late(clock),
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    log, keys = opened(str(path)), KeyStore(f"{path}.keys")
    trial = Trial(log, keys, study, behind=behind)
    clock.write_text(_behind(trial))
    with running_on(folder, late=True, record=str(path)) as (_, address, passwords):
        found = Served(trial, address, passwords, chromium)
        found.clock = clock
        yield found
    log.close()
    keys.close()


def _late(clock: Path) -> dict[str, str]:
    """The environment of a process whose clock is what a file says (libfaketime)."""
    assert FAKETIME is not None
    return {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip


def _behind(trial: Trial) -> str:
    """The clock of a trial as libfaketime reads it: seconds before the true time."""
    lag = datetime.datetime.now(datetime.UTC) - trial.now()
    return f"-{round(lag.total_seconds())}\n"


@contextmanager
def running(record: Path, *, workers: int = 1) -> Iterator[tuple[str, dict[str, str]]]:
    """`equipoise serve --loopback-demo` on a record: its address, and the passwords by person."""
    options = ["serve", "--record", str(record), "--workers", str(workers), "--loopback-demo"]
    with _process(["-m", "equipoise.cli.main", *options], record.parent) as (_, address, people):
        yield address, people


_SERVES: Final = """
import os, sys
import django
django.setup()
from equipoise.web import serving
from equipoise.web.configuration import Configuration
from equipoise.web.preparing import prepared
port = int(sys.argv[-1])
serving._tell(Configuration.read(os.environ), "127.0.0.1", port, prepared())
serving.run("127.0.0.1", port, int(sys.argv[-3]))
"""


@contextmanager
def running_on(
    folder: Path, *, workers: int = 1, late: bool = False, **stores: str
) -> Iterator[tuple[int, str, dict[str, str]]]:
    """A demonstration on any stores (`record`, `schema`, `keys`, `accounts`, `logins`): process id,
    address, passwords by person. `late`: its clock is what `folder / "clock"` says."""
    told = {f"EQUIPOISE_{name.upper()}": value for name, value in stores.items()}
    told |= {
        "EQUIPOISE_SECRET": "a secret of tests, which protects nothing and is long enough",
        "EQUIPOISE_HOSTS": "127.0.0.1", "EQUIPOISE_DEMONSTRATION": "loopback",
        "DJANGO_SETTINGS_MODULE": "equipoise.web.settings", "POLARS_MAX_THREADS": "1",
    }  # fmt: skip
    if late:
        told |= _late(folder / "clock")
    command = ["-c", _SERVES, "--workers", str(workers)]
    with _process(command, folder, told) as (process, address, people):
        yield process.pid, address, people


@contextmanager
def _process(
    command: list[str], folder: Path, more: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], str, dict[str, str]]]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    told = folder / "serve.txt"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EQUIPOISE_")}
    for name in ("DJANGO_SETTINGS_MODULE", "DJANGO_ALLOW_ASYNC_UNSAFE"):
        environment.pop(name, None)
    with told.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)], stdout=output,
            stderr=subprocess.STDOUT, env=environment | (more or {}),
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, f"{address}/healthy/", told)
        rows = re.findall(r"^  \S+ +(\S+) +(\S+)$", told.read_text(), re.M)
        yield process, address, dict(rows)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, told: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"the application did not start:\n{told.read_text()[-3000:]}")
