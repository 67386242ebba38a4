"""What fails around the application: what a person is told, what is kept, what is done once.

Each fault is a real one: a PostgreSQL that is killed, a file system without room, a worker that
gets SIGKILL, a clock that is set back. Requirements: AT4, RN4, VA4.
"""

from __future__ import annotations

import datetime
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import RecordError, StoreFull
from equipoise.record.event import Event
from equipoise.record.sqlite import SqliteLog
from equipoise.record.verify import verify
from tests.harness.failing import SUBJECT, fill, on_postgres, opened, small_disk
from tests.harness.postgresql import Cluster, binaries
from tests.harness.served import FAKETIME, running_on
from tests.harness.stores import TRIAL, PostgresStore, draft
from tests.harness.trial import Trial
from tests.harness.visitor import LOST, TOKEN, Answer, Visitor

MEDICINE = f"/subjects/{SUBJECT}/do/ConcomitantMedicationRecorded/"
Visit = Callable[..., Visitor]
ROOM = 4 * 1024 * 1024
"""Bytes of the small file system, of which an empty trial with its accounts takes a half."""


def filled(page: Answer, number: int, day: str) -> dict[str, str]:
    """The form of a medicine, filled in."""
    return {
        **page.hidden,
        "entry": f"M-{number}",
        "drug": f"drug {number}",
        "drug_class": "other",
        "ongoing": "true",
        "occurred": day,
    }


def recorded(log: Any, drug: str) -> list[Event]:
    """The entries of a medicine."""
    return [e for e in log.read(types={"ConcomitantMedicationRecorded"}) if f'"{drug}"' in e.body]


def check_told(answer: Answer, what: str, quoi: str) -> None:
    """503 in both languages, without a word about what is behind, and the way out."""
    assert answer.status == 503
    for language, said in (("en", what), ("fr", quoi)):
        part = re.search(rf'<section lang="{language}".*?</section>', answer.page, re.S)
        assert part and said in part[0], (language, answer.page)
    assert not re.search(r"sqlite|postgres|127\.0\.0\.1|Traceback|/tmp/", answer.page, re.I)


# --- the database is stopped and started again --------------------------------------------------
@pytest.fixture
def visit() -> Iterator[Visit]:
    """Makes visitors of an address, and lets go of their connections afterwards."""
    made: list[Visitor] = []

    def visitor(address: str, cookies: dict[str, str] | None = None) -> Visitor:
        made.append(Visitor(address, dict(cookies or {})))
        return made[-1]

    yield visitor
    for each in made:
        each.close()


@pytest.mark.slow
@pytest.mark.requirement("VA4")
def test_a_database_that_stops_is_told_and_the_same_form_lands_once(
    postgres_server: Cluster, tmp_path: Path, visit: Visit
) -> None:
    with on_postgres(postgres_server, tmp_path) as (trial, address, people):
        nurse = visit(address).log_in("nurse", people["nurse"])
        day = trial.today.isoformat()
        entries = filled(nurse.get(MEDICINE), 1, day)
        postgres_server.kill()
        told = nurse.post(MEDICINE, entries)
        check_told(told, "is saved once", "qu’une fois")
        assert told.hidden["key"] == entries["key"] and told.hidden["drug"] == "drug 1"
        check_told(nurse.get("/"), "Nothing is lost", "Rien n’est perdu")
        assert nurse.get("/healthy/").status == 503
        postgres_server.start()
        assert nurse.get("/healthy/").status == 200
        for _ in range(2):  # the button of the page, clicked twice
            assert nurse.post(MEDICINE, told.hidden).status == 302
        assert len(recorded(trial.log, "drug 1")) == 1
        assert "recorded" in nurse.get(f"/subjects/{SUBJECT}/").page
        changed = nurse.post(MEDICINE, {**told.hidden, "drug": "drug 2"})
        assert changed.status == 409 and "did arrive" in changed.page, "never silently another"
        assert not recorded(trial.log, "drug 2")


@pytest.mark.slow
@pytest.mark.requirement("RN4", "VA4")
def test_forms_sent_while_the_database_restarts_are_each_recorded_once(
    postgres_server: Cluster, tmp_path: Path, visit: Visit
) -> None:
    with on_postgres(postgres_server, tmp_path) as (trial, address, people):
        day = trial.today.isoformat()
        visitor = visit(address).log_in("nurse", people["nurse"])
        kept = sent_until_answered(
            [visit(address, visitor.cookies) for _ in range(3)], day, each=8,
            meanwhile=lambda: restarted(postgres_server, times=3),
        )  # fmt: skip
        assert len(kept) == 24
        check_once(trial.log, kept)


def restarted(server: Cluster, times: int) -> None:
    for _ in range(times):
        time.sleep(0.5)
        server.kill()
        time.sleep(0.3)
        server.start()


def sent_until_answered(
    visitors: list[Visitor], day: str, *, each: int, meanwhile: Any
) -> dict[str, str]:
    """Each visitor sends forms, each again under its key until it is acknowledged; drug by key."""
    kept: dict[str, str] = {}
    begun, stop = threading.Event(), time.monotonic() + 120

    def patiently(ask: Any, good: int) -> Answer:
        while time.monotonic() < stop:
            answer: Answer = ask()
            begun.set()
            if answer.status == good:
                return answer
            assert answer.status in (LOST, 503), (answer.status, answer.page[-800:])
            time.sleep(0.1)
        raise AssertionError("never answered")

    def work(place: int, visitor: Visitor) -> None:
        page = MEDICINE.replace(SUBJECT, f"X01-00{place}")
        for number in range(each):
            name = 100 * place + number
            entries = filled(patiently(lambda: visitor.get(page), 200), name, day)
            patiently(lambda asked=entries: visitor.post(page, asked), 302)
            kept[entries["key"]] = f"drug {name}"

    threads = [threading.Thread(target=work, args=each) for each in enumerate(visitors, 1)]
    for thread in threads:
        thread.start()
    begun.wait(60)
    meanwhile()
    for thread in threads:
        thread.join(150)
    return kept


def check_once(log: Any, kept: dict[str, str]) -> None:
    """Everything acknowledged is there once under its key, and the chain holds."""
    events = log.read()
    assert verify(events, trial=log.trial) == []
    medicines = [e for e in events if e.type == "ConcomitantMedicationRecorded"]
    assert sorted(str(e.idempotency_key) for e in medicines) == sorted(kept)
    for key, drug in kept.items():
        (event,) = recorded(log, drug)
        assert event.idempotency_key == key


# --- no room ----------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.requirement("VA4")
def test_a_full_disk_is_told_nothing_is_half_written_and_it_goes_on(
    tmp_path: Path, visit: Visit
) -> None:
    with small_disk(ROOM) as disk:
        path = disk / "record"
        trial = opened(SqliteLog.create(path, trial="T1"), disk / "record.keys")
        with running_on(tmp_path, record=str(path)) as (_, address, people):
            nurse = visit(address).log_in("nurse", people["nurse"])
            day = trial.today.isoformat()
            before = trial.log.head()
            ballast = fill(disk)
            answer = full_at_last(nurse, trial, day)
            check_told(answer, "The disk of the system is full", "Le disque du système est plein")
            assert trial.log.head().seq >= before.seq
            assert verify(trial.log.read(), trial="T1") == []
            ballast.unlink()
            again = nurse.post(MEDICINE, answer.hidden)
            assert again.status == 302, again.page[-1500:]
            nurse.post(MEDICINE, answer.hidden)
            assert len(recorded(trial.log, answer.hidden["drug"])) == 1
            assert nurse.get(f"/subjects/{SUBJECT}/").status == 200
        assert verify(trial.log.read(), trial="T1") == []
        trial.log.close()


def full_at_last(nurse: Visitor, trial: Trial, day: str) -> Answer:
    """Forms are sent until one finds no room: what a file had in reserve is used up first."""
    key = "0" * 30
    for number in range(400):
        seen = str(trial.log.read(subject=SUBJECT)[-1].seq)
        page = {"key": f"{key}{number}", "seen": seen}
        entries = {**page, **filled(Answer(200, "<main", ""), 100 + number, day)}
        answer = nurse.post(MEDICINE, entries)
        if answer.status == 503:
            return answer
        assert answer.status == 302, answer.page[-1500:]
        assert len(recorded(trial.log, f"drug {100 + number}")) == 1
    raise AssertionError("the disk was never full")


@pytest.mark.slow
@pytest.mark.requirement("VA4")
def test_postgresql_without_room_writes_nothing_half_and_goes_on() -> None:
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL NOT TESTED")
    with small_disk(160 * 1024 * 1024) as disk:
        server = Cluster(where, beneath=disk).start()
        try:
            _until_full(server, disk)
        finally:
            server.remove()


def _until_full(server: Cluster, disk: Path) -> None:
    store = PostgresStore(server.database())
    log = store.create()
    ballast, body = fill(disk), {"text": os.urandom(100_000).hex()}
    confirmed = []
    with pytest.raises(RecordError) as refused:
        for number in range(2000):
            drafts = [draft(k, idempotency_key=f"a{number}", body=body) for k in range(2)]
            log.append_many(drafts)
            confirmed.append(f"a{number}")
    told = str(refused.value)
    assert isinstance(refused.value, StoreFull) or "cannot be reached" in told, told
    ballast.unlink()
    if server.pid is None:
        server.start()
    last = f"a{len(confirmed)}"
    again = _written(log, last, body)
    assert [e.idempotency_key for e in again] == [last, f"{last}#1"]
    events = log.read()
    assert verify(events, trial=TRIAL) == []
    keys = [str(each.idempotency_key) for each in events]
    assert keys == [name for key in (*confirmed, last) for name in (key, f"{key}#1")]
    log.close()


def _written(log: Any, key: str, body: dict[str, str]) -> list[Event]:
    until = time.monotonic() + 60
    while True:
        try:
            with log.transaction() as transaction:
                drafts = [draft(k, idempotency_key=key, body=body) for k in range(2)]
                return transaction.by_key(key) or transaction.append(drafts)
        except RecordError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


# --- a worker is killed -----------------------------------------------------------------------
def workers(process: int) -> list[int]:
    """The processes that answer, below the one that was started."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    children = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    told = ((each, Path(f"/proc/{each}/cmdline").read_bytes()) for each in children)
    return [pid for pid, command in told if b"spawn_main" in command]


@pytest.mark.slow
@pytest.mark.requirement("RN4")
def test_killed_workers_lose_nothing_that_was_acknowledged_and_do_nothing_twice(
    tmp_path: Path, visit: Visit
) -> None:
    path = tmp_path / "record"
    trial = opened(SqliteLog.create(path, trial="T1"), tmp_path / "record.keys", 3)
    with running_on(tmp_path, workers=2, record=str(path)) as (process, address, people):
        nurse = visit(address).log_in("nurse", people["nurse"])
        day = trial.today.isoformat()

        _killed_in_the_middle(nurse, trial, process, day)

        def kill() -> None:
            for _ in range(4):
                time.sleep(1.5)
                for each in workers(process)[:1]:
                    os.kill(each, signal.SIGKILL)

        visitors = [visit(address, nurse.cookies) for _ in range(3)]
        kept = sent_until_answered(visitors, day, each=10, meanwhile=kill)
        assert len(kept) == 30
        (middle,) = recorded(trial.log, "drug 1")
        check_once(trial.log, {**kept, str(middle.idempotency_key): "drug 1"})
    trial.log.close()


def _killed_in_the_middle(nurse: Visitor, trial: Trial, process: int, day: str) -> None:
    """A worker waits for the record's lock with a form in hand, and is killed there."""
    entries = filled(nurse.get(MEDICINE), 1, day)
    answers: list[Answer] = []
    path = trial.log.path  # type: ignore[attr-defined]
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        sending = threading.Thread(target=lambda: answers.append(nurse.post(MEDICINE, entries)))
        sending.start()
        time.sleep(2)
        assert not answers, "it waits for the lock"
        for each in workers(process):
            os.kill(each, signal.SIGKILL)
        sending.join(30)
        holder.execute("ROLLBACK")
    assert [each.status for each in answers] == [LOST]
    assert not recorded(trial.log, "drug 1")
    until = time.monotonic() + 60
    while (again := nurse.post(MEDICINE, entries)).status == LOST and time.monotonic() < until:
        time.sleep(0.2)
    assert again.status == 302, again.page[-1500:]
    assert len(recorded(trial.log, "drug 1")) == 1


# --- the clock is set back --------------------------------------------------------------------
DAY = datetime.timedelta(days=1)


@pytest.mark.slow
@pytest.mark.requirement("AT4")
def test_a_clock_that_is_set_back_loses_nothing_and_ends_sessions(
    tmp_path: Path, visit: Visit
) -> None:
    if FAKETIME is None:
        pytest.skip("a clock that is set back NOT TESTED: libfaketime is not on this machine")
    path = tmp_path / "record"
    trial = opened(SqliteLog.create(path, trial="T1"), tmp_path / "record.keys")
    day = trial.today.isoformat()
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    with running_on(tmp_path, late=True, record=str(path)) as (_, address, people):
        nurse = visit(address).log_in("nurse", people["nurse"])
        assert nurse.post(MEDICINE, filled(nurse.get(MEDICINE), 1, day)).status == 302
        before = trial.log.head()
        entries = filled(nurse.get(MEDICINE), 2, day)
        clock.write_text("-3d\n")
        assert nurse.post(MEDICINE, entries).location.startswith("/accounts/login/")
        nurse.log_in("nurse", people["nurse"])
        del entries[TOKEN]
        future = nurse.post(MEDICINE, entries)
        assert future.status == 422 and day in future.page, "that day has not come yet, it is told"
        assert trial.log.head() == before
        earlier = filled(nurse.get(MEDICINE), 3, (trial.today - 4 * DAY).isoformat())
        assert nurse.post(MEDICINE, earlier).location == f"/subjects/{SUBJECT}/"
        (held,) = recorded(trial.log, "drug 3")
        assert held.recorded == before.recorded, "a time never goes back: it stands still"
        assert "behind the record" in nurse.get("/healthy/").page
        clock.write_text("+0\n")
        assert nurse.post(MEDICINE, entries).location.startswith("/accounts/login/")
        nurse.log_in("nurse", people["nurse"])
        entries["seen"] = nurse.get(MEDICINE).hidden["seen"]
        assert nurse.post(MEDICINE, entries).location == f"/subjects/{SUBJECT}/"
        assert nurse.get("/healthy/").page == f"ok {trial.log.head().seq}\n"
    events = trial.log.read()
    assert verify(events, trial="T1") == []
    assert [e.recorded for e in events] == sorted(e.recorded for e in events)
    assert len(recorded(trial.log, "drug 2")) == 1
    trial.log.close()
