"""One pass gives every log-rank test: unweighted, weighted, and of two groups from a risk table."""

from __future__ import annotations

import time

import numpy as np
import pytest

from equipoise.statistics.compiled import compiled
from equipoise.statistics.log_rank import log_rank
from equipoise.statistics.log_rank_core import UNWEIGHTED, log_rank_sums, log_rank_weight
from equipoise.statistics.risk_table import two_group_log_rank, two_group_risks
from equipoise.statistics.weighted_log_rank import weighted_log_rank


def _trial(seed: int, subjects: int, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return (
        np.sort(random.integers(1, 60, subjects)).astype(np.float64),
        random.random(subjects) < 0.7,
        random.integers(-1, groups, subjects),
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_risk_table_of_two_groups_gives_the_same_bits(seed: int) -> None:
    times, events, groups = _trial(seed, 80, 2)
    observed, expected, variance = np.zeros(2), np.zeros(2), np.zeros((2, 2))
    room, risks = np.zeros((3, 2)), np.zeros((4, 80))
    log_rank_sums(times, events, groups, UNWEIGHTED, 0.0, 0.0, observed, expected, variance, room)
    rows = two_group_risks(times, events, groups, 0, *risks)
    difference, spread = two_group_log_rank(0, rows, *risks)
    assert (observed[0] - expected[0], variance[0, 0]) == (difference, spread)


@pytest.mark.parametrize("groups", [2, 4])
def test_weights_that_are_all_1_change_no_bit(groups: int) -> None:
    times, events, places = _trial(groups, 90, groups)
    inside = places >= 0
    data = times[inside], events[inside], places[inside]
    plain, weighted = log_rank(*data), weighted_log_rank(*data, rho=0, gamma=0)
    assert plain.observed.tobytes() == weighted.observed.tobytes()
    assert plain.expected.tobytes() == weighted.expected.tobytes()
    assert plain.variance.tobytes() == weighted.variance.tobytes()


def test_a_hundred_thousand_patients_take_less_than_a_tenth_of_a_second() -> None:
    times, events, groups = _trial(1, 100_000, 3)
    core = compiled(log_rank_sums, log_rank_weight)

    def once() -> float:
        sums = np.zeros(3), np.zeros(3), np.zeros((3, 3)), np.zeros((3, 3))
        begin = time.perf_counter()
        core(times, events, groups, UNWEIGHTED, 0.0, 0.0, *sums)
        return time.perf_counter() - begin

    once()
    assert min(once() for _ in range(5)) < 0.1
