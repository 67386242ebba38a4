"""Chance for end-point simulation: a counter-based SplitMix64, and what is made of its words.

Every draw has a name, a trial and a patient, and is a function of these and the seed alone: a draw
added to one stream shifts no other, and designs are compared on common random numbers. With the
mixing function and the constant g of SplitMix64 (Steele, Lea and Flood 2014, OOPSLA 453-472), all
modulo 2^64: trial t has the word T = mixed(seed key + (t + 1) g), a stream in it the key K =
mixed(stream key + T), and word i of it is mixed(K + (i + 1) g). The keys of seed and stream are
from SHA-256. Why not Philox: docs/decisions/0022.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

UInt64Array = NDArray[np.uint64]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TRIAL_GENERATOR = "equipoise-splitmix-1"

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_BY_30, _BY_27, _BY_31, _BY_12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)


def stream_key(name: str) -> int:
    """The key of a stream: the first 8 bytes, little-endian, of SHA-256 of generator and name.

    >>> hex(stream_key("arrival"))
    '0x26f3e43ef4360a73'
    """
    return _key(f"{TRIAL_GENERATOR}|stream|{name}")


def seed_key(seed: int) -> int:
    """The key of a seed, in the same way."""
    return _key(f"{TRIAL_GENERATOR}|seed|{seed:d}")


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "little")


def mixed(word: np.uint64) -> np.uint64:
    """Core: the mixing function of SplitMix64, a bijection of 64-bit words."""
    word = (word ^ (word >> _BY_30)) * _FIRST
    word = (word ^ (word >> _BY_27)) * _SECOND
    return word ^ (word >> _BY_31)


def trial_word(seed: np.uint64, trial: int) -> np.uint64:
    """Core: the word of one trial under the key of a seed."""
    return mixed(seed + np.uint64(trial + 1) * _GOLDEN)


def trial_key(key: np.uint64, trial: np.uint64) -> np.uint64:
    """Core: the key of a stream in the trial of this word."""
    return mixed(key + trial)


def fill_words(key: np.uint64, begin: int, words: UInt64Array) -> None:
    """Core: the words of a trial from number `begin` on."""
    for place in range(len(words)):
        words[place] = mixed(key + np.uint64(begin + place + 1) * _GOLDEN)


def uniform(key: np.uint64, number: int) -> float:
    """Core: uniform number `number` of a trial, strictly between 0 and 1, exact in doubles."""
    word = mixed(key + np.uint64(number + 1) * _GOLDEN)
    return (np.float64(word >> _BY_12) + 0.5) * 2.220446049250313e-16


def fill_uniforms(key: np.uint64, begin: int, drawn: FloatArray) -> None:
    """Core: uniform numbers of a trial, from number `begin` on."""
    for place in range(len(drawn)):
        word = mixed(key + np.uint64(begin + place + 1) * _GOLDEN)
        drawn[place] = (np.float64(word >> _BY_12) + 0.5) * 2.220446049250313e-16


def minus_log(drawn: FloatArray, halves: FloatArray, found: FloatArray) -> None:
    """Core: -log of numbers above 0, at most 1: exponential ones of uniform ones, into `found`.

    The algorithm of fdlibm (Sun Microsystems 1993, e_log.c: below 1 unit in the last place), in
    loops that a processor does several at a time, so that it is the same on every platform.
    """
    words, mantissas = drawn.view(np.int64), halves.view(np.int64)
    for place in range(len(drawn)):
        mantissas[place] = (words[place] & 0xFFFFFFFFFFFFF) | 0x3FE0000000000000
    for place in range(len(drawn)):
        power = np.float64((words[place] >> 52) - 1022)
        half = halves[place]
        low = half < 0.7071067811865476
        f = (half + half if low else half) - 1.0
        power -= 1.0 if low else 0.0
        s = f / (2.0 + f)
        z = s * s
        w = z * z
        r = z * (0.6666666666666735130 + w * (0.2857142874366239149
            + w * (0.1818357216161805012 + w * 0.1479819860511658591)))  # fmt: skip
        r += w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332))
        square = 0.5 * f * f
        small = s * (square + r) + power * 1.90821492927058770002e-10
        found[place] = ((square - small) - f) - power * 6.93147180369123816490e-01


def normal_quantile_core(p: float) -> float:
    """Core: the standard normal quantile (Wichura 1988, Appl Stat 37:477-484, AS 241 PPND16).

    >>> round(normal_quantile_core(0.975), 10)
    1.9599639845
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = (((((((2509.0809287301226727 * r + 33430.575583588128105) * r
                + 67265.770927008700853) * r + 45921.953931549871457) * r
                + 13731.693765509461125) * r + 1971.5909503065514427) * r
                + 133.14166789178437745) * r + 3.387132872796366608)  # fmt: skip
        below = (((((((5226.495278852545925 * r + 28729.085735721942674) * r
                + 39307.89580009271061) * r + 21213.794301586595867) * r
                + 5394.1960214247511077) * r + 687.1870074920579083) * r
                + 42.313330701600911252) * r + 1.0)  # fmt: skip
        return q * above / below
    r = math.sqrt(-math.log(p if q < 0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        above = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r
                + 0.24178072517745061177) * r + 1.27045825245236838258) * r
                + 3.64784832476320460504) * r + 5.7694972214606914055) * r
                + 4.6303378461565452959) * r + 1.42343711074968357734)  # fmt: skip
        below = (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r
                + 0.0151986665636164571966) * r + 0.14810397642748007459) * r
                + 0.68976733498510000455) * r + 1.6763848301838038494) * r
                + 2.05319162663775882187) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                + 0.0012426609473880784386) * r + 0.026532189526576123093) * r
                + 0.29656057182850489123) * r + 1.7848265399172913358) * r
                + 5.4637849111641143699) * r + 6.6579046435011037772)  # fmt: skip
        below = (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r
                + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r
                + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
                + 0.59983220655588793769) * r + 1.0)  # fmt: skip
    return math.copysign(above / below, q)


def normal_share(z: float) -> float:
    """Core: the standard normal distribution function."""
    return 0.5 * math.erfc(-z * 0.70710678118654752440)
