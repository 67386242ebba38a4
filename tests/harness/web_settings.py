"""Django for tests: set up once a process, and only when a module of the web is collected."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

OF_THE_WEB: Final = ("equipoise/web", "interface/web", "tests/browser")

_done: list[bool] = []


def set_up() -> None:
    """Settings of a demonstration on a folder of this process, the database of accounts made."""
    if _done:
        return
    _done.append(True)
    folder = Path(tempfile.mkdtemp(prefix="equipoise-web-"))
    os.environ.update(
        {
            "EQUIPOISE_RECORD": str(folder / "record.sqlite3"),
            "EQUIPOISE_SECRET": "a secret of tests, which protects nothing and is long enough",
            "EQUIPOISE_HOSTS": "testserver,127.0.0.1,localhost",
            "EQUIPOISE_DEMONSTRATION": "loopback",
            "DJANGO_SETTINGS_MODULE": "equipoise.web.settings",
            # Playwright's loop runs in the thread of a process that tests Django afterwards too.
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
        }
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def pytest_collect_file(file_path: Path) -> None:
    if any(part in file_path.as_posix() for part in OF_THE_WEB) and file_path.suffix == ".py":
        set_up()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Migrations are Django's own."""
    return True if collection_path.name == "migrations" else None
