"""equipoise doses: what is printed for a person and for a machine."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

import pytest

from equipoise.cli import doses as command
from equipoise.study.dose_table import dose_table
from equipoise.study.load import load_study


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser)
    return command.run(parser.parse_args(words))


@pytest.mark.requirement("PH1")
def test_the_print_names_decision_source_and_what_is_for_rehearsal_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run("mgmt-net") == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[1] == "creatinine clearance in mL/min by cockcroft_gault_umol"
    assert printed.count("for rehearsal only: a dose without a source signed for patients") == 6
    assert (
        "  capecitabine: 750 mg/m2 2 times a day on days 1-14, in units of 150, 500 mg [CAPTEM-NZ]"
        in lines
    )
    (reduced,) = (
        line
        for line in lines
        if line.startswith("  uracilaemia below 16 | clearance 30 to 50 ")
        and "capecitabine" in line
        and "562.5" in line
    )
    assert "[CAPECITABINE_RENAL/moderate, CAPECITABINE-LABEL]" in reduced
    assert reduced.endswith("off label: labelled for 1250 mg/m2, here 750 mg/m2")
    closed = [line for line in lines if "uracilaemia 150 " in line and "capecitabine" in line]
    assert closed
    assert all(line.endswith("REGIMEN CLOSED") and "DPD/complete" in line for line in closed)
    assert any(line.startswith("  OXALIPLATIN_RENAL_US (not in force)") for line in lines)
    assert any(line.startswith("    assumption: ") for line in lines)


@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_the_same_for_a_machine(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(name, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == [asdict(each) for each in dose_table(load_study(name))]
    assert {each["decision"] for each in found} <= {"full", "reduce", "judge", "undecided", "omit"}
    assert all(each["missing"] for each in found if each["decision"] == "undecided")
