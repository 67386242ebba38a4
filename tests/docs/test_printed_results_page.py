"""The reference of printed results has every column and code; the how-to shows what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.exchange.printed_results import COLUMNS
from equipoise.statistics.claim import MEASURES, METHODS, TESTS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_has_every_column_in_its_words_and_every_code() -> None:
    page = (DOCS / "reference" / "printed-results.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert {name: rows.get(name) for name in COLUMNS} == dict(COLUMNS)
    for title, codes in (("Measures", MEASURES), ("Methods of", METHODS), ("Tests", TESTS)):
        section = page.split(f"## {title}")[1].split("\n## ")[0]
        assert set(codes) <= set(re.findall(r"`(\w+)`", section))


def test_the_how_to_shows_what_the_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "how-to" / "check-printed-results.md").read_text("utf-8")
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "printed.csv"
    path.write_text(table, encoding="utf-8")
    assert main(["consistency", str(path)]) == 1
    said = capsys.readouterr().out
    for block in shown.strip().split("\n\n"):
        assert block in said
