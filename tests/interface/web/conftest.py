"""The web application on a trial under test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.web import Web, web


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Web]:
    """LUNG-TMB, live, staffed at its first hospital, served in this process."""
    with web(tmp_path) as served:
        yield served
