"""equipoise randomisation: guess rates side by side, by method and by what the guesser knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from equipoise.cli.main import main
from equipoise.simulation.predictability import predictability
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
