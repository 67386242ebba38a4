"""What holds for every size and power: of survival, of exact tests and of one arm."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from equipoise.errors import BadInput
from equipoise.statistics.binomial import binomial_probabilities
from equipoise.statistics.power import (
    critical_difference,
    exact_group_sizes,
    exact_power,
    exact_size,
    two_proportions_power,
    two_proportions_size,
)
from equipoise.statistics.proportion import chi_square
from equipoise.statistics.rejection import Test as PowerTest
from equipoise.statistics.rejection import rejection_region, size_of_region
from equipoise.statistics.single_arm import single_stage_designs, single_stage_rule
from equipoise.statistics.survival_size import (
    event_probability,
    events_needed,
    events_power,
    expected_events,
    hazard_of_median,
    hazard_of_share,
    survival_power,
    survival_size,
    time_of_events,
)

RATE = st.floats(0.05, 0.95)
LEVEL = st.floats(0.001, 0.3)
SMALL = st.integers(1, 14)


@given(RATE, RATE, LEVEL, st.floats(0.35, 0.99), st.floats(0.4, 2.5), st.booleans())
@settings(max_examples=60, deadline=None)
def test_one_sided_size_and_power_are_inverse(
    p1: float, p2: float, alpha: float, power: float, ratio: float, corrected: bool
) -> None:
    if abs(p1 - p2) < 0.02:
        return
    sizes = two_proportions_size(
        p1, p2, alpha=alpha, power=power, sides=1, ratio=ratio, continuity_correction=corrected
    )
    back = two_proportions_power(
        sizes.n1, sizes.n2, p1, p2, alpha=alpha, sides=1, continuity_correction=corrected
    )
    assert back == pytest.approx(power, abs=1e-9)


@given(RATE, LEVEL, st.integers(2, 200), st.integers(2, 200))
@settings(max_examples=40, deadline=None)
def test_power_without_a_difference_is_alpha(p: float, alpha: float, n1: int, n2: int) -> None:
    for sides in (1, 2):
        found = two_proportions_power(n1, n2, p, p, alpha=alpha, sides=sides)  # type: ignore[arg-type]
        assert found == pytest.approx(alpha, abs=1e-9)
    corrected = two_proportions_power(n1, n2, p, p, alpha=alpha, continuity_correction=True)
    assert corrected < alpha


@given(RATE, LEVEL, st.integers(10, 400), st.integers(10, 400))
@settings(max_examples=40, deadline=None)
def test_critical_difference_is_just_significant(p: float, alpha: float, n1: int, n2: int) -> None:
    difference = critical_difference(n1, n2, p, alpha=alpha)
    pooled = (n1 * p + n2 * (p + difference)) / (n1 + n2)
    z = difference / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2)) if pooled < 1 else 0
    assert pooled >= 1 or 2 * stats.norm.sf(z) == pytest.approx(alpha, abs=1e-9)


@given(SMALL, SMALL, st.sampled_from([0.01, 0.05, 0.1, 0.25]), st.sampled_from(["less", "greater"]))
@settings(max_examples=15, deadline=None)
def test_unconditional_tests_keep_their_level_and_hold_fishers(
    n1: int, n2: int, alpha: float, side: str
) -> None:
    """Their size is at most alpha, and Boschloo's test rejects wherever Fisher's does."""
    fisher = rejection_region(n1, n2, alpha=alpha, side=side)  # type: ignore[arg-type]
    for test in ("boschloo", "barnard"):
        region = rejection_region(n1, n2, alpha=alpha, test=test, side=side)  # type: ignore[arg-type]
        assert size_of_region(region)[0] <= alpha
        if test == "boschloo":
            assert (region | ~fisher).all()
    turned = rejection_region(n2, n1, alpha=alpha, test="barnard", side=side)  # type: ignore[arg-type]
    mirror = {"less": "greater", "greater": "less"}[side]
    back = rejection_region(n1, n2, alpha=alpha, test="barnard", side=mirror)  # type: ignore[arg-type]
    assert (turned.T == back).all()


@pytest.mark.parametrize(("n1", "n2"), [(5, 6), (7, 4)])
@pytest.mark.parametrize("side", ["greater", "less"])
def test_unconditional_tests_reject_where_scipy_does(n1: int, n2: int, side: Any) -> None:
    """scipy has the P value of one table at a time, by a search of its own over the rate."""
    for test, function in (("boschloo", stats.boschloo_exact), ("barnard", stats.barnard_exact)):
        p = np.array(
            [
                [
                    function([[x1, x2], [n1 - x1, n2 - x2]], alternative=side).pvalue
                    for x2 in range(n2 + 1)
                ]
                for x1 in range(n1 + 1)
            ]
        )
        p[np.isnan(p)] = 1.0
        for alpha in (0.021, 0.052, 0.103):
            region = rejection_region(n1, n2, alpha=alpha, test=test, side=side)  # type: ignore[arg-type]
            assert (region == (p <= alpha)).all()


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 2**30))
@settings(max_examples=40, deadline=None)
def test_the_size_of_a_region_is_the_greatest_of_a_fine_grid(n1: int, n2: int, seed: int) -> None:
    region = np.random.default_rng(seed).random((n1 + 1, n2 + 1)) < 0.3
    size, place = size_of_region(region)
    grid = np.linspace(0, 1, 4001)
    first = stats.binom.pmf(np.arange(n1 + 1)[:, None], n1, grid)
    second = stats.binom.pmf(np.arange(n2 + 1)[:, None], n2, grid)
    probabilities = np.einsum("ip,ij,jp->p", first, region.astype(float), second)
    assert size >= probabilities.max() - 1e-9
    there = binomial_probabilities(n1, place) @ region @ binomial_probabilities(n2, place)
    assert size == pytest.approx(float(there), abs=1e-12)


def test_mid_p_rejects_more_than_fisher_and_less_than_it_would_without_the_observed() -> None:
    """Between Fisher's region and that of half its P value; its size is near alpha."""
    fisher, mid = (rejection_region(34, 26, alpha=0.05, test=t) for t in ("fisher", "fisher_mid_p"))
    double = rejection_region(34, 26, alpha=0.10)
    assert (mid | ~fisher).all() and (double | ~mid).all() and mid.sum() > fisher.sum()
    sizes = [exact_size(34, 26, alpha=0.05, test=t).size for t in ("fisher", "fisher_mid_p")]
    assert sizes[0] < 0.05 and sizes[0] < sizes[1] < 0.06


@pytest.mark.parametrize(
    ("test", "beyond"), [("fisher", False), ("boschloo", False), ("chi_square", True)]
)
def test_exact_size(test: PowerTest, beyond: bool) -> None:
    """Fisher's and Wald's tests are not at 5 %: the one stays below, the other exceeds it."""
    assert (exact_size(34, 26, alpha=0.05, test=test).size > 0.05) == beyond
    wald = exact_size(34, 26, alpha=0.05, test="z_unpooled").size
    assert wald > 0.06 > exact_size(34, 26, alpha=0.05, test="chi_square").size


@pytest.mark.parametrize("test", ["fisher", "chi_square", "z_unpooled", "boschloo"])
def test_exact_group_sizes_are_the_least_that_last(test: PowerTest) -> None:
    found = exact_group_sizes(0.1, 0.6, alpha=0.05, power=0.8, test=test, ratio=1.5)

    def power(n1: int) -> float:
        return exact_power(n1, math.ceil(1.5 * n1), 0.1, 0.6, alpha=0.05, test=test)

    assert found.n2 == math.ceil(1.5 * found.n1) and found.power == power(found.n1)
    assert min(power(found.n1 + more) for more in range(4)) >= 0.8 > power(found.n1 - 1)


@given(SMALL, SMALL)
@settings(max_examples=15, deadline=None)
def test_z_pooled_is_the_root_of_chi_square(n1: int, n2: int) -> None:
    x1, x2 = n1 // 2, n2 // 3
    p = chi_square(x1, n1, x2, n2).p
    if 0 < p < 1:
        for alpha, rejects in ((p * 1.0001, True), (p * 0.9999, False)):
            assert rejection_region(n1, n2, alpha=alpha, test="z_pooled")[x1, x2] == rejects


@given(st.floats(0.01, 0.5), st.floats(0, 40), st.floats(0.1, 40), st.floats(0, 0.1))
@settings(max_examples=60, deadline=None)
def test_event_probability_is_the_integral(
    hazard: float, accrual: float, follow_up: float, dropout: float
) -> None:
    both = hazard + dropout

    def seen(entry: float) -> float:
        return hazard / both * -math.expm1(-both * (accrual + follow_up - entry))

    mean = integrate.quad(seen, 0, accrual)[0] / accrual if accrual > 0.01 else seen(accrual / 2)
    course = {"accrual": accrual, "follow_up": follow_up, "dropout_hazard": dropout}
    found = event_probability(hazard, **course)
    assert found == pytest.approx(mean, rel=1e-5 if accrual <= 0.01 else 1e-8)
    total = expected_events(
        accrual + follow_up, subjects=80, hazard=hazard, accrual=accrual, dropout_hazard=dropout
    )
    assert total == pytest.approx(80 * found)


def test_events_come_in_the_course_of_time() -> None:
    times = np.linspace(0, 80, 33)
    events = [expected_events(t, subjects=100, hazard=0.06, accrual=30) for t in times]
    assert events[0] == 0 and all(a < b for a, b in pairwise(events)) and events[-1] < 100


@given(st.floats(0.3, 1.5), st.floats(0.05, 0.95), st.floats(0, 40), st.floats(0, 0.05))
@settings(max_examples=30, deadline=None)
def test_time_of_events_turns_expected_events_round(
    hr: float, part: float, accrual: float, dropout: float
) -> None:
    course = {"accrual": accrual, "dropout_hazard": dropout}
    most = sum(n * h / (h + dropout) for n, h in ((40, 0.06), (60, 0.06 * hr)))
    arms: dict[str, float] = {
        "control": 40,
        "experimental": 60,
        "hazard_ratio": hr,
        "control_hazard": 0.06,
    }
    time = time_of_events(part * most, **arms, **course)
    seen = expected_events(time, subjects=40, hazard=0.06, **course)
    seen += expected_events(time, subjects=60, hazard=0.06 * hr, **course)
    assert seen == pytest.approx(part * most, abs=1e-7)
    with pytest.raises(BadInput, match=r"events: .*fewer than"):
        time_of_events(most, **arms, **course)


@given(st.floats(0.3, 0.9), LEVEL, st.floats(0.4, 0.95), st.floats(0.4, 2.5))
@settings(max_examples=40, deadline=None)
def test_events_and_their_power_are_inverse(
    hr: float, alpha: float, power: float, ratio: float
) -> None:
    for method in ("schoenfeld", "freedman", "hsieh_freedman"):
        needed = events_needed(hr, alpha=alpha, power=power, ratio=ratio, method=method)
        back = events_power(needed, hr, alpha=alpha, ratio=ratio, method=method)
        assert back == pytest.approx(power, abs=1e-9)
        more = events_needed(hr, alpha=alpha / 2, power=power, ratio=ratio, method=method)
        assert more > needed
    turned = events_needed(1 / hr, alpha=alpha, power=power, ratio=1 / ratio)
    assert turned == pytest.approx(events_needed(hr, alpha=alpha, power=power, ratio=ratio))


def test_drop_out_and_short_follow_up_cost_subjects() -> None:
    def subjects(**change: float) -> float:
        course = {"control_hazard": 0.06, "accrual": 24.0, "follow_up": 12.0, **change}
        return survival_size(0.6, alpha=0.05, power=0.8, **course).subjects  # type: ignore[arg-type]

    assert subjects(dropout_hazard=0.02) > subjects() > subjects(follow_up=24.0)


@given(st.integers(1, 60), st.floats(0.02, 0.5), st.floats(0.05, 0.4), LEVEL)
@settings(max_examples=60, deadline=None)
def test_one_stage_rule_is_the_binomial_tail(n: int, p0: float, add: float, alpha: float) -> None:
    rule = single_stage_rule(n, p0, p0 + add, alpha=alpha)
    assert rule.size == pytest.approx(stats.binom.sf(rule.r, n, p0), abs=1e-12)
    assert rule.power == pytest.approx(stats.binom.sf(rule.r, n, p0 + add), abs=1e-12)
    assert rule.size <= alpha + 1e-12
    assert rule.r == 0 or alpha < stats.binom.sf(rule.r - 1, n, p0) + 1e-12


def test_a_size_of_exactly_alpha_is_used() -> None:
    """One patient, 1/8: a response has just the probability that is allowed."""
    assert single_stage_rule(1, 0.125, 0.5, alpha=0.125).r == 0


MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    (two_proportions_power, {"n1": 0, "n2": 5, "p1": 0.1, "p2": 0.5, "alpha": 0.05}, "n1"),
    (two_proportions_power, {"n1": 9, "n2": 5, "p1": 0.1, "p2": math.nan, "alpha": 0.05}, "p2"),
    (
        two_proportions_size,
        {"p1": 0, "p2": 0.5, "alpha": 0.05, "power": 0.8, "method": "log_odds_ratio"},
        "p1",
    ),
    (
        two_proportions_size,
        {
            "p1": 0.1,
            "p2": 0.5,
            "alpha": 0.05,
            "power": 0.8,
            "method": "arcsine",
            "continuity_correction": True,
        },
        "method",
    ),
    (two_proportions_size, {"p1": 0.1, "p2": 0.5, "alpha": 0.05, "power": 0.04}, "power"),
    (critical_difference, {"n1": 5, "n2": 5, "p1": 0.5, "alpha": 0.05, "sides": 3}, "sides"),
    (
        exact_group_sizes,
        {"p1": 0.1, "p2": 0.5, "alpha": 0.05, "power": 0.8, "side": "greater"},
        "side",
    ),
    (exact_group_sizes, {"p1": 0.30, "p2": 0.31, "alpha": 0.05, "power": 0.8}, "rates that need"),
    (exact_size, {"n1": 9, "n2": 5, "alpha": 1.2}, "alpha"),
    (exact_size, {"n1": 9, "n2": 5, "alpha": 0.05, "test": "student"}, "test"),
    (events_needed, {"hazard_ratio": 1, "alpha": 0.05, "power": 0.8}, "hazard_ratio"),
    (events_needed, {"hazard_ratio": 0, "alpha": 0.05, "power": 0.8}, "hazard_ratio"),
    (events_power, {"events": -1, "hazard_ratio": 0.5, "alpha": 0.05}, "events"),
    (event_probability, {"hazard": 0.1, "accrual": 0, "follow_up": 0}, "accrual, follow_up"),
    (event_probability, {"hazard": math.inf, "accrual": 1, "follow_up": 0}, "hazard"),
    (expected_events, {"time": -1, "subjects": 9, "hazard": 0.1, "accrual": 1}, "time"),
    (hazard_of_share, {"share": 1, "time": 12}, "share"),
    (hazard_of_median, {"median": 0}, "median"),
    (
        survival_power,
        {
            "control": 9,
            "experimental": 9,
            "hazard_ratio": 0.5,
            "control_hazard": 0.1,
            "accrual": 1,
            "follow_up": 1,
            "alpha": 0.05,
            "method": "cox",
        },
        "method",
    ),
    (single_stage_rule, {"n": 0, "p0": 0.1, "p1": 0.3, "alpha": 0.05}, "n"),
    (single_stage_designs, {"p0": 0.3, "p1": 0.1, "alpha": 0.05, "power": 0.8}, "p1"),
    (
        single_stage_designs,
        {"p0": 0.300, "p1": 0.301, "alpha": 0.05, "power": 0.8},
        "p0, p1",
    ),
]


@pytest.mark.parametrize(("function", "given_", "field"), MISTAKES)
def test_an_impossible_design_is_refused_by_field(
    function: Any, given_: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput, match=rf"(^|\b){field}"):
        function(**given_)
