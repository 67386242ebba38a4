"""equipoise design: what it prints for a person and for a machine, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main
from equipoise.errors import BadInput
from equipoise.simulation.design import design
from equipoise.simulation.scenario import load_scenario
from equipoise.study.load import load_study, study_path
from tests.harness.page import Page

OBSERVED = ("--observed", "DEFICIENT=10/34", "--observed", "PROFICIENT=2/25")


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["design", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def _rows(found: dict[str, Any], exhibit: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found["exhibits"][exhibit]["rows"]
    return rows


def test_the_published_number_is_reproduced_step_by_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = _json(capsys, "mgmt-net")
    reasoning = found["reasoning"]
    assert reasoning["group_size"] == pytest.approx(26.9018786590865, abs=1e-6)  # R, gsDesign
    assert reasoning["in_group"] == 27
    assert reasoning["randomised"] == {"DEFICIENT": 40.5, "PROFICIENT": 54.0}
    assert (reasoning["total"], reasoning["with_loss"]) == (94.5, 103.95)
    assert (reasoning["subjects"], reasoning["planned"], reasoning["reproduces"]) == (
        104,
        104,
        True,
    )
    steps = {step["what"]: step for step in reasoning["steps"]}
    assert steps["expected rates"]["source"].startswith("ESMO: 15 % v 50 %")
    for assumed in ("level", "power", "test", "with the loss"):
        assert steps[assumed]["source"] is None and "public copy" in steps[assumed]["assumption"]
    assert "compatible with the plan, not known to be the plan's own" in found["findings"][0]


def test_other_methods_are_those_of_r(capsys: pytest.CaptureFixture[str]) -> None:
    """Golden: n1_fleiss_cc 32.36, n1_unpooled 24.19, arcsine 26.11; power 0.9 pooled 35.51."""
    found = _json(capsys, "mgmt-net")
    sizes = {row["method"]: row["in_group"] for row in _rows(found, "by_test")}
    assert list(sizes.values()) == [27, 33, 25, 27, 26, 32, 26]
    powers = {row["wanted_power"]: row["in_group"] for row in _rows(found, "by_power")}
    assert (powers[0.8], powers[0.9]) == (27, 36)


def test_powers_are_those_of_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """34 and 25 at 29.4 % and 8 %: Fisher's test has .47."""
    found = _json(capsys, "mgmt-net", *OBSERVED)
    observed = _rows(found, "power")[-1]
    assert (observed["first"], observed["second"]) == (34, 25)
    assert observed["fisher"] == pytest.approx(0.47, abs=0.005)
    for sizes, key, power in (
        (("26", "26"), "fisher", 0.706),
        (("34", "26"), "fisher", 0.797),
        (("31", "31"), "fisher", 0.797),
        (("26", "26"), "chi_square", 0.809),
        (("34", "26"), "chi_square", 0.837),
    ):
        counts = [f"{s}=0/{n}" for s, n in zip(("DEFICIENT", "PROFICIENT"), sizes, strict=True)]
        found = _json(capsys, "mgmt-net", "--observed", counts[0], "--observed", counts[1])
        assert _rows(found, "power")[-2][key] == pytest.approx(power, abs=0.0005)


def test_the_interaction_is_the_weakness(capsys: pytest.CaptureFixture[str]) -> None:
    """Golden design.interaction_power_wald: 40, 20 and 22, 22 at these rates, power .4229."""
    found = _json(capsys, "mgmt-net", "--set", f"prevalence.DEFICIENT={60 / 104}")
    log_odds, difference = _rows(found, "interaction")
    assert log_odds["power"] == pytest.approx(0.422898693037268, abs=1e-6)
    assert log_odds["needed_evaluable"] == 262
    assert log_odds["needed_randomised"] == 289  # 262 x 1.1
    assert difference["power"] > log_odds["power"]
    assert "is an association" in found["findings"][2]
    assert "42%" in found["findings"][2] and "289 randomised" in found["findings"][2]


def test_designs_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "mgmt-net")
    planned = {row["question"]: row for row in _rows(found, "designs_planned")}
    needed = {row["question"]: row for row in _rows(found, "designs_needed")}
    assert set(planned) == set(needed)
    assert {row["design"] for row in planned.values()} == {
        row["design"] for row in _rows(found, "designs")
    }
    alone = needed["ALKY v OX in DEFICIENT"]
    assert (alone["first_rate"], alone["second_rate"]) == (0.5, 0.25)
    assert alone["randomised"] < needed["ALKY v OX within DEFICIENT"]["randomised"]
    assert alone["randomised"] < needed["ALKY v OX in everybody"]["randomised"]
    assert alone["screened"] > alone["randomised"]
    assert (
        needed["ALKY v OX in everybody"]["screened"]
        == (needed["ALKY v OX in everybody"]["randomised"])
    )
    for row in planned.values():
        assert 0 <= row["error"] <= row["greatest_error"] <= 0.05
        assert row["months"] == pytest.approx(row["screened"] / 3.2, abs=0.05)


def test_designs_with_a_look_before_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Simon's designs are those of clinfun for these rates; adaptive enrichment has its power."""
    found = _json(capsys, "mgmt-net")
    planned, needed = _rows(found, "adaptive_enrichment")
    assert planned["most_randomised"] == 104 and planned["evaluable"] == 94
    assert needed["power"] == pytest.approx(0.8, abs=0.02)
    for row in (planned, needed):
        assert row["error"] <= 0.025 and row["randomised"] < row["most_randomised"]
        assert row["in_status"] <= row["power"] <= row["in_status"] + row["in_everybody"]
        assert row["months"] == pytest.approx(row["screened"] / 3.2, abs=0.05)
    one = _json(capsys, "mgmt-net", "--set", "sided=1", "--set", "alpha=0.05",
                "--set", "response.DEFICIENT.OX=0.15")  # fmt: skip
    optimal, minimax, none = _rows(one, "two_stage")
    assert [optimal[key] for key in ("r1", "n1", "r", "n")] == [1, 5, 4, 16]
    assert [minimax[key] for key in ("r1", "n1", "r", "n")] == [0, 4, 3, 10]
    assert (optimal["randomised"], none["status"], none["n"]) == (18, "PROFICIENT", None)


def test_three_statuses_and_three_arms(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "lung-tmb")
    assert found["reasoning"]["reproduces"] and found["reasoning"]["subjects"] == 112
    assert found["control"] == "CHEMO"
    assert [row["status"] for row in _rows(found, "two_stage")] == ["LOW", "MID", "HIGH", "HIGH"]
    questions = [row["question"] for row in _rows(found, "designs_planned")]
    assert [each for each in questions if each.startswith("COMBI v CHEMO within ")] == [
        f"COMBI v CHEMO within {status}" for status in ("LOW", "MID", "HIGH")
    ]
    arms = [row["arms"] for row in _rows(found, "interaction")]
    assert arms == ["COMBI, CHEMO"] * 2 + ["CHEMO, COMBI, ANTIBODY"] * 2
    other = _json(capsys, "lung-tmb", "--control", "ANTIBODY")
    assert other["control"] == "ANTIBODY"
    assert "COMBI v ANTIBODY in HIGH" in [r["question"] for r in _rows(other, "designs_planned")]


def test_one_sided_and_without_interaction(capsys: pytest.CaptureFixture[str]) -> None:
    """ALKY adds 25 points in both statuses: no interaction of differences, and no number for it."""
    found = _json(
        capsys, "mgmt-net", "--set", "sided=1", "--set", "alpha=0.025",
        "--set", "response.PROFICIENT.OX=0", "--set", "rates.PROFICIENT=0.25",
    )  # fmt: skip
    assert _rows(found, "interaction")[0]["power"] is None
    alike = _json(
        capsys, "mgmt-net", "--set", "response.PROFICIENT.OX=0.25", "--set", "rates.PROFICIENT=0.5",
        "--set", "rates.DEFICIENT=0.75", "--set", "response.DEFICIENT.OX=0.5",
    )  # fmt: skip
    assert _rows(alike, "interaction")[1]["needed_evaluable"] is None
    assert "z_pooled" in _rows(found, "power")[0]


def test_a_person_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", "mgmt-net", "--set", "power=0.9"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("mgmt-net 1.0, scenario planning, power = 0.9\n")
    assert "The reasoning ends in 139; 104 are planned." in printed
    assert "    94.5 x (1 + 0.1)" not in printed and "    126 x (1 + 0.1) = 138.6" in printed
    assert "note: months: patients screened" in printed


def test_a_worse_assay_costs_power_and_patients(capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: 57.2 % deficient, of whom .8 are read so; .9 of the proficient are read so."""
    found = _json(
        capsys, "mgmt-net", "--set", "sensitivity.DEFICIENT=0.8",
        "--set", "sensitivity.PROFICIENT=0.9", "--set", "no_status=0.1",
    )  # fmt: skip
    worse, stated, *_ = rows = _rows(found, "assay_power")
    by = {row["assay"]: row for row in rows}
    one, two = 0.5723 * 0.8 + 0.4277 * 0.1, 0.5723 * 0.2 + 0.4277 * 0.9
    assert worse["assay"] == "assay as set"
    assert worse["no_status"] == pytest.approx(0.1)
    assert worse["false_status"] == pytest.approx(0.5723 * 0.2 + 0.4277 * 0.1, abs=1e-4)
    assert worse["first_rate"] == pytest.approx(
        (0.5723 * 0.8 * 0.50 + 0.4277 * 0.1 * 0.15) / one, abs=1e-4
    )
    assert worse["second_rate"] == pytest.approx(
        (0.5723 * 0.2 * 0.50 + 0.4277 * 0.9 * 0.15) / two, abs=1e-4
    )
    assert worse["power"] < stated["power"] < by["perfect assay"]["power"]
    assert worse["cost"] == pytest.approx(100 * (by["perfect assay"]["power"] - worse["power"]))
    assert worse["needed_screened"] >= worse["needed_randomised"] / 0.9
    assert by["without failure"]["needed_screened"] == by["without failure"]["needed_randomised"]
    # The fallback saves patients; alone, the assay that fails more often costs most.
    assert by["pyrosequencing alone"]["no_status"] > stated["no_status"]
    assert by["ihc alone"]["needed_screened"] > by["pyrosequencing alone"]["needed_screened"]
    assert "20." not in found["findings"][3] and "The assay as set" in found["findings"][3]
    # Nothing else of the design moves with the assay's errors.
    assert _rows(found, "power") == _rows(_json(capsys, "mgmt-net"), "power")


def test_six_designs_and_their_monte_carlo_error(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "mgmt-net")
    rows = _rows(found, "side_by_side")
    assert list(dict.fromkeys(row["design"] for row in rows)) == [
        "marker-stratified", "enrichment", "all comers", "marker-strategy",
        "adaptive enrichment", "Simon's two stages",
    ]  # fmt: skip
    simulated = [row for row in rows if row["power_se"] is not None]
    assert [row["design"] for row in simulated] == ["adaptive enrichment"]
    (row,) = simulated
    assert row["power_se"] == pytest.approx((row["power"] * (1 - row["power"]) / 50_000) ** 0.5)
    assert row["error_se"] == pytest.approx((row["error"] * (1 - row["error"]) / 50_000) ** 0.5)
    curve = {each["randomised"]: each for each in _rows(found, "power_by_number")}
    assert curve[104]["sized_comparison"] == pytest.approx(rows[0]["power"], abs=1e-3)
    powers = [each["interaction"] for each in curve.values()]
    assert powers == sorted(powers) and powers[0] < 0.3 < 0.9 < powers[-1]


@pytest.mark.parametrize("study", ["mgmt-net", "lung-tmb"])
def test_the_page_holds_what_is_printed_and_reaches_nothing(
    study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    found = _json(capsys, study, "--out", str(out), "--set", "power=0.85")
    assert json.loads((out / "design.json").read_text("utf-8")) == found
    assert sorted(path.name for path in out.iterdir()) == ["design.html", "design.json"]
    page = Page((out / "design.html").read_text("utf-8"))
    assert not page.unbalanced
    assert not [name for name, count in page.identifiers().items() if count > 1]
    anchors = {str(each["href"]) for each in page.of("a")}
    assert {each[1:] for each in anchors} <= set(page.identifiers())
    assert not page.of("script") and not page.of("link") and not page.of("img")
    assert len(page.of("svg")) == 5
    said = " ".join(page.text("main"))
    for step in found["reasoning"]["steps"]:
        assert step["value"].replace("_", " ") in said
        assert not step["assumption"] or step["assumption"] in said
    for exhibit in found["exhibits"].values():
        assert exhibit["title"] in said
    adaptive = next(
        row for row in _rows(found, "side_by_side") if row["design"] == "adaptive enrichment"
    )
    assert f"{100 * adaptive['power']:.1f}%\u00a0±\u00a0{100 * adaptive['power_se']:.1f}" in said
    assert "power = 0.85" in " ".join(page.text("header"))
    assert "nan" not in said and "None" not in said


def test_nothing_is_written_where_input_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["design", "mgmt-net", "--set", "alpha=2", "--out", "a/b"]) == 2
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("mine")
    for out in ("file", "file/below"):
        capsys.readouterr()
        assert main(["design", "mgmt-net", "--out", out]) == 2
        assert "--out: found" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "alpha=2"], ["analysis.sample_size.alpha", "found '2'", "between 0 and 1"]),
        (["--set", "power=much"], ["analysis.sample_size.power", "found 'much'", "decimal number"]),
        (["--set", "sided=3"], ["analysis.sample_size.sided", "found '3'"]),
        (["--set", "method=guess"], ["analysis.sample_size.method", "found 'guess'"]),
        (["--set", "loss=1"], ["analysis.sample_size.loss", "below 1"]),
        (["--set", "planned=1"], ["analysis.sample_size.planned", "at least 2"]),
        (["--set", "rates.INTACT=0.5"], ["rates.INTACT", "DEFICIENT or PROFICIENT"]),
        (["--set", "rates.DEFICIENT=0.15"], ["analysis.sample_size.rates", "must differ"]),
        (["--set", "rates.DEFICIENT=1.5"], ["rates.DEFICIENT", "found '1.5'", "0 to 1"]),
        (["--set", "prevalence.DEFICIENT=1"], ["prevalence.DEFICIENT", "of each status"]),
        (["--set", "prevalence.DEFICIENT=1.2"], ["prevalence.DEFICIENT", "0 to 1"]),
        (["--set", "prevalence.INTACT=0.5"], ["prevalence.INTACT", "DEFICIENT, PROFICIENT"]),
        (["--set", "response.DEFICIENT.OX=many"], ["response.DEFICIENT.OX", "found 'many'"]),
        (["--set", "response.DEFICIENT.XX=0.1"], ["response.DEFICIENT.XX", "ALKY, OX"]),
        (["--set", "response.DEFICIENT.ALKY=0.1"], ["set rates.DEFICIENT"]),
        (["--set", "no_status=1"], ["no_status", "below 1"]),
        (["--set", "per_month=0"], ["per_month", "above 0"]),
        (["--set", "colour=red"], ["set: found 'colour'", "alpha", "prevalence.STATUS"]),
        (["--set", "alpha"], ["set: found 'alpha'", "FIELD=VALUE"]),
        (["--observed", "DEFICIENT=1/2"], ["observed", "DEFICIENT and for PROFICIENT"]),
        (["--observed", "DEFICIENT=two"], ["observed", "STATUS=X/N"]),
        (
            ["--observed", "DEFICIENT=5/4", "--observed", "PROFICIENT=1/4"],
            ["first: found '5/4'", "X from 0 to N"],
        ),
        (["--control", "ALKY"], ["control: found 'ALKY'", "must be one of OX"]),
        (["--scenario", "tomorrow"], ["scenario: found 'tomorrow'", "planning"]),
        (["--set", "sensitivity.DEFICIENT=1.2"], ["sensitivity.DEFICIENT", "0 to 1"]),
        (["--set", "sensitivity.INTACT=0.9"], ["sensitivity.INTACT", "DEFICIENT, PROFICIENT"]),
        (["--set", "sensitivity=0.9"], ["sensitivity", "must name a status"]),
    ],
)
def test_what_cannot_be_is_refused(
    words: list[str], told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["design", "mgmt-net", *words]) == 2
    said = capsys.readouterr()
    assert not said.out
    for each in told:
        assert each in said.err


def test_a_study_without_a_size_has_no_design() -> None:
    study = load_study("mgmt-net")
    planning = load_scenario(study_path("mgmt-net").parent, "planning")
    without = study.model_copy(
        update={"analysis": study.analysis.model_copy(update={"sample_size": None})}
    )
    with pytest.raises(BadInput, match=r"analysis.sample_size: must be given"):
        design(without, planning)
    with pytest.raises(BadInput, match="must be a scenario of lung-tmb"):
        design(load_study("lung-tmb"), planning)


def test_other_responses_than_the_size_assumes_are_pointed_out() -> None:
    """LUNG-TMB's planning scenario draws LOW under COMBI at 20 % where its plan assumes 15 %; the
    power at the drawn rates is that of a plan for these rates."""
    study = load_study("lung-tmb")
    scenario = load_scenario(study_path("lung-tmb").parent, "planning")
    found = design(study, scenario)
    said = next(each for each in found.findings if "draws other responses" in each)
    assert "LOW, COMBI: 20%, where the size assumes 15%" in said and "HIGH" not in said
    planned, drawn = (
        next(row for row in found.exhibit("power").rows[2:] if row["rates"] == rates)
        for rates in ("assumed", "drawn")
    )
    assert (planned["sizes"], planned["first"]) == (drawn["sizes"], drawn["first"])
    agreed = design(study, scenario, settings={"rates.LOW": "0.20"})
    assert not any("draws other responses" in each for each in agreed.findings)
    assert all(row["rates"] != "drawn" for row in agreed.exhibit("power").rows)
    for test in ("fisher", "chi_square", "z_unpooled"):
        assert drawn[test] == agreed.exhibit("power").rows[2][test] != planned[test]
