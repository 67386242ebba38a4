"""How fast the record is: durable appends against the bare disk, verification, reading.

`make bench`, or `python benchmarks/bench_record.py [FOLDER]` to measure another disk. Appends and
bare syncs take turns in one run on one disk, so that their ratio means something.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from equipoise.record.event import Draft, Event
from equipoise.record.log import Log
from equipoise.record.sqlite import SqliteLog, examine
from equipoise.record.verify import verify

PAGE = 4096
TURNS, SECONDS = 6, 0.5
EVENTS, AT_ONCE = 100_000, 1000


def _draft(number: int) -> Draft:
    return Draft(
        type="LesionMeasured",
        type_version=1,
        body={
            "diameter": "15.3",
            "lesion": f"T{number % 5}",
            "method": "CT",
            "organ": "liver",
            "visit": f"W{number % 20}",
        },
        actor="m.dupont",
        role="investigator",
        organisation="University Hospital 7",
        study_version="1",
        occurred="2026-11-23",
        subject=f"01-{number % 300:03}",
        site="01",
        idempotency_key=f"0b0ad5c8-6d1c-4bd2-9f7e-{number:012}",
    )


def _rate(act: Callable[[int], object], start: int, seconds: float = SECONDS) -> tuple[int, float]:
    """How often `act` was done, and in how many seconds."""
    done, begin = 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < seconds:
        act(start + done)
        done += 1
    return done, passed


def _timed(label: str, act: Callable[[], object], events: int) -> None:
    begin, busy = time.perf_counter(), time.process_time()
    act()
    passed, busy = time.perf_counter() - begin, time.process_time() - busy
    print(f"{label:<42}{passed:8.2f} s  {events / passed:10,.0f} events/s  (CPU {busy:.2f} s)")


def _against_the_disk(folder: Path, log: Log) -> None:
    """One durable append after the other, between stretches of bare writes and syncs."""
    disk = os.open(folder / "disk", os.O_CREAT | os.O_WRONLY)
    os.write(disk, bytes(PAGE * 1000))

    def grow(_: int) -> None:
        os.lseek(disk, 0, os.SEEK_END)
        os.write(disk, bytes(PAGE))
        os.fsync(disk)

    def overwrite(number: int) -> None:
        os.pwrite(disk, bytes(PAGE), number % 1000 * PAGE)
        os.fdatasync(disk)

    def append(number: int) -> None:
        log.append_many([_draft(number)])

    acts = {"grow": grow, "overwrite": overwrite, "append": append}
    done = dict.fromkeys(acts, 0)
    passed = dict.fromkeys(acts, 0.0)
    for _ in range(TURNS):
        for name, act in acts.items():
            count, seconds = _rate(act, done[name])
            done[name] += count
            passed[name] += seconds
    os.close(disk)
    rates = {name: done[name] / passed[name] for name in acts}
    print(f"{'write and fsync a new page':<42}{rates['grow']:10,.0f} /s")
    print(f"{'overwrite and fdatasync a page':<42}{rates['overwrite']:10,.0f} /s")
    print(f"{'durable append of one event':<42}{rates['append']:10,.0f} /s")
    fastest = max(rates["grow"], rates["overwrite"])
    print(f"{'append / the faster of the two':<42}{rates['append'] / fastest:10.2f}")
    print(f"{'append / fsync of a new page':<42}{rates['append'] / rates['grow']:10.2f}")


def _verify_in_memory(events: list[Event]) -> None:
    assert len(events) == EVENTS
    _timed("verify events in memory", lambda: verify(events), EVENTS)


def measured(folder: Path) -> None:
    """Print the rates of a record in `folder`."""
    path = folder / "record.sqlite3"
    with closing(SqliteLog.create(path, trial="benchmark")) as log:
        _against_the_disk(folder, log)
        first = log.head().seq

        def fill() -> None:
            for start in range(first, EVENTS, AT_ONCE):
                count = min(AT_ONCE, EVENTS - start)
                log.append_many([_draft(1_000_000 + start + more) for more in range(count)])

        _timed(f"append {AT_ONCE} events at once", fill, EVENTS - first)
        _timed("read all events", log.read, EVENTS)
        _verify_in_memory(log.read())
        _timed("verify the file: chain, pages, indexes", lambda: examine(path), EVENTS)
        assert examine(path).findings == []
        print(f"{'size of the file':<42}{path.stat().st_size / EVENTS:10,.0f} bytes/event")


def test_rates_of_the_record(tmp_path: Path) -> None:
    print()
    measured(tmp_path)


if __name__ == "__main__":
    from conftest import pytest_report_header

    print(*pytest_report_header(), sep="\n")
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as temporary:
        measured(Path(temporary))
