"""An adaptive closed test, programmed again from its definition with scipy's distribution."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from equipoise.errors import BadInput
from equipoise.statistics.adaptive_test import adaptive_test, adaptive_test_batch, combined_p
from equipoise.statistics.group_sequential import critical_values
from equipoise.statistics.interim import stopping_look_batch

P = st.floats(1e-6, 0.999)


def simes(p: list[float]) -> float:
    return min([1.0, *(each * len(p) / rank for rank, each in enumerate(sorted(p), 1))])


def bonferroni(p: list[float]) -> float:
    return min([1.0, *(each * len(p) for each in p)])


def again(
    first: list[float], second: list[float | None], t: float, critical: list[float], test: Any
) -> list[bool]:
    n = len(first)
    rejected = [True] * n
    for size in range(1, n + 1):
        for members in combinations(range(n), size):
            z1 = norm.isf(test([first[i] for i in members]))
            late = [p for i in members if (p := second[i]) is not None]
            z = math.sqrt(t) * z1 + math.sqrt(1 - t) * norm.isf(test(late)) if late else -math.inf
            if z1 < critical[0] and z < critical[1]:
                for i in members:
                    rejected[i] = False
    return rejected


@given(st.lists(st.tuples(P, st.none() | P), min_size=1, max_size=4), st.floats(0.1, 0.9))
@settings(max_examples=150, deadline=None)
def test_the_core_is_the_definition(rows: list[Any], t: float) -> None:
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    critical = [1.2, 0.8]
    for name, test in (("simes", simes), ("bonferroni", bonferroni)):
        found = adaptive_test(
            first,
            second,
            information=t,
            critical=critical,
            intersection=name,  # type: ignore[arg-type]
        )
        assert list(found.rejected) == again(first, second, t, critical, test)
        dropped: list[float | None] = [None] * len(first)
        assert list(found.rejected_first) == again(first, dropped, t, critical, test)
        assert all(b or not a for a, b in zip(found.rejected_first, found.rejected, strict=True))


def test_one_hypothesis_is_a_group_sequential_trial() -> None:
    """And machine code, used for this many trials, has the answers of the plain core."""
    critical = critical_values([0.4, 1], alpha=0.025, efficacy="pocock")
    draws = np.random.default_rng(3).normal(0.9, 1, (3000, 2))
    whole = np.column_stack([draws[:, 0], draws @ np.sqrt([0.4, 0.6])])
    stopped = stopping_look_batch(whole, critical)
    p = norm.sf(draws)
    found = adaptive_test_batch(p[:, :1], p[:, 1:], information=0.4, critical=critical)
    assert (found[:, 0] == (stopped > 0)).all()
    alone = [
        adaptive_test([a], [b], information=0.4, critical=critical).rejected[0] for a, b in p[:300]
    ]
    assert found[:300, 0].tolist() == alone


@given(P, P, st.floats(0.05, 0.95))
@settings(max_examples=50, deadline=None)
def test_combined_p(first: float, second: float, t: float) -> None:
    expected = norm.sf(math.sqrt(t) * norm.isf(first) + math.sqrt(1 - t) * norm.isf(second))
    found = combined_p(first, second, information=t)
    assert found == pytest.approx(float(expected), rel=1e-9)
    assert combined_p(second, first, information=1 - t) == pytest.approx(found)
    assert combined_p(0.0, second, information=t) < 1e-6 or t < 0.1


GIVEN: dict[str, Any] = {
    "first": [0.1, 0.2],
    "second": [0.1, None],
    "information": 0.5,
    "critical": [2.8, 1.98],
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"first": [0.1, 1.2]}, "first"),
        ({"first": [0.1] * 11, "second": [0.1] * 11}, "first"),
        ({"second": [0.1]}, "second"),
        ({"second": [0.1, -1]}, "second"),
        ({"information": 1}, "information"),
        ({"critical": [2]}, "critical"),
        ({"critical": [math.nan, 2]}, "critical"),
        ({"intersection": "dunnett"}, "intersection"),
    ],
)
def test_an_impossible_test_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field}"):
        adaptive_test(**{**GIVEN, **change})
