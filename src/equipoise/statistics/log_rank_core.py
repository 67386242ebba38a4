"""The sums of every log-rank test of any number of groups: one pass over sorted follow-up.

Two groups whose risk table is there already (`risk_table`) need no second pass: their sums are read
from it, in the same order of time and to the same bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

UNWEIGHTED = -1
"""The weighting scheme in which every time counts alike."""


def log_rank_weight(
    scheme: int, rho: float, gamma: float, survival: float, total: float, modified: float
) -> float:
    """Core: the weight of a time with events; schemes of 0 and more as `weighted_log_rank` lists
    them."""
    if scheme < 0:
        return 1.0
    if scheme == 0:
        return float(survival**rho * (1.0 - survival) ** gamma)
    if scheme == 1:
        return total
    return math.sqrt(total) if scheme == 2 else modified


def log_rank_sums(
    times: FloatArray | IntArray,
    events: BoolArray,
    groups: IntArray,
    scheme: int,
    rho: float,
    gamma: float,
    observed: FloatArray,
    expected: FloatArray,
    variance: FloatArray,
    room: FloatArray,
) -> float:
    """Core: add one stratum, sorted by time, to the sums; the largest weight.

    A negative group is left out. `room` is for three numbers a group.
    """
    number = len(observed)
    at_risk, died, left = room[0, :number], room[1, :number], room[2, :number]
    at_risk[:] = 0.0
    total, largest = 0.0, 0.0
    for subject in range(len(times)):
        if groups[subject] >= 0:
            at_risk[groups[subject]] += 1.0
            total += 1.0
    survival, modified = 1.0, 1.0
    subject = 0
    while subject < len(times):
        died[:] = 0.0
        left[:] = 0.0
        deaths, gone = 0.0, 0.0
        now = times[subject]
        while subject < len(times) and times[subject] == now:
            group = groups[subject]
            if group >= 0:
                left[group] += 1.0
                gone += 1.0
                if events[subject]:
                    died[group] += 1.0
                    deaths += 1.0
            subject += 1
        if deaths > 0.0:
            modified *= 1.0 - deaths / (total + 1.0)
            weight = log_rank_weight(scheme, rho, gamma, survival, total, modified)
            spread = deaths * (total - deaths) / (total - 1.0) if total > 1.0 else 0.0
            spread *= weight * weight
            largest = max(largest, weight)
            for i in range(number):
                share = at_risk[i] / total
                observed[i] += weight * died[i]
                expected[i] += weight * deaths * share
                variance[i, i] += spread * share
                for j in range(number):
                    variance[i, j] -= spread * share * at_risk[j] / total
            survival *= (total - deaths) / total
        for i in range(number):
            at_risk[i] -= left[i]
        total -= gone
    return largest
