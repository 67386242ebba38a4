"""What holds for every set of times, and agreement with lifelines, which shares no code."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics import log_rank as log_rank_module
from equipoise.statistics.kaplan_meier import (
    TRANSFORMS,
    Quantile,
    SurvivalAt,
    Transform,
    kaplan_meier,
    survival_at,
    survival_interval,
    survival_quantile,
)
from equipoise.statistics.log_rank import log_rank, log_rank_z_batch

Subject = tuple[int, bool, int]


def subjects(least: int = 1, most: int = 40) -> st.SearchStrategy[list[Subject]]:
    """Times in whole days, few enough that they tie; event or not; one of two groups."""
    one = st.tuples(st.integers(0, 25), st.booleans(), st.integers(0, 1))
    return st.lists(one, min_size=least, max_size=most)


def columns(rows: list[Subject]) -> tuple[list[int], list[bool], list[int]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


@given(subjects())
@settings(max_examples=60, deadline=None)
def test_kaplan_meier_is_the_product_over_subjects_at_risk(rows: list[Subject]) -> None:
    curve = kaplan_meier(*columns(rows)[:2])
    assert curve.time.tolist() == sorted({time for time, _, _ in rows})
    product = 1.0
    for i, now in enumerate(curve.time):
        at_risk = sum(time >= now for time, _, _ in rows)
        died = sum(time == now and event for time, event, _ in rows)
        product *= 1 - died / at_risk
        assert (curve.at_risk[i], curve.events[i]) == (at_risk, died)
        assert curve.survival[i] == pytest.approx(product, abs=1e-12)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_without_censoring_it_is_the_empirical_distribution(times: list[int]) -> None:
    curve = kaplan_meier(times, [True] * len(times))
    share = [sum(time > now for time in times) / len(times) for now in curve.time]
    assert curve.survival == pytest.approx(share, abs=1e-12)
    variance = curve.survival[:-1] ** 2 * curve.greenwood[:-1]
    binomial = [p * (1 - p) / len(times) for p in share[:-1]]
    assert variance == pytest.approx(binomial, abs=1e-12)


@given(subjects(), st.randoms(use_true_random=False), st.sampled_from(TRANSFORMS))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_never_matters(
    rows: list[Subject], random: Random, transform: Transform
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    curves = [kaplan_meier(*columns(each)[:2]) for each in (rows, shuffled)]
    quantiles = [survival_quantile(curve, transform=transform) for curve in curves]
    assert quantiles[0] == quantiles[1]
    assert curves[0].survival.tolist() == curves[1].survival.tolist()
    tests = [log_rank(*columns(each)) for each in (rows, shuffled)]
    assert tests[0].statistic == pytest.approx(tests[1].statistic, abs=1e-9)


@given(subjects(), st.sampled_from(TRANSFORMS), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_limits_enclose_the_curve_and_its_quantiles(
    rows: list[Subject], transform: Transform, probability: float
) -> None:
    curve = kaplan_meier(*columns(rows)[:2])
    lower, upper = survival_interval(curve, transform=transform)
    assert not np.isnan(lower).any() and not np.isnan(upper).any()
    assert (lower >= 0).all() and (upper <= 1).all()
    assert (lower <= curve.survival + 1e-12).all() and (curve.survival <= upper + 1e-12).all()
    found = survival_quantile(curve, probability, transform=transform)
    order = [
        math.inf if each is None else each for each in (found.lower, found.estimate, found.upper)
    ]
    assert order == sorted(order)


@given(subjects(least=2))
@settings(max_examples=60, deadline=None)
def test_relabelling_groups_turns_the_sign_of_z(rows: list[Subject]) -> None:
    times, events, groups = columns(rows)
    there = log_rank_z_batch([times], [events], [groups])[0]
    back = log_rank_z_batch([times], [events], [[1 - group for group in groups]])[0]
    assert back == pytest.approx(-there, abs=1e-9)
    test = log_rank(times, events, groups)
    assert test.observed.sum() == sum(events)
    assert test.expected.sum() == pytest.approx(sum(events), abs=1e-9)
    assert 0 < test.p <= 1
    if len(test.groups) == 2:
        assert test.z == pytest.approx(there, abs=1e-9)


def test_batch_is_the_single_test_for_every_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """In machine code and as it stands, with subjects left out of the comparison."""
    generator = np.random.default_rng(1)
    times = generator.integers(0, 30, size=(50, 40))
    events = generator.random((50, 40)) < 0.7
    groups = generator.integers(-1, 2, size=(50, 40))
    plain = log_rank_z_batch(times, events, groups)
    monkeypatch.setattr(log_rank_module, "_COMPILE_FROM", 0)
    assert log_rank_z_batch(times, events, groups).tolist() == plain.tolist()
    for trial in range(50):
        kept = groups[trial] >= 0
        single = log_rank(times[trial, kept], events[trial, kept], groups[trial, kept])
        assert single.z == pytest.approx(plain[trial], abs=1e-9)


def lifelines_rows() -> list[Subject]:
    generator = np.random.default_rng(20260)
    return [
        (int(time), bool(event), int(group))
        for time, event, group in zip(
            generator.integers(1, 60, 120),
            generator.random(120) < 0.6,
            generator.integers(0, 3, 120),
            strict=True,
        )
    ]


def test_curves_and_tests_agree_with_lifelines() -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import multivariate_logrank_test

    times, events, groups = columns(lifelines_rows())
    fitter = KaplanMeierFitter().fit(times, events)
    curve = kaplan_meier(times, events)
    theirs = fitter.survival_function_at_times(curve.time).to_numpy()
    assert curve.survival == pytest.approx(theirs, abs=1e-9)
    lower, upper = survival_interval(curve, transform="log_log")
    limits = fitter.confidence_interval_.loc[curve.time].to_numpy()
    inside = (curve.survival > 0) & (curve.greenwood > 0)
    assert lower[inside] == pytest.approx(limits[inside, 0], abs=1e-6)
    assert upper[inside] == pytest.approx(limits[inside, 1], abs=1e-6)
    assert survival_quantile(curve).estimate == fitter.median_survival_time_
    for chosen in ((0, 1), (0, 1, 2)):
        kept = [i for i, group in enumerate(groups) if group in chosen]
        data = [[column[i] for i in kept] for column in (times, groups, events)]
        expected = multivariate_logrank_test(*data)
        test = log_rank(data[0], data[2], data[1])
        assert test.statistic == pytest.approx(expected.test_statistic, abs=1e-6)
        assert test.p == pytest.approx(expected.p_value, abs=1e-6)


def test_strata_are_summed() -> None:
    times, events, groups = columns(lifelines_rows())
    layers = [i % 3 for i in range(len(times))]
    parts = [
        log_rank(
            *(
                [column[i] for i in range(len(times)) if layers[i] == layer]
                for column in (times, events, groups)
            )
        )
        for layer in range(3)
    ]
    whole = log_rank(times, events, groups, strata=layers)
    assert whole.observed.tolist() == sum(part.observed for part in parts).tolist()
    assert whole.expected == pytest.approx(sum(part.expected for part in parts), abs=1e-9)
    assert whole.variance == pytest.approx(sum(part.variance for part in parts), abs=1e-9)
    assert whole.z is None


def test_nobody_and_no_event() -> None:
    nobody, nothing = kaplan_meier([], []), kaplan_meier([3, 5], [False, False])
    assert survival_quantile(nobody) == survival_quantile(nothing) == Quantile(None, None, None)
    assert survival_at(nobody, [1])[0] == SurvivalAt(1.0, 0, None, None, None, None)
    assert survival_at(nothing, [4])[0] == SurvivalAt(4.0, 1, 1.0, 0.0, 1.0, 1.0)
    for test in (log_rank([], [], []), log_rank([1, 2], [False, False], [0, 1])):
        assert (test.statistic, test.degrees_of_freedom, test.p) == (0.0, 0, 1.0)
    assert log_rank([1, 2], [True, True], [1, 1]).p == 1.0
    assert log_rank_z_batch([[1, 2]], [[False, True]], [[0, 1]]).tolist() == [0.0]
    assert log_rank_z_batch(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 3))).shape == (0,)


def test_before_the_first_and_after_the_last_follow_up() -> None:
    open_end, closed = kaplan_meier([2, 4], [True, False]), kaplan_meier([2, 4], [True, True])
    early = survival_at(open_end, [1.0, 4.0, 4.5])
    assert (early[0].at_risk, early[0].survival, early[0].lower) == (2, 1.0, 1.0)
    assert (early[1].at_risk, early[1].survival) == (1, 0.5)
    assert early[2] == SurvivalAt(4.5, 0, None, None, None, None)
    assert survival_at(closed, [9])[0].survival == 0.0


def test_a_flat_step_at_exactly_one_half_gives_its_middle() -> None:
    """As R: the middle up to the next event, or up to the last follow-up if none comes."""
    assert survival_quantile(kaplan_meier([1, 3, 4, 7], [True, True, True, True])).estimate == 3.5
    assert survival_quantile(kaplan_meier([1, 3, 4, 7], [True, True, False, False])).estimate == 5.0


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ([1, -1], [True, True], "time: found '-1.0'; a finite time of 0 or more"),
        ([1, math.nan], [True, True], "a finite time"),
        ([1, math.inf], [True, True], "a finite time"),
        ([1, 2], [True], "one time and one event"),
        ([1, 2], [1, 2], "event: found '2'; true or false"),
    ],
)
def test_impossible_times_are_refused(time: list[float], event: list[int], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        kaplan_meier(time, event)
    with pytest.raises(BadInput, match=message):
        log_rank(time, event, [0, 1])


def test_other_impossible_arguments_are_refused() -> None:
    curve = kaplan_meier([1, 2], [True, True])
    with pytest.raises(BadInput, match="one of plain, log, log_log, arcsin, logit"):
        survival_interval(curve, transform="sine")  # type: ignore[arg-type]  # under test
    with pytest.raises(BadInput, match="probability"):
        survival_quantile(curve, 1.0)
    with pytest.raises(BadInput, match="level"):
        survival_quantile(curve, level=95)
    with pytest.raises(BadInput, match="a group and a stratum for each of the 2 times"):
        log_rank([1, 2], [True, True], [0])
    with pytest.raises(BadInput, match="one shape"):
        log_rank_z_batch([[1, 2]], [[True, True]], [[0]])
    with pytest.raises(BadInput, match="group 0, 1, or negative"):
        log_rank_z_batch([[1, 2]], [[True, True]], [[0, 2]])
