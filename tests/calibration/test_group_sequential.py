"""Simulated trials stop and reject as often as the recursive integration says.

Limits as in test_inference: a correct method fails for one seed in 10 000; seeds are fixed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from equipoise.statistics.graphical_test import graphical_adjusted_p_batch
from equipoise.statistics.group_sequential import group_sequential_design
from equipoise.statistics.interim import stopping_look_batch
from equipoise.statistics.random import uniforms
from equipoise.statistics.sequential_inference import sequential_result

LIMIT = 1e-4
TRIALS = 200_000


def margin(probability: float, trials: int) -> float:
    """How far a share of so many trials may lie from its probability."""
    spread = math.sqrt(probability * (1 - probability) / trials)
    return float(-ndtri(LIMIT / 2)) * spread + 0.5 / trials


def statistics(looks: tuple[float, ...], drift: float, trials: int, seed: int) -> np.ndarray:
    """Z at each look, from increments of the score that are drawn one by one."""
    steps = np.diff([0.0, *looks])
    draws = ndtri(uniforms(seed, "increments", range(trials), len(looks)))
    scores = np.cumsum(draws * np.sqrt(steps) + drift * steps, axis=1)
    return scores / np.sqrt(looks)


@pytest.mark.parametrize("effect", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("binding", [False, True])
def test_looks_stop_as_often_as_computed(effect: float, binding: bool) -> None:
    design = group_sequential_design(
        [0.3, 0.55, 0.8, 1],
        alpha=0.025,
        power=0.85,
        efficacy="kim_demets",
        parameter=2,
        futility="hwang_shih_decani",
        futility_parameter=-2,
        binding=binding,
    )
    expected = {0.0: design.no_effect, 0.5: design.half_effect, 1.0: design.full_effect}[effect]
    z = statistics(design.information, effect * design.drift, TRIALS, seed=21)
    stopped = stopping_look_batch(z, design.critical, futility=design.futility)
    for look in range(4):
        for sign, share in ((1, expected.efficacy[look]), (-1, expected.futility[look])):
            found = float((stopped == sign * (look + 1)).mean())
            assert abs(found - share) < margin(share, TRIALS)
    rejected = float((stopped > 0).mean())
    assert abs(rejected - expected.rejected) < margin(expected.rejected, TRIALS)


def test_the_adjusted_estimate_is_median_unbiased_and_its_limits_cover() -> None:
    trials = 400
    design = group_sequential_design([0.5, 1], alpha=0.025, power=0.8, efficacy="pocock", sides=1)
    z = statistics(design.information, design.drift, trials, seed=22)
    stopped = stopping_look_batch(z, design.critical)
    above = covered = 0
    for row, look in zip(z, np.where(stopped == 0, 2, stopped), strict=True):
        found = sequential_result(
            float(row[look - 1]), int(look), design.information, design.critical
        )
        above += found.estimate > design.drift
        covered += found.lower <= design.drift <= found.upper
    assert abs(above / trials - 0.5) < margin(0.5, trials)
    assert abs(covered / trials - 0.95) < margin(0.95, trials)


def test_a_graph_keeps_the_familywise_error() -> None:
    """Three true hypotheses, independent, whose weights use up all of alpha: 1 - (1 - a/3)^3."""
    p = uniforms(23, "p", range(TRIALS), 3)
    weights, moves = [1 / 3] * 3, [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    adjusted = graphical_adjusted_p_batch(p, weights, moves)
    error = 1 - (1 - 0.05 / 3) ** 3
    assert abs(float((adjusted.min(axis=1) <= 0.05).mean()) - error) < margin(error, TRIALS)
