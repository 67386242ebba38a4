"""A record that was backed up while processes randomised, restored: whole, and the seed's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.errors import RecordError
from equipoise.record.anchors import is_signed
from equipoise.record.backup import copied
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.workflow.anchor import anchored
from tests.harness.killing import keep_writing
from tests.harness.randomising import (
    WRITERS,
    assert_replayed,
    prepared,
    randomise_whatever_happens,
)
from tests.harness.restoring import backed_up, restored
from tests.harness.stores import PostgresStore, SqliteStore, Store
from tests.harness.trial import Trial

SUBJECTS = 240


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Both stores."""
    if request.param == "sqlite":
        yield SqliteStore(tmp_path / "record.sqlite3")
    else:
        yield PostgresStore(request.getfixturevalue("postgres"))


def allocations(events: list[Event]) -> list[tuple[str | None, dict[str, object]]]:
    """Who was allocated what; the random salt of each apart."""
    made = [(each.subject, json.loads(each.body)) for each in events if each.type == "Randomised"]
    assert all(len(body.pop("salt")) == 32 for _, body in made)
    return made


@pytest.mark.slow
@pytest.mark.requirement("VA4", "RN4", "RN7")
def test_a_backup_of_a_record_in_use(store: Store, tmp_path: Path) -> None:
    """Its chain holds, its allocations are the seed's, and who is missing gets the same arm again.

    A head signed after the backup shows that the tail is missing.
    """
    keys, copy = tmp_path / "keys", tmp_path / "keys of the backup"
    with closing(store.create()) as log:
        trial, subjects = prepared(log, KeyStore.create(keys), SUBJECTS)
        before = anchored(log, trial.keys, purpose="before the backup")
    crew = keep_writing(randomise_whatever_happens, store, keys, subjects, writers=WRITERS)
    crew.wait_for_each()
    backup = backed_up(store, tmp_path)
    copied(keys, copy)
    crew.wait_for_each()
    crew.dismiss()
    with closing(store.open()) as log:
        events = log.read()
        after = anchored(log, trial.keys, purpose="after the backup")
    again = restored(store, backup, tmp_path)
    assert again.examine(anchors=[before], is_signed=is_signed).findings == []
    told = again.examine(anchors=[before, after], is_signed=is_signed).findings
    assert told and all(each.seq > 0 for each in told)
    with closing(again.open()) as log, closing(KeyStore(copy)) as kept:
        there = log.read()
        assert there == events[: len(there)]
        assert_replayed(there, log.trial, trial.study, kept)
        lost = allocations(events[len(there) :])
        assert allocations(there) and lost
        other = Trial(log, kept)
        made = [
            event
            for subject, _ in lost
            for event in other.act("Randomise", {}, subject=subject)
        ]  # fmt: skip
        assert allocations(made) == lost


def test_the_command_copies_record_and_keys(
    embedded: Trial, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the record is open; the copy opens, verifies, and randomises as the record would."""
    embedded.screened("A-001")
    record, folder = tmp_path / "record.sqlite3", tmp_path / "backup"
    assert main(["backup", str(record), "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "intact" in said
    line = (folder / "anchors.jsonl").read_text(encoding="utf-8")
    assert line in said
    copy = folder / "record.sqlite3"
    for name in (copy, Path(f"{copy}.keys")):
        assert name.stat().st_mode & 0o777 == 0o600
    assert main(["verify", str(copy), "--anchors", str(folder / "anchors.jsonl")]) == 0
    with closing(SqliteStore(copy).open()) as log, closing(KeyStore(f"{copy}.keys")) as keys:
        other = Trial(log, keys, behind=5)
        made = [one.act("Randomise", {}, subject="A-001") for one in (embedded, other)]
        assert allocations(made[0]) == allocations(made[1])
    assert main(["backup", str(record), "--out", str(folder)]) == 2
    assert "a folder that can be made" in capsys.readouterr().err
    assert main(["backup", "postgresql://x@localhost/y", "--out", str(folder)]) == 2
    assert "--keys" in capsys.readouterr().err, "a record in PostgreSQL has none beside it"


def test_a_copy_overwrites_nothing(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with pytest.raises(RecordError, match="there is no file"):
        copied(here, there)
    KeyStore.create(here).close()
    there.write_text("mine")
    with pytest.raises(RecordError, match="cannot create the copy"):
        copied(here, there)
    assert there.read_text() == "mine"
    there.unlink()
    here.write_text("no database at all, but long enough to be looked at")
    with pytest.raises(RecordError, match="cannot be copied"):
        copied(here, there)
    assert not there.exists()
