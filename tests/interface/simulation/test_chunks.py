"""Chunks in any number of processes or workers, some of them killed: the same to the last bit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster

from equipoise.errors import BadInput, EquipoiseError
from equipoise.simulation.chunks import Chunk, Job, chunks, computed, in_order
from equipoise.simulation.cluster import check_cluster, computed_on_cluster
from tests.harness.chunk_jobs import Drawn, KilledAt, total

PARTS = chunks(1950, 100)
Computing = Callable[[Job[float], list[Chunk]], Iterator[tuple[Chunk, float]]]


def _in_processes(job: Job[float], parts: list[Chunk]) -> Iterator[tuple[Chunk, float]]:
    return computed(job, parts, 2)


def _on_a_cluster(job: Job[float], parts: list[Chunk]) -> Iterator[tuple[Chunk, float]]:
    return computed_on_cluster(job, parts, "local:2")


@pytest.fixture(scope="module")
def alone() -> str:
    """What one process finds."""
    return total(PARTS, computed(Drawn(7), PARTS, 1))


def test_chunks_hold_every_trial_once() -> None:
    assert [trial for part in PARTS for trial in part.trials] == list(range(1950))
    assert [part.number for part in PARTS] == list(range(20))
    assert chunks(3000, 100)[:19] == PARTS[:19]


@pytest.mark.parametrize("computing", [_in_processes, _on_a_cluster])
def test_workers_change_no_bit(computing: Computing, alone: str) -> None:
    assert total(PARTS, computing(Drawn(7), PARTS)) == alone
    assert total(PARTS, computed(Drawn(8), PARTS, 1)) != alone


@pytest.mark.parametrize("computing", [_in_processes, _on_a_cluster])
def test_killed_workers_lose_nothing(computing: Computing, alone: str, tmp_path: Path) -> None:
    job = KilledAt(7, tmp_path, (3, 11, 12))
    assert total(PARTS, computing(job, PARTS)) == alone
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["11", "12", "3"]


@pytest.mark.parametrize("computing", [_in_processes, _on_a_cluster])
def test_a_chunk_that_kills_everybody_ends_the_run(
    computing: Computing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("equipoise.simulation.cluster.WITHOUT_WORKERS", 2)
    job = KilledAt(7, tmp_path, (1,), always=True)
    with pytest.raises(EquipoiseError, match=r"died.*Way out"):
        list(computing(job, PARTS[:4]))


def test_order_does_not_depend_on_who_is_first_nor_on_what_was_kept() -> None:
    backwards = [(part, part.number) for part in reversed(PARTS) if part.number % 3]
    kept = {part.number: part.number for part in PARTS if part.number % 3 == 0}
    found = list(in_order(PARTS, iter(backwards), lambda part: kept.get(part.number)))
    assert found == [(part, part.number) for part in PARTS]


@pytest.mark.parametrize("address", ["local:0", "local:513", "local:x", "host", "", "tcp://h:x"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(BadInput) as told:
        check_cluster(address)
    assert "local:N" in str(told.value) and "--cluster" in str(told.value)


def test_a_scheduler_that_runs_elsewhere_is_reached_by_its_address(alone: str) -> None:
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:
        address = cluster.scheduler_address
        assert total(PARTS, computed_on_cluster(Drawn(7), PARTS, address)) == alone


def test_a_worker_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.simulation.cluster.likeness", lambda: "equipoise 9.9")
    with pytest.raises(EquipoiseError, match=r"bits could differ.*same release"):
        list(computed_on_cluster(Drawn(7), PARTS, "local:1"))


def test_where_no_scheduler_answers_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.simulation.cluster.PATIENCE", 0.5)
    with pytest.raises(BadInput) as told:
        list(computed_on_cluster(Drawn(7), PARTS, "tcp://127.0.0.1:9"))
    assert "no scheduler" in str(told.value)
