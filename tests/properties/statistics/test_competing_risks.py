"""Gray's test and subdistribution hazards: what holds for all data, and other ways to the same."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.cox import cox_effect, cox_fit
from equipoise.statistics.fine_gray import fine_gray_effect, fine_gray_fit
from equipoise.statistics.gray_test import gray_test

Subject = tuple[int, int, int, int]


def subjects(least: int = 10, most: int = 40) -> st.SearchStrategy[list[Subject]]:
    """Time, cause, group, a number."""
    one = st.tuples(st.integers(1, 12), st.integers(0, 2), st.integers(0, 2), st.integers(0, 4))
    return st.lists(one, min_size=least, max_size=most)


def columns(rows: list[Subject]) -> tuple[Any, Any, Any]:
    time, cause, *covariates = (np.array(column) for column in zip(*rows, strict=True))
    return time, cause, np.column_stack(covariates).astype(float)


@given(subjects(), st.randoms(use_true_random=False), st.integers(1, 2))
@settings(max_examples=40, deadline=None)
def test_gray_depends_on_the_order_of_times_alone(
    rows: list[Subject], random: Random, cause: int
) -> None:
    time, kinds, covariates = columns(rows)
    there = gray_test(time, kinds, covariates[:, 0].astype(int), of=cause)
    mixed = list(rows)
    random.shuffle(mixed)
    time, kinds, covariates = columns(mixed)
    back = gray_test(np.exp(time), kinds, 2 - covariates[:, 0].astype(int), of=cause)
    assert back.degrees_of_freedom == there.degrees_of_freedom
    assert back.statistic == pytest.approx(there.statistic, rel=1e-7, abs=1e-9)


@given(subjects(4, 30))
@settings(max_examples=40, deadline=None)
def test_two_equal_groups_do_not_differ(rows: list[Subject]) -> None:
    time, cause, _ = columns(rows)
    found = gray_test(np.tile(time, 2), np.tile(cause, 2), [0] * len(rows) + [1] * len(rows), of=1)
    assert found.statistic == pytest.approx(0, abs=1e-12)
    strata = list(range(len(rows))) * 2
    assert gray_test(
        np.tile(time, 2), np.tile(cause, 2), [0] * len(rows) + [1] * len(rows), strata=strata
    ).statistic == pytest.approx(0, abs=1e-12)


def determined(rows: list[Subject]) -> bool:
    fit = fine_gray_fit(*columns(rows))
    return not (fit.diverging.any() or fit.undetermined.any())


@given(subjects())
@settings(max_examples=30, deadline=None)
def test_without_censoring_the_others_are_at_risk_for_ever(rows: list[Subject]) -> None:
    rows = [(time, cause or 2, *rest) for time, cause, *rest in rows]  # type: ignore[misc]
    assume(determined(rows))
    time, cause, covariates = columns(rows)
    found = fine_gray_fit(time, cause, covariates)
    cox = cox_fit(np.where(cause == 1, time, 99), cause == 1, covariates, ties="breslow")
    assert found.coefficients == pytest.approx(cox.coefficients[0], abs=1e-6)
    assert found.log_likelihood == pytest.approx(cox.log_likelihood[0], abs=1e-9)


@given(subjects())
@settings(max_examples=30, deadline=None)
def test_without_other_events_it_is_a_cox_model(rows: list[Subject]) -> None:
    rows = [(time, int(cause > 0), *rest) for time, cause, *rest in rows]  # type: ignore[misc]
    assume(determined(rows))
    time, cause, covariates = columns(rows)
    found = fine_gray_fit(time, cause, covariates)
    cox = cox_fit(time, cause > 0, covariates, ties="breslow")
    assert found.coefficients == pytest.approx(cox.coefficients[0], abs=1e-6)
    assert found.log_likelihood == pytest.approx(cox.log_likelihood[0], abs=1e-9)
    effect = cox_effect(time, cause > 0, covariates, [0, 1], ties="breslow",
                        test="likelihood_ratio")  # fmt: skip
    rise = 2 * (found.log_likelihood - found.log_likelihood_at_0)
    assert rise == pytest.approx(effect.statistic, abs=1e-8)


def test_the_sandwich_is_that_of_lifelines_without_other_events() -> None:
    import pandas as pd
    from lifelines import CoxPHFitter

    generator = np.random.default_rng(4)
    n = 90
    frame = pd.DataFrame(
        {
            "time": generator.permutation(n) + 1,
            "event": (generator.random(n) < 0.6).astype(int),
            "a": generator.integers(0, 2, n),
            "b": generator.normal(size=n),
        }
    )
    theirs = CoxPHFitter().fit(
        frame, "time", "event", robust=True, fit_options={"precision": 1e-12}
    )
    found = fine_gray_fit(frame["time"], frame["event"], frame[["a", "b"]])
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(
        theirs.standard_errors_.to_numpy(), rel=1e-6
    )


@given(subjects())
@settings(max_examples=30, deadline=None)
def test_units_of_time_and_covariates_do_not_matter(rows: list[Subject]) -> None:
    assume(determined(rows))
    time, cause, covariates = columns(rows)
    one = fine_gray_fit(time, cause, covariates)
    other = fine_gray_fit(time**2, cause, covariates * [-10, 0.5] + 3)
    assert other.coefficients * [-10, 0.5] == pytest.approx(one.coefficients, abs=1e-6)
    scaled = other.covariance * np.outer([-10, 0.5], [-10, 0.5])
    assert scaled == pytest.approx(one.covariance, rel=1e-4, abs=1e-6)


def test_what_has_no_estimate() -> None:
    time, cause = [1, 2, 3, 4, 5, 6], [1, 1, 2, 1, 0, 2]
    monotone = fine_gray_effect(time, cause, [[1], [1], [0], [1], [0], [0]], 0)
    assert (monotone.estimate, monotone.p, monotone.diverging) == (None, None, (0,))
    constant = fine_gray_fit(time, cause, [[7, 1], [7, 0], [7, 0], [7, 1], [7, 1], [7, 0]])
    assert constant.undetermined.tolist() == [True, False] and not constant.diverging.any()
    twice = fine_gray_fit(time, cause, [[1, 2], [0, 0], [0, 0], [1, 2], [1, 2], [0, 0]])
    assert twice.undetermined.all()
    assert fine_gray_effect(time, cause, [[7]] * 6, 0).degrees_of_freedom == 0
    nobody = fine_gray_effect([1, 2], [0, 2], [[0], [1]], 0)
    assert (nobody.estimate, nobody.degrees_of_freedom) == (None, 0)
    assert gray_test([1, 2], [0, 2], [0, 1]).p is None
    assert gray_test([1, 2], [1, 2], [0, 0]).p is None


def test_impossible_input_is_refused() -> None:
    with pytest.raises(BadInput, match="cause"):
        gray_test([1, 2], [1, -1], [0, 1])
    with pytest.raises(BadInput, match="of"):
        gray_test([1, 2], [1, 1], [0, 1], of=0)
    with pytest.raises(BadInput, match="rho"):
        gray_test([1, 2], [1, 1], [0, 1], rho=math.nan)
    with pytest.raises(BadInput, match="a row of covariates for each of the 2"):
        fine_gray_fit([1, 2], [1, 1], [[0]])
    with pytest.raises(BadInput, match="covariates"):
        fine_gray_fit([1, 2], [1, 1], [[0], [math.inf]])
    with pytest.raises(BadInput, match="column"):
        fine_gray_effect([1, 2], [1, 1], [[0], [1]], 1)
