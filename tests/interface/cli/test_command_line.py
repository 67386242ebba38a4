"""The command line as its users meet it: help at once, errors told, a whole small trial."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.cli.main import VERBS, main
from equipoise.record.sqlite import SqliteLog
from equipoise.study.load import load_study, study_path

HEAVY = ("polars", "numpy", "numba", "scipy", "matplotlib", "pydantic", "cryptography", "jinja2")


def test_parsing_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom equipoise.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.rstrip().endswith("[]"), done.stdout[-300:]
    assert all(verb in done.stdout for verb in VERBS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["study", "check", "nowhere"], "nowhere"),
        (["rehearse", "mgmt-net", "--scenario", "rain", "--out", "x"], "planning"),
        (["rehearse", "mgmt-net", "--seed", "-1", "--out", "x"], "--seed"),
        (["rehearse", "mgmt-net", "--trials", "0"], "--trials"),
        (["rehearse", "mgmt-net"], "--out"),
        (["verify", "nowhere.sqlite3"], "nowhere.sqlite3"),
        (["analyse", "nowhere.sqlite3"], "nowhere.sqlite3"),
        (["response", "--tu", "nowhere.csv", "--tr", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_an_error_is_told_with_exit_code_2_and_no_traceback(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small rehearsed LUNG-TMB: its folder."""
    folder = tmp_path_factory.mktemp("rehearsal")
    scenario = study_path("lung-tmb").parent / "scenarios" / "planning.yaml"
    small = scenario.read_text(encoding="utf-8").replace("randomise: 112", "randomise: 15")
    small = small.replace("screen_at_most: 150", "screen_at_most: 40")
    (folder / "small.yaml").write_text(small, encoding="utf-8")
    out = folder / "out"
    told = ["rehearse", "lung-tmb", "--scenario", str(folder / "small.yaml"), "--seed", "4"]
    assert main([*told, "--out", str(out)]) == 0
    return out


@pytest.mark.requirement("SY1", "VA3")
def test_a_rehearsal_leaves_record_results_and_report(
    rehearsal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {"record.sqlite3", "results.json", "report.html", "anchors.jsonl"} <= {
        path.name for path in rehearsal.iterdir()
    }
    results = json.loads((rehearsal / "results.json").read_text(encoding="utf-8"))
    assert set(results[0]) == {
        "analysis", "estimand", "population", "groups", "method", "side", "numerators",
        "denominators", "estimate", "lower", "upper", "p", "sources", "label",
    }  # fmt: skip
    assert all(
        each["label"].endswith("[synthetic patients: rehearsal, not a trial]") for each in results
    )
    page = (rehearsal / "report.html").read_text(encoding="utf-8")
    assert page.count("Synthetic patients") >= 1
    assert (
        "Assumptions of the scenario" in page and "Everything about this study is invented" in page
    )
    anchored = json.loads((rehearsal / "anchors.jsonl").read_text(encoding="utf-8"))
    assert f"<code>{anchored['hash']}</code></td>" in page
    assert main(["analyse", str(rehearsal / "record.sqlite3"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == results


def test_a_rehearsal_has_staff_of_every_role_of_a_hospital(rehearsal: Path) -> None:
    with closing(SqliteLog(rehearsal / "record.sqlite3")) as log:
        grants = [json.loads(each.body) for each in log.read(types={"GrantGiven"})]
        by = {each.type: each.role for each in log.read()}
    held = {(each["granted_role"], each["granted_site"]) for each in grants}
    sites = {site for _, site in held} - {None}
    assert len(sites) == len(load_study("lung-tmb").sites)
    assert {("monitor", None)} | {
        (role, site) for role in ("investigator", "nurse", "pharmacist") for site in sites
    } <= held
    told = ("SampleCollected", "VisitRecorded", "CycleStarted", "SampleReceived")
    assert [by[each] for each in told] == ["nurse", "nurse", "investigator", "laboratory"]


def test_a_record_is_never_overwritten(rehearsal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (rehearsal / "record.sqlite3").read_bytes()
    assert main(["rehearse", "lung-tmb", "--out", str(rehearsal)]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert (rehearsal / "record.sqlite3").read_bytes() == before


@pytest.mark.requirement("VA3")
@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("UPDATE event SET body = replace(body, 'HIGH', 'LOW ') WHERE type = 'Randomised'",
         "altered"),
        ("DELETE FROM event WHERE seq = 50", "missing"),
        ("DELETE FROM event WHERE seq > 200", "cut_tail"),
    ],
)  # fmt: skip
def test_verify_names_what_happened(
    rehearsal: Path, damage: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("record.sqlite3", "anchors.jsonl"):
        shutil.copy(rehearsal / name, tmp_path / name)
    record, anchors = str(tmp_path / "record.sqlite3"), str(tmp_path / "anchors.jsonl")
    assert main(["verify", record, "--anchors", anchors]) == 0
    with closing(sqlite3.connect(record, isolation_level=None)) as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(damage)
    capsys.readouterr()
    assert main(["verify", record, "--anchors", anchors, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert kind in {each["kind"] for each in found["findings"]}


@pytest.mark.requirement("RN5", "RN7")
def test_the_allocations_of_a_rehearsal_are_made_again_and_listed(
    rehearsal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in rehearsal.glob("record.sqlite3*"):
        shutil.copy(path, tmp_path / path.name)
    who = ["--actor", "rehearsal-auditor", "--role", "auditor", "--organisation", "Rehearsal"]
    record = str(tmp_path / "record.sqlite3")
    assert main(["randomisation", "reproduce", record, *who, "--purpose", "audit"]) == 0
    assert capsys.readouterr().out.endswith("15 allocations, 0 differ from the seed\n")
    assert main(["randomisation", "list", record, *who]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 16
    assert all(",true,," in line for line in lines[1:]), "eligible, and no deviation"
    assert main(["verify", record, "--anchors", str(rehearsal / "anchors.jsonl")]) == 0


def test_many_trials_give_operating_characteristics(
    rehearsal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = str(rehearsal.parent / "small.yaml")
    told = ["rehearse", "lung-tmb", "--scenario", scenario, "--trials", "12", "--json"]
    assert main(told) == 0
    first = json.loads(capsys.readouterr().out)
    assert first[0]["trials"] == 12
    assert main(told) == 0
    assert json.loads(capsys.readouterr().out) == first


def test_many_trials_do_not_depend_on_the_processes(
    rehearsal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty trials are two batches: drawn one after the other, or side by side."""
    scenario = str(rehearsal.parent / "small.yaml")
    told = ["rehearse", "lung-tmb", "--scenario", scenario, "--trials", "30", "--json"]
    found = []
    for processes in ("1", "2"):
        assert main([*told, "--processes", processes]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    assert found[0][0]["trials"] == 30
