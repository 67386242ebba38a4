"""`equipoise serve` says what it lacks and serves nothing half configured."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from equipoise.cli.main import main


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RECORD", "SECRET", "HOSTS", "DEMONSTRATION"):
        monkeypatch.setenv(f"EQUIPOISE_{name}", "to be restored")
        monkeypatch.delenv(f"EQUIPOISE_{name}")


def test_without_secrets_it_does_not_start_and_names_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_RECORD", str(tmp_path / "record.sqlite3"))
    assert main(["serve"]) == 2
    told = capsys.readouterr().err
    assert "EQUIPOISE_SECRET" in told and "EQUIPOISE_HOSTS" in told


def test_a_demonstration_listens_on_loopback_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = str(tmp_path / "record.sqlite3")
    asked = ["serve", "--record", record, "--host", "0.0.0.0", "--loopback-demo"]
    assert main(asked) == 2
    assert "127.0.0.1" in capsys.readouterr().err


def test_without_the_web_part_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["serve", "--record", "r.sqlite3"]) == 2
    assert "equipoise[web]" in capsys.readouterr().err
