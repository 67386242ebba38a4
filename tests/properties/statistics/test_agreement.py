"""Agreement, discrimination and windows: against scikit-learn, definitions, and what must hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from sklearn.metrics import roc_curve as their_roc_curve

from equipoise.errors import BadInput
from equipoise.statistics.agreement import kappa, specific_agreement
from equipoise.statistics.discrimination import (
    optimal_cut_point,
    roc_area,
    roc_area_difference,
    roc_curve,
)
from equipoise.statistics.effect_heterogeneity import risk_difference_interaction
from equipoise.statistics.subpopulations import sliding_windows, windowed_difference

TABLE = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 12), min_size=k, max_size=k), min_size=k, max_size=k)
)
THEIRS = {"none": None, "linear": "linear", "quadratic": "quadratic"}


@settings(max_examples=80, deadline=None)
@given(counts=TABLE, weights=st.sampled_from(list(THEIRS)))
def test_kappa_is_that_of_scikit_learn(counts: list[list[int]], weights: Any) -> None:
    table = np.array(counts)
    assume(table.sum() > 0)
    found = kappa(counts, weights=weights)
    assume(found.estimate is not None)
    rows, columns = np.nonzero(table)
    repeats = table[rows, columns]
    first, second = np.repeat(rows, repeats), np.repeat(columns, repeats)
    labels = list(range(len(table)))
    theirs = cohen_kappa_score(first, second, labels=labels, weights=THEIRS[weights])
    assert found.estimate == pytest.approx(theirs, abs=1e-9)
    turned = kappa(table.T.tolist(), weights=weights)
    assert turned.estimate == pytest.approx(found.estimate, abs=1e-12)
    assert turned.standard_error == pytest.approx(found.standard_error, abs=1e-9)


@pytest.mark.parametrize("weights", list(THEIRS))
def test_the_error_of_kappa_is_that_of_its_derivatives(weights: Any) -> None:
    """By differences, over the multinomial covariance of the shares: the delta method again."""
    counts = np.array([[30, 6, 2], [5, 21, 7], [1, 4, 24]], dtype=float)
    total = counts.sum()
    shares = (counts / total).ravel()

    def at(each: np.ndarray) -> float:
        scaled = each.reshape(3, 3) * 1e9
        found = kappa(scaled.tolist(), weights=weights).estimate
        assert found is not None
        return found

    slopes = np.array([(at(shares + step) - at(shares - step)) / 2e-5 for step in np.eye(9) * 1e-5])
    variance = (slopes**2 * shares).sum() - (slopes * shares).sum() ** 2
    found = kappa(counts.astype(int).tolist(), weights=weights)
    assert found.standard_error == pytest.approx(math.sqrt(variance / total), rel=1e-4)


def test_kappa_by_hand() -> None:
    """35 of 50 agree, 25 by chance: 10 / 25."""
    found = kappa([[20, 5], [10, 15]])
    assert (found.observed, found.expected) == (0.7, 0.5)
    assert found.estimate == pytest.approx(0.4)
    both = specific_agreement([[20, 5], [10, 15]])
    assert (both.positive, both.negative) == pytest.approx((40 / 55, 30 / 45))
    assert kappa([[7, 0], [0, 0]]).estimate is None


MARKED = st.lists(st.tuples(st.integers(-4, 9), st.booleans()), min_size=4, max_size=30).filter(
    lambda rows: 0 < sum(has for _, has in rows) < len(rows)
)


@settings(max_examples=80, deadline=None)
@given(rows=MARKED)
def test_the_curve_and_its_area_are_those_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    marker, has = np.array([m for m, _ in rows], dtype=float), np.array([h for _, h in rows])
    curve = roc_curve(marker, has)
    false, true, threshold = their_roc_curve(has, marker, drop_intermediate=False)
    assert curve.threshold == pytest.approx(threshold)
    assert curve.sensitivity == pytest.approx(true)
    assert curve.specificity == pytest.approx(1 - false)
    area = roc_area(marker, has)
    assert area.estimate == pytest.approx(roc_auc_score(has, marker))
    assert area.estimate == pytest.approx(np.trapezoid(true, false))
    monotone = roc_area(np.exp(marker / 3), has)
    assert (monotone.estimate, monotone.standard_error) == pytest.approx(
        (area.estimate, area.standard_error)
    )
    mirrored = roc_area(-marker, has)
    assert mirrored.estimate == pytest.approx(1 - area.estimate)
    assert mirrored.standard_error == pytest.approx(area.standard_error)


@settings(max_examples=40, deadline=None)
@given(rows=MARKED, shift=st.integers(0, 5))
def test_the_variance_of_delong_by_its_definition(rows: list[tuple[int, bool]], shift: int) -> None:
    marker, has = np.array([m for m, _ in rows], dtype=float), np.array([h for _, h in rows])
    other = np.roll(marker, shift)
    assume(has.sum() > 1 and (~has).sum() > 1)

    def parts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wins = np.array(
            [[(x > y) + (x == y) / 2 for y in values[~has]] for x in values[has]], dtype=float
        )
        return wins.mean(axis=1), wins.mean(axis=0)

    above, below = (np.array(each) for each in zip(parts(marker), parts(other), strict=True))
    covariance = np.cov(above) / has.sum() + np.cov(below) / (~has).sum()
    found = roc_area_difference(marker, other, has)
    assert roc_area(marker, has).standard_error == pytest.approx(
        math.sqrt(max(0.0, covariance[0, 0])), abs=1e-9
    )
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert found.standard_error == pytest.approx(math.sqrt(max(0.0, variance)), abs=1e-6)
    assert found.estimate == pytest.approx(above[0].mean() - above[1].mean())


def test_of_a_marker_that_says_nothing_the_best_index_is_optimism() -> None:
    """Of 40 data sets of 60 subjects: most of what the best cut-point promises is taken off."""
    draws = np.random.default_rng(5)
    found = [
        optimal_cut_point(draws.normal(size=60), np.arange(60) % 2, samples=60, seed=number)
        for number in range(40)
    ]
    apparent = np.array([each.apparent for each in found])
    corrected = np.array([each.corrected for each in found])
    taken_off = apparent - corrected
    assert taken_off.mean() > 5 * taken_off.std(ddof=1) / math.sqrt(40)
    assert abs(corrected.mean()) < apparent.mean() / 2
    assert optimal_cut_point(np.arange(60), np.arange(60) % 2, seed=3) == optimal_cut_point(
        np.arange(60), np.arange(60) % 2, seed=3
    )


def test_a_marker_that_tells_all_has_its_cut_point_between() -> None:
    for criterion in ("youden", "closest_to_corner"):
        found = optimal_cut_point(
            np.arange(40),
            np.arange(40) >= 25,
            criterion=criterion,
            samples=50,  # type: ignore[arg-type]
        )
        assert (found.cut_point, found.sensitivity, found.specificity) == (25.0, 1.0, 1.0)
        assert found.apparent == 1.0 and found.corrected <= 1.0
        assert 25.0 <= found.lower <= found.upper


@settings(max_examples=100, deadline=None)
@given(
    marker=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    data=st.data(),
)
def test_windows_take_whole_values_and_everybody(marker: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(marker)))
    overlap = data.draw(st.integers(0, size - 1))
    found = sliding_windows(marker, size=size, overlap=overlap)
    assert found.inside.any(axis=0).all()
    assert (found.subjects >= size).all()
    assert (np.diff(found.first) > 0).all() and (np.diff(found.last) > 0).all()
    values = np.array(marker)
    assert (
        found.inside == ((values >= found.first[:, None]) & (values <= found.last[:, None]))
    ).all()
    shared = [int((a & b).sum()) for a, b in zip(found.inside, found.inside[1:], strict=False)]
    assert all(each <= overlap for each in shared)
    if len(set(marker)) == len(marker) and len(shared) > 1:
        assert shared[:-1] == [overlap] * (len(shared) - 1)
        assert found.subjects[:-1].tolist() == [size] * len(shared)


def test_each_window_is_the_difference_of_its_subjects() -> None:
    draws = np.random.default_rng(2)
    marker, group, has = draws.normal(size=90), draws.integers(0, 2, 90), draws.integers(0, 2, 90)
    found = windowed_difference(marker, group, has, size=30, overlap=20)
    assert len(found.estimate) > 4
    for place, (first, last) in enumerate(zip(found.first, found.last, strict=True)):
        inside = (marker >= first) & (marker <= last)
        p1, p2 = (has[inside & (group == each)].mean() for each in (0, 1))
        assert found.estimate[place] == pytest.approx(p1 - p2)
    other = windowed_difference(marker, 1 - group, has, size=30, overlap=20)
    assert other.estimate == pytest.approx(-found.estimate)
    assert other.standard_error == pytest.approx(found.standard_error)


def test_without_a_variance_there_is_no_p_value() -> None:
    """One subject on a side, or all pairs ordered alike: P is not determined, and never 0."""
    one = roc_area([1, 2, 3, 4], [False, True, True, True])
    assert (one.estimate, one.standard_error, one.lower, one.upper) == (1.0, None, 0.0, 1.0)
    apart = roc_area([1, 2, 3, 4], [False, False, True, True])
    assert (apart.standard_error, apart.z, apart.p) == (0.0, None, None)
    same = roc_area_difference([1, 2, 3, 4], [2, 4, 6, 8], [False, True, False, True])
    assert (same.estimate, same.p) == (0.0, None)
    single = roc_area_difference([1, 2, 3], [3, 2, 1], [False, True, True])
    assert (single.standard_error, single.lower, single.upper) == (None, -1.0, 1.0)
    extreme = risk_difference_interaction([1, 0], [1, 1], [0, 1], [1, 1])
    assert (extreme.estimate, extreme.z, extreme.p) == (2.0, None, None)


@pytest.mark.parametrize(
    "call",
    [
        lambda: kappa([[1, 2], [3]]),
        lambda: kappa([[1]]),
        lambda: kappa([[0, 0], [0, 0]]),
        lambda: kappa([[1, -1], [0, 1]]),
        lambda: specific_agreement([[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        lambda: roc_area([1, 2], [True, True]),
        lambda: roc_area([1, math.nan], [True, False]),
        lambda: roc_area([1, 2], [2, 0]),
        lambda: optimal_cut_point([1, 2], [True, False], samples=0),
        lambda: sliding_windows([1, 2], size=3, overlap=0),
        lambda: sliding_windows([1, 2], size=2, overlap=2),
        lambda: windowed_difference([1, 2], [0, 2], [0, 1], size=2, overlap=1),
    ],
)
def test_what_cannot_be_computed_is_refused(call: Any) -> None:
    with pytest.raises(BadInput):
        call()
