"""The requirement matrix: what it says, and that the committed one is up to date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.requirements import (
    NO_TEST,
    RequirementMatrix,
    pairs,
    read_requirements,
    rendered,
)

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
TEXTS = {"AT1": "one event a change", "AT2": "no UPDATE | DELETE", "AT3": "one click"}


def _pytest(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark"]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env=clean, capture_output=True, text=True
    )


def test_every_requirement_has_rows_and_a_missing_test_is_said() -> None:
    matrix = rendered(TEXTS, {("AT2", "t.py::b"): "failed", ("AT2", "t.py::a"): "passed"})
    assert matrix.splitlines()[-4:] == [
        f"| AT1 | one event a change | {NO_TEST} | |",
        "| AT2 | no UPDATE \\| DELETE | `t.py::a` | passed |",
        "| AT2 |  | `t.py::b` | failed |",
        f"| AT3 | one click | {NO_TEST} | |",
    ]
    assert "1 of 3 requirements have a test" in matrix


def test_a_matrix_reads_back_as_its_pairs() -> None:
    matrix = rendered(TEXTS, {("AT2", "t.py::b"): "failed", ("AT2", "t.py::a"): "passed"})
    assert pairs(matrix) == {
        ("AT1", NO_TEST),
        ("AT2", "t.py::a"),
        ("AT2", "t.py::b"),
        ("AT3", NO_TEST),
    }


@pytest.mark.requirement("VA1")
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_run_writes_what_its_tests_showed(tmp_path: Path, workers: str) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.harness.requirements import RequirementMatrix\n"
        "from pathlib import Path\n"
        "def pytest_configure(config):\n"
        "    worker = hasattr(config, 'workerinput')\n"
        f"    target = None if worker else Path({str(tmp_path / 'matrix.md')!r})\n"
        "    matrix = RequirementMatrix({'AT1': 'one', 'AT2': 'two', 'AT3': 'three'}, target)\n"
        "    config.pluginmanager.register(matrix)\n"
    )
    (tmp_path / "test_three.py").write_text(
        "import pytest\n"
        "@pytest.mark.requirement('AT1', 'AT2')\n"
        "@pytest.mark.parametrize('x', [1, 2])\n"
        "def test_both(x): assert x\n"
        "@pytest.mark.requirement('AT2')\n"
        "def test_wrong(): assert False\n"
        "@pytest.mark.requirement('ZZ9')\n"
        "def test_of_nothing(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nmarkers = requirement\npythonpath = {ROOT}\n")
    run = _pytest("-n", workers, "-c", tmp_path / "pytest.ini", "--rootdir", tmp_path, tmp_path)
    assert "1 failed, 2 passed, 1 error" in run.stdout
    assert "requirement ['ZZ9'] is not in" in run.stdout
    assert (tmp_path / "matrix.md").read_text().splitlines()[-4:] == [
        "| AT1 | one | `test_three.py::test_both` | passed |",
        "| AT2 | two | `test_three.py::test_both` | passed |",
        "| AT2 |  | `test_three.py::test_wrong` | failed |",
        "| AT3 | three | no test yet | |",
    ]


def test_the_committed_matrix_names_exactly_the_tests_that_exist(tmp_path: Path) -> None:
    now = tmp_path / "matrix.md"
    run = _pytest("--collect-only", "-m", "requirement", f"--requirements-matrix={now}", "tests")
    assert run.returncode == 0, run.stdout + run.stderr
    committed = pairs((REFERENCE / "requirements-matrix.md").read_text(encoding="utf-8"))
    assert committed == pairs(now.read_text(encoding="utf-8")), "run `make matrix` and commit"


def test_a_run_that_could_not_read_all_tests_writes_nothing(tmp_path: Path) -> None:
    matrix = RequirementMatrix(TEXTS, tmp_path / "matrix.md")
    matrix.pytest_collectreport(
        pytest.CollectReport("tests/test_broken.py", "failed", "no module", [])
    )
    matrix.pytest_sessionfinish(pytest.ExitCode.TESTS_FAILED)
    assert not (tmp_path / "matrix.md").exists()


def test_requirements_are_named_once() -> None:
    rows = (REFERENCE / "requirements.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(read_requirements(REFERENCE / "requirements.csv")) == len(rows)
