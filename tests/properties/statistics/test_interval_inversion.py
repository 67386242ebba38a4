"""Intervals against the tests that they invert, against scipy, and by their exact coverage."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.stats.contingency import odds_ratio, relative_risk

from equipoise.errors import BadInput
from equipoise.statistics.binomial_interval import PROPORTION_INTERVALS, binomial_p
from equipoise.statistics.exact_limits import exact_p
from equipoise.statistics.logistic import logistic_fit
from equipoise.statistics.odds_ratio import (
    ODDS_RATIO_INTERVALS,
    blaker_p,
    odds_ratio_miettinen_nurminen,
    table_counts,
)
from equipoise.statistics.proportion import Side, chi_square, fisher_exact_p, fisher_exact_p_batch
from equipoise.statistics.risk_difference import RISK_DIFFERENCE_INTERVALS
from equipoise.statistics.risk_ratio import RISK_RATIO_INTERVALS, risk_ratio_koopman

COUNT = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
TABLE = st.tuples(COUNT, COUNT).map(lambda pair: (*pair[0], *pair[1]))
Z = 1.959963984540054


@given(COUNT, st.floats(0.5, 0.98))
@settings(max_examples=40, deadline=None)
def test_intervals_of_a_proportion(count: tuple[int, int], level: float) -> None:
    x, n = count
    for name, function in PROPORTION_INTERVALS.items():
        found, mirrored = function(x, n, level), function(n - x, n, level)
        assert 0 <= found.lower <= found.upper <= 1, name
        assert mirrored.lower == pytest.approx(1 - found.upper, abs=1e-9), name
        wider = function(x, n, level + 0.015)
        assert wider.lower <= found.lower + 1e-9 and found.upper <= wider.upper + 1e-9, name
    for outer, inner in (
        ("clopper_pearson", "blaker"),
        ("clopper_pearson", "mid_p"),
        ("wilson_corrected", "wilson"),
    ):
        one, other = (PROPORTION_INTERVALS[each](x, n, level) for each in (outer, inner))
        assert one.lower <= other.lower + 1e-9 and other.upper <= one.upper + 1e-9, inner


@given(TABLE, st.floats(0.6, 0.98))
@settings(max_examples=25, deadline=None)
def test_ranges_of_comparisons(table: tuple[int, int, int, int], level: float) -> None:
    for name, function in RISK_DIFFERENCE_INTERVALS.items():
        found = function(*table, level)
        assert -1 <= found.lower <= found.upper <= 1, name
    for name, function in (*RISK_RATIO_INTERVALS.items(), *ODDS_RATIO_INTERVALS.items()):
        found = function(*table, level)
        assert 0 <= found.lower <= found.upper, name
        assert math.isfinite(found.lower), name
    exact, blaker = (
        ODDS_RATIO_INTERVALS[each](*table, level) for each in ("conditional_exact", "blaker")
    )
    assert exact.lower <= blaker.lower * (1 + 1e-9) and blaker.upper <= exact.upper * (1 + 1e-9)


def by_definition(shares: np.ndarray, place: int, rule: str) -> float:
    """The P value in the words of its rule, tables compared one by one."""
    below, above = shares[: place + 1].sum(), shares[place:].sum()
    if rule == "mid_p":
        return min(1.0, 2 * (min(below, above) - shares[place] / 2))
    total = 0.0
    for other, share in enumerate(shares):
        smaller = min(shares[: other + 1].sum(), shares[other:].sum())
        here = smaller if rule == "blaker" else share
        observed = min(below, above) if rule == "blaker" else shares[place]
        total += share if here <= observed * (1 + 1e-9) else 0.0
    return min(1.0, float(total))


def holds_what_is_not_rejected(
    p: Callable[[float], float], lower: float, upper: float, alpha: float
) -> None:
    """On the scale of the logarithm: rejected outside, on a grid too; not rejected just inside."""
    for limit, outwards in ((lower, -1), (upper, 1)):
        if 0 < limit < math.inf:
            t = math.log(limit)
            assert p(t - outwards * 1e-6) > alpha - 1e-6
            for step in (1e-6, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0):
                assert p(t + outwards * step) <= alpha + 1e-9, step


@given(st.integers(1, 25).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=30, deadline=None)
def test_exact_limits_of_a_proportion_invert_their_tests(count: tuple[int, int]) -> None:
    x, n = count
    for rule in ("mid_p", "blaker"):

        def p(t: float, rule: str = rule) -> float:
            return by_definition(
                stats.binom.pmf(np.arange(n + 1), n, 1 / (1 + math.exp(-t))), x, rule
            )

        found = PROPORTION_INTERVALS[rule](x, n, 0.95)
        odds = [each / (1 - each) if each < 1 else math.inf for each in (found.lower, found.upper)]
        holds_what_is_not_rejected(p, odds[0], odds[1], 0.05)


@given(TABLE)
@settings(max_examples=25, deadline=None)
def test_exact_limits_of_an_odds_ratio_invert_their_tests(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    counts, weights = table_counts(n1, n2, x1 + x2)
    for rule in ("mid_p", "min_likelihood", "blaker"):

        def p(t: float, rule: str = rule) -> float:
            shares = np.exp(weights + t * counts - (weights + t * counts).max())
            return by_definition(shares / shares.sum(), int(x1 - counts[0]), rule)

        found = ODDS_RATIO_INTERVALS[rule](*table, 0.95)
        holds_what_is_not_rejected(p, found.lower, found.upper, 0.05)
        assert exact_p(counts, weights, x1, rule) == pytest.approx(p(0.0), rel=1e-8)  # type: ignore[arg-type]


@given(TABLE)
@settings(max_examples=40, deadline=None)
def test_the_rules_of_fishers_test(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    counts, weights = table_counts(n1, n2, x1 + x2)
    shares, place = np.exp(weights - weights.max()), int(x1 - counts[0])
    shares /= shares.sum()
    assert blaker_p(*table) == pytest.approx(by_definition(shares, place, "blaker"), rel=1e-8)
    central = fisher_exact_p(*table, mid_p=True, rule="central")
    assert central == pytest.approx(by_definition(shares, place, "mid_p"), rel=1e-8)
    sides: tuple[Side, ...] = ("two_sided", "greater", "less")
    for side in sides:
        plain = fisher_exact_p(*table, side=side)
        halved = fisher_exact_p(*table, side=side, mid_p=True)
        assert 0 < halved <= plain <= 1
        assert fisher_exact_p_batch(*table, side=side, mid_p=True) == halved
    both = [fisher_exact_p(*table, side=side, mid_p=True) for side in ("greater", "less")]  # type: ignore[arg-type]
    assert sum(both) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(30))
def test_scipy_gives_the_same(seed: int) -> None:
    random = np.random.default_rng(seed)
    n1, n2 = (int(each) for each in random.integers(3, 50, 2))
    x1, x2 = int(random.integers(1, n1)), int(random.integers(1, n2))
    test = stats.binomtest(x1, n1, 0.3)
    for name, method in (
        ("clopper_pearson", "exact"),
        ("wilson", "wilson"),
        ("wilson_corrected", "wilsoncc"),
    ):
        limits = test.proportion_ci(0.9, method=method)
        found = PROPORTION_INTERVALS[name](x1, n1, 0.9)
        assert (found.lower, found.upper) == pytest.approx((limits.low, limits.high), rel=1e-8)
    assert binomial_p(x1, n1, 0.3) == pytest.approx(test.pvalue)
    ratio = relative_risk(x1, n1, x2, n2).confidence_interval(0.9)
    katz = RISK_RATIO_INTERVALS["katz"](x1, n1, x2, n2, 0.9)
    assert (katz.lower, katz.upper) == pytest.approx((ratio.low, ratio.high), rel=1e-9)
    cells = [[x1, n1 - x1], [x2, n2 - x2]]
    for name, kind in (("woolf", "sample"), ("conditional_exact", "conditional")):
        theirs = odds_ratio(cells, kind=kind)
        limits = theirs.confidence_interval(0.9)
        ours = ODDS_RATIO_INTERVALS[name](x1, n1, x2, n2, 0.9)
        assert (ours.lower, ours.upper) == pytest.approx((limits.low, limits.high), rel=1e-6)
        assert ours.estimate == pytest.approx(theirs.statistic, rel=1e-6)
    for corrected in (False, True):
        theirs = stats.chi2_contingency(cells, correction=corrected)
        found = chi_square(x1, n1, x2, n2, continuity_correction=corrected)
        assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert fisher_exact_p(x1, n1, x2, n2) == pytest.approx(stats.fisher_exact(cells).pvalue)


def restricted_score(x1: int, n1: int, x2: int, n2: int, p1_of: Callable[[float], float]) -> float:
    """The score statistic of the logarithm of the likelihood; its maximum is searched for."""

    def fall(p2: float) -> float:
        parts = ((x1, p1_of(p2)), (n1 - x1, 1 - p1_of(p2)), (x2, p2), (n2 - x2, 1 - p2))
        return -sum(count * math.log(max(p, 1e-300)) for count, p in parts if count)

    top = 1.0
    while p1_of(top) > 1:
        top *= 1 - 1e-7 if p1_of(top * (1 - 1e-7)) <= 1 else 0.999
    found = minimize_scalar(fall, bounds=(0, top), method="bounded", options={"xatol": 1e-13})
    p2, p1 = float(found.x), p1_of(float(found.x))
    expected = (n1 * p1, n1 - n1 * p1, n2 * p2, n2 - n2 * p2)
    observed = (x1, n1 - x1, x2, n2 - x2)
    square = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    return math.copysign(math.sqrt(square), x1 - n1 * p1)


@given(TABLE.filter(lambda t: 0 < t[0] < t[1] and 0 < t[2] < t[3]))
@settings(max_examples=40, deadline=None)
def test_score_limits_of_ratios_have_the_score_of_the_quantile(
    table: tuple[int, int, int, int],
) -> None:
    """A score statistic is Pearson's chi-square at the restricted proportions."""
    total = table[1] + table[3]
    koopman, mn = risk_ratio_koopman(*table), odds_ratio_miettinen_nurminen(*table)
    for limit, z in ((koopman.lower, Z), (koopman.upper, -Z)):
        score = restricted_score(*table, lambda p2, r=limit: r * p2)
        assert score == pytest.approx(z, rel=1e-3)
    for limit, z in ((mn.lower, Z), (mn.upper, -Z)):
        score = restricted_score(*table, lambda p2, r=limit: r * p2 / (1 - p2 + r * p2))
        assert score * math.sqrt((total - 1) / total) == pytest.approx(z, rel=1e-3)


@pytest.mark.parametrize("name", ["clopper_pearson", "blaker"])
@pytest.mark.parametrize("n", [7, 34])
def test_exact_intervals_cover_at_their_level_wherever_the_proportion_lies(
    name: str, n: int
) -> None:
    limits = [PROPORTION_INTERVALS[name](x, n, 0.95) for x in range(n + 1)]
    for p in np.linspace(0.005, 0.995, 199):
        inside = [each.lower - 1e-12 <= p <= each.upper + 1e-12 for each in limits]
        assert stats.binom.pmf(np.arange(n + 1), n, p) @ inside >= 0.95 - 1e-9


@pytest.mark.parametrize("name", ["conditional_exact", "min_likelihood", "blaker"])
def test_exact_intervals_of_odds_ratios_cover_at_their_level(name: str) -> None:
    n1, n2, events = 12, 9, 8
    counts, weights = table_counts(n1, n2, events)
    function = ODDS_RATIO_INTERVALS[name]
    limits = [function(int(x), n1, events - int(x), n2, 0.9) for x in counts]
    for t in np.linspace(-6, 6, 121):
        shares = np.exp(weights + t * counts)
        inside = [
            each.lower * (1 - 1e-9) <= math.exp(t) <= each.upper * (1 + 1e-9) for each in limits
        ]
        assert shares @ inside / shares.sum() >= 0.9 - 1e-9


def test_approximate_intervals_do_not_always_cover() -> None:
    """The least coverage of 34 subjects over a grid: below the level, but not by much."""
    n, grid = 34, np.linspace(0.02, 0.98, 193)
    for name in ("wilson", "jeffreys", "agresti_coull", "mid_p"):
        limits = [PROPORTION_INTERVALS[name](x, n, 0.95) for x in range(n + 1)]
        covered = [
            stats.binom.pmf(np.arange(n + 1), n, p) @ [e.lower <= p <= e.upper for e in limits]
            for p in grid
        ]
        assert 0.8 < min(covered) < 0.95 < max(covered), name


def test_impossible_arguments_are_refused() -> None:
    for name, function in PROPORTION_INTERVALS.items():
        with pytest.raises(BadInput, match="3 of 2"):
            function(3, 2, 0.95)
        with pytest.raises(BadInput, match="level"):
            function(1, 2, 1.0)
        assert function(0, 0, 0.95).estimate is None, name
    with pytest.raises(BadInput, match="null"):
        binomial_p(1, 2, 1.5)
    with pytest.raises(BadInput, match="side"):
        binomial_p(1, 2, 0.5, side="up")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="rule"):
        fisher_exact_p(1, 2, 1, 2, rule="blaker")  # type: ignore[arg-type]
    assert binomial_p(0, 0, 0.5) == 1.0


DESIGN = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [1, 0, 1, 0]], dtype=float)


@pytest.mark.parametrize("seed", range(12))
def test_firth_and_separation_against_firthmodels(seed: int) -> None:
    """Arm, status and their interaction, one row a subject; some tables have an empty cell."""
    from firthmodels import FirthLogisticRegression, detect_separation

    random = np.random.default_rng(seed)
    subjects = random.integers(4, 12, 4)
    events = random.binomial(subjects, random.choice([0.1, 0.5, 0.9], 4))
    rows = np.repeat(DESIGN[:, 1:], subjects, axis=0)
    answers = np.concatenate([np.arange(n) < x for x, n in zip(events, subjects, strict=True)])
    fit = logistic_fit(DESIGN, events, subjects)
    if answers.any() and not answers.all():
        theirs = detect_separation(rows, answers.astype(int)).separation
        assert bool(fit.separated.any()) == theirs
        model = FirthLogisticRegression(gtol=1e-8, xtol=1e-8, max_iter=1000)
        model.fit(rows, answers.astype(int))
        firth = logistic_fit(DESIGN, events, subjects, penalised=True)
        assert firth.coefficients[0, 1:] == pytest.approx(model.coef_, abs=1e-6)
        assert firth.log_likelihood[0] == pytest.approx(model.loglik_, abs=1e-8)
