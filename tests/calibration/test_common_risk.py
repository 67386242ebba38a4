"""Common risk differences and ratios cover the true one, in few large and in many small strata.

Every limit is so wide that a correct method fails for one seed in 10 000; the seeds are fixed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from equipoise.statistics.stratified_risk import (
    risk_difference_mantel_haenszel,
    risk_ratio_mantel_haenszel,
)

TRIALS = 2000
LIMIT = -ndtri(1e-4 / 2) * math.sqrt(0.95 * 0.05 / TRIALS)
ALLOWED = 0.01
"""The limits are asymptotic: their coverage is held to 95 % within one point and the error."""
FEW_LARGE = np.array([120, 90]), np.array([80, 110])
MANY_SMALL = np.full(150, 2), np.full(150, 1)


@pytest.mark.parametrize("sizes", [FEW_LARGE, MANY_SMALL], ids=["few large", "many small"])
def test_coverage(sizes: tuple[np.ndarray, np.ndarray]) -> None:
    generator = np.random.default_rng(8)
    base = np.linspace(0.2, 0.5, len(sizes[0]))
    covered = {"difference": 0, "ratio": 0}
    for _ in range(TRIALS):
        x2 = generator.binomial(sizes[1], base)
        x1 = generator.binomial(sizes[0], base + 0.15)
        found = risk_difference_mantel_haenszel(x1, sizes[0], x2, sizes[1])
        covered["difference"] += found.lower <= 0.15 <= found.upper
        x1 = generator.binomial(sizes[0], base * 1.5)
        ratio = risk_ratio_mantel_haenszel(x1, sizes[0], x2, sizes[1])
        covered["ratio"] += ratio.lower <= 1.5 <= ratio.upper
    for kind, times in covered.items():
        assert abs(times / TRIALS - 0.95) < LIMIT + ALLOWED, (kind, times)


def test_the_variance_that_adds_up_strata_is_wrong_in_small_ones() -> None:
    """In strata of one subject each there is no variance within; Sato's knows better."""
    ones = np.ones(200, dtype=int)
    generator = np.random.default_rng(9)
    x1, x2 = generator.binomial(1, 0.5, 200), generator.binomial(1, 0.3, 200)
    summed = risk_difference_mantel_haenszel(x1, ones, x2, ones, variance="greenland_robins")
    sato = risk_difference_mantel_haenszel(x1, ones, x2, ones)
    assert summed.standard_error == 0.0
    pairs = (x1 - x2).std() / math.sqrt(200)
    assert sato.standard_error == pytest.approx(pairs, rel=0.05)
