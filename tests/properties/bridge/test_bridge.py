"""The bridge: simulated trials, replayed through conduct, give the same tables and results."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.record.keys import KeyStore
from equipoise.workflow.rehearse import replayed
from tests.harness.bridge import (
    SCENARIOS,
    STUDIES,
    assert_same,
    drawn,
    scenario_of,
    through_sqlite,
)
from tests.harness.postgresql import Database

SEEDS = range(20)
SUBJECTS = 24


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("study", STUDIES)
def test_sqlite(study: str, scenario: str, seed: int, tmp_path: Path) -> None:
    rehearsal = drawn(study, scenario_of(study, scenario, SUBJECTS), seed)
    log, keys, replay = through_sqlite(rehearsal, tmp_path)
    assert_same(rehearsal, log, replay)
    log.close()
    keys.close()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("study", STUDIES)
def test_postgresql(
    study: str, scenario: str, seed: int, tmp_path: Path, postgres: Database
) -> None:
    rehearsal = drawn(study, scenario_of(study, scenario, SUBJECTS), seed)
    _through_postgresql(rehearsal, tmp_path, postgres)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("study", STUDIES)
def test_amended(study: str, store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """With an amendment, corrections, re-determinations and invalidated results."""
    scenario = _eventful(scenario_of(study, "planning", SUBJECTS))
    rehearsal = drawn(study, scenario, 7, amended_on=120)
    happened = {name: len(frame) for name, frame in rehearsal.tables.items()}
    assert set(rehearsal.tables["randomised"]["scheme_version"]) == {"1", "2"}
    assert len(rehearsal.entries.changes()) > 3
    assert happened["assay_result_invalidated"] > 0
    if store == "sqlite":
        log, _, replay = through_sqlite(rehearsal, tmp_path)
        assert_same(rehearsal, log, replay)
    else:
        _through_postgresql(rehearsal, tmp_path, request.getfixturevalue("postgres"))


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("study", STUDIES)
def test_full_size(study: str, store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rehearsal = drawn(study, scenario_of(study, "planning"), 1)
    if store == "sqlite":
        log, _, replay = through_sqlite(rehearsal, tmp_path)
        assert_same(rehearsal, log, replay)
    else:
        _through_postgresql(rehearsal, tmp_path, request.getfixturevalue("postgres"))


def _eventful(scenario):  # type: ignore[no-untyped-def]
    """The scenario with a correction for every third subject and half of results repeated."""
    correction = scenario.correction.model_copy(update={"chance": "0.35"})
    again = scenario.redetermination.model_copy(update={"chance": "0.5", "invalidated": "0.4"})
    return scenario.model_copy(update={"correction": correction, "redetermination": again})


def _through_postgresql(rehearsal, folder: Path, database: Database) -> None:  # type: ignore[no-untyped-def]
    from equipoise.record.postgres import PostgresLog

    PostgresLog.create(
        database.owner_dsn, schema=database.schema, trial="bridge",
        application_role=database.application_role,
    )  # fmt: skip
    log = PostgresLog(database.application_dsn, schema=database.schema)
    keys = KeyStore.create(folder / "keys")
    replay = replayed(rehearsal, 0, log, keys)
    assert_same(rehearsal, log, replay)
    log.close()
    keys.close()
