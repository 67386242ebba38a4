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
    assert_all_same,
    carried_over,
    drawn,
    eventful,
    recorded,
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
    _same_in_both(rehearsal, memory_path, postgres)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 20, 10))
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("study", STUDIES)
def test_small_trials(
    study: str, scenario: str, first: int, memory_path: Path, postgres_cluster: Cluster
) -> None:
    """Through conduct into SQLite, and event by event into PostgreSQL: hash for hash the same.

    Twenty seeds of each study and scenario, 24 subjects each, screening failures among them. The
    data close three months after the last randomisation, as for an interim analysis: most subjects
    have passed the window of the first end point, the last have not. What a longer follow-up adds
    is in the trials of full size, which go through conduct into PostgreSQL too, as do those with
    amendments.
    """
    small = scenario_of(study, scenario, SUBJECTS, failures=0, per_month=30, months=3)
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
@pytest.mark.parametrize("study", STUDIES)
def test_amended(study: str, memory_path: Path, postgres: Database) -> None:
    """With an amendment, corrections, re-determinations and invalidated results, through conduct
    into both stores at once."""
    scenario = eventful(scenario_of(study, "planning", SUBJECTS))
    rehearsal = drawn(study, scenario, 7, amended_on=35)
    happened = {name: len(frame) for name, frame in rehearsal.tables.items()}
    assert set(rehearsal.tables["randomised"]["scheme_version"]) == {"1", "2"}
    assert len(rehearsal.entries.changes()) > 3
    assert happened["assay_result_invalidated"] > 0
    _same_in_both(rehearsal, memory_path, postgres)


def _same_in_both(rehearsal: Rehearsal, folder: Path, database: Database) -> None:
    keys = KeyStore.create(folder / "keys")
    log = SqliteLog.create(folder / "record.sqlite3", trial="bridge")
    with closing(keys), closing(log), closing(_postgresql(database)) as other:
        replay = replayed(rehearsal, 0, BothStores(log, other), keys)
        assert_all_same([recorded(rehearsal, each, replay) for each in (log, other)])


def _postgresql(database: Database) -> PostgresLog:
    PostgresLog.create(
        database.owner_dsn, schema=database.schema, trial="bridge",
        application_role=database.application_role,
    )  # fmt: skip
    return PostgresLog(database.application_dsn, schema=database.schema)
