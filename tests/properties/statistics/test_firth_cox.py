"""Firth's Cox regression: against another program, under relabelling and scale, at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.cox import cox_effect
from equipoise.statistics.firth_cox import firth_cox_effect

Trial = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]


def trial(seed: int, subjects: int, width: int) -> Trial:
    """Times in whole months, so that many are tied; a first covariate of 0 and 1."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(subjects, width))
    values[:, 0] = random.integers(0, 2, subjects)
    life = random.exponential(10 / np.exp(values @ np.linspace(1, -0.5, width)))
    follow_up = random.uniform(2, 30, subjects)
    return np.ceil(np.minimum(life, follow_up)), life <= follow_up, values


@pytest.mark.parametrize(("subjects", "width"), [(12, 1), (30, 2), (60, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_against_firthmodels(seed: int, subjects: int, width: int) -> None:
    from firthmodels import FirthCoxPH

    time, event, values = trial(seed, subjects, width)
    theirs = FirthCoxPH(backend="numpy", max_iter=500, max_halfstep=30, gtol=1e-7, xtol=1e-9)
    theirs.fit(values, (event, time)).lrt()
    for column in range(width):
        found = firth_cox_effect(time, event, values, column, level=0.9)
        assert found.estimate == pytest.approx(theirs.coef_[column], abs=1e-7)
        assert found.standard_error == pytest.approx(theirs.bse_[column], rel=1e-6)
        assert found.p == pytest.approx(theirs.lrt_pvalues_[column], rel=1e-6)
        limits = theirs.conf_int(0.1, method="pl", features=column, max_iter=500, tol=1e-9)
        assert [found.lower, found.upper] == pytest.approx(limits[column], abs=1e-6)


def test_no_event_in_a_group_still_has_an_estimate() -> None:
    """Monotone likelihood: Cox's estimate is infinite, Firth's not, and its P is likelihood's."""
    time = np.arange(1, 41, dtype=float)
    group = np.tile([0.0, 1.0], 20)
    event = (group == 0) & (time < 30)
    found = firth_cox_effect(time, event, group[:, None], 0)
    assert found.estimate is not None and -5 < found.estimate < -2
    assert found.lower is not None and found.upper is not None and found.p is not None
    assert found.lower < found.estimate < found.upper < 0
    assert found.p < 0.001


def test_labels_and_units_do_not_matter() -> None:
    time, event, values = trial(5, 60, 2)
    first = firth_cox_effect(time, event, values, 0)
    order = np.random.default_rng(0).permutation(60)
    shuffled = firth_cox_effect(time[order], event[order], values[order], 0)
    other = firth_cox_effect(time / 7, event, 1 - values * [1, 250], 0)
    for each in (shuffled, other):
        assert each.p == pytest.approx(first.p)
    assert first.lower is not None and other.upper is not None
    assert (shuffled.lower, -other.upper) == pytest.approx((first.lower, first.lower))
    assert other.estimate == pytest.approx(-(first.estimate or math.nan))


def test_what_the_events_do_not_determine_has_no_estimate() -> None:
    time, event, values = trial(1, 20, 1)
    twice = np.hstack([values, values])
    for covariates, events in ((twice, event), (values * 0, event), (values, event & False)):
        found = firth_cox_effect(time, events, covariates, 0)
        assert (found.estimate, found.lower, found.upper, found.p) == (None,) * 4


def test_refusals() -> None:
    time, event, values = trial(1, 20, 2)
    with pytest.raises(BadInput, match="row of covariates"):
        firth_cox_effect(time, event, values[:-1], 0)
    with pytest.raises(BadInput, match="time"):
        firth_cox_effect(-time, event, values, 0)
    with pytest.raises(BadInput, match="covariates"):
        firth_cox_effect(time, event, values * math.nan, 0)
    with pytest.raises(BadInput, match="tested"):
        firth_cox_effect(time, event, values, 2)
    with pytest.raises(BadInput, match="level"):
        firth_cox_effect(time, event, values, 0, level=1)


def test_with_many_events_the_penalty_is_nothing() -> None:
    """Five thousand subjects take a moment, and the estimate is Cox's but for 1 in the events."""
    time, event, values = trial(2, 5000, 3)
    found = firth_cox_effect(time, event, values, 0)
    cox = cox_effect(time, event, values, [0], ties="breslow")
    assert found.estimate == pytest.approx(cox.estimate, abs=2 / event.sum())
    assert found.standard_error == pytest.approx(cox.standard_error, rel=2 / event.sum())
    assert (found.lower, found.upper) == pytest.approx((cox.lower, cox.upper), abs=0.002)
