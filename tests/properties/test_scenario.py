"""A scenario file that is damaged in any way is refused with its line, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import read_scenario
from equipoise.study.load import load_study, study_path

PLANNING = (study_path("lung-tmb").parent / "scenarios" / "planning.yaml").read_bytes()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_bad_input_or_harmless(data: st.DataObject, tmp_path: Path) -> None:
    start = data.draw(st.integers(0, len(PLANNING) - 1))
    length = data.draw(st.integers(0, 40))
    new = data.draw(st.one_of(st.binary(max_size=12), st.sampled_from([b"-1", b"1e9", b"[", b"'"])))
    path = tmp_path / "scenario.yaml"
    path.write_bytes(PLANNING[:start] + new + PLANNING[start + length :])
    try:
        scenario = read_scenario(path)
    except BadInput as error:
        assert "scenario.yaml" in str(error)
        return
    assert scenario.name


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"per_month: 8", b"per_month: 0", "per_month"),
        (b"per_month: 8", b"per_month: many", "per_month"),
        (b"failure: 0.05", b"failure: 1.05", "failure"),
        (b"scan_date: {on: visit}", b"scan_date: {on: visit, value: x}", "exactly one"),
        (b"study: lung-tmb", b"study: lung-tmb\nstudy: lung-tmb", "study"),
        (b"harms:", b"harmz:", "harmz"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: bytes, new: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    assert old in PLANNING
    path.write_bytes(PLANNING.replace(old, new, 1))
    with pytest.raises(BadInput, match=r"scenario\.yaml line \d+") as error:
        read_scenario(path)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"study: lung-tmb", b"study: mgmt-net", "study"),
        (b"evaluator: independent", b"evaluator: committee", "second_reader.evaluator"),
        (b"    HIGH: {CHEMO: 0.25, COMBI: 0.60, ANTIBODY: 0.45}", b"", "tumour.shrinkage.HIGH"),
        (b"  measurable: {chance: 0.98}", b"", "measurable"),
        (b"  measurable: {", b"  serum_creatinine: {value: \"80\"}\n  measurable: {",
         "no draw of serum_creatinine: the laboratory reports it"),
        (b"{analyte: creatinine, unit: \xc2\xb5mol/L", b"{analyte: creatinine, unit: mmol/L",
         "a unit of the analyte"),
        (b"    EVER: {LOW: 0.35, MID: 0.35, HIGH: 0.30}", b"", "marker.prevalence"),
        (b"    panel:\n", b"    other:\n", "panel"),
        (b"{analyte: platelets, ", b"{analyte: thrombocytes, ", "no such analyte"),
        (b"{analyte: platelets, unit: 10^9/L", b"{analyte: platelets, unit: g/L", "10^9/L"),
        (b"under_treatment: {CHEMO: 0.6, ", b"under_treatment: {", "laboratory platelets"),
    ],
)  # fmt: skip
def test_an_impossible_scenario_is_refused_before_anything_is_recorded(
    old: bytes, new: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "scenario.yaml"
    assert old in PLANNING
    path.write_bytes(PLANNING.replace(old, new, 1))
    with pytest.raises(BadInput) as error:
        rehearsed([Version(0, load_study("lung-tmb"))], read_scenario(path), 1, [0])
    assert told in str(error.value)
