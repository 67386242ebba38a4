"""`equipoise simulate` of a study with interim looks: rows, terminal, page, refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main
from equipoise.study.load import study_path
from tests.harness.page import Page

LOOKS = """      denominator: evaluable
      interims:
        counted: evaluable
        at: [18, 36]
        side: greater
        alpha: 0.025
        efficacy: {family: obrien_fleming_like}
        futility: {rule: conditional_power, threshold: 0.1, under: trend}
        exact: nominal_p
    - id: main_difference"""
PLAIN = "      denominator: evaluable\n    - id: main_difference"


@pytest.fixture
def looked(tmp_path: Path) -> Path:
    """The invented study, its primary analysis with one look before the end."""
    folder = tmp_path / "looks"
    shutil.copytree(study_path("lung-tmb").parent, folder)
    text = (folder / "study.yaml").read_text("utf-8")
    assert text.count(PLAIN) == 1
    (folder / "study.yaml").write_text(text.replace(PLAIN, LOOKS), "utf-8")
    return folder / "study.yaml"


def _rows(capsys: pytest.CaptureFixture[str], *options: str) -> dict[tuple[str, str, str], Any]:
    assert main(["simulate", *options, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    return {(row["scenario"], row["measure"], row["subject"]): row for row in rows}


def test_rows_terminal_and_page(
    looked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    rows = _rows(capsys, str(looked), "--trials", "1000", "--out", str(out))
    mine = {key[1:]: row for key, row in rows.items() if key[0] == "as_stated"}
    stops = [
        mine[measure, f"main_test/look {look}"]["estimate"]
        for measure, look in (("stop_efficacy", 1), ("stop_efficacy", 2), ("stop_futility", 1))
    ]
    power = mine["power", "main_test/interims"]
    assert power["estimate"] == pytest.approx(stops[0] + stops[1])
    early = mine["stopped_early", "main_test/interims"]
    assert early["estimate"] == pytest.approx(stops[0] + stops[2])
    assert mine["expected_size", "main_test/interims"]["estimate"] < 112
    for row in mine.values():
        if row["subject"].startswith("main_test/"):
            assert row["standard_error"] is not None and row["lower"] <= row["estimate"]
    assert main(["simulate", str(looked), "--trials", "1000"]) == 0
    said = capsys.readouterr().out
    assert "Interim looks at main_test" in said and "18 evaluable" in said
    begin = said.index("Interim looks at")
    ours = said[begin : said.index("\n\n", begin)].splitlines()
    assert max(map(len, ours)) <= 96, ours
    page = Page((out / "report.html").read_text("utf-8"))
    words = [text for _, text in page.texts]
    assert not page.unbalanced and {"Interim looks", "Critical Z", "18 evaluable"} <= set(words)
    plain = _rows(capsys, "lung-tmb", "--trials", "1000")
    assert all(rows[key] == row for key, row in plain.items()), "looks change nothing else"


def test_a_better_assay_and_other_looks_are_compared_in_pairs(
    looked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        "list:\n  - study.analysis.analyses.main_test.interims.efficacy: {family: pocock}\n"
    )
    rows = _rows(capsys, str(looked), "--trials", "1000", "--grid", str(grid))
    for code in ("perfect", "grid_001"):
        told = rows[code, "rejection_difference", "main_test/interims"]
        power = [rows[s, "power", "main_test/interims"]["estimate"] for s in (code, "as_stated")]
        assert told["estimate"] == pytest.approx(power[0] - power[1], abs=1e-12)
    assert rows["grid_001", "rejection_difference", "main_test"]["gained"] == 0


@pytest.mark.parametrize(
    ("there", "instead", "told"),
    [
        ("at: [18, 36]", "at: [36, 18]", ["interims.at", "found '36, 18'", "must rise"]),
        ("at: [18, 36]", "at: [150, 200]", ["main_test.interims", "found '150'", "at most 112"]),
        ("threshold: 0.1", "threshold: 1.1", ["futility.threshold", "found '1.1'"]),
        ("counted: evaluable", "counted: responders", ["interims.counted", "found 'responders'"]),
    ],
)
def test_impossible_looks_are_refused_before_anything_runs(
    there: str, instead: str, told: list[str], looked: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    looked.write_text(looked.read_text("utf-8").replace(there, instead), "utf-8")
    out = tmp_path / "out"
    assert main(["simulate", str(looked), "--trials", "100", "--out", str(out)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert all(each in said for each in told), said
    assert not out.exists()
