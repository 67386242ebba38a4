"""The bridge: simulated trials, replayed through conduct, give the same tables and results.

Trials in which most of what can go wrong does stand beside it, in `tests/properties/troubles`.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from equipoise.record.keys import KeyStore
from equipoise.record.postgres import PostgresLog
from equipoise.record.sqlite import SqliteLog
from equipoise.simulation.run import Rehearsal
from equipoise.workflow.rehearse import replayed
from tests.harness.both_stores import BothStores
from tests.harness.bridge import (
    SCENARIOS,
    STUDIES,
    Recorded,
    assert_all_same,
    carried_over,
    drawn,
    eventful,
    recorded,
    recorded_in_sqlite,
    scenario_of,
    through_sqlite,
)
from tests.harness.postgresql import Cluster, Database

SUBJECTS = 24


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_full_size(study: str, memory_path: Path, postgres: Database) -> None:
    """Through conduct into SQLite and PostgreSQL at once, which answer conduct alike throughout:
    both are the trial."""
    rehearsal = drawn(study, scenario_of(study, "planning"), 1)
    keys = KeyStore.create(memory_path / "keys")
    log = SqliteLog.create(memory_path / "record.sqlite3", trial="bridge")
    with closing(keys), closing(log), closing(_postgresql(postgres)) as other:
        replay = replayed(rehearsal, 0, BothStores(log, other), keys)
        assert_all_same([recorded(rehearsal, each, replay) for each in (log, other)])


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 20, 10))
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("study", STUDIES)
def test_small_trials(
    study: str, scenario: str, first: int, memory_path: Path, postgres_cluster: Cluster
) -> None:
    """Through conduct into SQLite, and event by event into PostgreSQL: hash for hash the same.

    Twenty seeds of each study and scenario, 24 subjects each, screening failures among them.
    Larger trials, and those with amendments, go through conduct into PostgreSQL too.
    """
    small = scenario_of(study, scenario, SUBJECTS, failures=0, per_month=40, months=4)
    trials = []
    for seed in range(first, first + 10):
        rehearsal = drawn(study, small, seed)
        log, keys, replay = through_sqlite(rehearsal, memory_path / str(seed))
        other = _postgresql(postgres_cluster.database())
        with closing(log), closing(keys), closing(other):
            trials.append(recorded(rehearsal, log, replay))
            carried_over(log.read(), other)
            assert other.read() == log.read()
    assert_all_same(trials)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("study", STUDIES)
def test_amended(study: str, store: str, memory_path: Path, request: pytest.FixtureRequest) -> None:
    """With an amendment, corrections, re-determinations and invalidated results."""
    scenario = eventful(scenario_of(study, "planning", SUBJECTS))
    rehearsal = drawn(study, scenario, 7, amended_on=35)
    happened = {name: len(frame) for name, frame in rehearsal.tables.items()}
    assert set(rehearsal.tables["randomised"]["scheme_version"]) == {"1", "2"}
    assert len(rehearsal.entries.changes()) > 3
    assert happened["assay_result_invalidated"] > 0
    if store == "sqlite":
        found = recorded_in_sqlite(rehearsal, memory_path)
    else:
        found = _recorded_in_postgresql(rehearsal, memory_path, request.getfixturevalue("postgres"))
    assert_all_same([found])


def _recorded_in_postgresql(rehearsal: Rehearsal, folder: Path, database: Database) -> Recorded:
    keys = KeyStore.create(folder / "keys")
    with closing(_postgresql(database)) as log, closing(keys):
        return recorded(rehearsal, log, replayed(rehearsal, 0, log, keys))


def _postgresql(database: Database) -> PostgresLog:
    PostgresLog.create(
        database.owner_dsn, schema=database.schema, trial="bridge",
        application_role=database.application_role,
    )  # fmt: skip
    return PostgresLog(database.application_dsn, schema=database.schema)
