"""Which test shows which requirement, and how it ended: the matrix, from the tests' own marks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

NO_TEST = "no test yet"
_MARK = "requirement"

_HEADING = """\
# Requirements, tests, results

Written by `make matrix` from the marks `@pytest.mark.requirement(...)` in `tests/` and from the
texts in `requirements.csv`; edit those, not this page. A test listed here shows a part of its
requirement, not always the whole of it. {covered} of {total} requirements have a test.

| ID | requirement | test | result |
|---|---|---|---|
"""


def read_requirements(path: Path) -> dict[str, str]:
    """Requirement texts by identifier, in the file's order."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["requirement"] for row in csv.DictReader(file)}


def function_of(node: str) -> str:
    """The test function behind a node: its cases are one test.

    >>> function_of("tests/cases/test_dose.py::test_dose[1.73-150]")
    'tests/cases/test_dose.py::test_dose'
    """
    return node.partition("[")[0]


def summary(outcomes: Iterable[str]) -> str:
    """One word for all cases of a test; a single failure is a failure.

    >>> summary(["passed", "failed"]), summary(["passed", "skipped"]), summary(["passed"])
    ('failed', 'passed, in part skipped', 'passed')
    """
    seen = set(outcomes)
    if "failed" in seen:
        return "failed"
    if seen == {"passed", "skipped"}:
        return "passed, in part skipped"
    return seen.pop() if len(seen) == 1 else "not run"


def rendered(requirements: Mapping[str, str], results: Mapping[tuple[str, str], str]) -> str:
    """The matrix as Markdown; `results` by (requirement, test)."""
    rows = []
    for identifier, text in requirements.items():
        tests = sorted(test for required, test in results if required == identifier)
        shown = text.replace("|", "\\|")
        if not tests:
            rows.append(f"| {identifier} | {shown} | {NO_TEST} | |")
        for test in tests:
            rows.append(f"| {identifier} | {shown} | `{test}` | {results[identifier, test]} |")
            shown = ""
    covered = len({identifier for identifier, _ in results})
    heading = _HEADING.format(covered=covered, total=len(requirements))
    return heading + "\n".join(rows) + "\n"


def pairs(matrix: str) -> set[tuple[str, str]]:
    """The (requirement, test) pairs of a rendered matrix; (requirement, "no test yet") too."""
    found = re.findall(r"^\| (\w+) \| .*?\| (?:`([^`]+)`|no test yet) \|", matrix, re.MULTILINE)
    return {(identifier, test or NO_TEST) for identifier, test in found}


class RequirementMatrix:
    """Collects the marks and results of a run, in one process or from several workers."""

    def __init__(self, requirements: Mapping[str, str], destination: Path | None) -> None:
        self._requirements = requirements
        self._destination = destination
        self._outcomes: dict[tuple[str, str], list[str]] = {}
        self._complete = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._complete &= not report.failed

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        for mark in item.iter_markers(_MARK):
            item.user_properties.extend((_MARK, identifier) for identifier in mark.args)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        for mark in item.iter_markers(_MARK):
            unknown = [each for each in mark.args if each not in self._requirements]
            if unknown or not mark.args:
                pytest.fail(
                    f"requirement {unknown} is not in docs/reference/requirements.csv",
                    pytrace=False,
                )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.config.option.collectonly:
            for item in session.items:
                self._note(item.nodeid, item.user_properties, "not run")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self._note(report.nodeid, report.user_properties, report.outcome)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        ran = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if self._destination is None or not (ran and self._complete):
            return
        results = {pair: summary(outcomes) for pair, outcomes in self._outcomes.items()}
        self._destination.parent.mkdir(parents=True, exist_ok=True)
        self._destination.write_text(rendered(self._requirements, results), encoding="utf-8")

    def _note(self, node: str, properties: Iterable[tuple[str, object]], outcome: str) -> None:
        for name, identifier in properties:
            if name == _MARK and identifier in self._requirements:
                pair = (str(identifier), function_of(node))
                self._outcomes.setdefault(pair, []).append(outcome)
