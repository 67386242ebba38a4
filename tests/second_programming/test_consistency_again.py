"""Printed Wald results, true and tampered with, by geometry and by drawing: the same verdict."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import numpy as np
import pytest
from scipy.stats import norm

from equipoise.statistics.claim import Claim
from equipoise.statistics.consistency import judged
from equipoise.statistics.printed import printed
from equipoise.statistics.proportion import Side
from tests.second_programming.consistency_again import least_miss

CASES = 60
NEAR = 0.02
"""A figure that misses by so little of half a digit is at the edge: drawing cannot tell."""


def drawn(random: np.random.Generator) -> tuple[dict[str, str], bool, float, Side]:
    """Figures of a random Wald analysis; in two of three one figure is moved by some digits."""
    ratio, level = bool(random.integers(2)), float(random.choice([0.9, 0.95, 0.99]))
    side = get_args(Side)[random.integers(3)]
    m, s = random.normal(0, 0.8), np.exp(random.normal(-0.8, 0.7))
    z = norm.ppf(0.5 + level / 2)
    values = np.array([m, m - z * s, m + z * s])
    values = np.exp(values) if ratio else values
    t = m / s
    p = {"two_sided": 2 * norm.sf(abs(t)), "greater": norm.sf(t), "less": norm.cdf(t)}[side]
    names = ["estimate", "lower", "upper", "p"]
    digits = dict(zip(names, [*random.integers(1, 4, 3), random.integers(2, 4)], strict=True))
    numbers = dict(zip(names, [*values, p], strict=True))
    moved = names[random.integers(4)] if random.integers(3) else ""
    if moved:
        numbers[moved] += random.choice([-1, 1]) * random.integers(1, 6) * 10.0 ** -digits[moved]
    numbers["p"] = min(max(numbers["p"], 0.0), 1.0)
    if ratio:
        for name in names[:3]:
            numbers[name] = max(numbers[name], 0.0)
    return {n: f"{numbers[n]:.{digits[n]}f}" for n in names}, ratio, level, side


@pytest.mark.parametrize("seed", range(4))
def test_both_ways_agree(seed: int) -> None:
    random = np.random.default_rng(seed)
    seen = {True: 0, False: 0}
    for place in range(CASES):
        figures, ratio, level, side = drawn(random)
        if place % 4 == 0:
            figures.pop(("estimate", "lower", "upper")[place // 4 % 3])
        claim = Claim(
            label="drawn",
            measure="hazard_ratio" if ratio else "mean_difference",
            method="wald",
            level=Decimal(str(level)),
            side=side,
            **{name: printed(text) for name, text in figures.items()},
        )
        miss = least_miss(figures, ratio=ratio, level=level, side=side, seed=place)
        if 0 < miss < NEAR:
            continue
        verdict = judged(claim).verdict
        assert (verdict == "consistent") == (miss == 0), (figures, ratio, level, side, miss)
        seen[miss == 0] += 1
    assert min(seen.values()) > CASES / 6


def test_the_published_hazard_ratio() -> None:
    """The published limit misses by hundreds of halves of its last digit; 0.60 by none."""
    figures = {"estimate": "1.12", "lower": "0.06", "upper": "2.10", "p": "0.716"}
    common = {"ratio": True, "level": 0.95, "side": "two_sided", "seed": 1}
    assert least_miss(figures, **common) > 10
    fits = [
        f"0.{each}"
        for each in range(50, 71)
        if least_miss({**figures, "lower": f"0.{each}"}, **common) == 0
    ]
    assert fits == ["0.60"]
