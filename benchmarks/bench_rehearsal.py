"""How fast a trial is rehearsed, in tables and through conduct into SQLite.

`make bench`, or `python benchmarks/bench_rehearsal.py`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from equipoise.analysis.run import READS, operating_counts
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.simulation.characteristics import batch_counts
from equipoise.simulation.run import Rehearsal, Version, rehearsed
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.study.derivation import ORDER, derive, leading_to, read_for, spent
from equipoise.study.load import load_study, study_path
from equipoise.workflow.many_trials import BATCH, many_trials
from equipoise.workflow.rehearse import replayed

MANY = 400


def bench_rehearsal() -> None:
    """Print seconds and rates of one MGMT-NET trial and of a batch of them."""
    print()
    study = load_study("mgmt-net")
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    versions = [Version(0, study)]
    batch_counts(versions, scenario, 1, range(BATCH))
    begin, processor = time.perf_counter(), time.process_time()
    many_trials(versions, scenario, 1, MANY, processes=1)
    passed, used = time.perf_counter() - begin, time.process_time() - processor
    begin = time.perf_counter()
    many_trials(versions, scenario, 1, MANY)
    print(
        f"results of {MANY} trials in tables: {MANY / used:.1f} trials per CPU-second, "
        f"{MANY / passed:.1f} trials/s in one process, "
        f"{MANY / (time.perf_counter() - begin):.1f} in one a core with their start"
    )
    peak = max(resource.getrusage(who).ru_maxrss for who in _EVERY) / 1024
    print(f"memory at its highest in one process: {peak:.0f} MiB")
    print(f"derived for the results of a trial: {_derived(versions, scenario)}")
    processor = time.process_time()
    batch = rehearsed(versions, scenario, 1, range(BATCH))
    operating_counts(derive(batch.tables, study), study, range(BATCH))
    used = time.process_time() - processor
    print(
        f"with every table and every rule: {_rows_by_kind(batch)}, "
        f"{BATCH / used:.1f} trials per CPU-second"
    )
    del batch
    one = rehearsed(versions, scenario, 1, [0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.sqlite3"
        with (
            closing(SqliteLog.create(path, trial="bench")) as log,
            closing(KeyStore.create(f"{path}.keys")) as keys,
        ):
            begin, processor = time.perf_counter(), time.process_time()
            replay = replayed(one, 0, log, keys)
            passed, used = time.perf_counter() - begin, time.process_time() - processor
    print(
        f"through conduct into SQLite: {replay.events} events in {passed:.1f} s "
        f"({used:.1f} s of CPU), {passed / replay.events * 1000:.2f} ms an event; "
        f"6 000 events would take {6000 * passed / replay.events:.1f} s"
    )
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "equipoise.cli.main", "--help"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        times.append(time.perf_counter() - begin)
    print(f"equipoise --help: median of 5, {sorted(times)[2]:.2f} s")


def _rows_by_kind(batch: Rehearsal) -> str:
    """Drawn rows of a trial, and of each patient randomised those of a kind."""
    rows = {name: len(table) for name, table in batch.tables.items()}
    patients, total = rows["randomised"], sum(rows.values())
    kinds = {kind: sum(rows[name] for name in names) for kind, names in _KINDS.items()}
    kinds["other"] = total - sum(kinds.values())
    each = ", ".join(f"{number / patients:.0f} {kind}" for kind, number in kinds.items())
    return f"a trial has {total / BATCH:.0f} rows ({each} rows a patient)"


def _derived(versions: Sequence[Version], scenario: Scenario) -> str:
    """What is put into tables and derived of a trial of which the results alone are asked."""
    rules, read = leading_to(READS), read_for(READS)
    tables = rehearsed(versions, scenario, 1, range(BATCH), wanted=READS).tables
    rows = sum(len(table) for table in tables.values()) / BATCH
    study, kept = versions[-1].study, {rule.produces for rule in rules}
    found = sum(len(table) for table in spent(tables, study, kept).values()) / BATCH
    return (
        f"{rows:.0f} rows of {len(read)} tables, from which {len(rules)} of {len(ORDER)} rules "
        f"make {found:.0f} rows"
    )


_KINDS = {
    "lesion": (
        "lesion_identified", "target_measured", "non_target_observed", "new_lesion_observed",
        "fragment_measured",
    ),
    "dose": ("dose_given",),
    "laboratory": ("laboratory_result",),
}  # fmt: skip

_EVERY = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def test_rehearsal() -> None:
    """Run by `make bench`."""
    bench_rehearsal()


if __name__ == "__main__":
    from conftest import pytest_report_header

    print(*pytest_report_header(), sep="\n")
    bench_rehearsal()
