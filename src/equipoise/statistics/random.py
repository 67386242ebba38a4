"""The two sources of chance: the allocation generator, and nature's streams for simulation.

**Allocation** uses a documented counter-mode generator, `equipoise-hmac-sha256-1`
(docs/reference/allocation-generator.md): its words are cut from HMAC-SHA256, so that whoever
holds the seed can repeat every allocation in any language, and nobody else can foresee one.

**Nature** (what patients, tumours and sites do in a simulation) is drawn from Philox4x64-10
(Salmon et al., SC11, 2011), one stream for each named decision, one counter range for each
replicate: a draw added to one stream shifts no other, and replicate r has the same draws in
every batch that it is part of.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled

UInt64Array = NDArray[np.uint64]
FloatArray = NDArray[np.float64]
Words = Callable[[str, int, int], UInt64Array]
"""A source of bits for allocation: (stratum, block, count) to the block's first `count` words."""

ALLOCATION_GENERATOR = "equipoise-hmac-sha256-1"
NATURE_GENERATOR = "equipoise-philox-1"
SEED_BYTES = 32
WORDS_PER_DIGEST = 4

_NAME = re.compile(r"[!-{}~]{1,200}")
_HMAC_BLOCK_BYTES = 64
_COMPILE_FROM = 40
"""Replicates in one call from which machine code repays the time that loading it takes."""


def dummy_seed(seed: int, replicate: int) -> bytes:
    """The 32-byte allocation seed of one replicate of a rehearsal; never one for patients.

    SHA-256 of the ASCII text `equipoise-dummy-seed-1|<seed>|<replicate>`.

    >>> dummy_seed(1, 0).hex()[:16]
    '512d286df66c83c3'
    """
    return hashlib.sha256(f"equipoise-dummy-seed-1|{seed:d}|{replicate:d}".encode("ascii")).digest()


class AllocationWords:
    """The `Words` of one scheme: the words of its blocks, as `equipoise-hmac-sha256-1` has them.

    Called with a stratum, a block number (0, 1, ...) and a count, it returns that block's first
    `count` words. Word 4k + i is bytes 8i to 8i + 7, big-endian, of HMAC-SHA256 with the seed as
    key over the ASCII text `equipoise-hmac-sha256-1|<scheme>|<stratum>|<block>|<k>`.

    >>> source = AllocationWords(bytes(32), "main")
    >>> [hex(word) for word in source("DEFICIENT", 0, 2)]
    ['0xb6f25312a1520206', '0xeef42a5b55816321']
    """

    def __init__(self, seed: bytes, scheme: str) -> None:
        if len(seed) != SEED_BYTES:
            raise BadInput(
                f"an allocation seed has exactly {SEED_BYTES} bytes", found=f"{len(seed)} bytes"
            )
        self.scheme = _checked_name(scheme, "scheme")
        key = seed.ljust(_HMAC_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def __call__(self, stratum: str, block: int, count: int) -> UInt64Array:
        if block < 0 or count < 0:
            raise BadInput(
                "a block number and a count of words are 0 or more", found=(block, count)
            )
        return self._words(_checked_name(stratum, "stratum"), block, count)

    def _words(self, stratum: str, block: int, count: int) -> UInt64Array:
        prefix = f"{ALLOCATION_GENERATOR}|{self.scheme}|{stratum}|{block:d}|"
        digests = [self._hmac(f"{prefix}{counter:d}") for counter in range(_digests(count))]
        return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)[:count]

    def _hmac(self, message: str) -> bytes:
        """RFC 2104 with both padded keys hashed once, which halves the time of a block."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message.encode("ascii"))
        outer.update(inner.digest())
        return outer.digest()


def allocation_words(
    seeds: Sequence[bytes], scheme: str, strata: Sequence[str], blocks: int, count: int
) -> UInt64Array:
    """The words of many replicates' blocks, shape (seeds, strata, blocks, count).

    >>> words = allocation_words([bytes(32)], "main", ["DEFICIENT"], blocks=3, count=8)
    >>> bool((words[0, 0, 2] == AllocationWords(bytes(32), "main")("DEFICIENT", 2, 8)).all())
    True
    """
    names = [_checked_name(stratum, "stratum") for stratum in strata]
    words = np.empty((len(seeds), len(names), blocks, count), dtype=np.uint64)
    for replicate, seed in enumerate(seeds):
        source = AllocationWords(seed, scheme)
        for index, name in enumerate(names):
            for block in range(blocks):
                words[replicate, index, block] = source._words(name, block, count)
    return words


def uniform_integer(words: UInt64Array, position: int, n: int) -> tuple[int, int]:
    """A uniform integer of 0 to n - 1 drawn from `words`, and the position of the next word.

    The word at `position`, x, is taken if x < floor(2^64 / n) * n, and gives x mod n; otherwise
    it is rejected and the next one is looked at. The value is -1 if the words run out: callers
    turn that into an error, never into an allocation. A numerical core (see `compiled`).

    >>> uniform_integer(np.array([2**64 - 1, 8], dtype=np.uint64), 0, 3)
    (2, 2)
    """
    count = np.uint64(n)
    largest = np.uint64(18446744073709551615)
    surely = largest - count
    while position < len(words):
        word = words[position]
        position += 1
        if word <= surely or word <= largest - (largest % count + np.uint64(1)) % count:
            return int(np.int64(word % count)), position
    return -1, position


def stream(seed: int, name: str, replicate: int) -> np.random.Generator:
    """NumPy's generator on nature's stream `name` for one replicate.

    Philox4x64-10, key = the first 16 bytes of SHA-256 of the UTF-8 text
    `equipoise-philox-1|<seed>|<name>` as two little-endian words, counter = (0, 0, replicate, 0).

    >>> bool(stream(1, "enrolment", 7).random() == stream(1, "enrolment", 7).random())
    True
    """
    return np.random.Generator(_philox(_nature_key(seed, name), _checked_replicate(replicate)))


def nature_words(
    seed: int, name: str, replicates: Sequence[int] | range, size: int | tuple[int, ...]
) -> UInt64Array:
    """The 64-bit words of nature's stream, shape (replicates, *size).

    Row i holds the words that `stream(seed, name, replicates[i])` yields in order, so the row
    depends neither on the other replicates nor, for its first words, on the size asked for.
    """
    shape = (size,) if isinstance(size, int) else size
    length = math.prod(shape)
    key = _nature_key(seed, name)
    numbers = np.array([_checked_replicate(number) for number in replicates], dtype=np.uint64)
    if len(numbers) < _COMPILE_FROM:
        rows = [_philox(key, int(number)).random_raw(length) for number in numbers]
        words = np.array(rows, dtype=np.uint64).reshape(len(numbers), length)
    else:
        blocks = -(-length // WORDS_PER_DIGEST)
        words = np.empty((len(numbers), blocks * WORDS_PER_DIGEST), dtype=np.uint64)
        compiled(_philox_words, _philox_block, _product)(key, numbers, words)
        words = words[:, :length]
    return words.reshape(len(numbers), *shape)


def uniforms(
    seed: int, name: str, replicates: Sequence[int] | range, size: int | tuple[int, ...]
) -> FloatArray:
    """Uniform numbers strictly between 0 and 1 of nature's stream, shape (replicates, *size).

    u = (floor(word / 2^12) + 1/2) / 2^52, exact in double precision: never 0, never 1.

    >>> bool((uniforms(1, "age", range(4), 3)[2] == uniforms(1, "age", [2], 3)[0]).all())
    True
    """
    words = nature_words(seed, name, replicates, size)
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _digests(count: int) -> int:
    return -(-count // WORDS_PER_DIGEST)


def _checked_name(name: str, field: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadInput(
            "1 to 200 visible ASCII characters, no space, no '|'", field=field, found=name
        )
    return name


def _checked_replicate(replicate: int) -> int:
    if not 0 <= replicate < 2**63:
        raise BadInput("a replicate number is 0 or more", field="replicate", found=replicate)
    return replicate


def _nature_key(seed: int, name: str) -> UInt64Array:
    text = f"{NATURE_GENERATOR}|{seed:d}|{name}"
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)


def _philox(key: UInt64Array, replicate: int) -> np.random.Philox:
    return np.random.Philox(key=key, counter=np.array([0, 0, replicate, 0], dtype=np.uint64))


def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """High and low word of the 128-bit product, by halves of 32 bits."""
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a_low, a_high, b_low, b_high = a & mask, a >> half, b & mask, b >> half
    low = a_low * b_low
    middle = a_high * b_low + (low >> half)
    other = a_low * b_high + (middle & mask)
    return a_high * b_high + (middle >> half) + (other >> half), a * b


def _philox_block(
    block: np.uint64, replicate: np.uint64, key: UInt64Array, out: UInt64Array
) -> None:
    """Philox4x64-10 of the counter (block, 0, replicate, 0); constants of Salmon et al. 2011."""
    first, second, third, fourth = block, np.uint64(0), replicate, np.uint64(0)
    key_first, key_second = key[0], key[1]
    for _ in range(10):
        high, low = _product(np.uint64(0xD2E7470EE14C6C93), first)
        other_high, other_low = _product(np.uint64(0xCA5A826395121157), third)
        first, second = other_high ^ second ^ key_first, other_low
        third, fourth = high ^ fourth ^ key_second, low
        key_first = key_first + np.uint64(0x9E3779B97F4A7C15)
        key_second = key_second + np.uint64(0xBB67AE8584CAA73B)
    out[0], out[1], out[2], out[3] = first, second, third, fourth


def _philox_words(key: UInt64Array, replicates: UInt64Array, words: UInt64Array) -> None:
    """Fill `words`; like NumPy, the counter is raised before each block of four words."""
    for row in range(len(replicates)):
        for block in range(words.shape[1] // 4):
            _philox_block(
                np.uint64(block + 1), replicates[row], key, words[row, 4 * block : 4 * block + 4]
            )
