"""A simulation that somebody stops, and one whose processes somebody kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.study.load import study_path

TRIALS = 30_000
STOPPED = 130

pytestmark = pytest.mark.slow


def _command(out: Path) -> list[str]:
    """A simulation of one analysis; its scenario stands beside the folder `out`."""
    scenario = out.parent / "one.yaml"
    told = study_path("mgmt-net").parent / "scenarios" / "planning.yaml"
    one = told.read_text("utf-8") + "endpoints: {analyses: [primary]}\n"
    scenario.write_text(one, encoding="utf-8")
    return [
        "simulate", "mgmt-net", "--scenario", str(scenario), "--trials", str(TRIALS),
        "--out", str(out),
    ]  # fmt: skip


def _begun(out: Path, *options: str) -> subprocess.Popen[str]:
    """A simulation that has finished some of its chunks."""
    told = [*_command(out), *options]
    running = subprocess.Popen(
        [sys.executable, "-m", "equipoise.cli.main", *told],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while len(list(out.glob("chunks/*.npz"))) < 3:
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    return running


def _children(parent: int) -> list[int]:
    """The processes that `parent` spawned to compute."""
    path = Path(f"/proc/{parent}/task/{parent}/children")
    found = [int(each) for each in path.read_text("ascii").split()]
    return [each for each in found if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def _finished(out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What the same command says, in this process."""
    assert main(_command(out)) == 0
    return (out / "characteristics.json").read_text("utf-8"), capsys.readouterr().err


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rows of a simulation that nobody disturbed, in one process."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert main([*_command(out), "--processes", "1"]) == 0
    return (out / "characteristics.json").read_text("utf-8")


@pytest.mark.parametrize("workers", [("--processes", "2"), ("--cluster", "local:2")])
def test_ctrl_c_keeps_what_is_finished_and_the_command_goes_on(
    workers: tuple[str, str], whole: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    running = _begun(out, *workers)
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == STOPPED, told
    assert "goes on from there" in told and "Traceback" not in told
    kept = len(list(out.glob("chunks/*.npz")))
    assert 3 <= kept < TRIALS // 1000
    assert not (out / "characteristics.json").exists()
    rows, said = _finished(out, capsys)
    assert f"{kept} of {TRIALS // 1000} chunks were there" in said
    assert rows == whole


def test_a_killed_process_loses_nothing(whole: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    running = _begun(out, "--processes", "2")
    victims = _children(running.pid)
    assert victims
    os.kill(victims[0], signal.SIGKILL)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 0, told
    assert json.loads((out / "characteristics.json").read_text("utf-8")) == json.loads(whole)


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    running = _begun(tmp_path / "out", "--processes", "2")
    children = _children(running.pid)
    running.kill()
    running.communicate()
    until = time.monotonic() + 30
    while any(Path(f"/proc/{each}").exists() for each in children):
        assert time.monotonic() < until
        time.sleep(0.05)
