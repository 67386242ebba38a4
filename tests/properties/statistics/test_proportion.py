"""What holds for every table, and the defining equations of the limits, solved independently."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from equipoise.errors import BadInput
from equipoise.statistics import proportion
from equipoise.statistics.binomial_interval import PROPORTION_INTERVALS, clopper_pearson
from equipoise.statistics.odds_ratio import ODDS_RATIO_INTERVALS, odds_ratio_conditional
from equipoise.statistics.proportion import (
    Estimate,
    Side,
    chi_square,
    chi_square_p_batch,
    fisher_exact_p,
    fisher_exact_p_batch,
)
from equipoise.statistics.risk_difference import (
    RISK_DIFFERENCE_INTERVALS,
    risk_difference_miettinen_nurminen,
)
from equipoise.statistics.risk_ratio import RISK_RATIO_INTERVALS

SIDES: tuple[Side, ...] = ("two_sided", "greater", "less")
SMALL = [
    (x1, n1, x2, n2)
    for n1, n2 in itertools.product(range(9), range(8))
    for x1 in range(n1 + 1)
    for x2 in range(n2 + 1)
]
"""Every table with at most 8 and 7 subjects, empty groups too."""


def tables(most: int = 120) -> st.SearchStrategy[tuple[int, int, int, int]]:
    group = st.integers(1, most).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    return st.tuples(group, group).map(lambda pair: (*pair[0], *pair[1]))


def exact_fisher(x1: int, n1: int, x2: int, n2: int, side: Side) -> Fraction:
    """By definition, in rational numbers: no rounding, so ties are ties."""
    events = x1 + x2
    ways = {k: comb(n1, k) * comb(n2, events - k) for k in range(n1 + 1) if 0 <= events - k <= n2}
    chosen: dict[Side, Callable[[int], bool]] = {
        "two_sided": lambda k: ways[k] <= ways[x1],
        "greater": lambda k: k >= x1,
        "less": lambda k: k <= x1,
    }
    return Fraction(sum(ways[k] for k in ways if chosen[side](k)), sum(ways.values()))


@pytest.mark.parametrize("side", SIDES)
def test_fisher_is_the_rational_sum_for_every_small_table(side: Side) -> None:
    found = fisher_exact_p_batch(*np.array(SMALL).T, side=side)
    expected = [float(exact_fisher(*table, side)) for table in SMALL]
    assert found == pytest.approx(expected, rel=1e-12)


@given(tables(), st.sampled_from(SIDES))
@settings(max_examples=60, deadline=None)
def test_fisher_is_the_rational_sum(table: tuple[int, int, int, int], side: Side) -> None:
    assert fisher_exact_p(*table, side=side) == pytest.approx(
        float(exact_fisher(*table, side)), rel=1e-10
    )


@given(tables())
@settings(max_examples=60, deadline=None)
def test_relabelling_groups_or_outcomes(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    for swapped in ((x2, n2, x1, n1), (n1 - x1, n1, n2 - x2, n2)):
        assert fisher_exact_p(*swapped) == pytest.approx(fisher_exact_p(*table), rel=1e-9)
        assert fisher_exact_p(*swapped, side="less") == pytest.approx(
            fisher_exact_p(*table, side="greater"), rel=1e-9
        )
        assert chi_square(*swapped).p == pytest.approx(chi_square(*table).p, rel=1e-9)
    for function in RISK_DIFFERENCE_INTERVALS.values():
        there, back = function(*table, 0.95), function(x2, n2, x1, n1, 0.95)
        assert back.lower == pytest.approx(-there.upper, abs=1e-7)
        assert back.upper == pytest.approx(-there.lower, abs=1e-7)
    for function in ODDS_RATIO_INTERVALS.values():
        there, back = function(*table, 0.95), function(x2, n2, x1, n1, 0.95)
        assert math.atan(back.lower) == pytest.approx(math.atan2(1, there.upper), abs=1e-7)
        assert math.atan(back.upper) == pytest.approx(math.atan2(1, there.lower), abs=1e-7)


@pytest.mark.parametrize("side", SIDES)
def test_machine_code_equals_the_plain_core_to_the_last_bit(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proportion, "_COMPILE_FROM", 0)
    counts = np.array([table for table in SMALL if table[1] > 5]).T
    columns = counts.T.tolist()
    assert fisher_exact_p_batch(*counts, side=side).tolist() == [
        fisher_exact_p(*table, side=side) for table in columns
    ]
    for corrected in (False, True):
        assert chi_square_p_batch(*counts, continuity_correction=corrected).tolist() == [
            chi_square(*table, continuity_correction=corrected).p for table in columns
        ]


def test_batches_keep_their_shape() -> None:
    grid = fisher_exact_p_batch(np.arange(4)[:, None], 3, np.arange(3)[None, :], 2)
    assert grid.shape == (4, 3)
    assert grid[3, 0] == fisher_exact_p(3, 3, 0, 2)
    assert chi_square_p_batch([], 3, [], 2).shape == (0,)


def test_edge_tables_give_limits_and_never_nan() -> None:
    """Every table of at most 4 subjects a group, empty groups included."""
    for n1, n2 in itertools.product(range(5), repeat=2):
        for x1, x2 in itertools.product(range(n1 + 1), range(n2 + 1)):
            found = [function(x1, n1, x2, n2, 0.9) for function in _comparisons()]
            found += [function(x1, n1, 0.9) for function in PROPORTION_INTERVALS.values()]
            assert all(each.lower <= each.upper for each in found)
            moved = RISK_DIFFERENCE_INTERVALS["agresti_caffo"](x1, n1, x2, n2, 0.9)
            for each in found:
                if each == moved:
                    continue  # its limits are about the difference of another table
                assert each.estimate is None or each.lower - 1e-12 <= each.estimate
                assert each.estimate is None or each.estimate <= each.upper + 1e-12
            tests = [chi_square(x1, n1, x2, n2).p, fisher_exact_p(x1, n1, x2, n2)]
            assert all(0 < p <= 1 for p in tests)
            if n1 == 0 or n2 == 0 or x1 + x2 in (0, n1 + n2):
                assert tests == [1.0, 1.0]


def _comparisons() -> list[Callable[[int, int, int, int, float], Estimate]]:
    return [
        *RISK_DIFFERENCE_INTERVALS.values(),
        *RISK_RATIO_INTERVALS.values(),
        *ODDS_RATIO_INTERVALS.values(),
    ]


@pytest.mark.parametrize(
    ("table", "risk_difference", "odds_ratio"),
    [
        ((0, 10, 0, 12), (0.0, -0.2411, 0.2775), (None, 0.0, math.inf)),
        ((10, 10, 12, 12), (0.0, -0.2775, 0.2425), (None, 0.0, math.inf)),
        ((0, 0, 3, 5), (None, -1.0, 1.0), (None, 0.0, math.inf)),
    ],
)
def test_what_a_table_without_information_gives(
    table: tuple[int, int, int, int],
    risk_difference: tuple[float | None, float, float],
    odds_ratio: tuple[float | None, float, float],
) -> None:
    for name, function in ODDS_RATIO_INTERVALS.items():
        if name != "haldane_anscombe":  # it adds what it needs
            assert function(*table, 0.95) == Estimate(*odds_ratio)
    found = RISK_DIFFERENCE_INTERVALS["newcombe"](*table, 0.95)
    assert found.estimate == risk_difference[0]
    if found.estimate is None:
        assert (found.lower, found.upper) == risk_difference[1:]
    else:
        assert -0.3 < found.lower < 0 < found.upper < 0.3


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=60, deadline=None)
def test_clopper_pearson_limits_have_the_exact_tails(count: tuple[int, int]) -> None:
    x, n = count
    found = clopper_pearson(x, n, 0.9)

    def tail(p: float, first: int, last: int) -> float:
        return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(first, last + 1))

    if x > 0:
        assert tail(found.lower, x, n) == pytest.approx(0.05, abs=1e-9)
    if x < n:
        assert tail(found.upper, 0, x) == pytest.approx(0.05, abs=1e-9)


@given(tables(60))
@settings(max_examples=40, deadline=None)
def test_conditional_odds_ratio_solves_its_equations(table: tuple[int, int, int, int]) -> None:
    """Mean and tails of the noncentral hypergeometric distribution, summed by definition."""
    x1, n1, x2, n2 = table
    found = odds_ratio_conditional(*table)
    events = x1 + x2
    support = range(max(0, events - n2), min(n1, events) + 1)

    def share(ratio: float, chosen: Callable[[int], float]) -> float:
        logs = [math.log(comb(n1, k) * comb(n2, events - k)) + k * math.log(ratio) for k in support]
        weights = [math.exp(each - max(logs)) for each in logs]
        return sum(w * chosen(k) for w, k in zip(weights, support, strict=True)) / sum(weights)

    if found.lower > 0:
        assert share(found.lower, lambda k: k >= x1) == pytest.approx(0.025, abs=1e-9)
    if found.upper < math.inf:
        assert share(found.upper, lambda k: k <= x1) == pytest.approx(0.025, abs=1e-9)
    if found.estimate not in (None, 0.0, math.inf):
        assert share(found.estimate, float) == pytest.approx(x1, abs=1e-8)


@given(tables(60))
@settings(max_examples=40, deadline=None)
def test_miettinen_nurminen_limits_have_the_score_of_the_quantile(
    table: tuple[int, int, int, int],
) -> None:
    """The restricted proportions are found by maximising the likelihood, not by the cubic."""
    x1, n1, x2, n2 = table
    found = risk_difference_miettinen_nurminen(*table)
    quantile = float(ndtri(0.975))
    for limit, expected in ((found.lower, quantile), (found.upper, -quantile)):
        if abs(limit) > 1 - 1e-6:
            continue

        def minus_log_likelihood(p2: float, limit: float = limit) -> float:
            terms = ((x1, p2 + limit), (n1 - x1, 1 - p2 - limit), (x2, p2), (n2 - x2, 1 - p2))
            return -sum(count * math.log(max(p, 1e-300)) for count, p in terms if count)

        bounds = (max(0.0, -limit), min(1.0, 1.0 - limit))
        p2 = float(
            minimize_scalar(
                minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}
            ).x
        )
        p1 = p2 + limit
        variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
        score = (x1 / n1 - x2 / n2 - limit) / math.sqrt(variance)
        assert score == pytest.approx(expected, rel=2e-4)


@given(tables(), st.floats(0.5, 0.98))
@settings(max_examples=40, deadline=None)
def test_a_higher_level_never_narrows_an_interval(
    table: tuple[int, int, int, int], level: float
) -> None:
    for function in _comparisons():
        inner, outer = function(*table, level), function(*table, level + 0.015)
        assert outer.lower <= inner.lower + 1e-12
        assert inner.upper <= outer.upper + 1e-12


@pytest.mark.parametrize("table", [(3, 2, 1, 4), (-1, 2, 1, 4), (1, 2, 5, 4), (0, -1, 1, 4)])
def test_an_impossible_table_is_refused(table: tuple[int, int, int, int]) -> None:
    for function in _comparisons():
        with pytest.raises(BadInput, match="a count of 0 to n"):
            function(*table, 0.95)
    for batch in (fisher_exact_p_batch, chi_square_p_batch):
        with pytest.raises(BadInput, match="a count of 0 to n"):
            batch(*([5, count] for count in table))


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 95.0, math.nan])
def test_an_impossible_level_is_refused(level: float) -> None:
    for function in _comparisons():
        with pytest.raises(
            BadInput, match=r"level: found '.*'; a confidence level between 0 and 1"
        ):
            function(1, 2, 1, 4, level)
    for single in PROPORTION_INTERVALS.values():
        with pytest.raises(BadInput, match="level"):
            single(1, 2, level)


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(BadInput, match="one of two_sided, greater, less"):
        fisher_exact_p(1, 2, 1, 4, side="both")  # type: ignore[arg-type]  # the mistake under test
