"""The same 30 cases through the command line: each becomes a file of responses and one of subjects.

Where a case rests on a convention of its authors, that convention is an option: `--progression
given` (only a given progression date ends the course), `--missing-as-ne`, `--accept-sd`.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("bor_cases.json").read_text(encoding="utf-8")
)["cases"]


def options(case: dict[str, Any]) -> list[str]:
    """The options that the parameters of a case are."""
    asked = case["parameters"]
    found = ["--progression", "given", "--start-window", str(asked["ref_start_window_days"])]
    if case["endpoint"] == "CBOR":
        found += ["--confirm", str(asked["ref_confirm_days"]), "--max-ne", str(asked["max_nr_ne"])]
    found += ["--accept-sd"] if asked.get("accept_sd") else []
    return found + (["--missing-as-ne"] if asked["missing_as_ne"] else [])


def best(
    case: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str], *, reverse: bool = False
) -> dict[str, Any]:
    """What the command says of the one subject of a case."""
    given = case["assessments"][::-1] if reverse else case["assessments"]
    rows = [["S1", "OVRLRESP", each["response"], each["date"]] for each in given]
    subject = ["S1", case["reference_date"], case["progression_date"] or ""]
    for name, header, lines in (
        ("rs", ["USUBJID", "RSTESTCD", "RSSTRESC", "RSDTC"], rows),
        ("subjects", ["USUBJID", "REFERENCE_DATE", "PROGRESSION_DATE"], [subject]),
    ):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *lines])
    files = ["--rs", str(folder / "rs.csv"), "--subjects", str(folder / "subjects.csv")]
    assert main(["response", *files, *options(case), "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["best_overall_response"]
    row: dict[str, Any] = found
    return row


@pytest.mark.parametrize("reverse", [False, True], ids=["in order", "in reverse"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_command_gives_the_expected_answer(
    case: dict[str, Any], reverse: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = best(case, tmp_path, capsys, reverse=reverse)
    assert {name: found[name] for name in ("response", "date")} == case["expected"]
    asked = "with_confirmation" if case["endpoint"] == "CBOR" else "without_confirmation"
    assert found[asked]["response"] == case["expected"]["response"]
