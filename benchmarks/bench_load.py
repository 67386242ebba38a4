"""Fifty users on a trial of 1 000 subjects and 500 000 events, each thinking three seconds.

    python -m pytest -s -p no:xdist benchmarks/bench_load.py -k sqlite

Printed are p50, p95 and the longest of each kind of request, errors, the memory of each worker, how
long the start took, and what the processors did: generator and server share the machine. A user
keeps one connection, and so one worker. The first work list of a hospital in a worker derives
what is due of every subject there; it is told apart, before the clock starts.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from benchmarks.load_record import TRIAL, keys_for, make, person
from equipoise.record.log import Log
from equipoise.record.postgres import PostgresLog
from equipoise.record.sqlite import SqliteLog
from tests.harness.postgresql import APPLICATION, OWNER, Cluster, binaries
from tests.harness.visitor import Answer, Visitor

USERS, THINK, SECONDS, WORKERS = 50, 3.0, 120.0, 2
SUBJECTS, EVENTS = 1_000, 500_000
SIZES = (10, 1_000, 5_000)
FOLDER = Path(__file__).resolve().parent.parent / "out" / "load"
PASSWORD = "of the load test alone"
MIX = {"work list": 30, "subject page": 41, "form": 25, "randomisation": 4}
WISHES = {"work list": 300, "subject page": 300, "form save": 300, "randomisation": 500}
"""Milliseconds, at p95."""
EVERYWHERE = "rehearsal-data_manager"
"""Somebody whose role covers every hospital."""
ENDED = frozenset(
    {"DeathRecorded", "ScreeningFailed", "ConsentWithdrawn", "VisitsDiscontinued",
     "LostToFollowUp"}
)  # fmt: skip

_PREPARE = """
import sys, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from equipoise.web.accounts import create_account
for name in sys.argv[2:]:
    create_account(name, organisation="Load", by="load", once=False, password=sys.argv[1])
"""
_SERVE = """
import sys, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from equipoise.web import serving
serving.run("127.0.0.1", int(sys.argv[1]), int(sys.argv[2]))
"""


@dataclass
class Server:
    """A running application, its environment, how long it took to start."""

    process: subprocess.Popen[bytes]
    address: str
    seconds: float

    def workers(self) -> list[int]:
        """The processes that answer."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        children = [int(pid) for each in tasks for pid in (each / "children").read_text().split()]
        told = ((each, Path(f"/proc/{each}/cmdline").read_bytes()) for each in children)
        return [pid for pid, command in told if b"spawn_main" in command]

    def memory(self) -> list[float]:
        """The most memory of each worker, MiB."""
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in self.workers()]
        return [int(re.findall(r"VmHWM:\s+(\d+)", text)[0]) / 1024 for text in texts]

    def processor(self) -> list[float]:
        """Seconds of processor that each worker has used."""
        ticks = os.sysconf("SC_CLK_TCK")
        found = []
        for pid in self.workers():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found.append((int(fields[11]) + int(fields[12])) / ticks)
        return found


@contextmanager
def serving(folder: Path, *, workers: int = WORKERS, **stores: str) -> Iterator[Server]:
    """The application on these stores; the accounts of all users are made beforehand."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EQUIPOISE_")}
    environment |= {f"EQUIPOISE_{name.upper()}": value for name, value in stores.items()} | {
        "EQUIPOISE_SECRET": PASSWORD * 3, "EQUIPOISE_HOSTS": "127.0.0.1",
        "EQUIPOISE_DEMONSTRATION": "loopback", "POLARS_MAX_THREADS": "1",
        "DJANGO_SETTINGS_MODULE": "equipoise.web.settings",
    }  # fmt: skip
    people = [*map(person, range(USERS)), EVERYWHERE]
    subprocess.run([sys.executable, "-c", _PREPARE, PASSWORD, *people], env=environment, check=True)
    port = 18103
    begin = time.monotonic()
    with (folder / "serve.txt").open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(port), str(workers)], env=environment,
            stdout=told, stderr=subprocess.STDOUT,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        with closing(Visitor(address)) as first:
            while first.get("/healthy/").status != 200:
                assert process.poll() is None and time.monotonic() < begin + 60, "no start"
                time.sleep(0.05)
        yield Server(process, address, time.monotonic() - begin)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Tally:
    """Milliseconds by kind, and what was no answer to it."""

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    conflicts: int = 0

    def timed(self, kind: str, ask: object, good: int) -> Answer:
        """One request, measured until its last byte."""
        begin = time.perf_counter()
        answer: Answer = ask()  # type: ignore[operator]
        self.taken[kind].append(1000 * (time.perf_counter() - begin))
        if answer.status == 409:
            self.conflicts += 1  # somebody else saved for the same subject: told, and right
        elif answer.status != good:
            told = re.findall(
                r'class="error"[^>]*>([^<]*)|class="refused.*?</div>', answer.page, re.S
            )
            self.errors.append(f"{kind}: {answer.status} {told or answer.page[-300:]}")
        return answer


class User(threading.Thread):
    """One person: opens pages of one hospital, fills in forms, thinks in between."""

    def __init__(
        self, visitor: Visitor, tally: Tally, draw: random.Random, subjects: list[str],
        ready: list[str], until: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.visitor, self.tally, self.draw, self.until = visitor, tally, draw, until
        self.subjects, self.ready = subjects, ready  # who waits is shared by a hospital's users

    def run(self) -> None:
        time.sleep(self.draw.uniform(0, THINK))
        while time.monotonic() < self.until:
            (kind,) = self.draw.choices(list(MIX), list(MIX.values()))
            subject = self.draw.choice(self.subjects) if self.subjects else ""
            if kind == "work list" or not subject:
                self._get("work list", "/")
            elif kind == "form":
                self._form(subject)
            elif kind == "randomisation" and self.ready:
                self._randomise(self.ready.pop())
            else:
                self._get("subject page", f"/subjects/{subject}/")
            self._think()

    def _think(self) -> None:
        time.sleep(self.draw.uniform(0.5, 1.5) * THINK)

    def _get(self, kind: str, path: str) -> Answer:
        return self.tally.timed(kind, lambda: self.visitor.get(path), 200)

    def _form(self, subject: str) -> None:
        path = f"/subjects/{subject}/forms/performance/new/"
        page = self._get("form page", path)
        day = re.search(r'name="occurred" value="([^"]+)"', page.page)
        self._think()
        entries = {**page.hidden, "occurred": day[1] if day else "", "item-ecog": "1"}
        saved = self.tally.timed("form save", lambda: self.visitor.post(path, entries), 302)
        if saved.location:
            self._get("subject page", saved.location)

    def _randomise(self, subject: str) -> None:
        path = f"/subjects/{subject}/randomise/"
        page = self._get("randomisation page", path)
        self._think()
        entries = {**page.hidden, "password": PASSWORD}
        done = self.tally.timed("randomisation", lambda: self.visitor.post(path, entries), 302)
        if done.location:
            self._get("subject page", done.location.partition("#")[0])


def load(server: Server, log: Log) -> Tally:
    """All users for the time of the test; printed."""
    sites = _sites(log)
    ended = {e.subject for e in log.read(types=ENDED)}
    waiting = set(_ready(log))
    first, tally = Tally(), Tally()
    queues: dict[str, list[str]] = {}
    users: list[User] = []
    begin = time.monotonic()
    sys.stdout.flush()
    visitors = [Visitor(server.address).log_in(person(n), PASSWORD) for n in range(USERS)]
    print(f"logged in: {USERS} users in {time.monotonic() - begin:.1f} s, one after another")
    for number, visitor in enumerate(visitors):
        first.timed("first work list", lambda visitor=visitor: visitor.get("/"), 200)
        mine = sites[person(number)]
        own = [each for each in mine if each not in ended and each not in waiting]
        queue = queues.setdefault(mine[0], [each for each in mine if each in waiting])
        users.append(User(visitor, tally, random.Random(number), own, queue, 0))
    _print(first, {})
    own_before, theirs_before = time.process_time(), server.processor()
    start = time.monotonic()
    for user in users:
        user.until = start + SECONDS
        user.start()
    for user in users:
        user.join(SECONDS + 60)
    wall = time.monotonic() - start
    own = time.process_time() - own_before
    theirs = [now - was for now, was in zip(server.processor(), theirs_before, strict=True)]
    shares = ", ".join(f"{each / wall:.2f}" for each in theirs)
    for user in users:
        user.visitor.close()
    _print(tally, WISHES)
    asked = sum(map(len, tally.taken.values()))
    cores = os.cpu_count() or 1
    print(
        f"{asked} requests in {wall:.0f} s, {asked / wall:.1f} a second; errors: "
        f"{len(tally.errors)}; conflicts told: {tally.conflicts}\n"
        f"processor: generator {own / wall:.2f} cores, each worker {shares}, of {cores}\n"
        f"memory of each worker: {', '.join(f'{each:.0f} MiB' for each in server.memory())}"
    )
    for each in tally.errors[:5]:
        print("  ", each)
    return tally


def _sites(log: Log) -> dict[str, list[str]]:
    """The subjects of each user's hospital."""
    of_site: dict[str, list[str]] = defaultdict(list)
    for event in log.read(types={"SubjectScreened"}):
        of_site[str(event.site)].append(str(event.subject))
    grants = [json.loads(event.body) for event in log.read(types={"GrantGiven"})]
    return {each["person"]: of_site[each["granted_site"]] for each in grants}


def _ready(log: Log) -> list[str]:
    gone = {e.subject for e in log.read(types={"Randomised"})}
    known = log.read(types={"EligibilityConfirmed"})
    return [str(e.subject) for e in known if e.subject not in gone]


def _print(tally: Tally, wishes: dict[str, int]) -> None:
    print(f"{'ms':24} {'number':>7} {'p50':>7} {'p95':>7} {'longest':>8}  wished p95")
    for kind, taken in sorted(tally.taken.items()):
        ordered = sorted(taken)
        high = ordered[math.ceil(0.95 * len(ordered)) - 1]
        wish = f"< {wishes[kind]}" if kind in wishes else ""
        print(f"{kind:24} {len(taken):7} {median(taken):7.0f} {high:7.0f} {ordered[-1]:8.0f}  "
              f"{wish}")  # fmt: skip


def in_sqlite(folder: Path, subjects: int, events: int | None, *, waiting: bool = True) -> Path:
    """The record in a file, made once and kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"record-{subjects}-{events}.sqlite3"
    if not path.exists():
        made = path.with_suffix(".making")
        made.unlink(missing_ok=True)
        with closing(SqliteLog.create(made, trial=TRIAL)) as log:
            make(log, folder, subjects=subjects, events=events, people=USERS, waiting=waiting)
        made.rename(path)
    return path


@contextmanager
def fresh(path: Path) -> Iterator[Path]:
    """A copy that a test may write to, with keys, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="equipoise-load-") as place:
        copy = Path(place) / "record.sqlite3"
        copy.write_bytes(path.read_bytes())
        keys_for(path.parent, Path(f"{copy}.keys"))
        yield copy


def test_load_on_sqlite() -> None:
    """Run by `make bench`."""
    with fresh(in_sqlite(FOLDER, SUBJECTS, EVENTS)) as path, closing(SqliteLog(path)) as log:
        print(f"\nSQLite: {SUBJECTS} subjects, {log.head().seq} events")
        with serving(path.parent, record=str(path)) as server:
            print(f"start-up: {server.seconds:.1f} s")
            assert not load(server, log).errors


def test_load_on_postgresql() -> None:
    """Run by `make bench`; the record is made anew, which takes some minutes."""
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not on this machine")
    FOLDER.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(where).start()
    try:
        with tempfile.TemporaryDirectory(prefix="equipoise-load-") as place:
            _on_postgresql(cluster, Path(place))
    finally:
        cluster.remove()


def _on_postgresql(cluster: Cluster, place: Path) -> None:
    found = cluster.database()
    PostgresLog.create(
        found.owner_dsn, schema=found.schema, trial=TRIAL, application_role=APPLICATION
    )
    with closing(PostgresLog(found.application_dsn, schema=found.schema)) as log:
        make(log, FOLDER, subjects=SUBJECTS, events=EVENTS, people=USERS)
        keys_for(FOLDER, place / "keys")
        print(f"\nPostgreSQL: {SUBJECTS} subjects, {log.head().seq} events")
        with serving(
            place, record=found.application_dsn, schema=found.schema, keys=str(place / "keys"),
            logins=str(place / "logins"), accounts=cluster.dsn(OWNER),
        ) as server:  # fmt: skip
            print(f"start-up: {server.seconds:.1f} s")
            assert not load(server, log).errors


def test_a_subjects_page_is_flat() -> None:
    """The same subjects' pages in trials of 10, 1 000 and 5 000 subjects, one at a time."""
    print(f"\n{'subject page, ms':24} {'events':>8} {'first':>7} {'again':>7}")
    for size in SIZES:
        path = in_sqlite(FOLDER, size, None, waiting=False)
        with fresh(path) as copy, closing(SqliteLog(copy)) as log:
            events = log.head().seq
            numbers = [str(e.subject) for e in log.read(types={"SubjectScreened"})][:10]
            with (
                serving(copy.parent, workers=1, record=str(copy)) as server,
                closing(Visitor(server.address).log_in(EVERYWHERE, PASSWORD)) as visitor,
            ):
                visitor.get(f"/subjects/{numbers[0]}/")
                first, again = (
                    [_milliseconds(visitor, each) for each in numbers[1:]] for _ in range(2)
                )
        told = f"{size} subjects"
        print(f"{told:24} {events:8} {median(first):7.0f} {median(again):7.0f}")


def _milliseconds(visitor: Visitor, subject: str) -> float:
    begin = time.perf_counter()
    assert visitor.get(f"/subjects/{subject}/").status == 200
    return 1000 * (time.perf_counter() - begin)
