"""How long each kind of action takes, from the form to the committed events, in a growing record.

`make bench`, or `python benchmarks/bench_conduct.py`.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from statistics import fmean, median, quantiles
from unittest.mock import patch

from equipoise.conduct.conductor import Conductor
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import load_scenario
from equipoise.study.actions import Action
from equipoise.study.load import load_study, study_path
from equipoise.workflow.rehearse import replayed

SHOWN = 20
"""So many kinds of action are printed, those that took longest in all."""


def bench_conduct(study: str) -> None:
    """Print milliseconds of each kind of action of one whole trial, through conduct into SQLite."""
    scenario = load_scenario(study_path(study).parent, "planning")
    one = rehearsed([Version(0, load_study(study))], scenario, 1, [0])
    taken: dict[str, list[float]] = defaultdict(list)
    act = Conductor.act

    def timed(conductor: Conductor, action: Action) -> list[Event]:
        begin = time.perf_counter()
        try:
            return act(conductor, action)
        finally:
            taken[action.name].append(1000 * (time.perf_counter() - begin))

    with tempfile.TemporaryDirectory() as folder, patch.object(Conductor, "act", timed):
        path = Path(folder) / "record.sqlite3"
        with (
            closing(SqliteLog.create(path, trial="bench")) as log,
            closing(KeyStore.create(f"{path}.keys")) as keys,
        ):
            processor = time.process_time()
            replay = replayed(one, 0, log, keys)
            used = time.process_time() - processor
    print(f"\n{study}: {replay.events} events, {1000 * used / replay.events:.2f} ms of CPU each")
    print(f"{'ms an action':30} {'number':>8} {'mean':>8} {'median':>8} {'p95':>8} {'longest':>8}")
    for name, times in sorted(taken.items(), key=lambda each: -sum(each[1]))[:SHOWN]:
        high = quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        found = (fmean(times), median(times), high, max(times))
        print(f"{name:30} {len(times):8}", *(f"{each:8.2f}" for each in found))


def test_conduct() -> None:
    """Run by `make bench`."""
    for study in ("mgmt-net", "lung-tmb"):
        bench_conduct(study)


if __name__ == "__main__":
    from conftest import pytest_report_header

    print(*pytest_report_header(), sep="\n")
    test_conduct()
