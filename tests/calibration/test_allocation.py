"""Allocation draws have the probabilities they claim; limits computed from the number of draws.

Each test is a chi-square goodness of fit on fixed seeds, so it gives the same answer every time.
A correct generator would fail at this limit for one seed in 10 000.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.special import chdtrc

from equipoise.randomisation.rules import allocated_batch, sealed_words
from equipoise.statistics.allocation import (
    CompleteRandomisation,
    PermutedBlocks,
    allocate_batch,
    blocks_needed,
    words_needed,
)
from equipoise.statistics.minimisation import Minimisation, minimise_batch
from equipoise.statistics.random import allocation_words, dummy_seed, uniforms
from equipoise.study.load import load_study
from tests.harness.schemes import minimised as minimised_study

LIMIT = 1e-4


def goodness_of_fit(observed: list[int], probabilities: list[float]) -> float:
    """The P value of Pearson's chi-square; every expected count must be at least 20."""
    expected = np.array(probabilities) * sum(observed)
    assert expected.min() >= 20
    return float(chdtrc(len(observed) - 1, ((np.array(observed) - expected) ** 2 / expected).sum()))


def lists(method: PermutedBlocks | CompleteRandomisation, trials: int, length: int) -> np.ndarray:
    strata = np.zeros((trials, length), dtype=np.int64)
    seeds = [dummy_seed(20261, replicate) for replicate in range(trials)]
    blocks, count = blocks_needed([method], strata), words_needed([method])
    words = allocation_words(seeds, "main", ["A"], blocks, count)
    return allocate_batch([method], strata, words)


@pytest.mark.requirement("RN2")
def test_block_sizes_are_uniform() -> None:
    """Sizes 2, 4 and 6 of 1:1, read off the words by the rule on the generator's page."""
    words = allocation_words([dummy_seed(1, r) for r in range(30)], "main", ["A"], 100, 1)
    sizes = Counter(int(word) % 3 for word in words.ravel() if int(word) < 2**64 // 3 * 3)
    assert goodness_of_fit([sizes[0], sizes[1], sizes[2]], [1 / 3] * 3) > LIMIT


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize(
    ("ratio", "size", "arrangements"),
    [((2, 1), 3, 3), ((2, 1), 6, comb(6, 2)), ((1, 1), 4, comb(4, 2)), ((1, 2, 1), 4, 12)],
)
def test_arrangements_within_a_block_are_uniform(
    ratio: tuple[int, ...], size: int, arrangements: int
) -> None:
    arms = lists(PermutedBlocks(ratio, (size,)), trials=60, length=size * 25)
    seen = Counter(tuple(block) for block in arms.reshape(-1, size).tolist())
    assert len(seen) == arrangements
    assert goodness_of_fit(list(seen.values()), [1 / arrangements] * arrangements) > LIMIT


@pytest.mark.parametrize("place", [0, 1, 4])
def test_every_arrival_has_the_probabilities_of_the_ratio(place: int) -> None:
    """With random block sizes too, P(arm 0) is 2/3 at each place of the list."""
    arms = lists(PermutedBlocks((2, 1), (3, 6, 9)), trials=1500, length=5)[:, place]
    assert goodness_of_fit(np.bincount(arms, minlength=2).tolist(), [2 / 3, 1 / 3]) > LIMIT


def test_complete_randomisation_has_independent_arms_in_ratio() -> None:
    arms = lists(CompleteRandomisation((1, 2, 1)), trials=50, length=60)
    share = np.array([0.25, 0.5, 0.25])
    assert goodness_of_fit(np.bincount(arms.ravel()).tolist(), share.tolist()) > LIMIT
    pairs = 3 * arms[:, 0::2].ravel() + arms[:, 1::2].ravel()
    assert (
        goodness_of_fit(np.bincount(pairs).tolist(), np.outer(share, share).ravel().tolist())
        > LIMIT
    )


MINIMISED = Minimisation((2, 1), (1, 2), Fraction(4, 5))


def minimised(trials: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels of two factors, one level of the second rare, and arms, of so many trials."""
    rng = np.random.default_rng(20262)
    levels = np.stack(
        [rng.integers(0, 2, (trials, length)), rng.binomial(1, 0.2, (trials, length))], axis=2
    )
    seeds = [dummy_seed(20262, replicate) for replicate in range(trials)]
    words = allocation_words(seeds, "main", ["A"], length, MINIMISED.words_per_block)
    strata = np.zeros((trials, length), dtype=np.int64)
    return levels, minimise_batch([MINIMISED], strata, levels, words)


@pytest.mark.requirement("RN2")
def test_minimisation_keeps_the_ratio_at_every_arrival_and_balances_every_level() -> None:
    levels, arms = minimised(2000, 12)
    for place in range(12):
        seen = np.bincount(arms[:, place], minlength=2).tolist()
        assert goodness_of_fit(seen, [2 / 3, 1 / 3]) > LIMIT, f"arrival {place}"
    rare = levels[:, :, 1] == 1
    share = (arms == 0)[rare].tolist()
    assert goodness_of_fit([sum(share), len(share) - sum(share)], [2 / 3, 1 / 3]) > LIMIT


def test_minimisation_is_nearer_to_the_ratio_than_chance_in_every_level() -> None:
    """Complete randomisation leaves a mean square of n x 2/9 between arm and expectation."""
    levels, arms = minimised(500, 60)
    for factor in (0, 1):
        for level in (0, 1):
            mine = levels[:, :, factor] == level
            size = mine.sum(axis=1)
            surplus = ((arms == 0) & mine).sum(axis=1) - size * 2 / 3
            assert (surplus**2).mean() < 0.5 * (size * 2 / 9).mean()


MGMT = minimised_study(load_study("mgmt-net"), "mgmt-net")
DEFICIENT = ("DEFICIENT", "DEFICIENT")


@pytest.mark.requirement("RN2")
def test_two_of_three_get_alky_at_every_arrival_of_the_study_that_minimises() -> None:
    """MGMT-NET in its 2:1 stratum, by the study's own step rule: 2/3 at each of ten arrivals."""
    plan = MGMT.randomisation
    assert [arm.code for arm in plan.arms] == ["ALKY", "OX"]
    rng = np.random.default_rng(20263)
    arrived = np.zeros((3000, 10), dtype=np.int64)
    levels = np.stack(
        [rng.choice(3, arrived.shape, p=[0.55, 0.35, 0.1]), rng.choice(3, arrived.shape)], axis=2
    )
    seeds = [dummy_seed(20263, replicate) for replicate in range(3000)]
    arms = allocated_batch(plan, [DEFICIENT], arrived, levels, sealed_words(plan.scheme, seeds))
    for place in range(10):
        seen = np.bincount(arms[:, place], minlength=2).tolist()
        assert goodness_of_fit(seen, [2 / 3, 1 / 3]) > LIMIT, f"arrival {place}"


@pytest.mark.requirement("RN2")
def test_a_biased_coin_over_the_arms_themselves_is_found_out_by_simulation() -> None:
    """The negative case (FACTS 8.12): 0.667, 0.433, 0.807. The same test rejects the second and
    the third arrival, and would pass if every arm had its share."""
    trials = 3000
    uniform = uniforms(20263, "naive coin", range(trials), 3)
    counts = np.zeros((trials, 2))
    shares = []
    for place in range(3):
        left = np.stack([abs((counts[:, 0] + 1) / 2 - counts[:, 1]),
                         abs(counts[:, 0] / 2 - counts[:, 1] - 1)])  # fmt: skip
        chance = np.where(left[0] < left[1], 0.9, 1 - 0.8) if place else np.full(trials, 2 / 3)
        first = uniform[:, place] < chance
        counts[:, 0] += first
        counts[:, 1] += ~first
        shares.append([int(first.sum()), int((~first).sum())])
    assert goodness_of_fit(shares[0], [2 / 3, 1 / 3]) > LIMIT
    for seen in shares[1:]:
        assert goodness_of_fit(seen, [2 / 3, 1 / 3]) < 1e-12
    for seen, share in zip(shares, [2 / 3, 13 / 30, 121 / 150], strict=True):
        assert goodness_of_fit(seen, [share, 1 - share]) > LIMIT
