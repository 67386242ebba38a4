"""A graph is a closed test: programmed again from its definition, over all intersections."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.graphical_test import (
    fallback_graph,
    fixed_sequence_graph,
    graphical_adjusted_p_batch,
    graphical_test,
    holm_graph,
)


def weights_of(graph: tuple[np.ndarray, np.ndarray], kept: tuple[int, ...]) -> dict[int, float]:
    """The weights of an intersection: the graph without the other hypotheses, one after another."""
    weights, moves = graph[0].copy(), graph[1].copy()
    left = list(range(len(weights)))
    for gone in [i for i in range(len(weights)) if i not in kept]:
        left.remove(gone)
        new_moves = np.zeros_like(moves)
        for i in left:
            weights[i] += weights[gone] * moves[gone, i]
            loop = moves[i, gone] * moves[gone, i]
            for k in left:
                if i != k and loop < 1:
                    new_moves[i, k] = (moves[i, k] + moves[i, gone] * moves[gone, k]) / (1 - loop)
        moves = new_moves
    return {i: float(weights[i]) for i in kept}


def closed_test(p: np.ndarray, graph: tuple[np.ndarray, np.ndarray]) -> list[float]:
    """The greatest weighted Bonferroni P value of all intersections that hold a hypothesis."""
    n = len(p)
    adjusted = [0.0] * n
    for size in range(1, n + 1):
        for kept in combinations(range(n), size):
            weights = weights_of(graph, kept)
            least = min((p[i] / weights[i] for i in kept if weights[i] > 0), default=1.0)
            for i in kept:
                adjusted[i] = max(adjusted[i], min(1.0, least))
    return adjusted


def random_graph(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    weights = draws.dirichlet(np.ones(n)) * (draws.random(n) < 0.7)
    moves = draws.dirichlet(np.ones(n), size=n) * (draws.random((n, n)) < 0.7)
    np.fill_diagonal(moves, 0)
    return weights, moves


@given(st.integers(0, 2**30), st.integers(1, 5), st.integers(0, 2**30))
@settings(max_examples=80, deadline=None)
def test_the_shortcut_is_the_closed_test(seed: int, n: int, other: int) -> None:
    weights, moves = random_graph(seed, n)
    p = np.random.default_rng(other).random(n) ** 3
    test = graphical_test(p.tolist(), weights.tolist(), moves.tolist(), alpha=0.05)
    assert test.adjusted_p == pytest.approx(closed_test(p, (weights, moves)), abs=1e-12)
    assert test.rejected == tuple(each <= 0.05 for each in test.adjusted_p)
    assert sorted(test.order) == [i + 1 for i in range(n) if test.rejected[i]]
    assert sum(test.remaining) <= 1 + 1e-9
    assert all(test.remaining[i - 1] == 0 for i in test.order)


@given(st.integers(0, 2**30), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_order_and_size_of_p(seed: int, n: int) -> None:
    """Relabelling moves the answers along; smaller P values never lose a rejection."""
    weights, moves = random_graph(seed, n)
    draws = np.random.default_rng(seed + 1)
    p, order = draws.random(n) ** 3, draws.permutation(n)
    here = graphical_adjusted_p_batch([p], weights.tolist(), moves.tolist())[0]
    there = graphical_adjusted_p_batch(
        [p[order]], weights[order].tolist(), moves[np.ix_(order, order)].tolist()
    )[0]
    assert there == pytest.approx(here[order], abs=1e-12)
    smaller = graphical_adjusted_p_batch([p * 0.7], weights.tolist(), moves.tolist())[0]
    assert (smaller <= here + 1e-12).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_known_procedures_are_graphs(p: list[float]) -> None:
    n = len(p)

    def adjusted(graph: Any) -> Any:
        return graphical_test(p, graph.weights, graph.transitions, alpha=0.05).adjusted_p

    order = np.argsort(p, kind="stable")
    holm = np.empty(n)
    holm[order] = np.minimum(1, np.maximum.accumulate(np.sort(p) * (n - np.arange(n))))
    assert adjusted(holm_graph(n)) == pytest.approx(holm.tolist(), abs=1e-12)
    in_order = np.maximum.accumulate(p).tolist()
    assert adjusted(fixed_sequence_graph(n)) == pytest.approx(in_order, abs=1e-12)


def test_machine_code_has_the_bits_of_the_plain_core() -> None:
    weights, moves = random_graph(8, 4)
    p = np.random.default_rng(9).random((2000, 4)) ** 2
    together = graphical_adjusted_p_batch(p, weights.tolist(), moves.tolist())
    apart = [graphical_adjusted_p_batch([row], weights.tolist(), moves.tolist())[0] for row in p]
    assert (together == np.array(apart)).all()


def test_a_p_value_at_its_level_is_significant() -> None:
    graph = holm_graph(3)
    at = graphical_test([0.01, 0.5, 0.5], graph.weights, graph.transitions, alpha=0.03)
    assert at.rejected[0] and at.order == (1,)


@pytest.mark.parametrize(
    ("p", "weights", "transitions", "field"),
    [
        ([0.1], [1.2], [[0]], "weights"),
        ([0.1, 0.1], [-0.1, 0.2], [[0, 1], [1, 0]], "weights"),
        ([0.1, 0.1], [0.5, 0.5], [[0, 1]], "transitions"),
        ([0.1, 0.1], [0.5, 0.5], [[0, 1], [0.5, 0.5]], "transitions"),
        ([0.1, 0.1], [0.5, 0.5], [[0, 1.5], [0.5, 0]], "transitions"),
        ([0.1], [0.5, 0.5], [[0, 1], [1, 0]], "p"),
        ([0.1, 1.1], [0.5, 0.5], [[0, 1], [1, 0]], "p"),
    ],
)
def test_an_impossible_graph_is_refused(p: Any, weights: Any, transitions: Any, field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field}"):
        graphical_test(p, weights, transitions, alpha=0.05)


def test_an_empty_graph_is_refused() -> None:
    with pytest.raises(BadInput, match="hypotheses"):
        holm_graph(0)
    with pytest.raises(BadInput, match="hypotheses"):
        fallback_graph([])
