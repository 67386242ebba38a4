"""Limits of one and two proportions: symmetry, nesting, coverage, the tests they invert."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import barnard_exact, binomtest

from equipoise.errors import BadInput
from equipoise.statistics.binomial_interval import PROPORTION_INTERVALS, binomial_p
from equipoise.statistics.effect_heterogeneity import (
    gail_simon,
    homogeneity,
    risk_difference_interaction,
)
from equipoise.statistics.logistic import logistic_fit
from equipoise.statistics.odds_ratio import ODDS_RATIO_INTERVALS, blaker_p
from equipoise.statistics.proportion import fisher_exact_p, fisher_exact_p_batch
from equipoise.statistics.rejection import barnard_p, boschloo_p
from equipoise.statistics.risk_difference import RISK_DIFFERENCE_INTERVALS
from equipoise.statistics.risk_ratio import RISK_RATIO_INTERVALS

NEAR = 1e-7
COUNT = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
TABLE = st.tuples(COUNT, COUNT).map(lambda both: (*both[0], *both[1]))
RATIOS = {**RISK_RATIO_INTERVALS, **{f"odds_{k}": v for k, v in ODDS_RATIO_INTERVALS.items()}}
EXACT = ("clopper_pearson", "blaker")


def _inverse(ratio: float) -> float:
    return math.inf if ratio == 0 else 0.0 if ratio == math.inf else 1 / ratio


@pytest.mark.parametrize("name", PROPORTION_INTERVALS)
@settings(max_examples=40, deadline=None)
@given(count=COUNT)
def test_without_the_property_is_the_mirror(name: str, count: tuple[int, int]) -> None:
    x, n = count
    found, other = PROPORTION_INTERVALS[name](x, n, 0.9), PROPORTION_INTERVALS[name](n - x, n, 0.9)
    assert (found.lower, found.upper) == pytest.approx((1 - other.upper, 1 - other.lower), abs=NEAR)
    wider = PROPORTION_INTERVALS[name](x, n, 0.95)
    assert 0 <= wider.lower <= found.lower + NEAR and found.upper - NEAR <= wider.upper <= 1


@pytest.mark.parametrize("name", RISK_DIFFERENCE_INTERVALS)
@settings(max_examples=40, deadline=None)
@given(table=TABLE)
def test_the_other_order_of_groups_turns_a_difference(
    name: str, table: tuple[int, int, int, int]
) -> None:
    x1, n1, x2, n2 = table
    found = RISK_DIFFERENCE_INTERVALS[name](x1, n1, x2, n2, 0.9)
    other = RISK_DIFFERENCE_INTERVALS[name](x2, n2, x1, n1, 0.9)
    assert (found.lower, found.upper) == pytest.approx((-other.upper, -other.lower), abs=NEAR)
    wider = RISK_DIFFERENCE_INTERVALS[name](x1, n1, x2, n2, 0.95)
    assert -1 <= wider.lower <= found.lower + NEAR and found.upper - NEAR <= wider.upper <= 1


@pytest.mark.parametrize("name", RATIOS)
@settings(max_examples=40, deadline=None)
@given(table=TABLE)
def test_the_other_order_of_groups_inverts_a_ratio(
    name: str, table: tuple[int, int, int, int]
) -> None:
    x1, n1, x2, n2 = table
    found, other = RATIOS[name](x1, n1, x2, n2, 0.9), RATIOS[name](x2, n2, x1, n1, 0.9)
    assert (found.estimate is None) == (other.estimate is None)
    if found.estimate is not None and other.estimate is not None:
        assert found.estimate == pytest.approx(_inverse(other.estimate), rel=1e-6)
    turned = (_inverse(other.upper), _inverse(other.lower))
    assert (found.lower, found.upper) == pytest.approx(turned, rel=1e-6)
    wider = RATIOS[name](x1, n1, x2, n2, 0.95)
    assert wider.lower <= found.lower * (1 + NEAR) and found.upper <= wider.upper * (1 + NEAR)


@pytest.mark.parametrize("n", [1, 7, 20])
@pytest.mark.parametrize("name", EXACT)
def test_exact_limits_cover_what_they_promise(name: str, n: int) -> None:
    """Of every proportion on a grid, by all counts; Blaker's limits lie within the others."""
    limits = [PROPORTION_INTERVALS[name](x, n, 0.9) for x in range(n + 1)]
    for p in np.linspace(0.001, 0.999, 499):
        shares = [comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)]
        covered = sum(
            share
            for share, each in zip(shares, limits, strict=True)
            if each.lower - 1e-9 <= p <= each.upper + 1e-9
        )
        assert covered >= 0.9 - 1e-9
    for x, each in enumerate(limits):
        widest = PROPORTION_INTERVALS["clopper_pearson"](x, n, 0.9)
        assert widest.lower - 1e-9 <= each.lower and each.upper <= widest.upper + 1e-9


def test_mid_p_counts_half_of_what_is_observed() -> None:
    found = PROPORTION_INTERVALS["mid_p"](3, 11, 0.9)
    for limit, counts in ((found.lower, range(4, 12)), (found.upper, range(3))):
        shares = [comb(11, x) * limit**x * (1 - limit) ** (11 - x) for x in range(12)]
        assert sum(shares[x] for x in counts) + shares[3] / 2 == pytest.approx(0.05, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(count=COUNT, null=st.floats(0.05, 0.95))
def test_the_binomial_test_is_that_of_scipy(count: tuple[int, int], null: float) -> None:
    x, n = count
    assert binomial_p(x, n, null) == (binomtest(x, n, null).pvalue if n else 1.0)


@pytest.mark.parametrize("rule", ["min_likelihood", "blaker"])
def test_an_exact_limit_is_where_the_test_begins_to_reject(rule: str) -> None:
    """On every table of 6 v 5: 1 lies outside the limits only where the test rejects it."""
    for x1, x2 in itertools.product(range(7), range(6)):
        found = ODDS_RATIO_INTERVALS[rule](x1, 6, x2, 5, 0.9)
        p = fisher_exact_p(x1, 6, x2, 5) if rule == "min_likelihood" else blaker_p(x1, 6, x2, 5)
        if not found.lower <= 1 <= found.upper:
            assert p <= 0.1 + 1e-9
        if p > 0.1 + 1e-9:
            assert found.lower <= 1 <= found.upper


def test_mid_p_is_less_by_half_of_the_ties() -> None:
    tables = np.array(list(itertools.product(range(6), [5], range(5), [4]))).T
    for side in ("two_sided", "greater", "less"):
        half = fisher_exact_p_batch(*tables, side=side, mid_p=True)
        one_by_one = [fisher_exact_p(*table, side=side, mid_p=True) for table in tables.T.tolist()]
        assert half.tolist() == one_by_one
    greater = fisher_exact_p_batch(*tables, side="greater", mid_p=True)
    less = fisher_exact_p_batch(*tables, side="less", mid_p=True)
    assert greater + less == pytest.approx(np.ones(len(greater)), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(table=TABLE, pooled=st.booleans())
def test_barnard_is_not_below_that_of_scipy_and_boschloo_never_above_fisher(
    table: tuple[int, int, int, int], pooled: bool
) -> None:
    x1, n1, x2, n2 = table
    assert boschloo_p(*table) <= fisher_exact_p(*table) + 1e-9
    assert boschloo_p(*table) == pytest.approx(boschloo_p(x2, n2, x1, n1), abs=1e-6)
    found = barnard_p(*table, pooled=pooled)
    if n1 and n2 and 0 < x1 + x2 < n1 + n2:
        # SciPy's may be less: it misses tables that tie but for rounding.
        assert found >= barnard_exact([[x1, x2], [n1 - x1, n2 - x2]], pooled=pooled).pvalue - 1e-6
    else:
        assert found == 1.0


@pytest.mark.parametrize(("n1", "n2"), [(1, 4), (3, 3), (4, 6)])
def test_barnard_is_the_greatest_of_sums_over_exact_orders(n1: int, n2: int) -> None:
    """Squares of the pooled statistic compared as fractions; the greatest of 2 001 proportions."""
    cells = list(itertools.product(range(n1 + 1), range(n2 + 1)))

    def square(a: int, b: int) -> Fraction:
        common = Fraction(a + b, n1 + n2)
        spread = common * (1 - common)
        return (Fraction(a, n1) - Fraction(b, n2)) ** 2 / spread if spread else Fraction(0)

    grid = np.linspace(0, 1, 2001)
    for x1, x2 in cells:
        extreme = [(a, b) for a, b in cells if square(a, b) >= square(x1, x2)]
        sizes = sum(
            comb(n1, a) * comb(n2, b) * grid ** (a + b) * (1 - grid) ** (n1 + n2 - a - b)
            for a, b in extreme
        )
        assert barnard_p(x1, n1, x2, n2) == pytest.approx(np.max(sizes), abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    effects=st.lists(st.floats(-3, 3), min_size=2, max_size=5),
    errors=st.lists(st.floats(0.1, 3), min_size=5, max_size=5),
)
def test_turning_every_effect_changes_no_heterogeneity(
    effects: list[float], errors: list[float]
) -> None:
    spread, turned = errors[: len(effects)], [-each for each in effects]
    assert homogeneity(effects, spread).p == pytest.approx(homogeneity(turned, spread).p)
    found, other = gail_simon(effects, spread), gail_simon(turned, spread)
    assert (found.positive, found.p) == pytest.approx((other.negative, other.p))
    if min(effects) >= 0:
        assert found.p == 1.0


def test_firth_of_the_smallest_separated_table() -> None:
    """1/1 v 0/1: half a subject is added to each cell, so the log odds ratio is 2 log 3."""
    fit = logistic_fit([[1, 0], [1, 1]], [0, 1], [1, 1], penalised=True)
    assert fit.coefficients[0] == pytest.approx([-math.log(3), 2 * math.log(3)], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(table=TABLE.filter(lambda table: table[1] > 0 and table[3] > 0))
def test_firth_of_a_table_adds_half_to_each_cell(table: tuple[int, int, int, int]) -> None:
    """Of a saturated model Firth's estimate is Haldane and Anscombe's (Firth 1993, section 3.3)."""
    x1, n1, x2, n2 = table
    fit = logistic_fit([[1, 0], [1, 1]], [x2, x1], [n2, n1], penalised=True)
    ratio = ODDS_RATIO_INTERVALS["haldane_anscombe"](*table, 0.95).estimate
    assert ratio is not None
    assert fit.coefficients[0][1] == pytest.approx(math.log(ratio), abs=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: binomial_p(1, 3, 1.5),
        lambda: gail_simon([1.0], [1.0]),
        lambda: homogeneity([1.0, 2.0], [1.0, 0.0]),
        lambda: homogeneity([1.0, math.nan], [1.0, 1.0]),
        lambda: risk_difference_interaction([1], [2], [1], [2]),
        lambda: risk_difference_interaction([1, 0], [2, 0], [1, 1], [2, 2]),
        lambda: fisher_exact_p(1, 2, 1, 2, rule="other"),  # type: ignore[arg-type]
        lambda: boschloo_p(0, 5000, 0, 5000),
    ],
)
def test_what_cannot_be_computed_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(BadInput):
        call()
