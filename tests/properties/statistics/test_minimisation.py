"""What holds of minimisation for every scheme, seed, factor and order of arrival."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.allocation import NO_ARM, IntArray
from equipoise.statistics.minimisation import Minimisation, minimise, minimise_batch
from equipoise.statistics.random import AllocationWords, allocation_words, dummy_seed

NAMES = ["DEFICIENT", "PROFICIENT"]


@st.composite
def methods(draw: st.DrawFn, factors: int = 2) -> Minimisation:
    ratio = tuple(draw(st.lists(st.integers(1, 3), min_size=2, max_size=3)))
    weights = tuple(draw(st.lists(st.integers(1, 4), min_size=factors, max_size=factors)))
    probability = Fraction(draw(st.integers(50, 100)), 100)
    measure = draw(st.sampled_from(("range", "variance")))
    return Minimisation(ratio, weights, probability, measure)


def levels_of(arrivals: int, factors: int = 2) -> st.SearchStrategy[IntArray]:
    one = st.lists(st.integers(0, 2), min_size=factors, max_size=factors)
    return st.lists(one, min_size=arrivals, max_size=arrivals).map(np.array)


seeds = st.binary(min_size=32, max_size=32)


@pytest.mark.requirement("RN7")
@given(st.tuples(methods(), methods()), st.data(), st.integers(0, 2**40))
@settings(max_examples=25, deadline=None)
def test_batch_equals_the_step_for_every_arrival(
    rules: tuple[Minimisation, Minimisation], data: st.DataObject, seed: int
) -> None:
    strata = np.array(
        data.draw(
            st.lists(st.lists(st.integers(-1, 1), min_size=10, max_size=10), min_size=1, max_size=3)
        )
    )
    levels = np.stack([data.draw(levels_of(10)) for _ in strata])
    keys = [dummy_seed(seed, replicate) for replicate in range(len(strata))]
    words = allocation_words(keys, "main", NAMES, 10, 12)
    arms = minimise_batch(rules, strata, levels, words)
    assert ((arms == NO_ARM) == (strata < 0)).all()
    for replicate, key in enumerate(keys):
        source = AllocationWords(key, "main")
        for stratum, method in enumerate(rules):
            mine = strata[replicate] == stratum
            found = minimise(method, NAMES[stratum], levels[replicate][mine], source)
            assert [each.arm for each in found] == arms[replicate][mine].tolist()


def test_machine_code_gives_the_same_arms() -> None:
    method = Minimisation((1, 2, 1), (1, 3), Fraction(17, 20), "variance")
    levels = np.random.default_rng(3).integers(0, 3, (50, 60, 2))
    strata = np.zeros((50, 60), dtype=np.int64)
    keys = [dummy_seed(3, replicate) for replicate in range(50)]
    words = allocation_words(keys, "main", NAMES[:1], 60, 8)
    arms = minimise_batch([method], strata, levels, words)
    for replicate in (0, 17, 49):
        source = AllocationWords(keys[replicate], "main")
        found = minimise(method, NAMES[0], levels[replicate], source)
        assert [each.arm for each in found] == arms[replicate].tolist()


@pytest.mark.requirement("RN5")
@given(methods(), levels_of(12), levels_of(5), seeds)
@settings(max_examples=25, deadline=None)
def test_later_arrivals_change_no_earlier_allocation(
    method: Minimisation, levels: IntArray, later: IntArray, seed: bytes
) -> None:
    source = AllocationWords(seed, "main")
    whole = minimise(method, "A", np.concatenate([levels, later]), source)
    assert whole[:12] == minimise(method, "A", levels, source)


@given(methods(), levels_of(12), seeds)
@settings(max_examples=25, deadline=None)
def test_names_and_numbers_of_levels_mean_nothing(
    method: Minimisation, levels: IntArray, seed: bytes
) -> None:
    source = AllocationWords(seed, "main")
    renamed = np.array([5, 0, 3])[levels]
    assert minimise(method, "A", renamed, source) == minimise(method, "A", levels, source)


@given(methods(), levels_of(12), seeds)
@settings(max_examples=25, deadline=None)
def test_evidence_adds_up(method: Minimisation, levels: IntArray, seed: bytes) -> None:
    """The counts are those of the earlier notional arms, the preferred arm leaves the least."""
    source = AllocationWords(seed, "main")
    found = minimise(method, "A", levels, source)
    for number, each in enumerate(found):
        assert each.number == number
        assert each.arm == method.arm_of[each.notional]
        assert each.imbalance[each.preferred] == min(each.imbalance)
        assert each.tied == each.imbalance.count(min(each.imbalance))
        assert list(each.words) == source("A", number, 8)[: len(each.words)].tolist()
        for factor, counts in enumerate(each.counts):
            same = [
                other.notional
                for other, level in zip(found[:number], levels, strict=False)
                if level[factor] == levels[number][factor]
            ]
            assert list(counts) == np.bincount(same, minlength=method.notional).tolist()


def test_equal_weights_scaled_together_change_nothing() -> None:
    levels = np.random.default_rng(1).integers(0, 3, (40, 2))
    source = AllocationWords(bytes(32), "main")
    once = minimise(Minimisation((2, 1), (1, 2), Fraction(4, 5)), "A", levels, source)
    twice = minimise(Minimisation((2, 1), (3, 6), Fraction(4, 5)), "A", levels, source)
    assert [each.notional for each in once] == [each.notional for each in twice]


@pytest.mark.parametrize(
    ("ratio", "weights", "probability", "message"),
    [
        ((2, 0), (1,), Fraction(4, 5), "at least two of them positive"),
        ((2, 1), (), Fraction(4, 5), "at least one factor"),
        ((2, 1), (1, 0), Fraction(4, 5), "a weight of 1 or more"),
        ((2, 1), (1,), Fraction(1, 4), "a probability from 1/3"),
        ((2, 1), (1,), Fraction(6, 5), "a probability from 1/3"),
    ],
)
def test_an_impossible_scheme_is_refused(
    ratio: tuple[int, ...], weights: tuple[int, ...], probability: Fraction, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        Minimisation(ratio, weights, probability)


@pytest.mark.requirement("RN2")
def test_exhausted_words_are_an_error_never_an_allocation() -> None:
    method = Minimisation((2, 1), (1,), Fraction(4, 5))
    rejected = np.full(8, 2**64 - 1, dtype=np.uint64)
    with pytest.raises(BadInput, match=r"stratum A, block 0.*8 words of a block suffice"):
        minimise(method, "A", np.zeros((1, 1), dtype=np.int64), lambda *_: rejected)
    late = rejected.copy()
    late[0] = 0
    with pytest.raises(BadInput, match="8 words of a block suffice"):
        minimise(method, "A", np.zeros((1, 1), dtype=np.int64), lambda *_: late)
    with pytest.raises(BadInput, match="nothing was allocated"):
        minimise_batch(
            [method],
            np.zeros((1, 1), dtype=np.int64),
            np.zeros((1, 1, 1), dtype=np.int64),
            rejected.reshape(1, 1, 1, 8),
        )


def test_shapes_that_do_not_fit_are_refused() -> None:
    method = Minimisation((2, 1), (1, 1), Fraction(4, 5))
    strata, levels = np.zeros((1, 3), dtype=np.int64), np.zeros((1, 3, 2), dtype=np.int64)
    words = allocation_words([bytes(32)], "main", ["A"], 3, 8)
    with pytest.raises(BadInput, match=r"levels of shape \(arrivals, 2\)"):
        minimise(method, "A", levels[0, :, :1], AllocationWords(bytes(32), "main"))
    with pytest.raises(BadInput, match="strata of shape"):
        minimise_batch([method], strata[0], levels, words)
    with pytest.raises(BadInput, match="the same number of factors"):
        minimise_batch([method], strata, levels[:, :, :1], words)
    with pytest.raises(BadInput, match="words for 1 strata, at least 8 a block"):
        minimise_batch([method], strata, levels, words[..., :4])
    with pytest.raises(BadInput, match="stratum indices below 1"):
        minimise_batch([method], strata + 1, levels, words)
    with pytest.raises(BadInput, match="a block of words for every arrival"):
        minimise_batch([method], strata, levels, words[:, :, :2])


def test_an_arrival_that_fits_no_stratum_or_level_is_refused() -> None:
    """Two strata, two factors: the last index that is right, and the first that is not."""
    two = [Minimisation((2, 1), (1, 1), Fraction(4, 5))] * 2
    strata = np.array([[0, 1, NO_ARM]], dtype=np.int64)
    levels = np.zeros((1, 3, 2), dtype=np.int64)
    words = allocation_words([bytes(32)], "main", ["A", "B"], 3, 8)
    arms = minimise_batch(two, strata, levels, words)
    assert (arms[0, :2] >= 0).all()
    assert arms[0, 2] == NO_ARM
    for wrong in (2, 3):
        strata[0, 1] = wrong
        with pytest.raises(BadInput, match=rf"found '\({wrong}, 0\)'; stratum indices below 2"):
            minimise_batch(two, strata, levels, words)
    strata[0, 1] = 1
    levels[0, 2, 1] = -1
    with pytest.raises(BadInput, match="no negative level"):
        minimise_batch(two, strata, levels, words)
    levels[0, 2, 1] = 0
    with pytest.raises(BadInput, match="words for 2 strata, at least 8 a block"):
        minimise_batch(two, strata, levels, words[:, :1])
    with pytest.raises(BadInput, match="words for 2 strata, at least 8 a block"):
        minimise_batch(two, strata, levels, words[..., :7])


def test_one_arrival_with_more_factors_than_arrivals() -> None:
    method = Minimisation((2, 1), (1, 1, 1), Fraction(4, 5))
    words = allocation_words([bytes(32)], "main", ["A"], 1, 8)
    levels = np.array([[[0, 2, 1]]], dtype=np.int64)
    arms = minimise_batch([method], np.zeros((1, 1), dtype=np.int64), levels, words)
    (step,) = minimise(method, "A", levels[0], AllocationWords(bytes(32), "main"))
    assert arms.tolist() == [[step.arm]]


def test_words_that_run_out_at_the_coin_name_their_stratum() -> None:
    """The tie is settled by the first word; no word is left for the coin of the second stratum."""
    two = [Minimisation((2, 1), (1,), Fraction(4, 5))] * 2
    words = np.zeros((1, 2, 1, 8), dtype=np.uint64)
    words[0, 1, 0, 1:] = 2**64 - 1
    levels = np.zeros((1, 2, 1), dtype=np.int64)
    with pytest.raises(BadInput, match="stratum 1"):
        minimise_batch(two, np.array([[0, 1]], dtype=np.int64), levels, words)


@pytest.mark.parametrize("ratio", [(2, 1), (4, 2), (6, 3)])
def test_a_ratio_is_taken_in_lowest_terms(ratio: tuple[int, int]) -> None:
    """Two notional arms of the first and one of the second, however often the ratio says so."""
    method = Minimisation(ratio, (1,), Fraction(4, 5))
    assert (method.notional, method.arm_of) == (3, (0, 0, 1))
