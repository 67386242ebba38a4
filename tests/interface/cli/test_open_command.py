"""`equipoise open`: the record of a live trial begins, in a file and in PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.conduct.conductor import Conductor
from equipoise.record.keys import KeyStore
from equipoise.record.stores import opened
from tests.harness.postgresql import Database
from tests.harness.trial import STUDY

WHO = ("--administrator", "marie.durand", "--organisation", "Sponsor")


@pytest.mark.requirement("VA3", "UA1")
def test_a_live_record_begins_in_a_file_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "trial.sqlite3"
    assert main(["open", STUDY, "--record", str(record), *WHO]) == 0
    said = capsys.readouterr().out
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text(said.splitlines()[-1] + "\n", encoding="utf-8")
    assert main(["verify", str(record), "--anchors", str(anchors)]) == 0
    log, keys = opened(str(record)), KeyStore(f"{record}.keys")
    events = log.read()
    assert [event.type for event in events] == ["TrialOpened", "StudyVersionAdopted", "GrantGiven"]
    assert json.loads(events[0].body)["mode"] == "live"
    state = Conductor(log, keys).state
    (grant,) = state.grants.values()
    assert (grant.person, grant.role) == ("marie.durand", "administrator")
    assert not state.rehearsal and log.trial == state.study
    log.close()
    keys.close()
    before = record.read_bytes()
    assert main(["open", STUDY, "--record", str(record), *WHO]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert record.read_bytes() == before


def test_keys_are_under_the_master_key_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    master = "5c" * 32
    monkeypatch.setenv("EQUIPOISE_MASTER", master)
    record = tmp_path / "trial.sqlite3"
    assert main(["open", STUDY, "--record", str(record), *WHO]) == 0
    assert main(["backup", str(record), "--out", str(tmp_path / "copy")]) == 0
    monkeypatch.delenv("EQUIPOISE_MASTER")
    capsys.readouterr()
    assert main(["backup", str(record), "--out", str(tmp_path / "again")]) == 2
    assert "master key" in capsys.readouterr().err
    KeyStore(f"{record}.keys", master=master).close()


@pytest.mark.requirement("AT2")
def test_in_postgresql_the_owner_makes_the_record_and_the_application_writes_it(
    tmp_path: Path, postgres: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "trial.keys"
    command = ["open", STUDY, "--record", postgres.owner_dsn, "--schema", postgres.schema, *WHO]
    assert main(command) == 2
    assert "--keys" in capsys.readouterr().err
    assert main([*command, "--as", postgres.owner_dsn, "--keys", str(keys)]) == 2
    assert not keys.exists(), "nothing is left of what did not begin"
    assert main([*command, "--as", postgres.application_dsn, "--keys", str(keys)]) == 0
    log = opened(postgres.application_dsn, schema=postgres.schema)
    assert next(event.type for event in log.read()) == "TrialOpened"
    log.close()
    assert main([*command, "--as", postgres.application_dsn, "--keys", str(keys)]) == 2
