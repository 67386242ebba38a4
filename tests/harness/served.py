"""A trial served by `equipoise serve` in processes of its own, and its people's browsers."""

from __future__ import annotations

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
from equipoise.study.definition import Study
from tests.harness.trial import PEOPLE, Trial

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING: Final = "chromium is not on this machine (apt-get install chromium)"
PATIENCE: Final = 60.0


class Served:
    """A running application: its address, its trial, a page of anybody who has a role."""

    def __init__(
        self, trial: Trial, address: str, passwords: dict[str, str], chromium: Any
    ) -> None:
        self.trial, self.address, self.passwords, self.chromium = (
            trial, address, passwords, chromium,
        )  # fmt: skip
        self.told: list[str] = []

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
        if language == "fr":
            page.click("button[value=fr]")
        page.fill("#id_login", person)
        page.fill("#id_password", self.passwords[person])
        page.click("main button.main")
        page.wait_for_load_state()
        return page

    def _note(self, kind: str, text: str) -> None:
        expected = re.search(r"status of (403|404|409|422)", text)
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


@contextmanager
def running(record: Path, *, workers: int = 1) -> Iterator[tuple[str, dict[str, str]]]:
    """`equipoise serve --loopback-demo` on a record: its address, and the passwords by person."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [
        sys.executable, "-m", "equipoise.cli.main", "serve", "--record", str(record),
        "--port", str(port), "--workers", str(workers), "--loopback-demo",
    ]  # fmt: skip
    told = record.parent / "serve.txt"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EQUIPOISE_")}
    for name in ("DJANGO_SETTINGS_MODULE", "DJANGO_ALLOW_ASYNC_UNSAFE"):
        environment.pop(name, None)
    with told.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, f"{address}/healthy/", told)
        rows = re.findall(r"^  \S+ +(\S+) +(\S+)$", told.read_text(), re.M)
        yield address, dict(rows)
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
