"""What must hold of regressions and stratified tests, and independent programs on random data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from equipoise.statistics.cox import cox_effect, cox_fit, cox_p_batch
from equipoise.statistics.logistic import logistic_effect, logistic_fit, logistic_p_batch
from equipoise.statistics.proportion import fisher_exact_p
from equipoise.statistics.stratified import (
    breslow_day_p_batch,
    exact_stratified_p,
    mantel_haenszel,
    mantel_haenszel_p_batch,
)

DESIGN = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1]], dtype=float)


@st.composite
def cells(draw: st.DrawFn, number: int = 4, most: int = 12) -> tuple[list[int], list[int]]:
    sizes = [draw(st.integers(0, most)) for _ in range(number)]
    return [draw(st.integers(0, size)) for size in sizes], sizes


def separated_by_program(x: np.ndarray, y: list[int], n: list[int]) -> set[int]:
    """Cells that some direction predicts without exception (Konis 2007): a linear program each."""
    signs, rows, owner = [], [], []
    for cell in range(len(x)):
        for responded in ([True] * (y[cell] > 0)) + ([False] * (n[cell] > y[cell])):
            signs.append(1.0 if responded else -1.0)
            rows.append(x[cell])
            owner.append(cell)
    found = set()
    for cell in {each for each in owner if owner.count(each) == 1}:
        matrix = np.array(rows) * np.array(signs)[:, None]
        goal = -matrix[owner.index(cell)]
        best = linprog(goal, A_ub=-matrix, b_ub=np.zeros(len(matrix)), bounds=[(-1, 1)] * 3)
        if -best.fun > 1e-7:
            found.add(cell)
    return found


@settings(max_examples=60, deadline=None)
@given(cells())
def test_separation_is_what_a_linear_program_finds(table: tuple[list[int], list[int]]) -> None:
    y, n = table
    fit = logistic_fit(DESIGN, y, n)
    assert set(np.flatnonzero(fit.separated[0]).tolist()) == separated_by_program(DESIGN, y, n)


@settings(max_examples=40, deadline=None)
@given(cells(most=20))
def test_the_likelihood_is_as_great_as_another_optimiser_makes_it(
    table: tuple[list[int], list[int]],
) -> None:
    y, n = (np.array(each, dtype=float) for each in table)

    def fall(beta: np.ndarray) -> float:
        linear = DESIGN @ beta
        return float((n * np.logaddexp(0, linear) - y * linear).sum())

    other = minimize(fall, np.zeros(3), method="BFGS", options={"gtol": 1e-9})
    fit = logistic_fit(DESIGN, y, n)
    assert fit.log_likelihood[0] == pytest.approx(-other.fun, abs=1e-5)
    if not fit.separated.any() and (n > 0).all():
        assert fit.coefficients[0] == pytest.approx(other.x, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(cells(most=20))
def test_at_a_profile_limit_another_optimiser_finds_the_fall_that_the_level_allows(
    table: tuple[list[int], list[int]],
) -> None:
    y, n = (np.array(each, dtype=float) for each in table)
    found = logistic_effect(DESIGN, y, n, [1], interval="profile")
    greatest = logistic_fit(DESIGN, y, n).log_likelihood[0]
    for limit in (found.lower, found.upper):
        if limit is None or math.isinf(limit):
            continue

        def fall(others: np.ndarray, limit: float = limit) -> float:
            linear = DESIGN @ np.array([others[0], limit, others[1]])
            return float((n * np.logaddexp(0, linear) - y * linear).sum())

        least = minimize(fall, np.zeros(2), method="BFGS", options={"gtol": 1e-9}).fun
        assert 2 * (greatest + least) == pytest.approx(3.841458820694124, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.lists(cells(), min_size=1, max_size=5), st.booleans())
def test_many_trials_are_each_of_them(
    tables: list[tuple[list[int], list[int]]], penalised: bool
) -> None:
    events, sizes = ([table[part] for table in tables] for part in (0, 1))
    for test in ("wald", "likelihood_ratio"):
        together = logistic_p_batch(DESIGN, events, sizes, [1], test=test, penalised=penalised)
        for p, (y, n) in zip(together, tables, strict=True):
            alone = logistic_effect(DESIGN, y, n, [1], test=test, penalised=penalised)
            assert (alone.p is None) == math.isnan(p)
            assert alone.p is None or alone.p == pytest.approx(p, rel=1e-9, abs=1e-7)


@settings(max_examples=30, deadline=None)
@given(cells(), st.permutations(range(4)))
def test_relabelling_turns_the_estimate_round_and_order_never_matters(
    table: tuple[list[int], list[int]], order: list[int]
) -> None:
    y, n = (np.array(each) for each in table)
    found = logistic_effect(DESIGN, y, n, [1])
    shuffled = logistic_effect(DESIGN[order], y[order], n[order], [1])
    turned = logistic_effect(DESIGN * [1, -1, 1] + [[0, 1, 0]], y, n, [1])
    complement = logistic_effect(DESIGN, n - y, n, [1])
    for other, sign in ((shuffled, 1), (turned, -1), (complement, -1)):
        assert (other.p is None) == (found.p is None)
        assert other.p is None or other.p == pytest.approx(found.p, rel=1e-6)
        assert (other.estimate is None) == (found.estimate is None)
        if found.estimate is not None and other.estimate is not None:
            assert other.estimate == pytest.approx(sign * found.estimate, rel=1e-6, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(cells(2))
def test_one_stratum_is_fishers_test(table: tuple[list[int], list[int]]) -> None:
    (x1, x2), (n1, n2) = table
    for side in ("two_sided", "greater", "less"):
        exact = exact_stratified_p([x1], [n1], [x2], [n2], side=side)
        assert exact == pytest.approx(fisher_exact_p(x1, n1, x2, n2, side=side), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(cells(6))
def test_exchanging_the_groups_inverts_the_common_ratio(
    table: tuple[list[int], list[int]],
) -> None:
    y, n = table
    one, other = (y[:3], n[:3]), (y[3:], n[3:])
    assert mantel_haenszel_p_batch(*one, *other) == pytest.approx(
        mantel_haenszel_p_batch(*other, *one)
    )
    assert exact_stratified_p(*one, *other) == pytest.approx(exact_stratified_p(*other, *one))
    first, second = mantel_haenszel(*one, *other), mantel_haenszel(*other, *one)
    if first.estimate and math.isfinite(first.estimate):
        assert first.estimate * (second.estimate or 0) == pytest.approx(1)
        assert first.lower * second.upper == pytest.approx(1)
    heterogeneity = breslow_day_p_batch(*one, *other)
    assert heterogeneity == pytest.approx(breslow_day_p_batch(*other, *one), nan_ok=True)


@pytest.mark.parametrize("seed", range(4))
def test_cox_against_lifelines(seed: int) -> None:
    import pandas as pd
    from lifelines import CoxPHFitter

    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "arm": random.integers(0, 2, 120),
            "age": random.normal(60, 9, 120),
            "time": random.integers(1, 40, 120).astype(float),
            "event": random.integers(0, 2, 120),
            "layer": random.integers(0, 3, 120),
        }
    )
    fitter = CoxPHFitter().fit(
        frame, "time", "event", strata=["layer"], fit_options={"precision": 1e-10}
    )
    fit = cox_fit(frame["time"], frame["event"], frame[["arm", "age"]], strata=frame["layer"])
    assert fit.coefficients[0] == pytest.approx(fitter.params_.to_numpy(), rel=1e-6, abs=1e-9)
    errors = np.sqrt(np.diag(fit.covariance[0]))
    assert errors == pytest.approx(fitter.standard_errors_.to_numpy(), rel=1e-6)
    assert fit.log_likelihood[0] == pytest.approx(fitter.log_likelihood_, rel=1e-8)


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[int], list[bool], list[list[int]]]:
    number = draw(st.integers(2, 14))
    return (
        draw(st.lists(st.integers(0, 9), min_size=number, max_size=number)),
        draw(st.lists(st.booleans(), min_size=number, max_size=number)),
        [[draw(st.integers(0, 1)), draw(st.integers(0, 1))] for _ in range(number)],
    )


@settings(max_examples=30, deadline=None)
@given(lives(), st.randoms(use_true_random=False))
def test_cox_scaling_order_relabelling_and_batches(data: object, random: object) -> None:
    time, event, x = data  # type: ignore[misc]
    found = cox_effect(time, event, x, [0])
    scaled = cox_effect([7 * each for each in time], event, x, [0])
    turned = cox_effect(time, event, [[1 - a, b] for a, b in x], [0])
    order = list(range(len(time)))
    random.shuffle(order)  # type: ignore[attr-defined]
    mixed = cox_effect(
        [time[i] for i in order], [event[i] for i in order], [x[i] for i in order], [0]
    )
    for other, sign in ((scaled, 1), (turned, -1), (mixed, 1)):
        assert (other.p is None) == (found.p is None)
        assert other.p is None or other.p == pytest.approx(found.p, rel=1e-6)
        assert (other.estimate is None) == (found.estimate is None)
        if found.estimate is not None and other.estimate is not None:
            assert other.estimate == pytest.approx(sign * found.estimate, rel=1e-5, abs=1e-6)
    left_out = [[*time, 3]], [[*event, True]], [[*x, [1, 1]]], [[0] * len(time) + [-1]]
    p = cox_p_batch(*left_out, [0])[0]
    assert (found.p is None) == math.isnan(p)
    assert found.p is None or found.p == pytest.approx(p, rel=1e-9)


def test_a_hazard_ratio_without_events_on_one_side_is_named_not_huge() -> None:
    found = cox_effect([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], [[1]] * 3 + [[0]] * 3, [0])
    assert found.estimate is None and found.standard_error is None and found.p is None
    assert found.diverging == (0,)


@pytest.mark.parametrize("subjects", [20, 60, 300])
def test_a_rare_code_whose_only_subject_has_the_first_event_has_no_hazard_ratio(
    subjects: int,
) -> None:
    time, event = list(range(1, subjects + 1)), [True] * subjects
    other = [place % 2 for place in range(subjects)]
    rare = [[float(place == 0), other[place]] for place in range(subjects)]
    found = cox_effect(time, event, rare, [0])
    assert found.diverging == (0,)
    assert found.estimate is None and found.lower is None and found.p is None
    beside = cox_effect(time, event, rare, [1])
    assert beside.estimate is not None and abs(beside.estimate) < 1 and beside.diverging == (0,)
    batch = cox_p_batch([time] * 200, [event] * 200, [rare] * 200, [[0] * subjects] * 200, [0])
    assert all(math.isnan(p) for p in batch)


def test_profile_limits_hold_where_coefficients_go_to_infinity_together() -> None:
    """Nobody of 8 responded in one cell, so that constant and both effects have no estimate.

    The greatest likelihood is that of the other cells, by hand; the upper limit of the first effect
    is where another optimiser finds it fallen by half of 1.96 squared.
    """
    design = np.array([[1, 1, 0], [1, 0, 1], [1, 0, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float64)
    events, sizes = np.array([[1.0, 1, 0, 8, 0]]), np.array([[4.0, 10, 2, 10, 8]])
    found = logistic_effect(design, events, sizes, [1], test="likelihood_ratio", interval="profile")
    assert found.lower == -math.inf and found.upper is not None
    best = sum(x * math.log(x / n) + (n - x) * math.log(1 - x / n) for x, n in ((1, 4), (9, 22)))

    def likelihood(others: np.ndarray) -> float:
        linear = design @ np.array([others[0], found.upper, others[1]])
        return float((events[0] * linear - sizes[0] * np.logaddexp(0, linear)).sum())

    fixed = minimize(lambda others: -likelihood(others), [0.0, 0.0], method="Nelder-Mead",
                     options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000})  # fmt: skip
    assert 2 * (best + fixed.fun) == pytest.approx(1.959963985**2, abs=1e-5)
