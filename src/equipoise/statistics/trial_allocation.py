"""Cores of the trial kernel that allocate: blocks looked up where they are short, minimisation.

What a block looks like is a function of its draws. For short blocks every outcome of the live
rule's own shuffle is laid out once in a table, so that a block costs a look-up.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.allocation import _PERMUTED, _fill_block
from equipoise.statistics.minimisation import _drawn_slot, _imbalances
from equipoise.statistics.trial_draws import fill_words, trial_key
from equipoise.statistics.trial_tables import ARM, Randomisation

UInt64Array = NDArray[np.uint64]
IntArray = NDArray[np.int64]

AHEAD = 8
"""Blocks whose words are made at one time, at most."""
PACKED = 8
"""Arms in one packed word; there is so much room after the last arm of a stratum."""
_LONGEST = 6
_FEW = 4
"""Strata up to which each is gone through on its own."""
_SURE = np.uint64(2**64 - 1 - 64)
"""A word up to this one is never rejected by a draw of one among 64 or fewer."""
_TWO, _THREE, _FOUR, _FIVE, _SIX = (np.uint64(n) for n in (2, 3, 4, 5, 6))
_BYTE, _LOW = np.uint64(8), np.uint64(255)


def arrangements(plan: Randomisation) -> tuple[UInt64Array, IntArray]:
    """Every short block of every stratum, and where the blocks of stratum x size begin in it.

    A block is one word, the arm in place k its byte k. Blocks are ordered by their draws, the first
    being the most significant. Where a block is drawn instead the beginning is -1.
    """
    begins = np.full(plan.sizes.shape, -1, dtype=np.int64)
    found = [np.zeros(1, dtype=np.uint64)]
    known: dict[tuple[tuple[int, ...], int], int] = {}
    length = 1
    for stratum, ratio in enumerate(plan.ratios):
        if plan.minimised or plan.kinds[stratum] != _PERMUTED:
            continue
        for place, size in enumerate(plan.sizes[stratum, : plan.choices[stratum]].tolist()):
            if size > _LONGEST:
                continue
            key = (tuple(ratio.tolist()), size)
            if key not in known:
                known[key] = length
                found.append(_blocks(*key))
                length += len(found[-1])
            begins[stratum, place] = known[key]
    return np.concatenate(found), begins


@cache
def _blocks(ratio: tuple[int, ...], size: int) -> UInt64Array:
    """All blocks of one size, by their draws, as the live rule fills them."""
    found, arms = [], np.zeros(size, dtype=np.int64)
    for draws in np.ndindex(*range(size, 1, -1)):
        words = np.array((0, *draws), dtype=np.uint64)
        _fill_block(words, _PERMUTED, np.array(ratio), np.array([size]), arms)
        found.append(sum(arm << (8 * place) for place, arm in enumerate(arms.tolist())))
    return np.array(found, dtype=np.uint64)


def allocate_in_turn(
    plan: Randomisation,
    trial: np.uint64,
    begin: int,
    end: int,
    wanted: int,
    values: IntArray,
    who: IntArray,
    randomised: int,
    state: IntArray,
    arms: IntArray,
    words: UInt64Array,
    blocks: UInt64Array,
    begins: IntArray,
) -> int:
    """Core: arms of the candidates from `begin` that have a stratum, until `wanted` are
    randomised; `who` lists them.

    `state` has for each stratum the next block, how many arms are in its row of `arms`, how many of
    them are given away, and how many are wanted. `blocks` and `begins` are the `arrangements`.
    Returns how many are randomised then, or -1 less the stratum if a block's words ran out.
    """
    strata, given = values[plan.stratum], values[ARM]
    stop = begin
    while stop < end and randomised < wanted:
        who[randomised] = stop
        randomised += int(strata[stop] >= 0)
        stop += 1
    few = len(plan.limits) <= _FEW
    for stratum in range(len(plan.limits)):
        state[stratum, 3] = state[stratum, 2]
        if few:
            here = 0
            for candidate in range(begin, stop):
                here += int(strata[candidate] == stratum)
            state[stratum, 3] += here
    if not few:
        for candidate in range(begin, stop):
            if strata[candidate] >= 0:
                state[strata[candidate], 3] += 1
    for stratum in range(len(plan.limits)):
        short = state[stratum, 1] < state[stratum, 3]
        if short and not _filled(
            plan, trial, stratum, state, arms[stratum], words, blocks, begins[stratum]
        ):
            return -1 - stratum
        if few:
            mine, place = arms[stratum], state[stratum, 2]
            for candidate in range(begin, stop):
                here = int(strata[candidate] == stratum)
                given[candidate] = mine[np.uintp(place)] if here else given[candidate]
                place += here
            state[stratum, 2] = place
    if not few:
        for candidate in range(begin, stop):
            stratum = strata[candidate]
            if stratum >= 0:
                given[candidate] = arms[stratum, state[stratum, 2]]
                state[stratum, 2] += 1
    return randomised


def _filled(
    plan: Randomisation,
    trial: np.uint64,
    stratum: int,
    state: IntArray,
    arms: IntArray,
    words: UInt64Array,
    blocks: UInt64Array,
    begins: IntArray,
) -> bool:
    """Core: fill blocks of a stratum until there are as many arms as are wanted."""
    key, limit = trial_key(plan.stream[stratum], trial), plan.limits[stratum]
    kind, ratio, choices = plan.kinds[stratum], plan.ratios[stratum], plan.choices[stratum]
    sizes = plan.sizes[stratum, :choices]
    largest = 1
    for place in range(choices):
        largest = max(largest, sizes[place])
    block, filled = state[stratum, 0], state[stratum, 1]
    while filled < state[stratum, 3]:
        # So many blocks are needed even if all of them are long.
        many = min(AHEAD, -((filled - state[stratum, 3]) // largest))
        drawn = words[: many * limit]
        fill_words(key, block * limit, drawn)
        highest = np.uint64(0)
        for place in range(len(drawn)):
            highest = max(highest, drawn[place])
        for ahead in range(many):
            first = ahead * limit
            choice = np.int64(drawn[first] % np.uint64(choices))
            if begins[choice] >= 0 and highest <= _SURE:
                size = sizes[choice]
                packed = blocks[begins[choice] + block_number(drawn, first + 1, size)]
                for place in range(PACKED):
                    arms[filled + place] = np.int64((packed >> (_BYTE * np.uint64(place))) & _LOW)
            else:
                own = drawn[first : first + limit]
                size, _ = _fill_block(own, kind, ratio, sizes, arms[filled:])
                if size < 0:
                    return False
            filled += size
        block += many
    state[stratum, 0], state[stratum, 1] = block, filled
    return True


def block_number(words: UInt64Array, place: int, size: int) -> np.int64:
    """Core: which of all blocks of a size up to 6 these draws make, as `arrangements` has them."""
    number = np.uint64(0)
    if size > 5:
        number = words[place] % _SIX
        place += 1
    if size > 4:
        number = number * _FIVE + words[place] % _FIVE
        place += 1
    if size > 3:
        number = number * _FOUR + words[place] % _FOUR
        place += 1
    if size > 2:
        number = number * _THREE + words[place] % _THREE
        place += 1
    if size > 1:
        number = number * _TWO + words[place] % _TWO
    return np.int64(number)


def minimise_in_turn(
    plan: Randomisation,
    trial: np.uint64,
    begin: int,
    end: int,
    wanted: int,
    values: IntArray,
    who: IntArray,
    randomised: int,
    numbers: IntArray,
    counts: IntArray,
    imbalance: IntArray,
    mine: IntArray,
    words: UInt64Array,
) -> int:
    """Core: as `allocate_in_turn`, by minimisation; `counts`: strata x factors x levels x
    arms; `mine` is room for a level of each factor."""
    for candidate in range(begin, end):
        stratum = values[plan.stratum, candidate]
        if stratum < 0 or randomised >= wanted:
            continue
        for factor in range(len(mine)):
            mine[factor] = values[plan.factors[factor], candidate]
        width, limit = plan.slots[stratum], plan.limits[stratum]
        here, leaves = counts[stratum, :, :, :width], imbalance[:width]
        _imbalances(here, mine, plan.weights[stratum], plan.codes[stratum], leaves)
        number = numbers[stratum, 0]
        fill_words(trial_key(plan.stream[stratum], trial), number * limit, words[:limit])
        slot, _, _ = _drawn_slot(
            leaves, plan.coins[stratum, 0], plan.coins[stratum, 1], words[:limit]
        )
        if slot < 0:
            return int(-1 - stratum)
        for factor in range(len(mine)):
            here[factor, mine[factor], slot] += 1
        numbers[stratum, 0] += 1
        values[ARM, candidate] = plan.arm_of[stratum, slot]
        who[randomised] = candidate
        randomised += 1
    return randomised
