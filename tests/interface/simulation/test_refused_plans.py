"""Impossible plans, scenarios and options, as a user gives them: one message, nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.study.load import study_path

PLANNING = "scenarios/planning.yaml"
BOTH = ("design", "simulate")


@pytest.mark.parametrize(
    ("file", "there", "instead", "verbs", "told"),
    [
        ("study.yaml", "block_sizes: [3, 6]", "block_sizes: [3, 4]", BOTH,
         ["study.yaml line", "randomisation.scheme.ratios[0].block_sizes", "found '4'",
          "multiple of the ratio's sum 3"]),
        ("study.yaml", "ratio: {ALKY: 2, OX: 1}", "ratio: {ALKY: 2, CISPLATIN: 1}", BOTH,
         ["ratios[0]", "CISPLATIN"]),
        ("study.yaml", "rule_in_force: jco-2024", "rule_in_force: jco-2030", BOTH,
         ["rule_in_force", "jco-2030"]),
        (PLANNING, "PANCREAS: {DEFICIENT: 0.69, PROFICIENT: 0.31}",
         "PANCREAS: {DEFICIENT: 1.2, PROFICIENT: -0.2}", BOTH,
         ["scenario planning, marker.prevalence.PANCREAS", "0 to 1 that sum to 1"]),
        (PLANNING, "PANCREAS: {DEFICIENT: 0.69, PROFICIENT: 0.31}",
         "PANCREAS: {DEFICIENT: 0.69, PROFICIENT: 0.21}", BOTH,
         ["marker.prevalence.PANCREAS", "sum to 1"]),
        (PLANNING, "PROFICIENT: 0.58}", "INTACT: 0.58}", BOTH, ["INTACT"]),
        (PLANNING, "per_month: 3.2", "per_month: -1", BOTH,
         ["planning.yaml line", "enrolment.per_month: found '-1'", "greater than 0"]),
        (PLANNING, "failure: 0.13", "failure: 1.3", BOTH,
         ["marker.assays.pyrosequencing.failure: found '1.3'"]),
        (PLANNING, "DEFICIENT: {ALKY: 0.50, OX: 0.25}", "DEFICIENT: {ALKY: 0.50}", BOTH,
         ["scenario planning, tumour.shrinkage", "OX"]),
        (PLANNING, "DEFICIENT: {ALKY: 0.50, OX: 0.25}", "DEFICIENT: {ALKY: 0.50, OX: 2}", BOTH,
         ["tumour.shrinkage.DEFICIENT.OX: found '2'"]),
        (PLANNING, "randomise: 104", "randomise: 0", ("simulate",),
         ["scenario planning, enrolment", "at least one subject"]),
        (PLANNING, "days_to_randomisation: [10, 21]", "days_to_randomisation: [21, 10]",
         ("simulate",), ["scenario planning, enrolment", "days in order"]),
        (PLANNING, "follow_up_months: 18", "follow_up_months: eighteen", BOTH,
         ["enrolment.follow_up_months: found 'eighteen'"]),
        (PLANNING, "\nmarker:", "\nmarkr:", BOTH, ["markr", "perhaps marker is meant"]),
        (PLANNING, "study: mgmt-net", "study: lung-tmb", BOTH, ["mgmt-net"]),
    ],
)  # fmt: skip
def test_plans_and_scenarios(
    file: str, there: str, instead: str, verbs: tuple[str, ...], told: list[str],
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "study"
    shutil.copytree(study_path("mgmt-net").parent, folder)
    text = (folder / file).read_text("utf-8")
    assert there in text, "the test no longer changes what it means to"
    (folder / file).write_text(text.replace(there, instead), encoding="utf-8")
    for verb in verbs:
        out = tmp_path / verb
        assert main([verb, str(folder), "--out", str(out)]) == 2, verb
        said = capsys.readouterr()
        assert not said.out and not out.exists(), verb
        assert "Traceback" not in said.err and len(said.err.splitlines()) <= 3, said.err
        for each in told:
            assert each in said.err, (verb, said.err)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--trials", "-5"], ["--trials: found '-5'"]),
        (["--cluster", "local:0"], ["--cluster: found 'local:0'", "1 to 512"]),
        (["--cluster", "nonsense"], ["--cluster: found 'nonsense'"]),
        (["--out", "there/below"], ["--out: found 'there/below'", "must be a folder"]),
    ],
)
def test_options(
    options: list[str], told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("mine")
    assert main(["simulate", "mgmt-net", "--out", "out", *options]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error and len(error.splitlines()) == 1
    for each in told:
        assert each in error
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    told = ["simulate", "mgmt-net", "--trials", "10", "--cluster", "tcp://127.0.0.1:1"]
    assert main([*told, "--out", str(out)]) == 2
    assert "no scheduler of Dask answers there" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("product: {scenario.colour: [1]}\n", ["scenario.colour", "found 'colour'"]),
        ("product: {scenario.enrolment.per_month: [-1]}\n", ["found '-1'", "greater than 0"]),
        ("product: {scenario.marker.prevalence.THORAX.DEFICIENT: [1.5]}\n",
         ["grid point", "marker.prevalence.THORAX", "sum to 1"]),
        ("{[\n", ["g.yaml line 1"]),
    ],
)  # fmt: skip
def test_grids(
    text: str, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("g.yaml").write_text(text, encoding="utf-8")
    assert main(["simulate", "mgmt-net", "--grid", "g.yaml", "--out", "out"]) == 2
    error = capsys.readouterr().err
    for each in told:
        assert each in error
    assert [path.name for path in tmp_path.iterdir()] == ["g.yaml"]
