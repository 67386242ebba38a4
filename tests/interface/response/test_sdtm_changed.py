"""Targets that came apart or grew together in TU and TR, with sums added by hand.

The visits are those of CDISC's example for RECIST 1.1: T04 splits at week 16, T02 and T03 merge at
week 24. RECIST 1.1, 4.2: of a lesion in pieces the longest diameters of the pieces are added; of
lesions that have merged the longest diameter of the one lesion counts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main

WHO = "INVESTIGATOR"
TU_HEAD = "USUBJID,VISITNUM,VISIT,TULOC,TUTESTCD,TUSTRESC,TULNKID,TUEVAL,TUSEQ"
TR_HEAD = (
    "USUBJID,VISITNUM,VISIT,TRLNKID,TRTESTCD,TRSTRESC,TRSTRESN,TRSTRESU,TRSTAT,TRREASND,TREVAL,"
    "TRDTC,TRSEQ"
)
DAYS = {1: "2024-01-02", 2: "2024-03-01", 3: "2024-04-26", 4: "2024-06-21"}
VISITS = {1: "SCREENING", 2: "WEEK 8", 3: "WEEK 16", 4: "WEEK 24"}
TARGETS = [(1, "T01", "LUNG"), (1, "T02", "LIVER"), (1, "T03", "LIVER"), (1, "T04", "KIDNEY")]
SPLIT = [(3, "T04.1", "KIDNEY"), (3, "T04.2", "KIDNEY")]
MERGED = [(4, "T02/T03", "LIVER")]
SIZES: dict[int, dict[str, str]] = {
    1: {"T01": "30", "T02": "25", "T03": "20", "T04": "40"},
    2: {"T01": "28", "T02": "25", "T03": "22", "T04": "38"},
    3: {"T01": "28", "T02": "24", "T03": "23", "T04.1": "15.5", "T04.2": "12"},
    4: {"T01": "28", "T02/T03": "41", "T04.1": "16", "T04.2": "10"},
}


def tu(lesions: list[tuple[int, str, str]]) -> str:
    tests = {".": "TUSPLIT", "/": "TUMERGE"}
    lines = [TU_HEAD]
    for number, (visit, name, organ) in enumerate(lesions, start=1):
        test = next((tests[mark] for mark in tests if mark in name), "TUMIDENT")
        lines.append(f"S1,{visit},{VISITS[visit]},{organ},{test},TARGET,{name},{WHO},{number}")
    return "\n".join(lines) + "\n"


def tr(sizes: dict[int, dict[str, str]], *more: str) -> str:
    rows = [
        f"S1,{visit},{VISITS[visit]},{name},LDIAM,{size},{size},mm,,"
        for visit, found in sizes.items()
        for name, size in found.items()
    ]
    lines = [TR_HEAD]
    for number, row in enumerate([*rows, *more], start=1):
        lines.append(f"{row},{WHO},{DAYS[int(row.split(',')[1])]},{number}")
    return "\n".join(lines) + "\n"


def told(
    capsys: pytest.CaptureFixture[str], folder: Path, identified: str, measured: str
) -> dict[str, Any]:
    for name, text in (("tu", identified), ("tr", measured)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    files = ["--tu", str(folder / "tu.csv"), "--tr", str(folder / "tr.csv")]
    assert main(["response", *files, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def sums(found: dict[str, Any]) -> dict[str, str | None]:
    return {each["visit"]: each["diameter_sum_mm"] for each in found["assessments"]}


ALL = [*TARGETS, *SPLIT, *MERGED]
NOT_DONE = [
    "S1,4,WEEK 24,T02,LDIAM,,,,NOT DONE,TUMOR MERGED",
    "S1,4,WEEK 24,T03,LDIAM,,,,NOT DONE,TUMOR MERGED",
]
STATES = [
    "S1,4,WEEK 24,T02,TUMSTATE,TUMOR MERGED,,,,",
    "S1,4,WEEK 24,T03,TUMSTATE,TUMOR MERGED,,,,",
]


@pytest.mark.parametrize("more", [[], NOT_DONE, STATES, [*NOT_DONE, *STATES]])
def test_the_example_of_the_supplement(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, more: list[str]
) -> None:
    """30 + 25 + 20 + 40; 28 + 25 + 22 + 38; 28 + 24 + 23 + (15.5 + 12); 28 + 41 + (16 + 10)."""
    found = told(capsys, tmp_path, tu(ALL), tr(SIZES, *more))
    assert sums(found) == {
        "SCREENING": "115.00", "WEEK 8": "113.00", "WEEK 16": "102.50", "WEEK 24": "95.00"
    }  # fmt: skip
    assert [each["targets"] for each in found["assessments"]] == [4] * 4
    assert [each["not_evaluated"] for each in found["assessments"]] == [0] * 4
    for file in found["reconciliation"]:
        assert file["used"] == file["rows"], file


@pytest.mark.parametrize(
    ("visit", "change", "expected"),
    [
        # a piece that nobody measured: the sum is not known, 28 + 24 + 23 are
        (3, {"T04.2": None}, (None, "75.00", 1)),
        # neither the whole nor a piece
        (3, {"T04.1": None, "T04.2": None}, (None, "75.00", 1)),
        # measured as one again: 28 + 24 + 23 + 30
        (3, {"T04.1": None, "T04.2": None, "T04": "30"}, ("105.00", "105.00", 0)),
        # a piece that is gone: 28 + 24 + 23 + 15.5
        (3, {"T04.2": "0"}, ("90.50", "90.50", 0)),
        # merged, and not measured: 28 + (16 + 10)
        (4, {"T02/T03": None}, (None, "54.00", 2)),
        # two lesions again: 28 + 20 + 15 + (16 + 10)
        (4, {"T02/T03": None, "T02": "20", "T03": "15"}, ("89.00", "89.00", 0)),
    ],
)
def test_what_was_not_measured(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    visit: int,
    change: dict[str, str | None],
    expected: tuple[str | None, str, int],
) -> None:
    merged = {**SIZES[visit], **change}
    sizes = {**SIZES, visit: {name: size for name, size in merged.items() if size is not None}}
    found = told(capsys, tmp_path, tu(ALL), tr(sizes))
    [row] = [each for each in found["assessments"] if each["visit"] == VISITS[visit]]
    names = ("diameter_sum_mm", "known_sum_mm", "not_evaluated")
    assert tuple(row[name] for name in names) == expected


def test_three_in_one_and_a_node(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Of merged nodes the short axis counts, of more than two the first has the size of all."""
    lesions = [(1, f"T0{n}", "LYMPH NODE") for n in (1, 2, 3)] + [(2, "T01/T02/T03", "LYMPH NODE")]
    rows = [f"S1,1,SCREENING,T0{n},LPERP,{15 + n},{15 + n},mm,," for n in (1, 2, 3)]
    rows += [
        "S1,2,WEEK 8,T01/T02/T03,LDIAM,50,50,mm,,", "S1,2,WEEK 8,T01/T02/T03,LPERP,33,33,mm,,",
    ]  # fmt: skip
    found = told(capsys, tmp_path, tu(lesions), tr({}, *rows))
    assert sums(found) == {"SCREENING": "51.00", "WEEK 8": "33.00"}


@pytest.mark.parametrize(
    ("lesions", "more", "said"),
    [
        ([*TARGETS, (3, "T09.1", "KIDNEY")], [], "the name of a lesion that was identified"),
        ([*TARGETS, (3, "T02/T09", "LIVER")], [], "the names of two lesions or more"),
        ([*TARGETS, (3, "T02/T02", "LIVER")], [], "the names of two lesions or more"),
        (ALL, ["S1,3,WEEK 16,T04,LDIAM,27,27,mm,,"], "must be empty, or say that it has changed"),
        (ALL, ["S1,4,WEEK 24,T03,LDIAM,0,0,mm,,"], "must be empty, or say that it has changed"),
    ],
)
def test_what_contradicts_itself(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    lesions: list[tuple[int, str, str]],
    more: list[str],
    said: str,
) -> None:
    paths = [tmp_path / "tu.csv", tmp_path / "tr.csv"]
    paths[0].write_text(tu(lesions), encoding="utf-8")
    paths[1].write_text(tr(SIZES, *more), encoding="utf-8")
    assert main(["response", "--tu", str(paths[0]), "--tr", str(paths[1])]) == 2
    assert said in capsys.readouterr().err


def test_pieces_that_tu_does_not_know_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = told(capsys, tmp_path, tu(TARGETS), tr(SIZES))
    assert sums(found)["WEEK 16"] is None
    assert any("identified no lesion T04.1" in json.dumps(each) for each in found["reconciliation"])


def test_a_piece_before_it_split_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sizes = {**SIZES, 2: {**SIZES[2], "T04.1": "20"}}
    found = told(capsys, tmp_path, tu(ALL), tr(sizes))
    assert sums(found)["WEEK 8"] == "113.00"
    assert "TU says of another visit" in json.dumps(found["reconciliation"])
