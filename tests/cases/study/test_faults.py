"""Every mistake of faults.yaml is told: line, field, what was found, what is allowed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from equipoise.errors import BadInput
from equipoise.study.load import load_study, study_path

CASES: list[dict[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("faults.yaml").read_text(encoding="utf-8")
)


def _changed(case: dict[str, Any], folder: Path) -> tuple[Path, int]:
    """The study with the mistake in it, and the line where the mistake stands."""
    study = study_path(case["study"])
    shutil.copy(study.with_name("sites.csv"), folder)
    text, change = study.read_text(encoding="utf-8"), case["change"]
    assert text.count(change["from"]) == 1, "the case must say which place it changes"
    start = text.index(change["from"]) + change["to"].index(case.get("at", ""))
    line = text.replace(change["from"], change["to"])[:start].count("\n") + 1
    path = folder / "study.yaml"
    path.write_text(text.replace(change["from"], change["to"]), encoding="utf-8")
    return path, line


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_mistake_is_told(case: dict[str, Any], tmp_path: Path) -> None:
    path, line = _changed(case, tmp_path)
    with pytest.raises(BadInput) as told:
        load_study(path)
    messages = [str(problem) for problem in told.value.problems]
    fitting = [each for each in messages if all(part in each for part in case["told"])]
    assert fitting, messages
    assert case["told"], "a case says what must be told"
    assert all("study.yaml line " in each for each in fitting)
    if not case.get("anywhere"):
        assert any(f"study.yaml line {line} " in each for each in fitting), (line, fitting)


def test_cases_have_names_of_their_own() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names) > 60
