"""The application as people use it: served by `equipoise serve`, in Debian's chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.harness.served import CHROMIUM, MISSING, Served, served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One chromium for all tests of a process."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def application(tmp_path: Path, chromium: Browser) -> Iterator[Served]:
    """LUNG-TMB, staffed, its scheme active, served on a port of its own."""
    with served(tmp_path, chromium) as running:
        yield running
