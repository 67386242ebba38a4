"""Dated responses alone: what counts, what is told, what is refused with file, line and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main

RS = """\
USUBJID,VISITNUM,RSTESTCD,RSSTRESC,RSEVALID,RSDTC
S1,2,OVRLRESP,PR,READER 1,2024-02-12
S1,3,OVRLRESP,PD,READER 1,2024-03-25
S1,4,OVRLRESP,CR,READER 1,2024-05-06
S1,,BESTRESP,PR,READER 1,
"""
SUBJECTS = """\
USUBJID,RFSTDTC,PDDT
S1,2024-01-01,2024-05-01
S2,2024-01-01,
"""


def files(folder: Path, rs: str = RS, subjects: str = SUBJECTS) -> list[str]:
    (folder / "rs.csv").write_text(rs, encoding="utf-8")
    (folder / "subjects.csv").write_text(subjects, encoding="utf-8")
    return ["--rs", str(folder / "rs.csv"), "--subjects", str(folder / "subjects.csv")]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["response", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_both_ways_are_told_and_a_subject_without_response_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = told(capsys, *files(tmp_path))
    first, second = found["best_overall_response"]
    assert (first["response"], first["date"], first["confirmed"]) == ("PR", "2024-02-12", False)
    assert first["without_confirmation"]["response"] == "PR"
    assert first["with_confirmation"]["response"] == "SD"
    assert first["sources"] == ["rs.csv line 2"]
    assert (second["response"], second["evaluator"]) == ("MISSING", None)
    assert found["comparison"]["agree"] == 1


@pytest.mark.parametrize(
    ("options", "response"),
    [
        ([], "PR"),
        (["--progression", "first-pd"], "PR"),
        (["--progression", "given"], "PR"),
        (["--confirm", "28"], "SD"),
        (["--confirm", "28", "--start-window", "43"], "PD"),
    ],
)
def test_what_ends_the_course_and_what_is_asked(
    options: list[str], response: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = told(capsys, *files(tmp_path), *options)["best_overall_response"][0]
    assert found["response"] == response


def test_only_a_given_date_ends_the_course_if_asked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = files(tmp_path, subjects=SUBJECTS.replace("2024-05-01", "2024-05-06"))
    found = told(capsys, *given, "--progression", "given")["best_overall_response"][0]
    assert (found["response"], found["date"]) == ("CR", "2024-05-06")


def test_responses_before_the_reference_date_do_not_count(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for start, response in (("2024-02-12", "PR"), ("2024-02-13", "PD")):
        given = files(tmp_path, subjects=SUBJECTS.replace("S1,2024-01-01", f"S1,{start}"))
        assert told(capsys, *given)["best_overall_response"][0]["response"] == response


def test_without_reference_dates_no_duration_is_judged(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rs = "USUBJID,RSTESTCD,RSSTRESC,RSDTC\nS1,OVRLRESP,SD,2024-01-02\n"
    alone = files(tmp_path, rs)[:2]
    found = told(capsys, *alone)
    assert found["best_overall_response"][0]["response"] == "SD"
    assert found["conventions"]["stable_disease_minimum_days"] is None
    assert main(["response", *alone, "--start-window", "42"]) == 2
    assert "give them with --subjects" in capsys.readouterr().err


def test_an_assessment_without_a_day_keeps_its_place_and_confirms_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rs = RS.replace("PD,READER 1,2024-03-25", "PR,READER 1,2024-03").replace(",CR,", ",SD,")
    found = told(capsys, *files(tmp_path, rs))
    assert found["best_overall_response"][0]["confirmed"] is False
    [remark] = found["reconciliation"][0]["remarks"]
    assert (remark["line"], remark["remark"].split(":")[0]) == (3, "no complete date")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("S1,5,TRGRESP,PR,READER 1,2024-06-01", "TRGRESP is no overall response"),
        ("S1,2,OVRLRESP,PR,READER 1,2024-02-12", "repeats an earlier line"),
    ],
)
def test_what_is_not_used_is_told(
    row: str, reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    [file] = told(capsys, *files(tmp_path, RS + row + "\n"))["reconciliation"]
    assert (file["rows"], file["used"]) == (5, 4)
    assert [each["line"] for each in file["not_used"]] == [6]
    assert reason in file["not_used"][0]["reason"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (",PR,READER 1,2024-02-12", ",PARTIAL,READER 1,2024-02-12",
         "rs.csv line 2, RSSTRESC: found 'PARTIAL'; must be one of CR, PR, SD"),
        ("2024-02-12", "2024-02-30", "rs.csv line 2, RSDTC: found '2024-02-30'; must be a date"),
        ("S1,3,OVRL", "S9,3,OVRL", "rs.csv line 3, USUBJID: found 'S9'; must be a subject"),
        ("S1,3,OVRL", "S1,2,OVRL", "rs.csv line 3, RSSTRESC: found 'PD'; must say the same"),
        ("S1,3,OVRLRESP,PD,READER 1,2024-03-25", "S1,,OVRLRESP,PD,READER 1,2024-03",
         "rs.csv line 3, RSDTC: found '2024-03'; must be a complete date"),
        ("RSDTC", "DATE", "rs.csv line 1, RSDTC: is a column that the file must have"),
    ],
)  # fmt: skip
def test_a_fault_of_the_responses(
    before: str, after: str, expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert RS.count(before) == 1
    assert main(["response", *files(tmp_path, RS.replace(before, after))]) == 2
    assert capsys.readouterr().err.startswith(expected)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("RFSTDTC", "START", "subjects.csv line 1: must have one of the columns REFERENCE_DATE"),
        ("S1,2024-01-01", "S1,2024-01", "subjects.csv line 2, RFSTDTC: found '2024-01'"),
        ("S1,2024-01-01", "S1,", "subjects.csv line 2, RFSTDTC: found ''; must not be empty"),
        ("2024-05-01", "2024", "subjects.csv line 2, PDDT: found '2024'"),
        ("S2,", "S1,", "subjects.csv line 3, USUBJID: found 'S1'; must not be there twice"),
    ],
)
def test_a_fault_of_the_subjects(
    before: str, after: str, expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert SUBJECTS.count(before) == 1
    assert main(["response", *files(tmp_path, subjects=SUBJECTS.replace(before, after))]) == 2
    assert capsys.readouterr().err.startswith(expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--tu and --tr together, or --rs alone"),
        (["--tu", "tu.csv"], "--tu and --tr together"),
        (["--tu", "tu.csv", "--rs", "rs.csv"], "--tu and --tr together"),
        (["--tu", "tu.csv", "--tr", "tr.csv", "--missing-as-ne"], "--missing-as-ne: goes with"),
        (["--rs", "rs.csv", "--known-sum", "ignored"], "--known-sum: goes with --tu and --tr"),
    ],
)
def test_files_and_options_that_do_not_go_together(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["response", *arguments]) == 2
    assert expected in capsys.readouterr().err


def test_a_reader_sees_both_and_the_conventions(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["response", *files(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "best response without confirmation: PR, first on 2024-02-12" in out
    assert "best response with confirmation: SD, first on 2024-02-12" in out
    assert "progression: first-pd" in out
    assert "rs.csv: 4 rows, 4 used, 0 not used" in out
