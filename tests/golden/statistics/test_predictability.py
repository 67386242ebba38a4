"""Guess rates against closed forms: every block of a kind, each once, counted in full."""

from __future__ import annotations

from itertools import permutations
from math import comb

import numpy as np
import pytest

from equipoise.errors import BadInput
from equipoise.statistics.imbalance import Imbalance, imbalance, largest_departure
from equipoise.statistics.predictability import Allocations, GuessRate, guess_rate


def every_block(ratio: tuple[int, ...], size: int) -> np.ndarray:
    """Every arrangement of a block, once."""
    arms = [arm for arm, part in enumerate(ratio) for _ in range(part * size // sum(ratio))]
    return np.array(sorted(set(permutations(arms))), dtype=np.int64)


def guessed(arms: np.ndarray, ratio: tuple[int, ...], *, seers: int = 1) -> GuessRate:
    """The rate in these trials, after practising on a hundred copies of them."""
    practice = np.tile(arms, (100, 1))
    every = np.concatenate([practice, arms])
    none = np.zeros(every.shape, dtype=np.int64)
    seer = np.broadcast_to(np.arange(arms.shape[1]) % seers, every.shape)
    found = Allocations(every, seer, none, none[..., None], (1,), np.array([ratio]))
    return guess_rate(found, len(practice))


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize("half", [1, 2, 3, 4])
def test_blocks_of_two_equal_arms_have_the_rate_of_blackwell_and_hodges(half: int) -> None:
    """In a block of 2b: b + (4^b / C(2b, b) - 1) / 2 right guesses (Blackwell and Hodges 1957)."""
    rate = guessed(every_block((1, 1), 2 * half), (1, 1))
    expected = half + (4**half / comb(2 * half, half) - 1) / 2
    assert rate.convergence == pytest.approx(expected / (2 * half), abs=1e-12)
    assert rate.practised == pytest.approx(rate.convergence, abs=1e-12), "nothing does better"
    assert rate.constant == pytest.approx(0.5, abs=1e-12)
    assert rate.excess == pytest.approx(expected / (2 * half) - 0.5, abs=1e-12)


@pytest.mark.requirement("RN2")
def test_a_block_of_three_in_two_to_one_counted_by_hand() -> None:
    """AAB, ABA, BAA. First guess A: right in 2 of 3. After A the lag says B, right in 1 of 2 of
    them; after B it says A, always right: 2 of 3. The last is known. 2/3 + 2/3 + 1 = 7/3 of 3."""
    rate = guessed(every_block((2, 1), 3), (2, 1))
    assert rate.convergence == pytest.approx(7 / 9, abs=1e-12)
    assert rate.practised == pytest.approx(7 / 9, abs=1e-12)
    assert rate.constant == pytest.approx(2 / 3, abs=1e-12)


@pytest.mark.requirement("RN2")
def test_in_six_of_two_to_one_practice_beats_convergence() -> None:
    """After one A of four, A is still the likelier (3 of 5), though B is the one behind."""
    rate = guessed(every_block((2, 1), 6), (2, 1))
    assert rate.practised > rate.convergence > rate.constant
    assert rate.excess == rate.practised - rate.constant


def by_dynamic_programming(left: tuple[int, ...]) -> float:
    """Right guesses of somebody who always names the arm that is left most often."""
    total = sum(left)
    if not total:
        return 0.0
    after = 0.0
    for arm, number in enumerate(left):
        if number:
            rest = tuple(n - (place == arm) for place, n in enumerate(left))
            after += number / total * by_dynamic_programming(rest)
    return max(left) / total + after


@pytest.mark.parametrize(("ratio", "size"), [((2, 1), 6), ((1, 2, 1), 8), ((3, 1), 8)])
def test_the_practised_guess_is_the_best_there_is(ratio: tuple[int, ...], size: int) -> None:
    left = tuple(part * size // sum(ratio) for part in ratio)
    rate = guessed(every_block(ratio, size), ratio)
    assert rate.practised == pytest.approx(by_dynamic_programming(left) / size, abs=1e-12)


@pytest.mark.requirement("RN2")
def test_who_sees_every_second_allocation_sees_less() -> None:
    """Two hospitals in turn in blocks AB, BA: neither ever sees the other half of its block."""
    arms = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 1, 0]])
    assert guessed(arms, (1, 1)).convergence == 0.75
    own = guessed(arms, (1, 1), seers=2)
    assert own.convergence == 0.5
    assert own.practised == 0.5


def test_groups_and_levels_are_told_apart_and_weighed() -> None:
    """Two factors, the second three times as heavy: it decides where they disagree."""
    arms = np.array([[0, 1, 0], [0, 1, 1]])
    arms = np.concatenate([np.tile(arms, (50, 1)), arms])
    levels = np.broadcast_to(np.array([[0, 0], [1, 1], [0, 1]]), (*arms.shape, 2))
    none = np.zeros(arms.shape, dtype=np.int64)
    share = np.array([[1, 1]])

    def rate(weights: tuple[int, int], group: np.ndarray) -> GuessRate:
        shares = np.tile(share, (int(group.max()) + 1, 1))
        return guess_rate(Allocations(arms, none, group, levels, weights, shares), 100)

    # arrival 1: 0, right. 2: nobody like it: 0, wrong. 3: one factor says 1, the other 0.
    assert rate((1, 3), none).convergence == pytest.approx((1 + 0 + 0.5) / 3)
    apart = np.broadcast_to(np.array([0, 1, 2]), arms.shape)
    assert rate((1, 3), apart).convergence == rate((1, 3), apart).constant


def test_imbalance_counted_by_hand() -> None:
    """Trial 1: group 0 has A A B, in 2:1 as it should be; group 1 has A B B in 1:1, off by a half.

    Trial 2: group 0 has no B of three: A one too many. Trial 3: group 1 is empty, group 0 A B B A A
    B: 2:1 of six is 4 and 2, off by one.
    """
    arms = np.array([[0, 0, 1, 0, 1, 1], [0, 0, 0, 0, 1, 0], [0, 1, 1, 0, 0, 1]])
    group = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]])
    found = largest_departure(arms, group, np.array([[2, 1], [1, 1]]))
    assert found == pytest.approx([0.5, 1.0, 1.0])
    assert imbalance(arms, group, np.array([[2, 1], [1, 1]])) == Imbalance(2.5 / 3, 1.0)


def test_the_high_end_is_what_95_of_100_trials_do_not_exceed() -> None:
    """Of a hundred trials of four in 1:1, five are off by two, the others by one."""
    arms = np.array([[0, 0, 0, 0]] * 5 + [[0, 0, 0, 1]] * 95)
    one = np.zeros(arms.shape, dtype=np.int64)
    assert imbalance(arms, one, np.array([[1, 1]])) == Imbalance(1.05, 1.0)
    arms[5] = 0
    assert imbalance(arms, one, np.array([[1, 1]])).in_95_of_100 == 2.0


def test_the_error_of_the_excess_is_that_of_its_trials() -> None:
    """Blocks AB or BA guessed right in 1 or 2 of 2: against the constant 1 of 2, 0 or 1/2 more."""
    rate = guessed(every_block((1, 1), 2), (1, 1))
    right = np.array([2 / 2, 1 / 2]) - np.array([1 / 2, 1 / 2])
    assert rate.standard_error == pytest.approx(right.std() / np.sqrt(2))
    assert rate.trials == 2


def test_no_practice_or_nothing_to_guess_is_refused() -> None:
    block = every_block((1, 1), 2)
    none = np.zeros(block.shape, dtype=np.int64)
    found = Allocations(block, none, none, none[..., None], (1,), np.array([[1, 1]]))
    for practice in (0, len(block)):
        with pytest.raises(BadInput, match="some replicates to practise"):
            guess_rate(found, practice)
