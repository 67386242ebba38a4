"""The how-to of `equipoise simulate`: its commands run, its grid is one, its options exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from equipoise.cli.main import main, parser
from equipoise.study.interim_checks import interim_disagreements
from tests.harness.looking import with_looks

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "operating-characteristics.md"


def test_the_commands_that_it_shows_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text("utf-8")
    (grid,) = re.findall(r"```yaml\n(product:.*?)```", page, re.DOTALL)
    (tmp_path / "grid.yaml").write_text(grid, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^\$ equipoise (.+)$", page, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert main(command.split()) == 0
        out = Path(command.split()[-1])
        assert {"report.html", "characteristics.json"} <= {path.name for path in out.iterdir()}
    said = capsys.readouterr().out
    assert "no patient" in said and "common random numbers" in said
    rows = json.loads(Path("out/grid/characteristics.json").read_text("utf-8"))
    assert len({row["scenario"] for row in rows if row["kind"] == "grid"}) == 4


def test_its_looks_are_looks_of_the_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the grid are simulated; those of the study file are the primary analysis's."""
    page = PAGE.read_text("utf-8")
    (grid,) = re.findall(r"```yaml\n(list:.*?)```", page, re.DOTALL)
    (tmp_path / "looks.yaml").write_text(grid, encoding="utf-8")
    told = ["simulate", "mgmt-net", "--trials", "500", "--json"]
    assert main([*told, "--grid", str(tmp_path / "looks.yaml")]) == 0
    rows = json.loads(capsys.readouterr().out)
    power = {r["scenario"]: r for r in rows if r["subject"] == "primary/interims"}
    assert set(power) == {"grid_001", "grid_002"}
    (shown,) = re.findall(r"```yaml\n(analysis:\n  analyses:.*?)```", page, re.DOTALL)
    (analysis,) = yaml.safe_load(shown)["analysis"]["analyses"]
    interims = {k: str(v) if isinstance(v, float) else v for k, v in analysis["interims"].items()}
    interims["futility"]["threshold"] = str(interims["futility"]["threshold"])
    study = with_looks("mgmt-net", analysis["id"], interims)
    assert not list(interim_disagreements(study))


def test_the_options_that_it_names_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["simulate", "--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert set(re.findall(r"`(--[a-z-]+)", PAGE.read_text("utf-8"))) <= known
