"""The page of statistics by name is what the command prints."""

from __future__ import annotations

from pathlib import Path

from equipoise.cli.stats import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "statistics.md"


def test_the_page_is_the_output_of_the_command() -> None:
    assert PAGE.read_text("utf-8") == page(), (
        "equipoise stats --page > docs/reference/statistics.md"
    )
