"""Simulated truths are recovered, within limits computed from the number of simulations.

Every limit is so wide that a correct method fails for one seed in 10 000; the seeds are fixed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import bdtr, ndtri

from equipoise.statistics.binomial_interval import PROPORTION_INTERVALS
from equipoise.statistics.kaplan_meier import (
    Transform,
    kaplan_meier,
    survival_at,
    survival_quantile,
)
from equipoise.statistics.log_rank import log_rank, log_rank_z_batch
from equipoise.statistics.power import exact_power
from equipoise.statistics.proportion import (
    fisher_exact_p_batch,
)
from equipoise.statistics.random import uniforms
from equipoise.statistics.risk_difference import RISK_DIFFERENCE_INTERVALS

LIMIT = 1e-4


def margin(probability: float, trials: int) -> float:
    """How far a share of so many trials may lie from its probability."""
    spread = math.sqrt(probability * (1 - probability) / trials)
    return float(-ndtri(LIMIT / 2)) * spread + 0.5 / trials


def times(trials: int, hazards: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Exponential times with these hazards, censored uniformly between 6 and 30 months."""
    size = len(hazards)
    event = -np.log(uniforms(seed, "event", range(trials), size)) / hazards
    follow_up = 6 + 24 * uniforms(seed, "follow-up", range(trials), size)
    return np.minimum(event, follow_up), event <= follow_up


def test_simulated_power_of_fisher_is_the_exact_power() -> None:
    trials = 20_000
    first = (uniforms(11, "first", range(trials), 26) < 0.15).sum(axis=1)
    second = (uniforms(11, "second", range(trials), 34) < 0.50).sum(axis=1)
    share = float((fisher_exact_p_batch(first, 26, second, 34) <= 0.05).mean())
    exact = exact_power(26, 34, 0.15, 0.50, alpha=0.05)
    assert abs(share - exact) < margin(exact, trials)


@pytest.mark.parametrize("p", [0.05, 0.15, 0.5])
def test_clopper_pearson_covers_at_least_at_its_level(p: float) -> None:
    """Exact coverage by enumeration: no simulation, no tolerance."""
    n = 34
    shares = np.diff([0.0, *bdtr(np.arange(n + 1), n, p)])
    limits = [PROPORTION_INTERVALS["clopper_pearson"](x, n, 0.95) for x in range(n + 1)]
    assert sum(s for s, e in zip(shares, limits, strict=True) if e.lower <= p <= e.upper) >= 0.95


@pytest.mark.parametrize("method", ["newcombe", "miettinen_nurminen"])
def test_score_intervals_never_cover_as_little_as_walds(method: str) -> None:
    """Exact coverage by enumeration, 27 v 27: the least one over 5 %, 15 %, ... 95 %, all pairs."""
    n, rates = 27, np.arange(0.05, 1.0, 0.1)
    shares = [np.diff([0.0, *bdtr(np.arange(n + 1), n, p)]) for p in rates]

    def least_coverage(name: str) -> float:
        function = RISK_DIFFERENCE_INTERVALS[name]
        table = [[function(x1, n, x2, n, 0.95) for x2 in range(n + 1)] for x1 in range(n + 1)]
        lower = np.array([[each.lower for each in row] for row in table])
        upper = np.array([[each.upper for each in row] for row in table])
        return min(
            float(shares[i] @ ((lower <= p1 - p2) & (p1 - p2 <= upper)) @ shares[j])
            for i, p1 in enumerate(rates)
            for j, p2 in enumerate(rates)
        )

    assert least_coverage("wald") < least_coverage(method)


def test_kaplan_meier_is_unbiased() -> None:
    trials, size, hazard = 1000, 60, 0.05
    observed, event = times(trials, np.full(size, hazard), seed=12)
    points = [
        survival_at(kaplan_meier(*pair), [3, 5.5])[:2] for pair in zip(observed, event, strict=True)
    ]
    for place, time in enumerate((3, 5.5)):
        values = np.array([point[place].survival for point in points], dtype=float)
        standard_error = values.std(ddof=1) / math.sqrt(trials)
        assert abs(values.mean() - math.exp(-hazard * time)) < -ndtri(LIMIT / 2) * standard_error


def test_greenwood_has_the_size_of_the_true_spread() -> None:
    """Before any censoring the variance is binomial: p (1 - p) / n."""
    trials, size, hazard, time = 1000, 60, 0.05, 5.0
    observed, event = times(trials, np.full(size, hazard), seed=13)
    errors = [
        survival_at(kaplan_meier(*pair), [time])[0].standard_error
        for pair in zip(observed, event, strict=True)
    ]
    p = math.exp(-hazard * time)
    squares = np.array(errors, dtype=float) ** 2
    expected = p * (1 - p) * (size - 1) / size**2
    assert abs(squares.mean() - expected) < -ndtri(LIMIT / 2) * squares.std(ddof=1) / math.sqrt(
        trials
    )


@pytest.mark.parametrize("transform", ["plain", "log", "log_log"])
def test_median_intervals_cover_the_true_median(transform: Transform) -> None:
    trials, size, hazard = 600, 60, 0.06
    observed, event = times(trials, np.full(size, hazard), seed=14)
    true, covered = math.log(2) / hazard, 0
    for pair in zip(observed, event, strict=True):
        found = survival_quantile(kaplan_meier(*pair), transform=transform)
        above = found.lower is not None and found.lower <= true
        covered += above and (found.upper is None or true <= found.upper)
    assert abs(covered / trials - 0.95) < margin(0.95, trials)


def test_log_rank_variance_is_that_of_observed_minus_expected() -> None:
    """Under the null O - E has mean 0 and its variance is the mean of V, ties or not."""
    trials, size = 1000, 40
    groups = np.arange(size) % 3 == 0
    observed, event = times(trials, np.full(size, 0.06), seed=15)
    tests = [
        log_rank(np.ceil(t), e, groups.astype(int)) for t, e in zip(observed, event, strict=True)
    ]
    difference = np.array([test.observed[0] - test.expected[0] for test in tests])
    excess = difference**2 - np.array([test.variance[0, 0] for test in tests])
    for values in (difference, excess):
        assert abs(values.mean()) < -ndtri(LIMIT / 2) * values.std(ddof=1) / math.sqrt(trials)


def test_log_rank_is_as_often_significant_as_it_should_be() -> None:
    """Equal groups: z is symmetric about 0, and beyond 1.96 in 5 % of the trials."""
    trials, size = 4000, 100
    groups = np.tile(np.arange(size) % 2, (trials, 1))
    observed, event = times(trials, np.full(size, 0.06), seed=16)
    z = log_rank_z_batch(observed, event, groups)
    assert abs((z > 0).mean() - 0.5) < margin(0.5, trials)
    assert abs((np.abs(z) > ndtri(0.975)).mean() - 0.05) < margin(0.05, trials)
