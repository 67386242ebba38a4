"""What every test may ask for: a PostgreSQL of its own, and the requirement it shows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.memory import memory_folder
from tests.harness.postgresql import MISSING, Cluster, Database, binaries
from tests.harness.requirements import RequirementMatrix, read_requirements

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements-matrix",
        metavar="FILE",
        help="write requirement, test, result of this run as a Markdown table",
    )


def pytest_configure(config: pytest.Config) -> None:
    written = config.getoption("--requirements-matrix")
    on_a_worker = hasattr(config, "workerinput")
    matrix = RequirementMatrix(
        read_requirements(ROOT / "docs" / "reference" / "requirements.csv"),
        destination=Path(written) if written and not on_a_worker else None,
    )
    config.pluginmanager.register(matrix, "requirement-matrix")


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """On two shared cores a deadline measures the neighbours: hypothesis gets none.

    Its import takes a while, so only a module that uses it pays. In CI its own profile draws
    the same examples every time, without deadline.
    """
    if not os.environ.get("CI") and "hypothesis" in module_path.read_text(encoding="utf-8"):
        from hypothesis import settings

        settings.register_profile("shared-machine", deadline=None)
        settings.load_profile("shared-machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skipped store is said aloud, not left to a letter in a row of dots."""
    skipped = [
        report
        for report in terminalreporter.getreports("skipped")
        if MISSING in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_sep("!", f"{MISSING}: {len(skipped)} tests skipped", red=True)


def _started(beneath: Path | None = None) -> Cluster:
    where = binaries()
    if where is not None:
        return Cluster(where, beneath=beneath).start()
    message = f"{MISSING}: it is not on this machine. On Debian: apt-get install postgresql"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A running PostgreSQL, started at the first test that asks and shared by this process."""
    cluster = _started(memory_folder())
    yield cluster
    cluster.remove()


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> Database:
    """A schema name nobody used before in the shared PostgreSQL, and the roles to connect as."""
    return postgres_cluster.database()


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A folder of the test's own in memory where the machine allows, for what no test kills."""
    with tempfile.TemporaryDirectory(prefix="equipoise-test-", dir=memory_folder()) as folder:
        yield Path(folder)


@pytest.fixture
def postgres_server() -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, to `kill()` and `start()` again; `database()` as above."""
    cluster = _started()
    yield cluster
    cluster.remove()
