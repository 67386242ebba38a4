"""The how-to of designs shows what the command prints, and lists what it gives a machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from equipoise.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "design-a-trial.md").read_text("utf-8")
SHOWN = re.findall(r"```text\n\$ equipoise ([^\n]*)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_the_page_shows_what_is_printed(
    command: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(command.split())
    said = capsys.readouterr()
    printed = (said.err if code else said.out).splitlines()
    assert [line for line in shown.splitlines() if line not in printed] == []


def test_the_page_names_everything_for_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", "lung-tmb", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    section = PAGE.split("## For a machine")[1]
    named = set(re.findall(r"`(\w+)`", section))
    assert {*found, *found["reasoning"], *found["exhibits"]} <= named
    assert {key for step in found["reasoning"]["steps"] for key in step} <= named
