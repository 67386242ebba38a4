"""Which arm comes next: minimisation with a biased coin over equal notional arms.

Pocock and Simon (Biometrics 1975;31:103-115) balance the arms at every level of several factors at
once. Applied to unequal arms as it stands, the method gives no arm its share; nor does a biased
coin with a fixed probability (for 2:1 and p = 0.8 the first arm gets 0.667, 0.433, 0.807 of the
first three arrivals). So an arm of weight w is taken as w *notional* arms of weight 1, all of them
alike (Kuznetsova and Tymofyeyev, Statistics in Medicine 2012;31:701-723): by symmetry each notional
arm has the same chance at every arrival, whatever the factors, and each arm its exact share.

`minimise` gives the allocations of one stratum with their evidence, `minimise_batch` the same
arithmetic for many replicates. The specification with test vectors is
docs/reference/allocation-generator.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from equipoise.errors import BadInput
from equipoise.statistics.allocation import (
    NO_ARM,
    IntArray,
    check_ratio,
    exhausted,
    padded,
    words_for,
)
from equipoise.statistics.compiled import compiled
from equipoise.statistics.random import UInt64Array, Words, uniform_integer

Measure = Literal["range", "variance"]
"""How uneven the counts of a factor's level are: largest less smallest, or their variance."""

_DRAWS = 2
_RANGE, _VARIANCE = 0, 1
_COMPILE_FROM = 2000
"""Arrivals in one call from which machine code repays the time that loading it takes."""


@dataclass(frozen=True, slots=True)
class Minimisation:
    """Minimise the weighted imbalance over factors, one weight for each; a coin of `probability`.

    `ratio` is taken in lowest terms. `probability` is that of the notional arm that would leave
    the least imbalance; the others share the rest equally.

    >>> Minimisation((2, 1), (1, 1), Fraction(4, 5)).arm_of
    (0, 0, 1)
    """

    ratio: tuple[int, ...]
    weights: tuple[int, ...]
    probability: Fraction
    measure: Measure = "range"

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        if not self.weights or min(self.weights) < 1:
            raise BadInput(
                "a weight of 1 or more for every factor, and at least one factor",
                field="weights",
                found=self.weights,
            )
        if not Fraction(1, self.notional) <= self.probability <= 1:
            raise BadInput(
                f"a probability from 1/{self.notional}, one over the number of notional arms, to 1",
                field="probability",
                found=str(self.probability),
            )

    @property
    def notional(self) -> int:
        """How many notional arms there are: the sum of the ratio in lowest terms."""
        return sum(self.ratio) // math.gcd(*self.ratio)

    @property
    def arm_of(self) -> tuple[int, ...]:
        """The arm of each notional arm: the arms in order, each as often as its weight."""
        divisor = math.gcd(*self.ratio)
        return tuple(arm for arm, weight in enumerate(self.ratio) for _ in range(weight // divisor))

    @property
    def words_per_block(self) -> int:
        """How many words one allocation may draw: the two it needs, and at least 4 more."""
        return words_for(_DRAWS)


@dataclass(frozen=True, slots=True)
class Minimised:
    """An allocation by minimisation with its evidence, which is recomputed and never stored.

    `number` counts the earlier allocations in the stratum. `counts` has for each factor the
    earlier allocations at this patient's level in each notional arm; `imbalance` is the weighted
    total that each notional arm would leave (variance: times k(k - 1), k notional arms). `tied` is
    the number of notional arms with the least imbalance, `preferred` the one drawn among them,
    `notional` the one allocated. `words` are the words of the block up to the last one drawn.
    """

    arm: int
    number: int
    notional: int
    preferred: int
    tied: int
    counts: tuple[tuple[int, ...], ...]
    imbalance: tuple[int, ...]
    words: tuple[int, ...]


def minimise(method: Minimisation, stratum: str, levels: IntArray, words: Words) -> list[Minimised]:
    """The allocations of a stratum's arrivals, in order, with their evidence.

    `levels` has shape (arrivals, factors): the number of each arrival's level of each factor. Each
    allocation depends on the arrivals before it and on none after it, so the list for n + 1
    arrivals begins with the list for n. Raises BadInput if a block's words run out.

    >>> from equipoise.statistics.random import AllocationWords
    >>> source = AllocationWords(bytes(32), "main")
    >>> method = Minimisation((2, 1), (1,), Fraction(4, 5))
    >>> found = minimise(method, "DEFICIENT", np.array([[0], [1], [0], [0]]), source)
    >>> [each.arm for each in found], found[2].counts, found[2].imbalance
    ([1, 0, 0, 0], ((0, 0, 1),), (1, 1, 2))
    """
    levels = np.asarray(levels, dtype=np.int64)
    _check_levels(levels, method)
    arm_of, code = method.arm_of, _coded(method.measure)
    numerator, denominator = method.probability.as_integer_ratio()
    weights = np.array(method.weights, dtype=np.int64)
    counts = _no_counts(levels, method.notional)
    imbalance = np.zeros(method.notional, dtype=np.int64)
    factors = np.arange(len(method.weights))
    found = []
    for number, mine in enumerate(levels):
        drawn = words(stratum, number, method.words_per_block)
        _imbalances(counts, mine, weights, code, imbalance)
        slot, preferred, used = _drawn_slot(imbalance, numerator, denominator, drawn)
        if slot < 0:
            raise exhausted(f"{stratum}, block {number}", method.words_per_block)
        found.append(
            Minimised(
                arm=arm_of[slot],
                number=number,
                notional=slot,
                preferred=preferred,
                tied=int((imbalance == imbalance.min()).sum()),
                counts=tuple(tuple(row) for row in counts[factors, mine].tolist()),
                imbalance=tuple(imbalance.tolist()),
                words=tuple(drawn[:used].tolist()),
            )
        )
        counts[factors, mine, slot] += 1
    return found


def minimise_batch(
    methods: Sequence[Minimisation], strata: IntArray, levels: IntArray, words: UInt64Array
) -> IntArray:
    """Arm indices of many replicates' arrivals, shape (replicates, arrivals) like `strata`.

    `strata` holds, in order of arrival, the index of each arrival's stratum in `methods`, or a
    negative number for one that is not randomised (its arm is `NO_ARM`). `levels` has shape
    (replicates, arrivals, factors), `words` (replicates, strata, blocks, words): a block for each
    arrival of the stratum. Equal to `minimise` called for every stratum of every replicate.
    """
    _check_batch(methods, strata, levels, words)
    largest = max(method.notional for method in methods)
    codes = np.array([_coded(method.measure) for method in methods], dtype=np.int64)
    coins = np.array([method.probability.as_integer_ratio() for method in methods], dtype=np.int64)
    weights = np.array([method.weights for method in methods], dtype=np.int64)
    arm_of = padded([np.array(method.arm_of, dtype=np.int64) for method in methods])
    slots = np.array([method.notional for method in methods], dtype=np.int64)
    arms = np.full(strata.shape, NO_ARM, dtype=np.int64)
    counts = np.zeros(
        (len(methods), levels.shape[2], int(levels.max(initial=0)) + 1, largest), dtype=np.int64
    )
    core = compiled(
        _minimise_arrivals,
        _imbalances,
        _drawn_slot,
        uniform_integer,
        worth_it=strata.size >= _COMPILE_FROM,
    )
    failed = core(
        codes, coins, weights, arm_of, slots, strata.astype(np.int64), levels.astype(np.int64),
        words[..., : words_for(_DRAWS)], counts, arms,
    )  # fmt: skip
    if failed >= len(methods):
        raise BadInput(
            "a block of words for every arrival of the stratum",
            where=f"stratum {failed - len(methods)}",
            found=f"{words.shape[2]} blocks",
        )
    if failed >= 0:
        raise exhausted(f"{failed}", methods[failed].words_per_block)
    return arms


def _coded(measure: Measure) -> int:
    return _VARIANCE if measure == "variance" else _RANGE


def _no_counts(levels: IntArray, notional: int) -> IntArray:
    size = levels.shape[1], int(levels.max(initial=0)) + 1, notional
    return np.zeros(size, dtype=np.int64)


def _check_levels(levels: IntArray, method: Minimisation) -> None:
    if levels.ndim != 2 or levels.shape[1] != len(method.weights) or levels.min(initial=0) < 0:
        raise BadInput(
            f"levels of shape (arrivals, {len(method.weights)}), none negative", found=levels.shape
        )


def _check_batch(
    methods: Sequence[Minimisation], strata: IntArray, levels: IntArray, words: UInt64Array
) -> None:
    if (
        strata.ndim != 2
        or levels.ndim != 3
        or levels.shape[:2] != strata.shape
        or words.ndim != 4
        or words.shape[0] != strata.shape[0]
    ):
        raise BadInput(
            "strata of shape (replicates, arrivals), levels of (replicates, arrivals, factors), "
            "words of (replicates, strata, blocks, words)",
            found=(strata.shape, levels.shape, words.shape),
        )
    if any(len(method.weights) != levels.shape[2] for method in methods):
        raise BadInput(
            "the same number of factors in every method and in the levels", found=levels.shape
        )
    needed = max(method.words_per_block for method in methods)
    if words.shape[1] < len(methods) or words.shape[3] < needed:
        raise BadInput(
            f"words for {len(methods)} strata, at least {needed} a block", found=words.shape
        )
    if strata.max(initial=-1) >= len(methods) or levels.min(initial=0) < 0:
        raise BadInput(
            f"stratum indices below {len(methods)} and no negative level",
            found=(int(strata.max(initial=-1)), int(levels.min(initial=0))),
        )


def _imbalances(
    counts: IntArray, mine: IntArray, weights: IntArray, measure: int, imbalance: IntArray
) -> None:
    """Core: the weighted imbalance that each notional arm would leave, into `imbalance`.

    `counts` has shape (factors, levels, notional arms), `mine` the patient's level of each factor.
    The variance of k counts is taken times k(k - 1), which is whole: k sum(n^2) - (sum n)^2.
    """
    slots = len(imbalance)
    for slot in range(slots):
        total = 0
        for factor in range(len(mine)):
            here = counts[factor, mine[factor]]
            least, most, summed, squared = -1, 0, 0, 0
            for other in range(slots):
                count = here[other] + (1 if other == slot else 0)
                least = count if least < 0 or count < least else least
                most = max(count, most)
                summed += count
                squared += count * count
            spread = most - least if measure == 0 else slots * squared - summed * summed
            total += weights[factor] * spread
        imbalance[slot] = total


def _drawn_slot(
    imbalance: IntArray, numerator: int, denominator: int, words: UInt64Array
) -> tuple[int, int, int]:
    """Core: the notional arm, the preferred one, and the words used; -1 if the words ran out.

    One draw settles ties, the next is the coin: of denominator x (k - 1) equal chances the
    preferred arm has numerator x (k - 1), each other (denominator - numerator).
    """
    slots = len(imbalance)
    least = imbalance[0]
    tied = 0
    for slot in range(slots):
        if imbalance[slot] < least:
            least, tied = imbalance[slot], 0
        tied += 1 if imbalance[slot] == least else 0
    place, position = uniform_integer(words, 0, tied)
    if place < 0:
        return -1, -1, position
    preferred = 0
    while imbalance[preferred] != least or place > 0:
        place -= 1 if imbalance[preferred] == least else 0
        preferred += 1
    chance, position = uniform_integer(words, position, denominator * (slots - 1))
    if chance < 0:
        return -1, -1, position
    if chance < numerator * (slots - 1):
        return preferred, preferred, position
    other = (chance - numerator * (slots - 1)) // (denominator - numerator)
    return (other if other < preferred else other + 1), preferred, position


def _minimise_arrivals(
    codes: IntArray,
    coins: IntArray,
    weights: IntArray,
    arm_of: IntArray,
    slots: IntArray,
    strata: IntArray,
    levels: IntArray,
    words: UInt64Array,
    counts: IntArray,
    arms: IntArray,
) -> int:
    """Core: fill `arms`; -1, or the index of the stratum that failed: as it is if a block's words
    ran out, raised by the number of strata if its blocks did."""
    number = len(codes)
    imbalance = np.zeros((number, counts.shape[3]), dtype=np.int64)
    for replicate in range(strata.shape[0]):
        counts[:] = 0
        block = np.zeros(number, dtype=np.int64)
        for arrival in range(strata.shape[1]):
            stratum = strata[replicate, arrival]
            if stratum < 0:
                continue
            if block[stratum] >= words.shape[2]:
                return int(stratum) + number
            mine = levels[replicate, arrival]
            width = slots[stratum]
            here = counts[stratum, :, :, :width]
            wanted = imbalance[stratum, :width]
            _imbalances(here, mine, weights[stratum], codes[stratum], wanted)
            slot, _, _ = _drawn_slot(
                wanted,
                coins[stratum, 0],
                coins[stratum, 1],
                words[replicate, stratum, block[stratum]],
            )
            if slot < 0:
                return int(stratum)
            for factor in range(len(mine)):
                here[factor, mine[factor], slot] += 1
            arms[replicate, arrival] = arm_of[stratum, slot]
            block[stratum] += 1
    return -1
