"""What holds for every scheme, seed and arrival order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.allocation import (
    NO_ARM,
    CompleteRandomisation,
    Method,
    PermutedBlocks,
    allocate,
    allocate_batch,
    blocks_needed,
    words_needed,
)
from equipoise.statistics.random import (
    AllocationWords,
    UInt64Array,
    allocation_words,
    dummy_seed,
    nature_words,
    uniform_integer,
)

NAMES = ["DEFICIENT", "PROFICIENT", "UNKNOWN"]


@st.composite
def permuted(draw: st.DrawFn) -> PermutedBlocks:
    ratio = tuple(draw(st.lists(st.integers(1, 3), min_size=2, max_size=4)))
    multiples = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True))
    return PermutedBlocks(ratio, tuple(sum(ratio) * multiple for multiple in multiples))


def methods() -> st.SearchStrategy[Method]:
    complete = st.lists(st.integers(1, 3), min_size=2, max_size=4).map(
        lambda ratio: CompleteRandomisation(tuple(ratio))
    )
    return st.one_of(permuted(), complete)


def seeds() -> st.SearchStrategy[bytes]:
    return st.binary(min_size=32, max_size=32)


@pytest.mark.requirement("RN2")
@given(permuted(), seeds())
@settings(max_examples=40, deadline=None)
def test_every_complete_block_has_the_exact_ratio(method: PermutedBlocks, seed: bytes) -> None:
    source = AllocationWords(seed, "main")
    blocks: dict[int, list[int]] = {}
    for number in range(40):
        allocation = allocate(method, "DEFICIENT", number, source)
        blocks.setdefault(allocation.block, []).append(allocation.arm)
        assert allocation.size in method.sizes
        assert allocation.position == len(blocks[allocation.block]) - 1
        if allocation.position == allocation.size - 1:
            counts = np.bincount(blocks[allocation.block], minlength=len(method.ratio))
            repeats = allocation.size // sum(method.ratio)
            assert counts.tolist() == [part * repeats for part in method.ratio]
    assert sorted(blocks) == list(range(len(blocks)))


@pytest.mark.requirement("RN7")
@given(
    st.tuples(methods(), methods(), methods()),
    st.lists(st.lists(st.integers(-1, 2), min_size=12, max_size=12), min_size=1, max_size=3),
    st.integers(0, 2**40),
)
@settings(max_examples=25, deadline=None)
def test_batch_equals_the_step_for_every_arrival(
    rules: tuple[Method, ...], arrivals: list[list[int]], seed: int
) -> None:
    strata = np.array(arrivals)
    keys = [dummy_seed(seed, replicate) for replicate in range(len(arrivals))]
    words = allocation_words(keys, "main", NAMES, blocks_needed(rules, strata), words_needed(rules))
    arms = allocate_batch(rules, strata, words)
    for replicate, key in enumerate(keys):
        source = AllocationWords(key, "main")
        earlier = [0, 0, 0]
        for arrival, stratum in enumerate(strata[replicate]):
            if stratum < 0:
                assert arms[replicate, arrival] == NO_ARM
                continue
            step = allocate(rules[stratum], NAMES[stratum], earlier[stratum], source)
            assert arms[replicate, arrival] == step.arm
            earlier[stratum] += 1


@given(permuted(), permuted(), st.permutations([0] * 8 + [1] * 8), seeds())
@settings(max_examples=25, deadline=None)
def test_other_strata_never_move_an_allocation(
    first: PermutedBlocks, second: PermutedBlocks, order: list[int], seed: bytes
) -> None:
    rules = [first, second]
    mixed, alone = np.array([order]), np.zeros((1, 8), dtype=np.int64)
    words = allocation_words([seed], "main", NAMES[:2], 8, words_needed(rules))
    arms = allocate_batch(rules, mixed, words)[0]
    assert arms[mixed[0] == 0].tolist() == allocate_batch(rules, alone, words)[0].tolist()


@given(st.permutations([0, 1, 2]), seeds())
@settings(max_examples=25, deadline=None)
def test_relabelling_strata_relabels_nothing_else(order: list[int], seed: bytes) -> None:
    rules: list[Method] = [
        PermutedBlocks((2, 1), (3, 6)),
        PermutedBlocks((1, 1), (2, 4)),
        CompleteRandomisation((1, 2, 1)),
    ]
    strata = np.array([[0, 1, 2, 2, 1, 0, 0, 1, 2, 0, 0, 1]])
    words = allocation_words([seed], "main", NAMES, 12, words_needed(rules))
    renamed_words = words[:, order]
    renamed = np.argsort(order)[strata]
    expected = allocate_batch(rules, strata, words)
    found = allocate_batch([rules[index] for index in order], renamed, renamed_words)
    assert found.tolist() == expected.tolist()


@given(methods(), st.integers(0, 30), seeds())
@settings(max_examples=30, deadline=None)
def test_evidence_is_the_words_up_to_the_last_one_drawn(
    method: Method, number: int, seed: bytes
) -> None:
    source = AllocationWords(seed, "main")
    allocation = allocate(method, "DEFICIENT", number, source)
    words = source("DEFICIENT", allocation.block, method.words_per_block)
    assert list(allocation.words) == words[: len(allocation.words)].tolist()
    assert len(allocation.words) >= allocation.size


@given(st.integers(1, 2**40), st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_uniform_integer_is_the_first_word_below_the_limit(n: int, values: list[int]) -> None:
    words = np.array([*values, 2**64 - 1, 5], dtype=np.uint64)
    taken = next(index for index, word in enumerate(words.tolist()) if word < 2**64 // n * n)
    value, position = uniform_integer(words, 0, n)
    assert (value, position) == (int(words[taken]) % n, taken + 1)


@given(st.binary(max_size=64).filter(lambda seed: len(seed) != 32))
def test_a_seed_of_another_length_is_refused_and_not_shown(seed: bytes) -> None:
    with pytest.raises(BadInput, match="exactly 32 bytes") as refusal:
        AllocationWords(seed, "main")
    assert refusal.value.found == f"{len(seed)} bytes"


def rejected(stratum: str, block: int, count: int) -> UInt64Array:
    """A broken source: a size can be drawn, then every word is one that must be rejected."""
    words = np.full(count, 2**64 - 1, dtype=np.uint64)
    words[0] = 0
    return words


@pytest.mark.requirement("RN2")
def test_exhausted_words_are_an_error_never_an_allocation() -> None:
    method = PermutedBlocks((2, 1), (3, 6))
    with pytest.raises(BadInput, match=r"stratum DEFICIENT, block 0.*12 words of a block suffice"):
        allocate(method, "DEFICIENT", 0, rejected)
    words = rejected("DEFICIENT", 0, 12).reshape(1, 1, 1, 12)
    with pytest.raises(BadInput, match="12 words of a block suffice"):
        allocate_batch([method], np.zeros((1, 3), dtype=np.int64), words)


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize(
    "method", [CompleteRandomisation((2, 1)), CompleteRandomisation((1, 2, 4))]
)
def test_exhausted_words_of_a_single_draw_are_an_error(method: CompleteRandomisation) -> None:
    largest = np.full(8, 2**64 - 1, dtype=np.uint64)
    with pytest.raises(BadInput, match=r"stratum LOW, block 3: .*8 words of a block suffice"):
        allocate(method, "LOW", 3, lambda *_: largest)
    words = largest.reshape(1, 1, 1, 8)
    with pytest.raises(BadInput, match="nothing was allocated"):
        allocate_batch([method], np.zeros((1, 1), dtype=np.int64), words)


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize("good", [1, 2, 4])
def test_words_exhausted_in_the_shuffle_are_an_error(good: int) -> None:
    """The size is drawn, then so many places; every further word is rejected."""
    method = PermutedBlocks((2, 1), (6, 3))
    drawn = rejected("LOW", 0, 12).copy()
    drawn[:good] = 0
    with pytest.raises(BadInput, match="12 words of a block suffice"):
        allocate(method, "LOW", 0, lambda *_: drawn)
    with pytest.raises(BadInput, match="nothing was allocated"):
        allocate_batch([method], np.zeros((1, 1), dtype=np.int64), drawn.reshape(1, 1, 1, 12))


@pytest.mark.requirement("RN2")
def test_words_exhausted_before_the_size_is_drawn_are_an_error() -> None:
    """Of three sizes none can be drawn from words that are all rejected."""
    method = PermutedBlocks((1, 1), (2, 4, 6))
    largest = np.full(12, 2**64 - 1, dtype=np.uint64)
    with pytest.raises(BadInput, match="12 words of a block suffice"):
        allocate(method, "LOW", 0, lambda *_: largest)
    with pytest.raises(BadInput, match="nothing was allocated"):
        allocate_batch([method], np.zeros((1, 1), dtype=np.int64), largest.reshape(1, 1, 1, 12))


@pytest.mark.parametrize("ratio", [(2, -1, 1), (1,), (0, 3), ()])
def test_a_single_draw_has_a_possible_ratio_too(ratio: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="at least two of them positive"):
        CompleteRandomisation(ratio)
    with pytest.raises(BadInput, match="at least two of them positive"):
        PermutedBlocks(ratio, (2,))


def test_a_stratum_without_a_method_is_refused() -> None:
    words = nature_words(1, "x", [0], (1, 1, 12))
    for strata in ([[0, 1]], [[1, 0]], [[-1, 1]]):
        with pytest.raises(BadInput, match="a stratum index below 1"):
            allocate_batch([PermutedBlocks((2, 1), (3, 6))], np.array(strata), words)


def test_who_is_not_randomised_has_a_negative_arm() -> None:
    """The number is written down by whoever keeps tables of arms: it never changes."""
    words = nature_words(1, "x", [0], (1, 1, 12))
    arms = allocate_batch([PermutedBlocks((2, 1), (3, 6))], np.array([[-1, 0, -1]]), words)
    assert arms[0, 0] == arms[0, 2] == -1


def test_a_block_never_draws_beyond_its_own_words() -> None:
    method = PermutedBlocks((2, 1), (3, 6))
    words = nature_words(1, "x", [0], (1, 1, 64))
    words[0, 0, 0, : method.words_per_block] = rejected("DEFICIENT", 0, 12)
    with pytest.raises(BadInput, match="nothing was allocated"):
        allocate_batch([method], np.zeros((1, 1), dtype=np.int64), words)


def test_too_few_blocks_of_words_are_refused() -> None:
    words = nature_words(1, "x", [0], (1, 1, 12))
    with pytest.raises(BadInput, match="stratum 0: found '1 blocks'; words for 4 blocks"):
        allocate_batch([PermutedBlocks((2, 1), (3, 6))], np.zeros((1, 12), dtype=np.int64), words)


@pytest.mark.parametrize(
    ("ratio", "sizes", "message"),
    [
        ((2, 1), (4,), "multiple of 3, the sum of the ratio 2:1"),
        ((2, 1), (0,), "multiple of 3"),
        ((2, 1), (3, 3), "none twice"),
        ((2, 1), (), "at least one block size"),
        ((2, -1), (1,), "none negative"),
        ((2, 0), (2,), "at least two of them positive"),
        ((), (1,), "at least two of them positive"),
    ],
)
def test_an_impossible_scheme_is_refused(
    ratio: tuple[int, ...], sizes: tuple[int, ...], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        PermutedBlocks(ratio, sizes)


@pytest.mark.parametrize("name", ["", "a|b", "a b", "é", "a\n", "x" * 201])
def test_a_name_that_is_not_canonical_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="visible ASCII"):
        AllocationWords(bytes(32), name)
    with pytest.raises(BadInput, match="visible ASCII"):
        AllocationWords(bytes(32), "main")(name, 0, 4)
    with pytest.raises(BadInput, match="visible ASCII"):
        allocation_words([bytes(32)], "main", [name], 1, 4)


def test_negative_numbers_are_refused() -> None:
    source = AllocationWords(bytes(32), "main")
    with pytest.raises(BadInput, match="0 or more"):
        source("DEFICIENT", -1, 4)
    with pytest.raises(BadInput, match="0 or more"):
        allocate(CompleteRandomisation((1, 1)), "DEFICIENT", -1, source)


def test_shapes_that_do_not_fit_are_refused() -> None:
    method = PermutedBlocks((2, 1), (3, 6))
    strata = np.zeros((2, 3), dtype=np.int64)
    with pytest.raises(BadInput, match="strata of shape"):
        allocate_batch([method], strata, nature_words(1, "x", [0], (1, 3, 12)))
    with pytest.raises(BadInput, match="words for 1 strata, at least 12 a block"):
        allocate_batch([method], strata, nature_words(1, "x", range(2), (1, 3, 8)))
    with pytest.raises(BadInput, match="stratum index below 1"):
        allocate_batch([method], strata + 1, nature_words(1, "x", range(2), (1, 3, 12)))


@pytest.mark.parametrize("earlier", [-1, -(2**40)])
def test_fewer_than_no_earlier_allocations_are_refused(earlier: int) -> None:
    source = AllocationWords(bytes(32), "main")
    for method in (PermutedBlocks((2, 1), (3, 6)), CompleteRandomisation((2, 1))):
        assert allocate(method, "A", 0, source).arm in (0, 1)
        with pytest.raises(BadInput, match="the number of earlier allocations is 0 or more"):
            allocate(method, "A", earlier, source)
