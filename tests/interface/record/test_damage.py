"""Stores whose rows are no events any more, or whose bytes are not what they were."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import RecordError
from equipoise.record.event import Event
from equipoise.record.verify import Finding
from tests.harness.postgresql import Database
from tests.harness.stores import PostgresStore, SqliteStore, draft


def kinds(findings: Iterable[Finding]) -> list[tuple[int | None, str]]:
    return [(finding.seq, finding.kind) for finding in findings]


@pytest.mark.requirement("VA3")
def test_rows_that_are_no_events_break_nothing(tmp_path: Path) -> None:
    """A table without types takes anything; each strange row is named, none stops the search."""
    store = SqliteStore(tmp_path / "record.sqlite3")
    log = store.create()
    written = log.append_many([draft(n) for n in range(1, 21)])
    log.close()
    columns = ", ".join(f'"{name}"' for name in Event._fields)
    strange: list[dict[str, Any]] = [
        {"seq": 3, "body": b"\xff\xfe"},
        {"seq": 5, "body": None},
        {"seq": 7, "actor": 7},
        {"seq": 9, "prev": None},
        {"seq": 11, "hash": None},
        {"seq": 13, "recorded": 1.5},
        {"seq": 15, "type_version": 1.0},
        {"seq": 17, "offset": "0"},
    ]
    nameless = [{"seq": "x"}, {"seq": None}, {"seq": 4.5}, {"seq": b"1"}, {"seq": -1}, {"seq": 0}]
    with store.unprotected() as connection:
        connection.execute("DROP TABLE event")
        connection.execute(f"CREATE TABLE event ({columns})")
        marks = ", ".join("?" * len(Event._fields))
        changed = {change["seq"]: change for change in strange}
        rows = [event._replace(**changed.get(event.seq, {})) for event in written]
        rows += [written[3]._replace(**change) for change in nameless]
        connection.executemany(f"INSERT INTO event VALUES ({marks})", rows)
        connection.execute("UPDATE event SET reason = CAST(x'ff41' AS TEXT) WHERE seq = 19")
    found = kinds(each for each in store.examine().findings if each.kind != "store")
    assert found == [(None, "inserted")] * len(nameless) + [(n, "altered") for n in range(3, 20, 2)]


def test_null_values_and_other_types_in_postgresql(postgres: Database) -> None:
    store = PostgresStore(postgres)
    event = store.tables()[0]
    log = store.create()
    log.append_many([draft(n) for n in range(1, 11)])
    log.close()
    with store.unprotected() as connection:
        for statement in (
            "ALTER TABLE {event} ALTER body DROP NOT NULL, ALTER cause TYPE bytea "
            "USING cause::bytea, ALTER type_version TYPE numeric",
            "UPDATE {event} SET body = NULL WHERE seq = 4",
        ):
            connection.execute(statement.format(event=event))
    found = [finding for finding in store.examine().findings if finding.kind != "store"]
    assert kinds(found) == [(seq, "altered") for seq in range(1, 11)]
    with store.unprotected() as connection:
        connection.execute(f"ALTER TABLE {event} DROP COLUMN cause")
    findings = store.examine().findings
    assert any("reading stopped" in finding.message for finding in findings)
    with store.unprotected() as connection:
        connection.execute(f"ALTER TABLE {event} RENAME TO elsewhere")
    assert any(finding.kind == "store" for finding in store.examine().findings)


@pytest.mark.requirement("VA3")
def test_any_flipped_bit_of_the_file_is_found_or_changes_nothing(tmp_path: Path) -> None:
    """A bit of free space may flip unnoticed; what is read is then what was written."""
    store = SqliteStore(tmp_path / "record.sqlite3")
    with closing(store.create()) as log:
        written = log.append_many([draft(n, guards=(f"g{n}",)) for n in range(1, 31)])
    whole = store.path.read_bytes()
    draw = random.Random(1)
    found = 0
    for _ in range(300):
        content = bytearray(whole)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        store.path.write_bytes(content)
        try:
            found += store.examine().findings != []
        except RecordError:
            found += 1
        else:
            if store.examine().findings == []:
                with closing(store.open()) as log:
                    assert log.read() == written
    assert found > 100


def test_a_page_that_was_overwritten(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "record.sqlite3")
    log = store.create()
    log.append_many([draft(n) for n in range(300)])
    log.close()
    content = bytearray(store.path.read_bytes())
    at = content.index(b'"lesion":"T150"') // 4096 * 4096
    content[at : at + 4096] = bytes(4096)
    store.path.write_bytes(content)
    found = store.examine().findings
    assert any(finding.kind == "store" for finding in found)
    assert any(finding.kind != "store" for finding in found) or len(found) > 1
