"""What CONTRIBUTING.md promises about the source and import-linter cannot say."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import grimp
import pytest

from tests.harness.source import (
    FUNCTION_LINES,
    MODULE_LINES,
    clock_readings,
    is_nameless,
    long_functions,
)

ROOT = Path(__file__).parents[2]
PURE = (
    "analysis",
    "biomarker",
    "eligibility",
    "oversight",
    "randomisation",
    "response",
    "safety",
    "statistics",
    "treatment",
    "visits",
)
OURS = [
    path
    for folder in ("src", "tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("equipoise", cache_dir=None)


def _source_of(module: str) -> Path:
    path = ROOT / "src" / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in OURS}
    long = [f"{path.relative_to(ROOT)}: {n}" for path, n in lengths.items() if n > MODULE_LINES]
    assert not long, f"more than {MODULE_LINES} lines; which part is a room of its own?"


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in OURS
        for name, lines in long_functions(path.read_text(encoding="utf-8"))
    ]
    assert not long, f"more than {FUNCTION_LINES} lines"


def test_a_long_function_is_found() -> None:
    source = "def endless():\n" + "    step()\n" * FUNCTION_LINES
    assert list(long_functions(source)) == [("endless", FUNCTION_LINES + 1)]


def test_every_room_has_a_name() -> None:
    assert not [path for path in OURS if is_nameless(path.relative_to(ROOT))]


def test_packages_import_nothing_by_themselves() -> None:
    """Importing an event class must not bring in a store, nor parsing a command polars."""
    opened = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "src").rglob("__init__.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not opened


def test_rules_do_not_read_the_clock_even_indirectly(imports: grimp.ImportGraph) -> None:
    reached = {
        module
        for stage in PURE
        for module in (
            f"equipoise.{stage}",
            *imports.find_descendants(f"equipoise.{stage}"),
            *imports.find_upstream_modules(f"equipoise.{stage}", as_package=True),
        )
    }
    readings = [
        f"{module} line {line}: {text}"
        for module in sorted(reached)
        for line, text in clock_readings(_source_of(module).read_text(encoding="utf-8"))
    ]
    assert not readings, "the time is an argument of a rule, never its question"


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\nx = datetime.datetime.now(datetime.UTC)",
        "from datetime import date\nx = date.today()",
        "import time\nx = time.time()",
        "from time import monotonic",
        "from datetime import datetime as moment\nread = moment.utcnow",
    ],
)
def test_a_clock_is_found(source: str) -> None:
    assert list(clock_readings(source))


def test_no_module_imports_itself_through_others(imports: grimp.ImportGraph) -> None:
    order = graphlib.TopologicalSorter(
        {module: imports.find_modules_directly_imported_by(module) for module in imports.modules}
    )
    order.prepare()  # raises CycleError, and names the cycle
