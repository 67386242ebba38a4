"""`equipoise simulate` as its users meet it: the same bits whoever computes, resumed, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.cli.main import main
from equipoise.study.load import load_study, study_path
from tests.harness.page import Page

Rows = list[dict[str, Any]]
STUDIES = ("mgmt-net", "lung-tmb")


def _simulated(capsys: pytest.CaptureFixture[str], *options: str, study: str = "mgmt-net") -> str:
    assert main(["simulate", study, "--json", *options]) == 0
    return capsys.readouterr().out


def _of(rows: Rows, measure: str, scenario: str = "as_stated") -> dict[str, dict[str, Any]]:
    kept = [row for row in rows if row["measure"] == measure and row["scenario"] == scenario]
    return {row["subject"]: row for row in kept}


@pytest.mark.parametrize("study", STUDIES)
def test_every_number_has_its_monte_carlo_error(
    study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: Rows = json.loads(_simulated(capsys, "--trials", "1200", study=study))
    first = [row for row in rows if row["scenario"] == "as_stated"]
    primary = next(e.id for e in load_study(study).analysis.analyses if e.role == "primary")
    measures = {row["measure"] for row in first}
    assert {"power", "mean_estimate", "bias", "mean_size", "duration_months"} <= measures
    assert primary in _of(rows, "power") | _of(rows, "type_1_error")
    for row in first:
        if row["estimate"] is not None:
            assert row["standard_error"] is not None and row["standard_error"] >= 0, row
            assert row["lower"] <= row["estimate"] <= row["upper"], row
            assert 0 < row["trials"] <= 1200


@pytest.mark.parametrize("workers", [["--processes", "2"], ["--cluster", "local:2"]])
def test_who_computes_changes_no_bit(
    workers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["--trials", "3300", "--seed", "5"]
    alone = _simulated(capsys, *told, "--processes", "1")
    assert _simulated(capsys, *told, *workers) == alone
    assert _simulated(capsys, "--trials", "3300", "--seed", "6", "--processes", "1") != alone


def test_a_stopped_simulation_goes_on_and_a_longer_one_only_adds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    _simulated(capsys, "--trials", "2500", *out)
    chunks = sorted((tmp_path / "out" / "chunks").iterdir())
    assert [path.name for path in chunks] == [f"{number:08d}.npz" for number in range(3)]
    kept = chunks[0].read_bytes()
    chunks[1].write_bytes(chunks[1].read_bytes()[:-100])
    assert main(["simulate", "mgmt-net", "--json", "--trials", "4000", *out]) == 0
    told = capsys.readouterr()
    assert "1 of 4 chunks were there" in told.err, "one was damaged, one was shorter"
    assert chunks[0].read_bytes() == kept
    assert told.out == _simulated(capsys, "--trials", "4000")
    assert main(["simulate", "mgmt-net", "--trials", "4000", *out]) == 0
    assert "4 of 4 chunks were there" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        (["--seed", "2"], "seed 1 there and 2 here"),
        (["--scenario", "null"], "scenario 'planning' there and 'null' here"),
    ],
)
def test_two_simulations_are_never_mixed(
    options: list[str], differs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    _simulated(capsys, "--trials", "1000", "--out", str(out))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert main(["simulate", "mgmt-net", "--trials", "1000", "--out", str(out), *options]) == 2
    told = capsys.readouterr().err
    assert differs in told and "--out" in told
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_better_assay_is_compared_trial_by_trial(capsys: pytest.CaptureFixture[str]) -> None:
    rows: Rows = json.loads(_simulated(capsys, "--trials", "2000"))
    power = _of(rows, "power")
    for code in ("failure_halved", "no_failure", "no_misclassification", "perfect"):
        better = _of(rows, "power", code)
        for name, row in _of(rows, "rejection_difference", code).items():
            if name in power and name in better:
                difference = better[name]["estimate"] - power[name]["estimate"]
                assert row["estimate"] == pytest.approx(difference, abs=1e-12)
                apart = (
                    power[name]["standard_error"] ** 2 + better[name]["standard_error"] ** 2
                ) ** 0.5
                assert row["standard_error"] <= apart, "pairs are never worse than two simulations"
    assert not _of(rows, "rejection_difference")


def test_without_misclassification_nobody_is_misclassified(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Also where the scenario lets assays read the other status, and other tests stand beside."""
    told = study_path("mgmt-net").parent / "scenarios" / "planning.yaml"
    erring = told.read_text("utf-8") + (
        "endpoints:\n"
        "  analyses: [primary, pfs_hazard_ratio_deficient]\n"
        "  beside_fisher: [chi_square]\n"
        "  contrary: {pyrosequencing: 0.1, ihc: 0.1}\n"
    )
    (tmp_path / "erring.yaml").write_text(erring, encoding="utf-8")
    out = tmp_path / "out"
    options = ["--scenario", str(tmp_path / "erring.yaml"), "--trials", "1000", "--out", str(out)]
    rows: Rows = json.loads(_simulated(capsys, *options))
    false = [row for row in rows if row["measure"] == "misclassified"]
    shares = {row["scenario"]: row["estimate"] for row in false}
    assert shares["as_stated"] > 0.05 and shares["no_failure"] > 0.05
    assert shares["no_misclassification"] == shares["perfect"] == 0.0
    screened = {row["scenario"]: row["estimate"] for row in rows if row["measure"] == "screened"}
    assert screened["as_stated"] > screened["failure_halved"] > screened["no_failure"]
    power = {code: _of(rows, "power", code)["primary"]["estimate"] for code in shares}
    assert power["perfect"] > power["as_stated"] + 0.05, "a tenth of false statuses costs power"
    assert "primary/chi_square" in _of(rows, "power")
    assert "chi" in (out / "report.html").read_text("utf-8")
    assert main(["simulate", "mgmt-net", *options]) == 0
    said = capsys.readouterr().out
    assert "chi square" in said
    assert "does not ask for it (endpoints.analyses): primary_difference" in " ".join(said.split())


def test_a_grid_meets_the_same_trials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        "product:\n"
        "  scenario.tumour.shrinkage.DEFICIENT.ALKY: [0.30, 0.50]\n"
        "  scenario.harms.0.chance.ALKY: [0.1, 0.2]\n"
    )
    told = ["--trials", "1000", "--grid", str(grid)]
    rows: Rows = json.loads(_simulated(capsys, *told))
    points = [_of(rows, "power", f"grid_{number:03d}")["primary"] for number in range(1, 5)]
    assert points[0]["estimate"] == points[1]["estimate"] < points[2]["estimate"]
    unchanged = _of(rows, "rejection_difference", "grid_003")["primary"]
    assert unchanged["gained"] == unchanged["lost"] == 0, "it is the scenario as it stands"
    assert points[2]["fields"] == {
        "scenario.tumour.shrinkage.DEFICIENT.ALKY": "0.50", "scenario.harms.0.chance.ALKY": "0.1",
    }  # fmt: skip
    assert main(["simulate", "mgmt-net", *told]) == 0
    said = capsys.readouterr().out
    assert "No number changes with scenario.harms.0.chance.ALKY" in said
    assert "common random numbers" in said


def test_a_grid_may_change_the_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        "list:\n"
        "  - study.analysis.analyses.primary.level: 0.90\n"
        "  - study.randomisation.scheme.ratios.DEFICIENT:\n"
        "      {status: DEFICIENT, ratio: {ALKY: 1, OX: 1}, block_sizes: [2, 4]}\n"
    )
    rows: Rows = json.loads(_simulated(capsys, "--trials", "1000", "--grid", str(grid)))
    wider = _of(rows, "rejection_difference", "grid_001")["primary"]
    assert wider["gained"] > 0 and wider["lost"] == 0, "a level of 10 % rejects what 5 % rejects"
    sizes = _of(rows, "mean_size", "grid_002")
    assert sizes["DEFICIENT/ALKY"]["estimate"] == pytest.approx(
        sizes["DEFICIENT/OX"]["estimate"], abs=1
    )
    assert _of(rows, "mean_size")["DEFICIENT/ALKY"]["estimate"] > 35


def test_every_trial_adds_up_to_what_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    rows: Rows = json.loads(
        _simulated(capsys, "--trials", "1500", "--out", str(out), "--every-trial")
    )
    trials = pl.read_parquet(out / "trials" / "*.parquet")
    assert len(trials) == 1500 * 5
    assert trials.filter(scenario="perfect")["trial"].to_list() == list(range(1500))
    first = trials.filter(scenario="as_stated")
    level = 1 - float(load_study("mgmt-net").analysis.analyses[0].level)
    rejected = (first["primary/p"] <= level).sum()
    assert _of(rows, "power")["primary"]["estimate"] == rejected / 1500
    (out / "trials" / "00000001.parquet").unlink()
    again = _simulated(capsys, "--trials", "1500", "--out", str(out), "--every-trial")
    assert json.loads(again) == rows
    assert len(pl.read_parquet(out / "trials" / "*.parquet")) == 1500 * 5


@pytest.mark.parametrize("study", STUDIES)
def test_the_report_says_what_it_is_and_reaches_nothing(
    study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _simulated(capsys, "--trials", "1000", "--out", str(tmp_path / "out"), study=study)
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    page = Page(text)
    assert not page.unbalanced
    assert not [name for name, count in page.identifiers().items() if count > 1]
    assert any("no patient" in each for each in page.text("strong"))
    anchors = {each["href"] for each in page.of("a")}
    assert all(each and each.startswith("#") for each in anchors)
    assert {each[1:] for each in anchors if each} <= set(page.identifiers())
    assert not page.of("script") and not page.of("link") and not page.of("img")
    assert len(page.of("svg")) >= 2
    said = " ".join(page.text("main"))
    for each in ("Assumptions", "Not simulated", "a second", "Monte-Carlo"):
        assert each in said
    (out_of_date,) = [tmp_path / "out" / "characteristics.json"]
    assert json.loads(out_of_date.read_text("utf-8"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["nowhere"], "nowhere"),
        (["mgmt-net", "--scenario", "rain"], "planning"),
        (["mgmt-net", "--trials", "0"], "--trials: found '0'; 1 to"),
        (["mgmt-net", "--seed", "-1"], "--seed"),
        (["mgmt-net", "--processes", "0"], "--processes"),
        (["mgmt-net", "--processes", "2", "--cluster", "local:2"], "not together"),
        (["mgmt-net", "--cluster", "nearby"], "local:N"),
        (["mgmt-net", "--grid", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *options, "--out", "out"]) == 2
    error = capsys.readouterr().err
    assert told in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_every_trial_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "mgmt-net", "--every-trial"]) == 2
    assert "--out" in capsys.readouterr().err


def test_without_dask_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> str:
        from importlib.metadata import PackageNotFoundError

        raise PackageNotFoundError(name)

    monkeypatch.setattr("equipoise.simulation.cluster.version", absent)
    assert main(["simulate", "mgmt-net", "--cluster", "local:2"]) == 2
    assert "equipoise[cluster]" in capsys.readouterr().err
