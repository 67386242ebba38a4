"""Agreement with lifelines, which shares no code, on random data with many ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equipoise.statistics.cox import cox_effect, cox_fit
from equipoise.statistics.cumulative_incidence import cumulative_incidence
from equipoise.statistics.kaplan_meier import kaplan_meier
from equipoise.statistics.restricted_mean import restricted_mean
from equipoise.statistics.weighted_log_rank import Weights, weighted_log_rank

Row = tuple[int, bool, int, int, int]


def rows(least: int = 15, most: int = 50) -> st.SearchStrategy[list[Row]]:
    """Time, event, group, a number, a stratum."""
    one = st.tuples(
        st.integers(1, 12), st.booleans(), st.integers(0, 1), st.integers(0, 4), st.integers(0, 2)
    )
    return st.lists(one, min_size=least, max_size=most)


def columns(given_rows: list[Row]) -> list[Any]:
    return [np.array(column) for column in zip(*given_rows, strict=True)]


@given(rows(), st.floats(1, 12))
@settings(max_examples=12, deadline=None)
def test_restricted_mean(given_rows: list[Row], tau: float) -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    time, event, *_ = columns(given_rows)
    found = restricted_mean(kaplan_meier(time, event), tau, extend=True)
    theirs = restricted_mean_survival_time(KaplanMeierFitter().fit(time, event), t=tau)
    assert found.estimate == pytest.approx(theirs, abs=1e-9)


SCHEMES: list[tuple[Weights, str, dict[str, float]]] = [
    ("fleming_harrington", "fleming-harrington", {"rho": 0.0, "gamma": 1.0}),
    ("fleming_harrington", "fleming-harrington", {"rho": 1.0, "gamma": 0.0}),
    ("fleming_harrington", "fleming-harrington", {"rho": 0.5, "gamma": 2.0}),
    ("gehan", "wilcoxon", {}),
    ("tarone_ware", "tarone-ware", {}),
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
@given(rows())
@settings(max_examples=12, deadline=None)
def test_weighted_log_rank(
    scheme: tuple[Weights, str, dict[str, float]], given_rows: list[Row]
) -> None:
    from lifelines.statistics import logrank_test

    time, event, group, *_ = columns(given_rows)
    weights, theirs, powers = scheme
    found = weighted_log_rank(time, event, group, weights=weights, **powers)
    assume(found.degrees_of_freedom == 1)
    first, second = group == 0, group == 1
    other = {"p": powers["rho"], "q": powers["gamma"]} if powers else {}
    expected = logrank_test(
        time[first], time[second], event[first], event[second], weightings=theirs, **other
    )
    assert found.statistic == pytest.approx(expected.test_statistic, rel=1e-6, abs=1e-9)
    assert found.p == pytest.approx(expected.p_value, rel=1e-6)


@given(rows(25, 60))
@settings(max_examples=15, deadline=None)
def test_stratified_cox(given_rows: list[Row]) -> None:
    """Models with finite estimates and enough events, at which lifelines converges."""
    import pandas as pd
    from lifelines import CoxPHFitter

    time, event, group, number, stratum = columns(given_rows)
    covariates = np.column_stack([group, number])
    found = cox_effect(time, event, covariates, [0, 1], strata=stratum)
    assume(event.sum() >= 10 and found.degrees_of_freedom == 2 and not found.diverging)
    fit = cox_fit(time, event, covariates, strata=stratum)
    assume(np.abs(fit.coefficients).max() < 3)
    frame = pd.DataFrame(
        {"time": time, "event": event, "a": group, "b": number, "stratum": stratum}
    )
    theirs = CoxPHFitter().fit(
        frame, "time", "event", strata=["stratum"], fit_options={"precision": 1e-10}
    )
    assert fit.coefficients[0] == pytest.approx(theirs.params_.to_numpy(), abs=1e-5)
    assert np.sqrt(np.diag(fit.covariance[0])) == pytest.approx(
        theirs.standard_errors_.to_numpy(), rel=1e-4
    )
    assert fit.log_likelihood[0] == pytest.approx(theirs.log_likelihood_, abs=1e-6)


@given(st.permutations(range(1, 41)), st.lists(st.integers(0, 2), min_size=40, max_size=40))
@settings(max_examples=12, deadline=None)
def test_cumulative_incidence(order: list[int], causes: list[int]) -> None:
    """Without ties: lifelines breaks them at random. Its variance has no allowance for them."""
    from lifelines import AalenJohansenFitter

    assume(1 in causes)
    fitter = AalenJohansenFitter().fit(order, causes, event_of_interest=1)
    curve = fitter.cumulative_density_.iloc[:, 0]
    times = [10.0, 20.5, 35.0]
    found = [each for each in cumulative_incidence(order, causes, times) if each.cause == 1]
    for each in found:
        if each.incidence is not None:
            theirs = curve[curve.index <= each.time].iloc[-1]
            assert each.incidence == pytest.approx(theirs, abs=1e-9)
