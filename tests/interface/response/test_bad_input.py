"""Every fault of the tumour files: file, line, column, what was found, what is allowed; exit 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.exchange import delimited
from tests.interface.response.test_sdtm_reading import RS, TR, TU, files

LINE = "S1,2,WEEK 6,T01,LDIAM,20,20,mm"


def refused(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """What is told of the three files in `folder`; nothing else is printed."""
    paths = [str(folder / f"{name}.csv") for name in ("tu", "tr", "rs")]
    assert main(["response", "--tu", paths[0], "--tr", paths[1], "--rs", paths[2]]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    return error.strip()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (LINE, "S1,2,WEEK 6,T01,LDIAM,twenty,,mm",
         "tr.csv line 5, TRSTRESC: found 'twenty'; must be a number, or one of ABSENT"),
        (LINE, 'S1,2,WEEK 6,T01,LDIAM,"12,5",,mm', "tr.csv line 5, TRSTRESC: found '12,5'"),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,20,2e1,mm",
         "tr.csv line 5, TRSTRESN: found '2e1'; must be a decimal number"),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,20,NaN,mm", "tr.csv line 5, TRSTRESN: found 'NaN'"),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,20,21,mm",
         "tr.csv line 5, TRSTRESN: found '21'; must be the number of TRSTRESC, 20."),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,2.0,2.0,cm",
         "tr.csv line 5, TRSTRESU: found 'cm'; must be mm"),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,20,20,", "tr.csv line 5, TRSTRESU: found ''; must be mm"),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,-1,-1,mm", "tr.csv line 5, TRSTRESN: found '-1'; must be 0"),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,600.01,,mm",
         "tr.csv line 5, TRSTRESC: found '600.01'; must be 0 to 600 mm."),
        ("NT01,TUMSTATE,PRESENT,,,,,INDEPENDENT ASSESSOR,READER 1,2024-02-13",
         "NT01,TUMSTATE,BIGGISH,,,,,INDEPENDENT ASSESSOR,READER 1,2024-02-13",
         "tr.csv line 7, TRSTRESC: found 'BIGGISH'; must be one of ABSENT"),
        ("2024-02-13,4", "2024-02-30,4",
         "tr.csv line 5, TRDTC: found '2024-02-30'; must be a date that exists"),
        ("2024-02-13,4", "13/02/2024,4",
         "tr.csv line 5, TRDTC: found '13/02/2024'; must be a date as YYYY"),
        ("2024-02-13,4", "2999-01,4",
         "tr.csv line 5, TRDTC: found '2999-01'; must not be in the future: it is 20"),
        ("2024-02-13,5", "2024-02-13,4",
         "tr.csv line 6, USUBJID + TRSEQ: found 'S1 + 4'; must not be there twice"),
        ("S1,2,WEEK 6,T01", ",2,WEEK 6,T01",
         "tr.csv line 5, USUBJID: found ''; must not be empty."),
        ("S1,2,WEEK 6,T01", "S1,two,WEEK 6,T01", "tr.csv line 5, VISITNUM: found 'two'"),
        ("S1,2,WEEK 6,T01", "S1,,WEEK 6,T01", "tr.csv line 5, VISITNUM: found ''"),
        ("T01,LDIAM,20", "T01,,20", "tr.csv line 5, TRTESTCD: found ''; must not be empty."),
        ("TRSTRESU", "UNIT", "tr.csv line 1, TRSTRESU: is a column that the file must have."),
        ("TRSTAT", "TRDTC", "tr.csv line 1, TRDTC: must name each column once."),
    ],
)  # fmt: skip
def test_a_fault_of_the_results(
    before: str, after: str, expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert TR.count(before) == 1
    files(tmp_path, tr=TR.replace(before, after))
    assert refused(capsys, tmp_path).startswith(expected)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("S1,2,WEEK 6,T01,LDIAM,21,21,mm,,,INDEPENDENT ASSESSOR,READER 1,2024-02-13,7\n",
         "tr.csv line 8, TRSTRESC: found '21'; must say the same as line 5"),
        ("S1,3,WEEK 12,T01,LDI", "tr.csv line 8: found '5 fields'; must have 14 fields"),
        ('S1,3,"WEEK 12,T01\n', "tr.csv line 8: must be comma-separated"),
        ("S1,3,WEEK\0 12\n", "tr.csv line 8: must be text, without NUL."),
        ("x" * 200_000 + "\n", "tr.csv line 8: must be comma-separated"),
    ],
)  # fmt: skip
def test_a_fault_at_the_end_of_the_results(
    tail: str, expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files(tmp_path, tr=TR + tail)
    assert refused(capsys, tmp_path).startswith(expected)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("BONE,TUMIDENT,NON-TARGET,NT01", "BONE,TUMIDENT,NON-TARGET,T01",
         "tu.csv line 4, TULNKID: found 'T01'; is identified already as target in line 2"),
        ("BONE,TUMIDENT,NON-TARGET,NT01", "BONE,TUMIDENT,NON-TARGET,",
         "tu.csv line 4, TULNKID: found ''; must not be empty."),
        ("LYMPH NODE,TUMIDENT,TARGET,T02", "LYMPH NODE,TUMIDENT,TARGET,T01",
         "tu.csv line 3, TULNKID: found 'T01'; is identified already as target in line 2"),
        ("TULOC", "PLACE", "tu.csv line 1, TULOC: is a column that the file must have."),
    ],
)  # fmt: skip
def test_a_fault_of_the_identifications(
    before: str, after: str, expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert TU.count(before) == 1
    files(tmp_path, tu=TU.replace(before, after))
    assert refused(capsys, tmp_path).startswith(expected)


def test_a_fault_of_the_responses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files(tmp_path, rs=RS.replace("RSSTRESC", "RESULT"))
    told = refused(capsys, tmp_path)
    assert told == "rs.csv line 1, RSSTRESC: is a column that the file must have."


def test_a_response_of_the_future(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    header, row, *_ = RS.splitlines()
    files(tmp_path, rs=f"{header},RSDTC\n{row},2999-01-01\n")
    told = refused(capsys, tmp_path)
    assert told.startswith("rs.csv line 2, RSDTC: found '2999-01-01'; must not be in the future")


def test_another_encoding(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "tu.csv").write_bytes(TU.replace("LIVER", "FOIE É").encode("latin-1"))
    told = refused(capsys, tmp_path)
    assert (
        told == "tu.csv line 2: found 'byte 0xc9'; must be UTF-8; save the file in that encoding."
    )


def test_an_empty_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files(tmp_path, tu="")
    assert refused(capsys, tmp_path) == "tu.csv line 1: must begin with a line of column names."


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "tr.csv").unlink()
    assert refused(capsys, tmp_path).endswith("cannot be read (No such file or directory).")


def test_a_folder_in_place_of_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "tr.csv").unlink()
    (tmp_path / "tr.csv").mkdir()
    assert refused(capsys, tmp_path).endswith("cannot be read (Is a directory).")


def test_a_huge_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path)
    monkeypatch.setattr(delimited, "MAXIMUM_BYTES", 200)
    assert refused(capsys, tmp_path) == "tu.csv: must not be larger than 200 bytes."


def test_header_alone_is_no_fault(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    header = [text.splitlines()[0] + "\n" for text in (TU, TR, RS)]
    tu, tr, _ = files(tmp_path, tu=header[0], tr=header[1], rs=header[2])
    assert main(["response", "--tu", str(tu), "--tr", str(tr)]) == 0
    assert "tr.csv: 0 rows, 0 used, 0 not used" in capsys.readouterr().out
