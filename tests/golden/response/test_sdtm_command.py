"""The field's public example of lesions, through the command line: 66 responses that others gave.

Where the example rests on another convention than the standard's file, that is an option: after a
complete response its authors read the sum alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main

HERE = Path(__file__).parent / "sdtm"


def told(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    files = [
        text
        for domain in ("tu", "tr", "rs")
        for text in (f"--{domain}", str(HERE / f"{domain}_onco_recist.csv"))
    ]
    assert main(["response", *files, *options, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("options", "agree", "differ"),
    [
        (["--reappearance", "by-sum"], 66, []),
        ([], 65, ["WEEK 9"]),
        (["--reappearance", "by-sum", "--known-sum", "ignored"], 64, ["WEEK 6", "WEEK 6"]),
    ],
    ids=["as its authors read it", "disease seen again", "known sum ignored"],
)
def test_given_responses_agree(
    options: list[str], agree: int, differ: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    compared = told(capsys, *options)["comparison"]
    assert (compared["agree"], compared["differ"]) == (agree, len(differ))
    assert compared["not_compared"] == 0
    rows = [row["visit"] for row in compared["rows"] if not row["agrees"]]
    assert rows == differ


def test_every_row_is_used_or_told_and_no_lesion_is_too_small(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = told(capsys)
    for file in found["reconciliation"]:
        assert file["used"] + len(file["not_used"]) == file["rows"]
    assert found["findings"] == []
