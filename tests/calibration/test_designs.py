"""Simulated trials stop and reject as often as recursive integration and enumeration say.

Limits as in test_inference: a correct method fails for one seed in 10 000; seeds are fixed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from equipoise.statistics.adaptive_test import adaptive_test_batch
from equipoise.statistics.graphical_test import graphical_adjusted_p_batch
from equipoise.statistics.group_sequential import critical_values, group_sequential_design
from equipoise.statistics.interaction_exact import interaction_exact_power
from equipoise.statistics.interim import stopping_look_batch
from equipoise.statistics.power import exact_size
from equipoise.statistics.proportion import chi_square_p_batch, fisher_exact_p_batch
from equipoise.statistics.random import uniforms
from equipoise.statistics.rejection import Test as PowerTest
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


def test_enrichment_keeps_the_familywise_error() -> None:
    """A population and half of it, no effect in either; the better one goes on alone.

    The statistics of the population are the mean of those of its halves, so they are positively
    dependent, as Simes' test asks. The familywise error is at most alpha.
    """
    critical = critical_values([0.5, 1], alpha=0.025, efficacy="pocock")
    halves = ndtri(uniforms(24, "halves", range(TRIALS), (2, 2)))
    both = np.stack([halves.sum(axis=1) / math.sqrt(2), halves[:, 0]], axis=2)
    p = ndtr(-both)
    chosen = p[:, 0].argmin(axis=1)
    later = np.full((TRIALS, 2), np.nan)
    later[np.arange(TRIALS), chosen] = p[np.arange(TRIALS), 1, chosen]
    rejected = adaptive_test_batch(p[:, 0], later, information=0.5, critical=critical)
    assert 0.01 < rejected.any(axis=1).mean() < 0.025 + margin(0.025, TRIALS)


@pytest.mark.parametrize("test", ["fisher", "chi_square", "chi_square_corrected", "z_unpooled"])
def test_the_size_of_a_test_is_its_enumerated_size(test: PowerTest) -> None:
    """At the rate where it is greatest: Fisher's is below 5 %, Wald's above."""
    size = exact_size(30, 20, alpha=0.05, test=test)
    first = (uniforms(25, "first", range(TRIALS), 30) < size.p).sum(axis=1)
    second = (uniforms(25, "second", range(TRIALS), 20) < size.p).sum(axis=1)
    if test == "fisher":
        p = fisher_exact_p_batch(first, 30, second, 20)
    elif test == "z_unpooled":
        p1, p2 = first / 30, second / 20
        error = np.sqrt(p1 * (1 - p1) / 30 + p2 * (1 - p2) / 20)
        z = np.divide(p1 - p2, error, out=np.where(p1 == p2, 0, np.inf), where=error > 0)
        p = 2 * ndtr(-np.abs(z))
    else:
        corrected = test == "chi_square_corrected"
        p = chi_square_p_batch(first, 30, second, 20, continuity_correction=corrected)
    share = float((p <= 0.05).mean())
    assert abs(share - size.size) < margin(size.size, TRIALS)


def test_simulated_interactions_are_rejected_as_often_as_enumerated() -> None:
    """Wald's test of the logistic model at the planned cells and rates of MGMT-NET."""
    n, p = np.array([40, 20, 22, 22]), np.array([0.50, 0.25, 0.15, 0.25])
    draws = uniforms(26, "cells", range(TRIALS), 4)
    x = binom.ppf(draws, n, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds, variance = np.log(x / (n - x)), 1 / x + 1 / (n - x)
        z = odds @ [1, -1, -1, 1] / np.sqrt(variance.sum(axis=1))
    share = float((np.isfinite(variance).all(axis=1) & (np.abs(z) >= -ndtri(0.025))).mean())
    power = interaction_exact_power([[40, 20], [22, 22]], [[0.50, 0.25], [0.15, 0.25]])
    assert abs(share - power) < margin(power, TRIALS)
