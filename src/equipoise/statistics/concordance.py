"""Concordance: how often of two subjects the one with the higher score has the event first.

Follow-up is as in `follow_up.py`; a higher score is a higher hazard. A pair is counted when it is
known who had the event first: a subject censored at the time of an event outlives it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled
from equipoise.statistics.follow_up import by_stratum, checked_follow_up

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_COMPILE_FROM = 2000
"""Subjects from which machine code repays the time that loading it takes."""


@dataclass(frozen=True, slots=True)
class Concordance:
    """Harrell's C with its standard error; None where no pair can be compared.

    Pairs: `concordant`, `discordant`, `tied_score` (these three are compared), `tied_time` (both
    had the event at one time, with different scores) and `tied_both`.
    """

    estimate: float | None
    standard_error: float | None
    concordant: int
    discordant: int
    tied_score: int
    tied_time: int
    tied_both: int


def concordance(
    time: ArrayLike, event: ArrayLike, score: ArrayLike, *, strata: ArrayLike | None = None
) -> Concordance:
    """The share of concordant pairs, tied scores counted half, within strata if they are given.

    Harrell, Lee and Mark 1996, Stat Med 15:361-387; as R's concordance(reverse = TRUE). The
    standard error is that of the infinitesimal jackknife: the root of the sum over subjects of the
    square of what each contributes.

    >>> found = concordance([1, 2, 3, 4], [1, 1, 0, 1], [3, 1, 2, 0])
    >>> found.estimate, found.concordant, found.discordant
    (0.8, 4, 1)
    """
    times, events = checked_follow_up(time, event)
    scores = np.asarray(score, dtype=np.float64)
    layers = np.zeros(len(times)) if strata is None else np.asarray(strata)
    if not scores.shape == layers.shape == times.shape:
        raise BadInput(
            f"a score and a stratum for each of the {len(times)} times",
            found=(scores.shape, layers.shape),
        )
    if not np.isfinite(scores).all():
        raise BadInput("finite numbers", field="score", found="one that is not")
    pairs = np.zeros((len(times), 3), dtype=np.int64)
    tied_time = tied_both = 0
    core = compiled(_pairs, _add, _below, _compare, worth_it=len(times) >= _COMPILE_FROM)
    for chosen in by_stratum(times, layers):
        rank = np.unique(scores[chosen], return_inverse=True)[1].reshape(-1)
        mine = np.zeros((len(chosen), 3), dtype=np.int64)
        core(times[chosen], events[chosen], rank, int(rank.max()) + 1, mine)
        pairs[chosen] = mine
        together, both = _tied_times(times[chosen], events[chosen], rank)
        tied_time += together - both
        tied_both += both
    return _of_pairs(pairs, tied_time, tied_both)


def _of_pairs(pairs: IntArray, tied_time: int, tied_both: int) -> Concordance:
    """The estimate from the pairs of each subject; every pair has two."""
    agreeing, contrary, tied = (int(each) // 2 for each in pairs.sum(axis=0))
    number = agreeing + contrary + tied
    if not number:
        return Concordance(None, None, 0, 0, 0, tied_time, tied_both)
    estimate = (agreeing + tied / 2) / number
    influence = (pairs[:, 0] + pairs[:, 2] / 2 - estimate * pairs.sum(axis=1)) / number
    error = math.sqrt(float((influence**2).sum()))
    return Concordance(estimate, error, agreeing, contrary, tied, tied_time, tied_both)


def _tied_times(times: FloatArray, events: BoolArray, rank: IntArray) -> tuple[int, int]:
    """Pairs of events at one time, and those of them that have one score."""
    found = []
    for columns in ((times[events],), (times[events], rank[events])):
        counts = np.unique(np.column_stack(columns), axis=0, return_counts=True)[1]
        found.append(int((counts * (counts - 1) // 2).sum()))
    return found[0], found[1]


def _add(tree: IntArray, place: int) -> None:
    """Core: count one more at `place` (Fenwick 1994, Softw Pract Exp 24:327-336)."""
    node = place + 1
    while node < len(tree):
        tree[node] += 1
        node += node & -node


def _below(tree: IntArray, place: int) -> int:
    """Core: how many are counted below `place`."""
    total, node = 0, place
    while node > 0:
        total += tree[node]
        node -= node & -node
    return total


def _compare(tree: IntArray, known: int, subject: int, rank: IntArray, pairs: IntArray) -> None:
    """Core: count for a subject those in the tree with lower, higher and the same score."""
    low = _below(tree, rank[subject])
    high = known - _below(tree, rank[subject] + 1)
    pairs[subject, 0] += low
    pairs[subject, 1] += high
    pairs[subject, 2] += known - low - high


def _pairs(
    times: FloatArray, events: BoolArray, rank: IntArray, ranks: int, pairs: IntArray
) -> None:
    """Core: concordant, discordant and tied pairs of each subject, sorted by time.

    Backwards those who outlive an event are counted; forwards, with scores turned round, the
    events before each subject.
    """
    number = len(times)
    tree, known, end = np.zeros(ranks + 1, dtype=np.int64), 0, number
    while end > 0:
        begin = end - 1
        while begin > 0 and times[begin - 1] == times[end - 1]:
            begin -= 1
        for i in range(begin, end):
            if not events[i]:
                _add(tree, rank[i])
                known += 1
        for i in range(begin, end):
            if events[i]:
                _compare(tree, known, i, rank, pairs)
        for i in range(begin, end):
            if events[i]:
                _add(tree, rank[i])
                known += 1
        end = begin
    turned = ranks - 1 - rank
    tree[:] = 0
    known, begin = 0, 0
    while begin < number:
        end = begin
        while end < number and times[end] == times[begin]:
            end += 1
        for i in range(begin, end):
            if events[i]:
                _compare(tree, known, i, turned, pairs)
        for i in range(begin, end):
            if events[i]:
                _add(tree, turned[i])
                known += 1
        for i in range(begin, end):
            if not events[i]:
                _compare(tree, known, i, turned, pairs)
        begin = end
