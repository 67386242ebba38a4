"""Printed results, published and made up, through the command that everybody uses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from equipoise.cli.main import main

HERE = Path(__file__).parent


def cases(name: str) -> list[Any]:
    found: list[dict[str, Any]] = YAML(typ="safe").load(HERE / f"{name}.yaml")
    return [pytest.param(case, id=case["label"]) for case in found]


@pytest.fixture
def judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(case: dict[str, Any]) -> dict[str, Any]:
        path = tmp_path / "printed.csv"
        row = {"label": case["label"], **case["row"]}
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
        code = main(["consistency", str(path), "--json"])
        (found,) = json.loads(capsys.readouterr().out)
        assert code == int(bool(found["findings"]))
        return dict(found)

    return run


@pytest.mark.parametrize("case", [*cases("published"), *cases("rules")])
def test_a_printed_result(case: dict[str, Any], judged: Any) -> None:
    found = judged(case)
    assert found["verdict"] == case["verdict"], found
    findings = found["findings"]
    if "figures" in case:
        assert findings[0]["figures"] == case["figures"]
    for figure, wanted in case.get("fits", {}).items():
        first, last = wanted if isinstance(wanted, list) else (wanted, wanted)
        (fits,) = [each["fits"][figure] for each in findings if figure in each["fits"]]
        assert fits == {"first": str(first), "last": str(last)}
    assert case.get("text", "") in " | ".join(each["text"] for each in findings)
    assert case.get("remark", "") in " | ".join(found["remarks"])
    assert case.get("checked", "") in " | ".join(found["checked"])


def test_every_published_figure_has_its_citation() -> None:
    assert all(case.values[0]["source"] for case in cases("published"))
