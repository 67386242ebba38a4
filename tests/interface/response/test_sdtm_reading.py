"""What the reader of TU, TR and RS decides, row by row, and what it refuses with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main
from equipoise.exchange.sdtm_tumour import read_tumour

TU = """\
USUBJID,VISITNUM,VISIT,TULOC,TUTESTCD,TUSTRESC,TULNKID,TUEVAL,TUEVALID,TUSEQ
S1,1,BASE,LIVER,TUMIDENT,TARGET,T01,INDEPENDENT ASSESSOR,READER 1,1
S1,1,BASE,LYMPH NODE,TUMIDENT,TARGET,T02,INDEPENDENT ASSESSOR,READER 1,2
S1,1,BASE,BONE,TUMIDENT,NON-TARGET,NT01,INDEPENDENT ASSESSOR,READER 1,3
"""
TR = """\
USUBJID,VISITNUM,VISIT,TRLNKID,TRTESTCD,TRSTRESC,TRSTRESN,TRSTRESU,TRSTAT,TRREASND,TREVAL,TREVALID,TRDTC,TRSEQ
S1,1,BASE,T01,LDIAM,40,40,mm,,,INDEPENDENT ASSESSOR,READER 1,2024-01-02,1
S1,1,BASE,T02,LPERP,20,20,mm,,,INDEPENDENT ASSESSOR,READER 1,2024-01-02,2
S1,1,BASE,NT01,TUMSTATE,PRESENT,,,,,INDEPENDENT ASSESSOR,READER 1,2024-01-02,3
S1,2,WEEK 6,T01,LDIAM,20,20,mm,,,INDEPENDENT ASSESSOR,READER 1,2024-02-13,4
S1,2,WEEK 6,T02,LPERP,9,9,mm,,,INDEPENDENT ASSESSOR,READER 1,2024-02-13,5
S1,2,WEEK 6,NT01,TUMSTATE,PRESENT,,,,,INDEPENDENT ASSESSOR,READER 1,2024-02-13,6
"""
RS = """\
USUBJID,VISITNUM,VISIT,RSTESTCD,RSSTRESC,RSEVAL,RSEVALID,RSSEQ
S1,2,WEEK 6,OVRLRESP,PR,INDEPENDENT ASSESSOR,READER 1,1
"""


def files(folder: Path, *, tu: str = TU, tr: str = TR, rs: str = RS) -> tuple[Path, Path, Path]:
    paths = (folder / "tu.csv", folder / "tr.csv", folder / "rs.csv")
    for path, text in zip(paths, (tu, tr, rs), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def told(
    capsys: pytest.CaptureFixture[str], folder: Path, *options: str, **texts: str
) -> dict[str, Any]:
    tu, tr, rs = files(folder, **texts)
    arguments = ["--tu", str(tu), "--tr", str(tr), "--rs", str(rs), "--json", *options]
    assert main(["response", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def week_6(found: dict[str, Any]) -> dict[str, Any]:
    [row] = [row for row in found["assessments"] if row["visit"] == "WEEK 6"]
    return row


def test_the_plain_case(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = told(capsys, tmp_path)
    row = week_6(found)
    assert (row["diameter_sum_mm"], row["overall_response"]) == ("29.00", "PR")
    assert found["comparison"]["agree"] == 1
    [best] = found["best_overall_response"]
    assert (best["response"], best["visit"], best["confirmed"]) == ("PR", "WEEK 6", False)


LINE = "S1,2,WEEK 6,T01,LDIAM,20,20,mm,,,"
NODE = "S1,2,WEEK 6,T02,LPERP,9,9,mm,,,"
OTHER = "S1,2,WEEK 6,NT01,TUMSTATE,PRESENT,,,,,"
WHO = "INDEPENDENT ASSESSOR,READER 1,2024-02-13"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (LINE, "S1,2,WEEK 6,T01,LDIAM,0,0,mm,,,", {"diameter_sum_mm": "9.00"}),
        (LINE, "S1,2,WEEK 6,T01,TUMSTATE,ABSENT,,,,,", {"diameter_sum_mm": "9.00"}),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,TOO SMALL TO MEASURE,,mm,,,", {"diameter_sum_mm": "14.00"}),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,TOO SMALL TO MEASURE,4,mm,,,", {"diameter_sum_mm": "13.00"}),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,,,,NOT DONE,NO SCAN,", {"not_evaluated": 1}),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,,,,,,", {"not_evaluated": 1}),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,NE,,,,,", {"not_evaluated": 1}),
        (LINE, "S1,2,WEEK 6,T01,TUMSTATE,PRESENT,,,,,", {"not_evaluated": 1}),
        (LINE, "S1,2,WEEK 6,T01,LPERP,20,20,mm,,,", {"not_evaluated": 1}),
        (LINE, "S1,2,WEEK 6,T01,DIAMETER,20,20,mm,,,", {"diameter_sum_mm": "29.00"}),
        (LINE, "S1,2,WEEK 6,T01,LDIAM,20.005,20.005,mm,,,", {"diameter_sum_mm": "29.01"}),
        (NODE, "S1,2,WEEK 6,T02,LDIAM,9,9,mm,,,", {"not_evaluated": 1}),
        (NODE, "S1,2,WEEK 6,T02,LNSTATE,NON-PATHOLOGICAL,,,,,", {"diameter_sum_mm": "20.00"}),
        (OTHER, "S1,2,WEEK 6,NT01,TUMSTATE,ABSENT,,,,,", {"non_target_response": "CR"}),
        (OTHER, "S1,2,WEEK 6,NT01,TUMSTATE,NE,,,,,", {"non_target_response": "NE"}),
        (OTHER, "S1,2,WEEK 6,NT01,TUMSTATE,,,,NOT DONE,,", {"non_target_response": "NE"}),
        (OTHER, "S1,2,WEEK 6,NT01,TUMSTATE,ENLARGEMENT,,,,,",
         {"non_target_response": "NON-CR/NON-PD"}),
        (OTHER, "S1,2,WEEK 6,NT01,TUMSTATE,UNEQUIVOCAL PROGRESSION,,,,,",
         {"non_target_response": "PD"}),
        ("WEEK 6,T01", "WEEK 6,T09", {"not_evaluated": 1}),
        (WHO + ",4", "INDEPENDENT ASSESSOR,READER 1,2024-02,4", {"date": "2024-02-13"}),
    ],
)  # fmt: skip
def test_a_result_is_read_as_it_stands(
    before: str,
    after: str,
    expected: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    assert TR.count(before) == 1
    row = week_6(told(capsys, tmp_path, tr=TR.replace(before, after)))
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("S1,2,WEEK 6,T09,LDIAM,20,20,mm,,,", "identified no lesion T09 in TU"),
        ("S1,2,WEEK 6,,SUMDIAM,29,29,mm,,,", "sums are computed here"),
        ("S1,2,WEEK 6,T01,LPERP,15,15,mm,,,", "LPERP is not the axis that counts"),
        ("S1,2,WEEK 6,T02,LDIAM,15,15,mm,,,", "LDIAM is not the axis that counts"),
        ("S1,2,WEEK 6,T01,VOLUME,15,15,mL,,,", "TRTESTCD VOLUME of a target lesion is not read"),
        ("S1,2,WEEK 6,T01,TUMSTATE,PRESENT,,,,,", "the size is there"),
        ("S1,2,WEEK 6,NT01,LDIAM,12,12,mm,,,", "TRTESTCD LDIAM of a non-target lesion is not read"),
        ("S1,2,WEEK 6,T01,LDIAM,20,20,mm,,,", "repeats an earlier line"),
    ],
)
def test_what_is_not_used_is_told(
    row: str, reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = told(capsys, tmp_path, tr=f"{TR}{row}{WHO},7\n")
    assert week_6(found)["diameter_sum_mm"] == "29.00"
    [left] = found["reconciliation"][1]["not_used"]
    assert left["line"] == 8
    assert reason in left["reason"]


def test_a_short_axis_longer_than_the_diameter_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = f"S1,2,WEEK 6,T02,LDIAM,8,8,mm,,,{WHO},7\n"
    remarks = told(capsys, tmp_path, tr=TR + row)["reconciliation"][1]["remarks"]
    assert [each["line"] for each in remarks] == [6]
    assert "longer than its LDIAM (8 mm)" in remarks[0]["remark"]


NEW = "S1,2,WEEK 6,LUNG,TUMIDENT,NEW,NEW01,INDEPENDENT ASSESSOR,READER 1,4\n"


@pytest.mark.parametrize(
    ("state", "expected"),
    [(None, "PD"), ("UNEQUIVOCAL", "PD"), ("EQUIVOCAL", "PR"), ("ABSENT", "PD")],
)
def test_a_new_lesion(
    state: str | None, expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = "" if state is None else f"S1,2,WEEK 6,NEW01,TUMSTATE,{state},,,,,{WHO},7\n"
    found = told(capsys, tmp_path, tu=TU + NEW, tr=TR + row)
    assert week_6(found)["overall_response"] == expected
    assert found["reconciliation"][0]["used"] == 4


def test_a_new_lesion_at_a_visit_without_results_is_an_assessment(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = told(capsys, tmp_path, tu=TU + NEW.replace(",2,WEEK 6,", ",3,WEEK 12,"))
    last = found["assessments"][-1]
    assert (last["visit"], last["overall_response"], last["date"]) == ("WEEK 12", "PD", None)


def test_a_target_identified_after_baseline_is_not_followed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    late = "S1,2,WEEK 6,LUNG,TUMIDENT,TARGET,T03,INDEPENDENT ASSESSOR,READER 1,4\n"
    row = f"S1,2,WEEK 6,T03,LDIAM,30,30,mm,,,{WHO},7\n"
    found = told(capsys, tmp_path, tu=TU + late, tr=TR + row)
    assert week_6(found)["targets"] == 2
    for file in found["reconciliation"]:
        [left] = file["not_used"]
        assert "after the baseline" in left["reason"]


def test_lesions_of_nobody_belong_to_every_evaluator(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = "".join(
        line.replace("INDEPENDENT ASSESSOR,READER 1", "INVESTIGATOR,").rsplit(",", 1)[0] + f",{n}\n"
        for n, line in enumerate(TR.splitlines()[1:], start=7)
    )
    found = told(
        capsys, tmp_path, tu=TU.replace("INDEPENDENT ASSESSOR,READER 1", ","), tr=TR + other
    )
    best = [(row["evaluator"], row["response"]) for row in found["best_overall_response"]]
    assert best == [("INVESTIGATOR", "PR"), ("READER 1", "PR")]


def test_one_identifier_of_two_roles_is_two_evaluators(tmp_path: Path) -> None:
    tu, tr, _ = files(
        tmp_path,
        tu=TU + "S1,1,BASE,LIVER,TUMIDENT,TARGET,T01,INVESTIGATOR,READER 1,4\n",
        tr=TR + "S1,1,BASE,T01,LDIAM,40,40,mm,,,INVESTIGATOR,READER 1,2024-01-02,7\n",
    )
    names = {each.evaluator for each in read_tumour(tu, tr).assessments}
    assert names == {"INDEPENDENT ASSESSOR READER 1", "INVESTIGATOR READER 1"}


def test_columns_may_stand_in_any_order_and_case(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    backwards = "\n".join(",".join(reversed(line.split(","))) for line in TR.splitlines())
    found = told(capsys, tmp_path, tr=backwards.replace("USUBJID", "usubjid"))
    assert week_6(found)["overall_response"] == "PR"


@pytest.mark.parametrize(
    ("row", "agrees", "why"),
    [
        ("S1,2,WEEK 6,TRGRESP,PR,INDEPENDENT ASSESSOR,READER 1,2", True, ""),
        ("S1,2,WEEK 6,NTRGRESP,CR,INDEPENDENT ASSESSOR,READER 1,2", False, "non-target NON-CR"),
        ("S1,,,BESTRESP,PR,INDEPENDENT ASSESSOR,READER 1,2", True, ""),
        ("S1,,,BESTRESP,SD,INDEPENDENT ASSESSOR,READER 1,2", False, ""),
        ("S1,2,WEEK 6,NEWLPROG,N,INDEPENDENT ASSESSOR,READER 1,2", None, "is not compared"),
        ("S1,9,WEEK 60,OVRLRESP,PD,INDEPENDENT ASSESSOR,READER 1,2", None, "no assessment"),
        ("S2,2,WEEK 6,OVRLRESP,PD,INDEPENDENT ASSESSOR,READER 1,2", None, "no assessment"),
    ],
)
def test_given_responses_are_compared(
    row: str,
    agrees: bool | None,
    why: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    compared = told(capsys, tmp_path, rs=f"{RS}{row}\n")["comparison"]["rows"][-1]
    assert compared["agrees"] is agrees
    assert why in compared["why"]


def test_confirmation_can_be_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    [best] = told(capsys, tmp_path, "--confirm", "28")["best_overall_response"]
    assert best["response"] == "SD"
    [best] = told(capsys, tmp_path, "--confirm", "28", "--start-window", "43")[
        "best_overall_response"
    ]
    assert best["response"] == "NE"


def test_options_are_whole_numbers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tu, tr, _ = files(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["response", "--tu", str(tu), "--tr", str(tr), "--confirm", "four"])
    assert ended.value.code == 2
    assert "--confirm: must be a whole number" in capsys.readouterr().err
