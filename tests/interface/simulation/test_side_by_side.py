"""Simulations of the same trials: pairs are counted rightly, chunks are kept to the last bit."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from equipoise.errors import BadInput
from equipoise.simulation.chunks import Chunk
from equipoise.simulation.operating import Sums
from equipoise.simulation.scenario import load_scenario
from equipoise.simulation.side_by_side import (
    ChunkResult,
    SideBySide,
    flattened,
    paired_difference,
    restored,
    together,
)
from equipoise.study.load import load_study, study_path
from equipoise.workflow.finished_chunks import FinishedChunks, check_folder
from equipoise.workflow.simulate import simulated_members, simulation_identity

REJECTED = arrays(np.bool_, (2, 60))


@given(REJECTED)
def test_the_error_of_a_paired_difference_is_that_of_the_mean_of_differences(
    rejected: np.ndarray,
) -> None:
    first, second = rejected
    difference = second.astype(float) - first
    gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
    found = paired_difference("primary", gained, lost, 60)
    assert found.estimate == pytest.approx(difference.mean())
    assert found.standard_error == pytest.approx(difference.std() / math.sqrt(60), abs=1e-12)
    assert found.lower <= found.estimate <= found.upper


def _sums(values: list[float]) -> Sums:
    floats, whole = np.array(values), np.arange(len(values))
    return Sums(np.array([7]), whole, floats, floats[::-1].copy(), whole[:2])


NUMBERS = st.lists(st.floats(allow_nan=False), min_size=3, max_size=3)


@given(NUMBERS, NUMBERS)
def test_a_kept_chunk_is_the_chunk_to_the_last_bit(one: list[float], other: list[float]) -> None:
    pairs = np.array([[0, 0], [3, 1]])
    result = ChunkResult((_sums(one), _sums(other)), pairs, pairs + 1)
    again = restored(result, *flattened(result))
    assert again is not None
    for ours, theirs in zip(flattened(result), flattened(again), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert again.gained.shape == (2, 2)
    whole, floats = flattened(result)
    assert restored(result, whole[:-1], floats) is None


def test_members_meet_the_same_trials_whatever_the_chunk() -> None:
    study = load_study("lung-tmb")
    scenario = load_scenario(study_path("lung-tmb").parent, "planning")
    members = simulated_members(study, scenario)
    job = SideBySide(tuple(each.simulation for each in members), 3, every_trial=True)
    whole, first, second = job(Chunk(0, 0, 40)), job(Chunk(0, 0, 25)), job(Chunk(1, 25, 15))
    for all_trials, one, other in zip(whole.trials, first.trials, second.trials, strict=True):
        assert all_trials.tobytes() == np.concatenate([one, other]).tobytes()
    both = together(first, second)
    assert both.gained.tolist() == whole.gained.tolist()
    assert both.lost.tolist() == whole.lost.tolist()
    assert whole.gained[0].sum() == whole.lost[0].sum() == 0
    assert int(both.sums[0].trials[0]) == 40


def test_chunks_of_another_kind_of_machine_are_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study("lung-tmb")
    scenario = load_scenario(study_path("lung-tmb").parent, "planning")
    members = simulated_members(study, scenario)
    identity = simulation_identity(study, scenario, members, 1)
    like = SideBySide((members[0].simulation,), 1)(Chunk(0, 0, 1))
    FinishedChunks(tmp_path, identity, like).begin()
    check_folder(tmp_path, identity)
    monkeypatch.setattr("equipoise.workflow.simulate.likeness", lambda: "another machine")
    with pytest.raises(BadInput, match=r"machine '.+' there and 'another machine' here"):
        check_folder(tmp_path, simulation_identity(study, scenario, members, 1))
    (tmp_path / "simulation.json").write_text("[]")
    with pytest.raises(BadInput, match="holds no simulation"):
        check_folder(tmp_path, identity)
