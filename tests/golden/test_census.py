"""Every value of a golden file is read by a test, or stands in unread.csv with the reason."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.harness.census import GOLDEN, leaves

ROOT = GOLDEN.parents[1]
READERS = ("statistics", "analysis", "published", "response")
"""Folders whose tests read JSON files of golden values."""
STATED = list(csv.DictReader((GOLDEN / "unread.csv").read_text("utf-8").splitlines()))


def stated(file: str, leaf: str) -> list[int]:
    """The lines of unread.csv that name a leaf."""
    return [
        number
        for number, each in enumerate(STATED)
        if fnmatchcase(file, each["file"]) and fnmatchcase(leaf, each["leaves"])
    ]


def every_leaf() -> list[tuple[str, str]]:
    return [
        (str(path.relative_to(GOLDEN)), "/".join(leaf))
        for path in sorted(GOLDEN.rglob("*.json"))
        for leaf in leaves(json.loads(path.read_text("utf-8")))
    ]


def test_what_is_stated_is_there_and_has_a_reason() -> None:
    used = {number for file, leaf in every_leaf() for number in stated(file, leaf)}
    idle = [each["leaves"] for number, each in enumerate(STATED) if number not in used]
    assert not idle, "lines of unread.csv that name nothing"
    assert all(len(each["reason"]) > 4 for each in STATED)


def test_a_new_leaf_is_not_stated_by_chance() -> None:
    """The patterns name what they mean: a value that comes to these files is not among them."""
    for file, leaf in (
        ("statistics/golden.json", "tables/one_proportion/0/new_interval/0"),
        ("statistics/models.json", "stratified_best_orr/new_test/p"),
        ("statistics/survival.json", "survival/lung/new_model/coef"),
        ("statistics/design.json", "survival_n/0/rpact/0/new"),
        ("published/published_cohort.json", "best_response/DEFICIENT/new"),
        ("response/bor_cases.json", "cases/0/expected"),
    ):
        assert not stated(file, leaf)


@pytest.mark.slow
def test_every_golden_value_is_read_or_stated(tmp_path: Path) -> None:
    """The tests beside this file are run once more, and what they ask of the files is told."""
    out = tmp_path / "read.json"
    plugins = ["-p", "no:cacheprovider", "-p", "no:benchmark", "-p", "tests.harness.census"]
    folders = [str(GOLDEN / folder) for folder in READERS]
    asked = [sys.executable, "-m", "pytest", "-q", *plugins, *folders]
    done = subprocess.run(
        asked, cwd=ROOT, env={**os.environ, "CENSUS_OUT": str(out)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    read = {(file, leaf) for file, leaf in json.loads(out.read_text("utf-8"))}
    unread = [each for each in every_leaf() if each not in read]
    assert not [each for each in unread if not stated(*each)], "golden values that no test reads"
    idle = [line["leaves"] for number, line in enumerate(STATED)
            if not any(number in stated(*each) for each in unread)]  # fmt: skip
    assert not idle, "lines of unread.csv whose values are read"
