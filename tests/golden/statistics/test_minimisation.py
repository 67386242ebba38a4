"""Minimisation against tables counted by hand, and the marginal probability by enumeration.

The two tables follow the form of Pocock and Simon (Biometrics 1975;31:103-115): the counts at the
levels of the next patient, and what each arm would make of them.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from equipoise.statistics.minimisation import Measure, Minimisation, Minimised, minimise
from equipoise.statistics.random import UInt64Array

FOUR_FIFTHS = Fraction(4, 5)


class Chosen:
    """Words that make chosen draws: small words are taken as they are."""

    def __init__(self, draws: list[tuple[int, int]]) -> None:
        self.draws = draws

    def __call__(self, stratum: str, block: int, count: int) -> UInt64Array:
        return np.array([*self.draws[block], *[0] * (count - 2)], dtype=np.uint64)


def forced(method: Minimisation, levels: list[tuple[int, ...]], slots: list[int]) -> Chosen:
    """Draws that bring about the notional arms `slots`, found by trying every pair of draws."""
    chances = method.probability.denominator * (method.notional - 1)
    draws: list[tuple[int, int]] = []
    for number, slot in enumerate(slots):
        for pair in product(range(method.notional), range(chances)):
            found = decided(method, levels[: number + 1], [*draws, pair])
            if found.notional == slot:
                draws.append(pair)
                break
    return Chosen(draws)


def decided(
    method: Minimisation, levels: list[tuple[int, ...]], draws: list[tuple[int, int]]
) -> Minimised:
    return minimise(method, "S", np.array(levels), Chosen(draws))[-1]


def by_hand(measure: Measure) -> Minimised:
    """Three arms, two factors; seven earlier patients (sex, stage) and their arms:

    F I: A, F II: B, M I: A, M I: C, F II: A, M II: B, F I: C. The next one is F I.
    Sex F: A 2, B 1, C 1. Stage I: A 2, B 0, C 2.
    """
    levels = [(0, 0), (0, 1), (1, 0), (1, 0), (0, 1), (1, 1), (0, 0)]
    slots = [0, 1, 0, 2, 0, 1, 2]
    method = Minimisation((1, 1, 1), (1, 2), FOUR_FIFTHS, measure)
    source = forced(method, levels, slots)
    found = minimise(method, "S", np.array([*levels, (0, 0)]), Chosen([*source.draws, (0, 0)]))
    assert [each.notional for each in found[:7]] == slots
    return found[7]


def test_ranges_counted_by_hand() -> None:
    """A: F 3 1 1, I 3 0 2: 2 + 2 x 3 = 8. B: F 2 2 1, I 2 1 2: 1 + 2 x 1 = 3.

    C: F 2 1 2, I 2 0 3: 1 + 2 x 3 = 7. B leaves the least.
    """
    found = by_hand("range")
    assert found.counts == ((2, 1, 1), (2, 0, 2))
    assert found.imbalance == (8, 3, 7)
    assert (found.preferred, found.tied, found.number) == (1, 1, 7)


def test_variances_counted_by_hand() -> None:
    """Variance times 6: A: F 3 x 11 - 25 = 8, I 3 x 13 - 25 = 14: 8 + 2 x 14 = 36.

    B: F 3 x 9 - 25 = 2, I 2: 2 + 2 x 2 = 6. C: F 2, I 3 x 13 - 25 = 14: 2 + 2 x 14 = 30.
    """
    assert by_hand("variance").imbalance == (36, 6, 30)


@pytest.mark.parametrize(
    ("draws", "arm"), [((0, 0), 1), ((0, 7), 1), ((0, 8), 0), ((0, 9), 2), ((5, 8), 0)]
)
def test_the_coin_gives_the_preferred_arm_eight_of_ten_chances(
    draws: tuple[int, int], arm: int
) -> None:
    """p = 4/5 over three notional arms: 10 chances, 8 for the preferred one, 1 for each other."""
    method = Minimisation((1, 1, 1), (1,), FOUR_FIFTHS)
    levels = [(0,), (0,), (0,)]
    source = forced(method, levels[:2], [0, 2])
    assert decided(method, levels, [*source.draws, draws]).arm == arm


def enumerated(method: Minimisation, levels: list[tuple[int, ...]]) -> list[dict[int, Fraction]]:
    """The exact probability of each arm at each arrival: every draw of every history, in full."""
    chances = method.probability.denominator * (method.notional - 1)
    states: dict[tuple[int, ...], tuple[Fraction, list[tuple[int, int]]]] = {(): (Fraction(1), [])}
    marginal = []
    for arrival in range(len(levels)):
        following: dict[tuple[int, ...], tuple[Fraction, list[tuple[int, int]]]] = {}
        arms: dict[int, Fraction] = defaultdict(Fraction)
        for history, (probability, draws) in states.items():
            first = decided(method, levels[: arrival + 1], [*draws, (0, 0)])
            for pair in product(range(first.tied), range(chances)):
                found = decided(method, levels[: arrival + 1], [*draws, pair])
                part = probability / (first.tied * chances)
                arms[found.arm] += part
                reached = (*history, found.notional)
                before = following.get(reached, (Fraction(0), []))[0]
                following[reached] = before + part, [*draws, pair]
        assert sum(arms.values()) == 1
        marginal.append(dict(arms))
        states = following
    return marginal


SEQUENCES = [
    [(0, 0), (0, 0), (0, 0), (0, 0)],
    [(0, 0), (1, 0), (0, 1), (0, 0)],
    [(0, 1), (1, 1), (1, 0), (1, 1)],
]


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize("levels", SEQUENCES)
@pytest.mark.parametrize("measure", ["range", "variance"])
def test_two_to_one_is_exactly_two_thirds_at_every_arrival(
    levels: list[tuple[int, ...]], measure: Measure
) -> None:
    """P(first arm) = 2/3, as a fraction, by enumeration (FACTS 8.12)."""
    method = Minimisation((2, 1), (1, 2), FOUR_FIFTHS, measure)
    expected = {0: Fraction(2, 3), 1: Fraction(1, 3)}
    assert enumerated(method, levels) == [expected] * len(levels)


@pytest.mark.requirement("RN2")
def test_three_arms_have_exactly_their_shares_at_every_arrival() -> None:
    method = Minimisation((1, 2, 1), (1,), Fraction(3, 4))
    expected = {0: Fraction(1, 4), 1: Fraction(1, 2), 2: Fraction(1, 4)}
    assert enumerated(method, [(0,), (1,), (0,)]) == [expected] * 3


def test_a_biased_coin_over_the_arms_themselves_does_not_keep_the_share() -> None:
    """The negative case: 0.667, 0.433, 0.807 at the first three arrivals (FACTS 8.12).

    Counts divided by the ratio, range, and a coin of 0.8 for the smaller arm and 0.9 for the larger
    (Han, Enas and McEntegart, Statistics in Medicine 2009;28:3329-3346), one factor, one level.
    """
    ratio, coin = (2, 1), {0: Fraction(9, 10), 1: FOUR_FIFTHS}
    states = {(0, 0): Fraction(1)}
    shares = []
    for _ in range(3):
        following: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
        share = Fraction(0)
        for (first, second), probability in states.items():
            left = [
                abs(Fraction(first + 1, ratio[0]) - Fraction(second, ratio[1])),
                abs(Fraction(first, ratio[0]) - Fraction(second + 1, ratio[1])),
            ]
            if first == second == 0:
                chance = Fraction(ratio[0], sum(ratio))
            else:
                chance = coin[0] if left[0] < left[1] else 1 - coin[1]
            share += probability * chance
            following[first + 1, second] += probability * chance
            following[first, second + 1] += probability * (1 - chance)
        shares.append(share)
        states = following
    assert [round(float(share), 3) for share in shares] == [0.667, 0.433, 0.807]
    assert shares == [Fraction(2, 3), Fraction(13, 30), Fraction(121, 150)]
