"""The bridge: simulated trials, replayed through conduct, give the same tables and results."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from equipoise.record.keys import KeyStore
from equipoise.record.postgres import PostgresLog
from equipoise.simulation.run import Rehearsal
from equipoise.simulation.scenario import Scenario
from equipoise.workflow.rehearse import replayed
from tests.harness.bridge import (
    SCENARIOS,
    STUDIES,
    assert_same,
    carried_over,
    drawn,
    scenario_of,
    through_sqlite,
)
from tests.harness.postgresql import Database

SEEDS = range(20)
SUBJECTS = 24


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("study", STUDIES)
def test_small_trials(
    study: str, scenario: str, seed: int, memory_path: Path, postgres: Database
) -> None:
    """Through conduct into SQLite, and event by event into PostgreSQL: hash for hash the same.

    Larger trials, and those with amendments, go through conduct into PostgreSQL too (below).
    """
    rehearsal = drawn(study, scenario_of(study, scenario, SUBJECTS), seed)
    log, keys, replay = through_sqlite(rehearsal, memory_path)
    with closing(log), closing(keys), closing(_postgresql(postgres)) as other:
        assert_same(rehearsal, log, replay)
        carried_over(log.read(), other)
        assert other.read() == log.read()


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("study", STUDIES)
def test_amended(study: str, store: str, memory_path: Path, request: pytest.FixtureRequest) -> None:
    """With an amendment, corrections, re-determinations and invalidated results."""
    scenario = _eventful(scenario_of(study, "planning", SUBJECTS))
    rehearsal = drawn(study, scenario, 7, amended_on=35)
    happened = {name: len(frame) for name, frame in rehearsal.tables.items()}
    assert set(rehearsal.tables["randomised"]["scheme_version"]) == {"1", "2"}
    assert len(rehearsal.entries.changes()) > 3
    assert happened["assay_result_invalidated"] > 0
    if store == "sqlite":
        _through_sqlite(rehearsal, memory_path)
    else:
        _through_postgresql(rehearsal, memory_path, request.getfixturevalue("postgres"))


@pytest.mark.slow
@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("study", STUDIES)
def test_minimised(study: str, memory_path: Path) -> None:
    """By minimisation, amended to another coin: a new stream, and the old allocations stay."""
    scenario = _eventful(scenario_of(study, "planning", SUBJECTS))
    rehearsal = drawn(study, scenario, 5, amended_on=35, minimising=True)
    assert set(rehearsal.tables["randomised"]["scheme_version"]) == {"1", "2"}
    _through_sqlite(rehearsal, memory_path)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("study", STUDIES)
def test_full_size(
    study: str, store: str, memory_path: Path, request: pytest.FixtureRequest
) -> None:
    rehearsal = drawn(study, scenario_of(study, "planning"), 1)
    if store == "sqlite":
        _through_sqlite(rehearsal, memory_path)
    else:
        _through_postgresql(rehearsal, memory_path, request.getfixturevalue("postgres"))


def _eventful(scenario: Scenario) -> Scenario:
    """The scenario with a correction for every third subject and half of results repeated."""
    assert scenario.correction and scenario.redetermination
    correction = scenario.correction.model_copy(update={"chance": Decimal("0.35")})
    again = scenario.redetermination.model_copy(
        update={"chance": Decimal("0.5"), "invalidated": Decimal("0.4"), "days": (20, 60)}
    )
    return scenario.model_copy(update={"correction": correction, "redetermination": again})


def _through_sqlite(rehearsal: Rehearsal, folder: Path) -> None:
    log, keys, replay = through_sqlite(rehearsal, folder)
    with closing(log), closing(keys):
        assert_same(rehearsal, log, replay)


def _through_postgresql(rehearsal: Rehearsal, folder: Path, database: Database) -> None:
    keys = KeyStore.create(folder / "keys")
    with closing(_postgresql(database)) as log, closing(keys):
        assert_same(rehearsal, log, replayed(rehearsal, 0, log, keys))


def _postgresql(database: Database) -> PostgresLog:
    PostgresLog.create(
        database.owner_dsn, schema=database.schema, trial="bridge",
        application_role=database.application_role,
    )  # fmt: skip
    return PostgresLog(database.application_dsn, schema=database.schema)
