"""equipoise randomisation: guess rates side by side, by method and by what the guesser knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main
from equipoise.randomisation.approval import approval_sha256, list_sha256
from equipoise.randomisation.events import ActivateScheme
from equipoise.simulation.predictability import predictability
from equipoise.study.factor_levels import factor_levels
from equipoise.study.load import bundled, load_study
from tests.harness.bridge import scenario_of
from tests.harness.schemes import minimised


def rates(capsys: pytest.CaptureFixture[str], study: str, trials: int) -> list[dict[str, Any]]:
    arguments = ["randomisation", "predictability", study, "--trials", str(trials), "--json"]
    assert main(arguments) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize("study", bundled())
def test_every_method_for_every_state_of_knowledge(
    study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rates(capsys, study, 200)
    methods = list(dict.fromkeys(each["method"] for each in found))
    assert len(methods) == 5
    assert [each["in_study_file"] for each in found] == [True] * 4 + [False] * 16
    assert methods[3].startswith("minimisation over")
    assert methods[4] == "simple"
    by = {(each["method"], each["sees"], each["status_known"]): each for each in found}
    for method in methods[:3]:
        most = by[method, "every_site", True]
        assert most["excess_points"] == max(
            each["excess_points"] for key, each in by.items() if key[0] == method
        ), "who sees everything guesses best"
        assert most["excess_points"] > by[method, "own_site", True]["excess_points"] + 5
    fixed = by[methods[1], "every_site", True]["excess_points"]
    assert fixed > by[methods[0], "every_site", True]["excess_points"], "blocks of one small size"
    ends = {each["method"]: each["imbalance"] for each in found}
    simple, minimising = ends[methods[4]], ends[methods[3]]
    for method in methods[:3]:
        assert ends[method]["in_status"]["mean"] < 0.7 * simple["in_status"]["mean"]
    assert minimising["in_status_at_site"]["mean"] < 0.8 * simple["in_status_at_site"]["mean"]
    assert all(
        each["mean"] <= each["in_95_of_100"] for end in ends.values() for each in end.values()
    )
    for each in found:
        assert each["trials"] == 200
        if each["method"] == "simple":
            assert each["excess_points"] <= 4 * each["standard_error_points"]


def test_a_study_that_minimises_is_compared_with_blocks() -> None:
    study = minimised(load_study("lung-tmb"), "lung-tmb")
    found = list(predictability(study, scenario_of("lung-tmb", "planning"), 1, 100))
    methods = list(dict.fromkeys(each.method for each in found))
    assert methods == [
        "minimisation over smoking, sex, site (variance, coin 0.8)",
        "blocks of 4 or 8 within status",
        "blocks of 4 within status",
        "simple",
    ]
    own = {(each.every_site, each.status_known): each.rate for each in found[:4]}
    assert own[True, True].excess > own[False, True].excess > 0


@pytest.mark.requirement("RN2")
def test_the_page_of_guess_rates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["randomisation", "predictability", "mgmt-net", "--trials", "100"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("SIMULATED: 100 trials of mgmt-net, scenario planning, seed 1")
    assert "blocks of 3 or 6; 2 or 4 within status *" in told
    assert "A site that knows the status gains" in told
    assert told.count("practised") == 5
    assert main(["randomisation", "predictability", "lung-tmb", "--trials", "100"]) == 0
    assert "A site that does not know the status gains" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.requirement("RN2")
@pytest.mark.parametrize("study", bundled())
def test_ten_thousand_trials_stay_within_five_points(
    study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The own-site guesser of RN2, with and without the status, under the study's own method."""
    own = [each for each in rates(capsys, study, 10_000)[:4] if each["sees"] == "own_site"]
    assert [each["trials"] for each in own] == [10_000, 10_000]
    assert all(each["excess_points"] < 5 for each in own)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--trials", "99"], "--trials"), (["--seed", "-1"], "--seed"), (["--scenario", "x"], "null")],
)
def test_bad_input_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["randomisation", "predictability", "mgmt-net", *arguments]) == 2
    assert told in capsys.readouterr().err


def evidence(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["randomisation", "evidence", *arguments, "--trials", "100"])
    return code, capsys.readouterr().out


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("study", bundled())
def test_the_evidence_is_what_conduct_asks_for(
    study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = evidence(capsys, study, "--seed", "7", "--json", "--accept", "a test")
    assert code == 0
    found = json.loads(told)
    loaded = load_study(study)
    asked = ActivateScheme.model_validate(found["activate"])
    assert asked.dummy_seed == 7
    assert asked.dummy_sha256 == list_sha256(loaded.randomisation, factor_levels(loaded), 7)
    assert found["sign_sha256"] == approval_sha256(loaded.randomisation, asked)
    assert (asked.guess_trials, asked.accepted) == (100, "a test")
    assert float(asked.guess_excess) >= found["guess_rate"]["excess_points"]
    assert found["guess_rate"]["sees"] == "own_site"
    assert found["guess_rate"]["status_known"] == loaded.biomarker.disclosed_to_sites
    assert all(sum(counts.values()) == 24 for counts in found["balance"].values())


@pytest.mark.requirement("RN7")
def test_somebody_elses_list_is_compared_line_by_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    code, told = evidence(capsys, "mgmt-net", "--list", str(path))
    assert code == 0
    assert told.startswith("DUMMY LIST, never for patients: mgmt-net")
    assert "To be signed by the statistician" in told
    text = path.read_text(encoding="utf-8")
    assert text.startswith("stratum,number,arm\nDEFICIENT,1,")
    code, told = evidence(capsys, "mgmt-net", "--compare", str(path))
    assert code == 0
    assert told.splitlines()[-1] == f"Compared with {path}: equal, line by line"
    other = {"ALKY": "OX", "OX": "ALKY"}
    lines = text.splitlines()
    lines[5] = lines[5].rsplit(",", 1)[0] + "," + other[lines[5].rsplit(",", 1)[1]]
    path.write_text("\n".join(lines), encoding="utf-8")
    code, told = evidence(capsys, "mgmt-net", "--compare", str(path))
    assert code == 1
    assert "line 6: here 'DEFICIENT,5," in told
    assert main(["randomisation", "evidence", "mgmt-net", "--compare", str(tmp_path)]) == 2
