"""What is particular to the record in a file."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.errors import RecordError
from equipoise.record.sqlite import SqliteLog
from tests.harness.stores import SqliteStore, draft


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "record #1 ?é%20.sqlite3")


def _made(store: SqliteStore, events: int = 3) -> None:
    with closing(store.create()) as log:
        log.append_many([draft(number, guards=(f"g{number}",)) for number in range(events)])


def test_what_was_confirmed_is_on_the_disk(store: SqliteStore) -> None:
    with closing(store.create()) as log:
        shown = {
            name: log._fetch(f"PRAGMA {name}")[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
    assert shown == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "recursive_triggers": 1,
    }


def test_the_file_is_its_owners(store: SqliteStore) -> None:
    _made(store)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_nothing_lies_beside_a_record_that_nobody_has_open(store: SqliteStore) -> None:
    _made(store)
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


def test_a_missing_folder(store: SqliteStore) -> None:
    with pytest.raises(RecordError, match="cannot be created: No such file or directory"):
        SqliteLog.create(store.path.parent / "missing" / "record.sqlite3", trial="T1")


def test_a_record_needs_a_trial(store: SqliteStore) -> None:
    with pytest.raises(RecordError, match="identifier of its trial"):
        SqliteLog.create(store.path, trial=" ")
    assert not store.path.exists()


def test_a_folder_is_no_record(store: SqliteStore) -> None:
    store.path.mkdir()
    with pytest.raises(RecordError, match="there is no record at"):
        store.open()
    with pytest.raises(RecordError, match="exists and was left as it is"):
        store.create()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3", b"hello\n" * 1000, bytes(8192)])
def test_a_file_that_is_no_record_is_not_opened_and_not_touched(
    store: SqliteStore, content: bytes
) -> None:
    store.path.write_bytes(content)
    with pytest.raises(RecordError, match="not a record"):
        store.open()
    with pytest.raises(RecordError, match="not a record"):
        store.examine()
    with pytest.raises(RecordError, match="exists and was left as it is"):
        store.create()
    assert store.path.read_bytes() == content


def test_another_database_is_not_opened_and_not_touched(store: SqliteStore) -> None:
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY)")
    before = store.path.read_bytes()
    with pytest.raises(RecordError, match="is not a record of Equipoise"):
        store.open()
    assert store.path.read_bytes() == before


def test_a_record_of_another_format(store: SqliteStore) -> None:
    _made(store)
    store.as_application("PRAGMA user_version = 2")
    for attempt in (store.open, store.examine):
        with pytest.raises(RecordError, match=r"has record format 2; this release reads format 1"):
            attempt()


@pytest.mark.parametrize("kept", [60, 100, 4096, 10_000, 20_480])
def test_a_truncated_record(store: SqliteStore, kept: int) -> None:
    _made(store, 200)
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:kept])
    with pytest.raises(RecordError, match=r"damaged|cut short"):
        store.open()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TRIGGER event_refuses_update", "trigger event_refuses_update is missing"),
        ("DROP INDEX event_of_subject", "index event_of_subject is missing"),
        ("DROP TABLE guard", "table guard is missing"),
        ("CREATE TABLE more (a)", "table more that is not ours"),
        (
            "CREATE TRIGGER more AFTER INSERT ON event BEGIN SELECT 1; END",
            "trigger more that is not ours",
        ),
        ("ALTER TABLE event ADD COLUMN more TEXT", "table event was changed"),
    ],
)
@pytest.mark.requirement("VA3")
def test_a_record_made_otherwise_is_not_opened(
    store: SqliteStore, statement: str, said: str
) -> None:
    _made(store)
    store.as_application(statement)
    with pytest.raises(RecordError, match=rf"not as Equipoise made it .*{said}.*equipoise verify"):
        store.open()
    found = store.examine().findings
    assert any(finding.kind == "store" and said in finding.message for finding in found)


def test_statistics_of_the_planner_are_no_tampering(store: SqliteStore) -> None:
    _made(store)
    store.as_application("ANALYZE")
    store.open().close()
    assert store.examine().findings == []


@pytest.mark.requirement("RN4")
def test_a_full_disk_loses_nothing_and_writes_nothing(store: SqliteStore) -> None:
    with closing(store.create()) as log:
        (pages,) = log._fetch("PRAGMA page_count")[0]
        log._fetch(f"PRAGMA max_page_count = {pages + 12}")
        kept = []
        with pytest.raises(RecordError, match="the disk is full: make room and try again"):
            for number in range(100_000):
                kept += log.append_many([draft(number, body={"text": "x" * 5000})] * 2)
        assert log.read() == kept
        log._fetch(f"PRAGMA max_page_count = {pages + 1000}")
        kept += log.append_many([draft(body={"text": "x" * 5000})] * 2)
        assert log.read() == kept
    assert store.examine().findings == []


def test_questions_of_every_action_use_an_index(store: SqliteStore) -> None:
    class Explained(SqliteLog):
        plans: list[str]

        def _fetch(self, sql, values=()):  # type: ignore[no-untyped-def]
            self.plans += [row[3] for row in super()._fetch(f"EXPLAIN QUERY PLAN {sql}", values)]
            return super()._fetch(sql, values)

    _made(store)
    with closing(Explained(store.path)) as log:
        log.plans = []
        log.head()
        log.last_seq(subject="01-001")
        log.last_seq(types=["A", "B"])
        log.last_seq(subject="01-001", types=["A"])
        log.by_key("K")
        log.read(subject="01-001")
        log.read(subject="01-001", after=2)
        log.read(after=2)
        log.read(types=["A", "B"])
        scans = [plan for plan in log.plans if plan.startswith("SCAN event")]
    assert scans == ["SCAN event"]  # the head: one step from the end of the table
    assert len(log.plans) > 9


@pytest.mark.requirement("VA3")
def test_damage_beneath_the_rows_is_found(store: SqliteStore) -> None:
    """A subject in the index that is not in the row: a question would be answered wrongly."""
    _made(store, 50)
    with closing(sqlite3.connect(store.path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'event_of_subject'"
        ).fetchone()
    content = bytearray(store.path.read_bytes())
    at = content.index(b"01-001", (page - 1) * 4096)
    assert at < page * 4096
    content[at] ^= 1
    store.path.write_bytes(content)
    found = store.examine().findings
    assert any("event_of_subject" in finding.message for finding in found)
    assert {finding.kind for finding in found} == {"store"}
