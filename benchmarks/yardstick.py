"""The yardstick: the full MGMT-NET job written by hand in numba, for its speed alone.

105 patients, a prevalence of deficient tumours drawn for each trial, permuted blocks of random size
(2:1 in deficient, 1:1 in proficient tumours), response, exponential progression, uniform accrual,
administrative censoring; Fisher and chi-square on the primary, log-rank and Cox in each stratum.
Everything that a general engine may not assume is wired in: two strata, two arms, no ties, patterns
of blocks as bit masks, one word of chance for two questions, sums in any order (`fastmath`).
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numba
import numpy as np

PATIENTS = 105
OUTPUTS = (
    "fisher",
    "chi_square",
    "log_rank_0",
    "log_rank_1",
    "cox_0",
    "cox_1",
    "deficient",
    "events",
)
_BUCKETS = 64
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _patterns(size: int, second: int) -> list[int]:
    return [sum(1 << place for place in each) for each in combinations(range(size), second)]


_SMALL = np.array([_patterns(3, 1) + [0] * 3, _patterns(2, 1) + [0] * 4], dtype=np.int64)
_LARGE = np.array([_patterns(6, 2), _patterns(4, 2) + [0] * 9], dtype=np.int64)
_SIZE = np.array([[3, 6], [2, 4]])
_CHOICES = np.array([[3, 15], [2, 6]])


@numba.njit(inline="always")
def _mixed(word: Any) -> Any:
    """The output function of SplitMix64 (Steele, Lea and Flood 2014)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@numba.njit(inline="always")
def _fisher(x1: int, n1: int, x2: int, n2: int) -> float:
    events = x1 + x2
    least, most = max(0, events - n2), min(n1, events)
    mode = min(most, max(least, (events + 1) * (n1 + 1) // (n1 + n2 + 2)))
    observed = 1.0
    for k in range(mode, x1):
        observed *= (n1 - k) * (events - k) / ((k + 1.0) * (n2 - events + k + 1.0))
    for k in range(mode, x1, -1):
        observed *= k * (n2 - events + k) / ((n1 - k + 1.0) * (events - k + 1.0))
    observed *= 1.0 + 1e-7
    total = extreme = 0.0
    weight = 1.0
    for k in range(mode, most + 1):
        total += weight
        extreme += weight if weight <= observed else 0.0
        weight *= (n1 - k) * (events - k) / ((k + 1.0) * (n2 - events + k + 1.0))
    weight = 1.0
    for k in range(mode, least, -1):
        weight *= k * (n2 - events + k) / ((n1 - k + 1.0) * (events - k + 1.0))
        total += weight
        extreme += weight if weight <= observed else 0.0
    return min(1.0, extreme / total)


@numba.njit(fastmath=True, error_model="numpy")
def _one(
    key: Any, rates: Any, hazards: Any, prevalence: float, spread: float, accrual: float,
    last: float, keys: Any, sorted_: Any, first: Any, second: Any, out: Any,
) -> None:  # fmt: skip
    # A trial's prevalence: logit-normal, the normal as a sum of uniforms of one word's bytes.
    word = _mixed(key)
    normal = 0.0
    for byte in range(8):
        normal += float((word >> np.uint64(8 * byte)) & np.uint64(255))
    normal = (normal - 1020.0) / 209.02
    odds = prevalence / (1.0 - prevalence) * math.exp(spread * normal)
    limit = np.uint64(odds / (1.0 + odds) * 4294967296.0)
    sizes = np.zeros((2, 2), np.int64)
    responders = np.zeros((2, 2), np.int64)
    n = np.zeros(2, np.int64)
    pattern, left = np.zeros(2, np.int64), np.zeros(2, np.int64)
    blocks = _mixed(key ^ _GOLDEN)
    scale = float(1 << 40) / last
    low = np.uint64(0xFFFFFFFF)
    for patient in range(PATIENTS):
        here = key + np.uint64(2 * patient + 1) * _GOLDEN
        one, two = _mixed(here), _mixed(here + _GOLDEN)
        stratum = 0 if (one >> np.uint64(32)) < limit else 1
        if left[stratum] == 0:
            blocks = blocks * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            large = np.int64(blocks >> np.uint64(63))
            pick = np.int64(
                (((blocks >> np.uint64(31)) & low) * np.uint64(_CHOICES[stratum, large]))
                >> np.uint64(32)
            )
            pattern[stratum] = _LARGE[stratum, pick] if large else _SMALL[stratum, pick]
            left[stratum] = _SIZE[stratum, large]
        arm = pattern[stratum] & 1
        pattern[stratum] >>= 1
        left[stratum] -= 1
        sizes[stratum, arm] += 1
        responders[stratum, arm] += np.int64((one & low) < rates[stratum, arm])
        time = -math.log((float(two & low) + 0.5) * 2.0**-32) * hazards[stratum, arm]
        watched = last - accrual * float(two >> np.uint64(32)) * 2.0**-32
        event = time < watched
        time = time if event else watched
        keys[stratum, n[stratum]] = (np.int64(time * scale) << 2) | (2 if event else 0) | arm
        n[stratum] += 1
    x1, n1, x2, n2 = responders[0, 0], sizes[0, 0], responders[1, 0], sizes[1, 0]
    out[0] = _fisher(x1, n1, x2, n2)
    out[1] = math.erfc(math.sqrt(_chi_square(x1, n1, x2, n2) / 2))
    _compare(keys, n, sorted_, first, second, out)


@numba.njit(fastmath=True, error_model="numpy", inline="always")
def _compare(keys: Any, n: Any, sorted_: Any, first: Any, second: Any, out: Any) -> None:
    """Log-rank and Cox in each stratum: one walk back in time, then Newton over the events."""
    events = 0
    for stratum in range(2):
        count = n[stratum]
        _in_order(keys[stratum], count, sorted_)
        at_first, at_second = 0.0, 0.0
        died = 0
        deaths = 0.0
        difference = variance = 0.0
        for place in range(count - 1, -1, -1):
            arm = float(sorted_[place] & 1)
            at_second += arm
            at_first += 1.0 - arm
            if sorted_[place] & 2:
                share = at_second / (at_first + at_second)
                difference += arm - share
                variance += share * (1.0 - share)
                first[died], second[died] = at_first, at_second
                deaths += arm
                died += 1
        events += died
        out[2 + stratum] = (
            math.erfc(abs(difference) / math.sqrt(2.0 * variance)) if variance > 0 else 1.0
        )
        out[4 + stratum] = _cox(first, second, died, deaths, difference, variance)
    out[6], out[7] = n[0], events


@numba.njit(inline="always")
def _chi_square(x1: int, n1: int, x2: int, n2: int) -> float:
    events, total = x1 + x2, n1 + n2
    margins = float(n1) * n2 * events * (total - events)
    distance = float(x1) * (n2 - x2) - float(x2) * (n1 - x1)
    return total * distance * distance / margins if margins > 0 else 0.0


@numba.njit(inline="always")
def _in_order(keys: Any, count: int, sorted_: Any) -> None:
    """Buckets by the leading bits, then insertion: nearly linear for times that are spread."""
    starts = np.zeros(_BUCKETS + 1, np.int64)
    for place in range(count):
        starts[(keys[place] >> 36) + 1] += 1
    for bucket in range(_BUCKETS):
        starts[bucket + 1] += starts[bucket]
    for place in range(count):
        bucket = keys[place] >> 36
        sorted_[starts[bucket]] = keys[place]
        starts[bucket] += 1
    for place in range(1, count):
        key = sorted_[place]
        before = place - 1
        while before >= 0 and sorted_[before] > key:
            sorted_[before + 1] = sorted_[before]
            before -= 1
        sorted_[before + 1] = key


@numba.njit(fastmath=True, error_model="numpy", inline="always")
def _cox(
    first: Any, second: Any, died: int, deaths: float, score: float, information: float
) -> float:
    """P of Wald's test, by Newton from the score at 0; nan where the likelihood is monotone."""
    if deaths == 0.0 or deaths == died or information <= 0.0:
        return math.nan
    beta = 0.0
    for _ in range(20):
        step = score / information
        step = max(-2.0, min(2.0, step))
        beta += step
        if abs(step) < 1e-8:
            break
        ratio = math.exp(beta)
        expected = squares = 0.0
        for place in range(died):
            share = second[place] * ratio / (first[place] + second[place] * ratio)
            expected += share
            squares += share * share
        score, information = deaths - expected, expected - squares
    if abs(beta) > 15.0:
        return math.nan
    return math.erfc(abs(beta) * math.sqrt(information / 2.0))


@numba.njit(nogil=True, fastmath=True, error_model="numpy", cache=True)
def yardstick(seed: int, begin: int, end: int, rates: Any, hazards: Any, prevalence: float,
              spread: float, accrual: float, last: float, out: Any) -> None:  # fmt: skip
    """Fill `out` with OUTPUTS of the trials from `begin` to before `end`."""
    keys = np.empty((2, PATIENTS), np.int64)
    sorted_ = np.empty(PATIENTS, np.int64)
    first, second = np.empty(PATIENTS), np.empty(PATIENTS)
    for trial in range(begin, end):
        key = _mixed(np.uint64(seed) * _GOLDEN ^ _mixed(np.uint64(trial + 1) * _GOLDEN))
        _one(key, rates, hazards, prevalence, spread, accrual, last, keys, sorted_, first, second,
             out[trial - begin])  # fmt: skip
