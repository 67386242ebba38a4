"""Closed testing of several hypotheses by a graph: weights of alpha, and where they go.

A hypothesis is rejected when its P value is at most alpha times its weight. Its weight then moves
along its transitions to the others, and so on (Bretz, Maurer, Brannath and Posch 2009, Stat Med
28:586-604). The familywise error is at most alpha whatever the dependence of the P values. Holm's,
the fixed-sequence and the fallback procedure are graphs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import inner_probability
from equipoise.statistics.compiled import compiled

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROUNDING = 1e-9
"""Sums of weights may exceed 1 by this much."""
_DECIMALS = 1e14
"""Adjusted P values have 14 decimals, so that 0.01 / (1/3) is 0.03, significant at 0.03."""
_COMPILE_FROM = 1000
"""Trials in one call from which machine code repays the time that loading it takes."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Weights of the hypotheses; for each one, the shares of its weight that go to the others."""

    weights: tuple[float, ...]
    transitions: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class GraphicalTest:
    """Which hypotheses are rejected; adjusted P values; the order, from 1, in which they fall.

    `remaining` are the weights of what is not rejected, after the last rejection.
    """

    rejected: tuple[bool, ...]
    adjusted_p: tuple[float, ...]
    order: tuple[int, ...]
    remaining: tuple[float, ...]


def graphical_test(
    p: Sequence[float],
    weights: Sequence[float],
    transitions: Sequence[Sequence[float]],
    *,
    alpha: float,
) -> GraphicalTest:
    """The sequentially rejective test of a graph. An adjusted P value is at most alpha exactly
    when the hypothesis is rejected at alpha (Bretz et al. 2009, algorithms 1 and 2).

    >>> graph = holm_graph(3)
    >>> test = graphical_test([0.01, 0.04, 0.03], graph.weights, graph.transitions, alpha=0.05)
    >>> test.rejected, test.adjusted_p
    ((True, False, False), (0.03, 0.06, 0.06))
    """
    inner_probability(alpha, "alpha")
    values, share, moves = _checked(np.asarray([p], dtype=np.float64), weights, transitions)
    adjusted, order = np.ones(len(share)), np.empty(len(share), dtype=np.int64)
    remaining, moving = share.copy(), moves.copy()
    steps = fall(values[0], remaining, moving, alpha, adjusted, order)
    for_all = np.ones(len(share))
    fall(values[0], share.copy(), moves.copy(), 1.0, for_all, order.copy())
    return GraphicalTest(
        tuple(bool(each) for each in for_all <= alpha),
        tuple(float(each) for each in for_all),
        tuple(int(each) + 1 for each in order[:steps]),
        tuple(float(each) for each in remaining),
    )


def graphical_adjusted_p_batch(
    p: ArrayLike, weights: Sequence[float], transitions: Sequence[Sequence[float]]
) -> FloatArray:
    """The adjusted P values of many trials: a row for each trial, a column for each hypothesis.

    >>> graph = fixed_sequence_graph(2)
    >>> graphical_adjusted_p_batch([[0.01, 0.02], [0.2, 0.01]], graph.weights,
    ...                            graph.transitions).tolist()
    [[0.01, 0.02], [0.2, 0.2]]
    """
    values, share, moves = _checked(np.asarray(p, dtype=np.float64), weights, transitions)
    adjusted = np.ones(values.shape)
    core = compiled(_adjusted, fall, pass_on, worth_it=len(values) >= _COMPILE_FROM)
    core(np.ascontiguousarray(values), share, moves, adjusted)
    return adjusted


def holm_graph(hypotheses: int) -> Graph:
    """Bonferroni-Holm: equal weights, and each passes its weight on in equal shares.

    >>> holm_graph(2)
    Graph(weights=(0.5, 0.5), transitions=((0.0, 1.0), (1.0, 0.0)))
    """
    n = _number(hypotheses)
    share = 1 / (n - 1) if n > 1 else 0.0
    rows = tuple(tuple(0.0 if i == j else share for j in range(n)) for i in range(n))
    return Graph((1 / n,) * n, rows)


def fixed_sequence_graph(hypotheses: int) -> Graph:
    """The hypotheses in order, each at full alpha, up to the first that is not rejected.

    >>> fixed_sequence_graph(2)
    Graph(weights=(1.0, 0.0), transitions=((0.0, 1.0), (0.0, 0.0)))
    """
    n = _number(hypotheses)
    return fallback_graph((1.0,) + (0.0,) * (n - 1))


def fallback_graph(weights: Sequence[float]) -> Graph:
    """The hypotheses in order, each with a weight of its own and what its forerunner passes on.

    Wiens 2003, Pharm Stat 2:211-215.

    >>> fallback_graph([0.8, 0.2]).transitions
    ((0.0, 1.0), (0.0, 0.0))
    """
    n = _number(len(weights))
    rows = tuple(tuple(1.0 if j == i + 1 else 0.0 for j in range(n)) for i in range(n))
    return Graph(tuple(float(each) for each in weights), rows)


def fall(
    p: FloatArray,
    weights: FloatArray,
    transitions: FloatArray,
    alpha: float,
    adjusted: FloatArray,
    order: IntArray,
) -> int:
    """Core: how many hypotheses fall at alpha; fills their adjusted P values and their order.

    `weights` and `transitions` are used up: what remains is the graph of the others.
    """
    n, greatest = len(p), 0.0
    standing = np.ones(n, dtype=np.bool_)
    for step in range(n):
        fallen, least = -1, 2.0
        for i in range(n):
            if standing[i] and weights[i] > 0 and p[i] / weights[i] < least:
                fallen, least = i, p[i] / weights[i]
        greatest = max(greatest, math.floor(least * _DECIMALS + 0.5) / _DECIMALS)
        if fallen < 0 or greatest > alpha:
            return step
        adjusted[fallen] = greatest
        order[step] = fallen
        standing[fallen] = False
        pass_on(weights, transitions, standing, fallen)
    return n


def pass_on(
    weights: FloatArray, transitions: FloatArray, standing: NDArray[np.bool_], fallen: int
) -> None:
    """Core: the graph without a hypothesis that has fallen."""
    n = len(weights)
    for i in range(n):
        if standing[i]:
            weights[i] += weights[fallen] * transitions[fallen, i]
    weights[fallen] = 0.0
    for i in range(n):
        back = transitions[i, fallen] * transitions[fallen, i]
        for k in range(n):
            if standing[i] and standing[k] and i != k:
                through = transitions[i, fallen] * transitions[fallen, k]
                whole = transitions[i, k] + through
                transitions[i, k] = whole / (1 - back) if back < 1 else 0.0
    for i in range(n):
        transitions[i, fallen] = transitions[fallen, i] = 0.0


def _adjusted(
    p: FloatArray, weights: FloatArray, transitions: FloatArray, adjusted: FloatArray
) -> None:
    order = np.empty(len(weights), dtype=np.int64)
    for trial in range(len(p)):
        fall(p[trial], weights.copy(), transitions.copy(), 1.0, adjusted[trial], order)


def _number(hypotheses: int) -> int:
    if hypotheses < 1:
        raise BadInput("at least one hypothesis", field="hypotheses", found=hypotheses)
    return hypotheses


def _checked(
    p: FloatArray, weights: Sequence[float], transitions: Sequence[Sequence[float]]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    share = np.asarray(weights, dtype=np.float64)
    n = len(share)
    if not n or not (share >= 0).all() or share.sum() > 1 + _ROUNDING:
        raise BadInput(
            "weights of 0 or more, with a sum of at most 1", field="weights", found=list(weights)
        )
    if any(len(row) != n for row in transitions) or len(transitions) != n:
        raise BadInput(f"{n} rows of {n} shares", field="transitions", found=transitions)
    moves = np.asarray(transitions, dtype=np.float64)
    if not (moves >= 0).all() or moves.diagonal().any() or (moves.sum(1) > 1 + _ROUNDING).any():
        raise BadInput(
            "shares of 0 or more, none to the hypothesis itself, with a sum of at most 1 in a row",
            field="transitions",
            found=moves.tolist(),
        )
    if p.ndim != 2 or p.shape[1] != n or not ((p >= 0) & (p <= 1)).all():
        raise BadInput(f"{n} P values of 0 to 1 in each trial", field="p", found=p.tolist()[:3])
    return p, share, moves
