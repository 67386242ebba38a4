"""Which arm comes next: permuted blocks of random size, and complete randomisation.

Both draw each block from that block's own words, so the allocation with n earlier ones in its
stratum is a pure function of (seed, scheme, stratum, n): neither another stratum nor the number
of words that another block consumed can move it. `allocate` is the step form for one patient,
`allocate_batch` the same arithmetic for many replicates. The specification with test vectors is
docs/reference/allocation-generator.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled
from equipoise.statistics.random import WORDS_PER_DIGEST, UInt64Array, Words, uniform_integer

IntArray = NDArray[np.int64]

NO_ARM = -1
"""What `allocate_batch` gives to an arrival that is not randomised."""

_PERMUTED, _COMPLETE = 0, 1
_COMPILE_FROM = 5000
"""Arrivals in one call from which machine code repays the time that loading it takes."""


@dataclass(frozen=True, slots=True)
class PermutedBlocks:
    """Blocks that hold the arms exactly in `ratio`, each of a size drawn from `sizes`.

    >>> PermutedBlocks(ratio=(2, 1), sizes=(3, 6)).words_per_block
    12
    """

    ratio: tuple[int, ...]
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        if not self.sizes or len(set(self.sizes)) != len(self.sizes):
            raise BadInput("at least one block size, none twice", field="sizes", found=self.sizes)
        total = sum(self.ratio)
        for size in self.sizes:
            if size <= 0 or size % total:
                raise BadInput(
                    f"a block size is a positive multiple of {total}, the sum of the ratio "
                    + ":".join(map(str, self.ratio)),
                    field="sizes",
                    found=size,
                )

    @property
    def words_per_block(self) -> int:
        """How many words a block may draw: enough for its largest size, and at least 4 more."""
        return words_for(max(self.sizes))


@dataclass(frozen=True, slots=True)
class CompleteRandomisation:
    """Every allocation drawn on its own with probabilities in `ratio` ("simple" randomisation).

    >>> CompleteRandomisation(ratio=(1, 2, 1)).words_per_block
    8
    """

    ratio: tuple[int, ...]

    def __post_init__(self) -> None:
        check_ratio(self.ratio)

    @property
    def words_per_block(self) -> int:
        """How many words one allocation may draw: the one it needs, and at least 4 more."""
        return words_for(1)


Method = PermutedBlocks | CompleteRandomisation


@dataclass(frozen=True, slots=True)
class Allocation:
    """An allocation with its evidence, all of which can be recomputed from the seed.

    `number` counts the earlier allocations in the stratum; `block` and `position` count from 0;
    `words` are the words of the block up to the last one drawn (the size, then the shuffle).
    """

    arm: int
    number: int
    block: int
    size: int
    position: int
    words: tuple[int, ...]


def allocate(method: Method, stratum: str, earlier: int, words: Words) -> Allocation:
    """The allocation of the next patient of a stratum that has `earlier` allocations.

    `arm` is the index in the method's ratio. Raises BadInput if `earlier` is negative or if a
    block's words run out (one chance in far more than 2^200: a source that repeats itself).

    >>> from equipoise.statistics.random import AllocationWords
    >>> source = AllocationWords(bytes(32), "main")
    >>> [allocate(PermutedBlocks((2, 1), (3, 6)), "DEFICIENT", n, source).arm for n in range(6)]
    [0, 1, 0, 1, 0, 0]
    """
    if earlier < 0:
        raise BadInput("the number of earlier allocations is 0 or more", found=earlier)
    count = method.words_per_block
    kind, ratio, sizes = _encoded(method)
    block, first = (earlier, earlier) if kind == _COMPLETE else (0, 0)
    while True:
        drawn = words(stratum, block, count)
        size, _ = _block_size(drawn, kind, sizes)
        if size < 0:
            raise exhausted(f"{stratum}, block {block}", count)
        if first + size > earlier:
            break
        first, block = first + size, block + 1
    arms = np.empty(size, dtype=np.int64)
    size, used = _fill_block(drawn, kind, ratio, sizes, arms)
    if size < 0:
        raise exhausted(f"{stratum}, block {block}", count)
    return Allocation(
        arm=int(arms[earlier - first]),
        number=earlier,
        block=block,
        size=size,
        position=earlier - first,
        words=tuple(int(word) for word in drawn[:used]),
    )


def blocks_needed(methods: Sequence[Method], strata: IntArray) -> int:
    """The number of blocks per stratum whose words surely suffice `allocate_batch`."""
    needed = 1
    for index, method in enumerate(methods):
        most = int((strata == index).sum(axis=1).max(initial=0))
        smallest = min(method.sizes) if isinstance(method, PermutedBlocks) else 1
        needed = max(needed, -(-most // smallest))
    return needed


def words_needed(methods: Sequence[Method]) -> int:
    """The number of words per block that `allocate_batch` takes for these methods."""
    return max(method.words_per_block for method in methods)


def allocate_batch(methods: Sequence[Method], strata: IntArray, words: UInt64Array) -> IntArray:
    """Arm indices of many replicates' arrivals, shape (replicates, arrivals) like `strata`.

    `strata` holds, in order of arrival, the index of each arrival's stratum in `methods`, or a
    negative number for one that is not randomised (its arm is `NO_ARM`). `words` has shape
    (replicates, strata, blocks, words); see `random.allocation_words` and `blocks_needed`.
    Equal to `allocate` called for every arrival in turn.

    >>> from equipoise.statistics.random import allocation_words
    >>> words = allocation_words([bytes(32)], "main", ["DEFICIENT"], blocks=2, count=12)
    >>> arrivals = np.zeros((1, 6), dtype=np.int64)
    >>> allocate_batch([PermutedBlocks((2, 1), (3, 6))], arrivals, words).tolist()
    [[0, 1, 0, 1, 0, 0]]
    """
    _check_batch(methods, strata, words)
    encoded = [_encoded(method) for method in methods]
    kinds = np.array([kind for kind, _, _ in encoded], dtype=np.int64)
    limits = np.array([method.words_per_block for method in methods], dtype=np.int64)
    ratios = padded([ratio for _, ratio, _ in encoded])
    sizes = padded([sizes for _, _, sizes in encoded])
    choices = np.array([len(sizes) for _, _, sizes in encoded], dtype=np.int64)
    arms = np.full(strata.shape, NO_ARM, dtype=np.int64)
    core = compiled(
        _allocate_arrivals,
        _fill_block,
        _block_size,
        uniform_integer,
        worth_it=strata.size >= _COMPILE_FROM,
    )
    failed = core(kinds, ratios, sizes, choices, limits, strata.astype(np.int64), words, arms)
    if failed >= len(methods):
        raise BadInput(
            f"words for {blocks_needed(methods, strata)} blocks a stratum (see blocks_needed)",
            where=f"stratum {failed - len(methods)}",
            found=f"{words.shape[2]} blocks",
        )
    if failed >= 0:
        raise exhausted(f"{failed}", int(limits[failed]))
    return arms


def check_ratio(ratio: tuple[int, ...]) -> None:
    """BadInput unless at least two arms have a positive weight and none a negative one."""
    if min(ratio, default=-1) < 0 or sum(part > 0 for part in ratio) < 2:
        raise BadInput(
            "whole numbers, none negative, at least two of them positive",
            field="ratio",
            found=ratio,
        )


def _check_batch(methods: Sequence[Method], strata: IntArray, words: UInt64Array) -> None:
    if strata.ndim != 2 or words.ndim != 4 or words.shape[0] != strata.shape[0]:
        raise BadInput(
            "strata of shape (replicates, arrivals), words of (replicates, strata, blocks, words)",
            found=(strata.shape, words.shape),
        )
    if words.shape[1] < len(methods) or words.shape[3] < words_needed(methods):
        raise BadInput(
            f"words for {len(methods)} strata, at least {words_needed(methods)} a block",
            found=words.shape,
        )
    if strata.size and strata.max() >= len(methods):
        raise BadInput(
            f"a stratum index below {len(methods)}, the number of strata", found=strata.max()
        )


def words_for(largest: int) -> int:
    """How many words a block of `largest` draws may use: whole digests, one more than it needs."""
    return WORDS_PER_DIGEST * (-(-largest // WORDS_PER_DIGEST) + 1)


def _encoded(method: Method) -> tuple[int, IntArray, IntArray]:
    ratio = np.array(method.ratio, dtype=np.int64)
    if isinstance(method, PermutedBlocks):
        return _PERMUTED, ratio, np.array(method.sizes, dtype=np.int64)
    return _COMPLETE, ratio, np.ones(1, dtype=np.int64)


def padded(rows: Sequence[IntArray]) -> IntArray:
    """Rows of unequal length as one array, filled up with zeros."""
    padded = np.zeros((len(rows), max(len(row) for row in rows)), dtype=np.int64)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded


def exhausted(stratum: str, count: int) -> BadInput:
    """The error of a source of words that repeats itself: nothing is allocated."""
    return BadInput(
        f"the {count} words of a block suffice for its draws; nothing was allocated, and the "
        "source of words must be examined",
        where=f"stratum {stratum}",
        found="every word rejected",
    )


def _block_size(words: UInt64Array, kind: int, sizes: IntArray) -> tuple[int, int]:
    """Core: the size of a block, -1 if the words ran out, and the position of the next word."""
    if kind == _COMPLETE:
        return 1, 0
    choice, position = uniform_integer(words, 0, len(sizes))
    if choice < 0:
        return -1, position
    return int(sizes[choice]), position


def _fill_block(
    words: UInt64Array, kind: int, ratio: IntArray, sizes: IntArray, arms: IntArray
) -> tuple[int, int]:
    """Core: write a block's arms into `arms`; its size, -1 if the words ran out, and words used.

    Permuted: the arms in order, each `ratio` times size / sum(ratio), then Fisher-Yates from the
    last place down to the second, exchanged with a uniform place not after it.
    """
    size, position = _block_size(words, kind, sizes)
    if size < 0:
        return size, position
    total = int(ratio.sum())
    if kind == _COMPLETE:
        draw, position = uniform_integer(words, position, total)
        if draw < 0:
            return -1, position
        arm = 0
        while draw >= ratio[arm]:
            draw -= int(ratio[arm])
            arm += 1
        arms[0] = arm
        return size, position
    filled = 0
    for arm in range(len(ratio)):
        for _ in range(ratio[arm] * (size // total)):
            arms[filled] = arm
            filled += 1
    for place in range(size - 1, 0, -1):
        other, position = uniform_integer(words, position, place + 1)
        if other < 0:
            return -1, position
        exchanged = arms[place]
        arms[place] = arms[other]
        arms[other] = exchanged
    return size, position


def _allocate_arrivals(
    kinds: IntArray,
    ratios: IntArray,
    sizes: IntArray,
    choices: IntArray,
    limits: IntArray,
    strata: IntArray,
    words: UInt64Array,
    arms: IntArray,
) -> int:
    """Core: fill `arms`; -1, or the index of the stratum that failed: as it is if a block's words
    ran out, raised by the number of strata if its blocks did."""
    number = len(kinds)
    largest = max(1, sizes.max())
    block_arms = np.empty((number, largest), dtype=np.int64)
    for replicate in range(strata.shape[0]):
        block = np.full(number, -1, dtype=np.int64)
        size = np.zeros(number, dtype=np.int64)
        position = np.zeros(number, dtype=np.int64)
        for arrival in range(strata.shape[1]):
            stratum = strata[replicate, arrival]
            if stratum < 0:
                continue
            if position[stratum] == size[stratum]:
                block[stratum] += 1
                if block[stratum] >= words.shape[2]:
                    return int(stratum) + number
                size[stratum], _ = _fill_block(
                    words[replicate, stratum, block[stratum], : limits[stratum]],
                    kinds[stratum],
                    ratios[stratum],
                    sizes[stratum, : choices[stratum]],
                    block_arms[stratum],
                )
                if size[stratum] < 0:
                    return int(stratum)
                position[stratum] = 0
            arms[replicate, arrival] = block_arms[stratum, position[stratum]]
            position[stratum] += 1
    return -1
