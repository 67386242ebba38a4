"""Exact ties, Schoenfeld residuals, proportional hazards, concordance: other ways to the same."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics import concordance as concordance_module
from equipoise.statistics.concordance import concordance
from equipoise.statistics.cox import Ties, cox_effect, cox_fit
from equipoise.statistics.log_rank import log_rank
from equipoise.statistics.proportional_hazards import (
    TIME_SCALES,
    TimeScale,
    proportional_hazards,
    schoenfeld_residuals,
)

Subject = tuple[int, bool, int, int]


def subjects(least: int = 8, most: int = 30) -> st.SearchStrategy[list[Subject]]:
    """Times that tie, event or not, a group and a number."""
    one = st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 1), st.integers(0, 3))
    return st.lists(one, min_size=least, max_size=most)


def columns(rows: list[Subject]) -> tuple[Any, Any, Any]:
    time, event, *covariates = (np.array(column) for column in zip(*rows, strict=True))
    return time, event.astype(bool), np.column_stack(covariates).astype(float)


def finite(rows: list[Subject], ties: Ties = "efron") -> bool:
    """Whether both coefficients are determined and finite."""
    time, event, covariates = columns(rows)
    effect = cox_effect(time, event, covariates, [0, 1], ties=ties)
    return effect.degrees_of_freedom == 2 and not effect.diverging


@given(subjects(6, 10))
@settings(max_examples=40, deadline=None)
def test_exact_ties_are_all_ways_to_choose_the_dead(rows: list[Subject]) -> None:
    time, event, covariates = columns(rows)
    fit = cox_fit(time, event, covariates, ties="exact")
    assume(not fit.diverging.any())
    value = 0.0
    for now in np.unique(time[event]):
        dead = np.flatnonzero(event & (time == now))
        linear = (covariates @ fit.coefficients[0])[time >= now]
        groups = itertools.combinations(linear, len(dead))
        value += (covariates @ fit.coefficients[0])[dead].sum()
        value -= math.log(sum(math.exp(sum(group)) for group in groups))
    assert fit.log_likelihood[0] == pytest.approx(value, abs=1e-9)


@given(subjects(4, 40))
@settings(max_examples=60, deadline=None)
def test_the_score_test_with_exact_ties_is_the_log_rank_test(rows: list[Subject]) -> None:
    """Cox 1972, section 6: given how many die, the dead are a hypergeometric sample."""
    time, event, covariates = columns(rows)
    strata = covariates[:, 1].astype(int)
    found = cox_effect(time, event, covariates[:, :1], [0], strata=strata, test="score",
                       ties="exact")  # fmt: skip
    expected = log_rank(time, event, covariates[:, 0].astype(int), strata=strata)
    if expected.degrees_of_freedom == 0:
        assert found.p is None
    else:
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-12)


@given(subjects())
@settings(max_examples=20, deadline=None)
def test_without_ties_the_three_rules_agree(rows: list[Subject]) -> None:
    _, event, covariates = columns(rows)
    fits = [
        cox_fit(np.arange(len(rows)), event, covariates, ties=ties)
        for ties in ("efron", "breslow", "exact")
    ]
    for fit in fits[1:]:
        assert fit.log_likelihood == pytest.approx(fits[0].log_likelihood, abs=1e-9)
        assert fit.diverging.tolist() == fits[0].diverging.tolist()
        known = ~fit.diverging[0]
        assert fit.coefficients[0, known] == pytest.approx(fits[0].coefficients[0, known], abs=1e-6)


def test_exact_ties_of_very_unequal_hazards_stay_finite() -> None:
    """Hundreds die on the first day, and hazards differ 1e10-fold."""
    generator = np.random.default_rng(3)
    covariates = generator.normal(size=(400, 1))
    time = np.ceil(generator.exponential(30 * np.exp(-6 * covariates[:, 0])))
    exact, efron = (
        cox_fit(np.minimum(time, 5), time <= 5, covariates, ties=ties)
        for ties in ("exact", "efron")
    )
    assert np.isfinite(exact.log_likelihood).all() and not exact.diverging.any()
    assert exact.coefficients[0, 0] > efron.coefficients[0, 0]
    assert (time == 1).sum() > 100


@given(subjects(), st.sampled_from(TIME_SCALES), st.sampled_from(["efron", "breslow"]))
@settings(max_examples=40, deadline=None)
def test_the_test_is_the_score_test_of_a_covariate_that_changes(
    rows: list[Subject], scale: TimeScale, ties: Ties
) -> None:
    """Each time of an event a stratum of its own, in which x g(time) is a covariate like any."""
    assume(finite(rows, ties))
    time, event, covariates = columns(rows)
    found = proportional_hazards(time, event, covariates, scale=scale, ties=ties)
    died = np.sort(time[event])

    def g(now: int) -> float:
        if scale == "km":
            survival = 1.0
            for each in np.unique(died[died < now]):
                survival *= 1 - (died == each).sum() / (time >= each).sum()
            return 1 - survival
        if scale == "rank":
            return float((died < now).sum() + ((died == now).sum() + 1) / 2)
        return float(now) if scale == "identity" else math.log(now)

    split = [
        (now, row[0] == now and row[1], *row[2:], *(g(now) * x for x in row[2:]))
        for now in np.unique(died)
        for row in rows
        if row[0] >= now
    ]
    strata, happened, *x = (np.array(column) for column in zip(*split, strict=True))
    varying = np.column_stack(x).astype(float)
    whole = cox_effect(np.ones(len(strata)), happened, varying, [2, 3], strata=strata,
                       test="score", ties=ties)  # fmt: skip
    assume(whole.degrees_of_freedom == 2 == found.overall.degrees_of_freedom)
    assert found.overall.statistic == pytest.approx(whole.statistic, rel=1e-5, abs=1e-7)
    for column, test in enumerate(found.covariates):
        kept = [0, 1, 2 + column]
        one = cox_effect(np.ones(len(strata)), happened, varying[:, kept], [2], strata=strata,
                         test="score", ties=ties)  # fmt: skip
        assert test.statistic == pytest.approx(one.statistic, rel=1e-5, abs=1e-7)


@given(subjects(), st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_units_of_time_and_covariates_do_not_matter(rows: list[Subject], factor: float) -> None:
    assume(finite(rows))
    time, event, covariates = columns(rows)
    for scale in TIME_SCALES:
        there = proportional_hazards(time, event, covariates, scale=scale)
        other = proportional_hazards(time * factor, event, covariates * [factor, -1], scale=scale)
        assert other.overall.statistic == pytest.approx(there.overall.statistic, rel=1e-5, abs=1e-7)


def test_residuals_are_those_of_lifelines() -> None:
    """Without ties: at ties lifelines gives each death the mean of one risk set."""
    import pandas as pd
    from lifelines import CoxPHFitter

    generator = np.random.default_rng(11)
    n = 80
    frame = pd.DataFrame(
        {
            "time": generator.permutation(n) + 1,
            "event": generator.random(n) < 0.7,
            "a": generator.integers(0, 2, n),
            "b": generator.normal(size=n),
        }
    )
    fitter = CoxPHFitter().fit(frame, "time", "event")
    found = schoenfeld_residuals(frame["time"], frame["event"], frame[["a", "b"]])
    for kind, ours in (("schoenfeld", found.residual), ("scaled_schoenfeld", found.scaled)):
        theirs = fitter.compute_residuals(frame, kind).loc[found.subject].to_numpy()
        shift = fitter.params_.to_numpy() if kind == "scaled_schoenfeld" else 0.0
        assert ours - shift == pytest.approx(theirs, abs=1e-5)


@given(subjects())
@settings(max_examples=30, deadline=None)
def test_residuals_sum_to_nothing(rows: list[Subject]) -> None:
    assume(finite(rows))
    time, event, covariates = columns(rows)
    found = schoenfeld_residuals(time, event, covariates)
    assert sorted(found.subject.tolist()) == np.flatnonzero(event).tolist()
    assert found.time.tolist() == time[found.subject].tolist()
    assert found.residual.sum(axis=0) == pytest.approx([0, 0], abs=1e-5)
    beta = cox_fit(time, event, covariates).coefficients[0]
    assert found.scaled.mean(axis=0) == pytest.approx(beta, abs=1e-4)


def test_what_cannot_be_tested() -> None:
    constant = proportional_hazards(
        [1, 2, 3, 4, 5], [1] * 5, [[0, 7], [1, 7], [0, 7], [1, 7], [0, 7]]
    )
    assert constant.covariates[1].p is None and constant.covariates[0].p is not None
    assert constant.overall.degrees_of_freedom == 1
    monotone = [1, 2, 3, 4], [1] * 4, [[1], [1], [0], [0]]
    assert proportional_hazards(*monotone).overall.p is None
    with pytest.raises(BadInput, match="finite estimates"):
        schoenfeld_residuals(*monotone)
    with pytest.raises(BadInput, match="ties"):
        proportional_hazards(*monotone, ties="exact")
    with pytest.raises(BadInput, match="after time 0"):
        proportional_hazards([0, 2, 3, 4, 5], [1] * 5, [[0], [1], [0], [1], [0]], scale="log")
    assert proportional_hazards([1, 2], [0, 0], [[0], [1]]).overall.p is None


def kind_of_pair(one: Subject, other: Subject) -> str | None:
    """By the definition, of two subjects and their last number as score."""
    first, last = sorted((one, other), key=lambda row: (row[0], not row[1]))
    if not first[1]:
        return None
    if first[0] == last[0] and last[1]:
        return "tied_both" if first[3] == last[3] else "tied_time"
    if first[3] == last[3]:
        return "tied_score"
    return "concordant" if first[3] > last[3] else "discordant"


@given(subjects(2, 20), st.booleans())
@settings(max_examples=80, deadline=None)
def test_concordance_counts_every_pair(rows: list[Subject], stratified: bool) -> None:
    pairs = [
        kind_of_pair(*pair)
        for pair in itertools.combinations(rows, 2)
        if not stratified or pair[0][2] == pair[1][2]
    ]
    time, event, _ = columns(rows)
    strata = [row[2] for row in rows] if stratified else None
    found = concordance(time, event, [row[3] for row in rows], strata=strata)
    for kind in ("concordant", "discordant", "tied_score", "tied_time", "tied_both"):
        assert getattr(found, kind) == pairs.count(kind), kind


@given(subjects(4, 15))
@settings(max_examples=30, deadline=None)
def test_the_error_of_concordance_is_what_each_subject_changes(rows: list[Subject]) -> None:
    """The derivative of C by the weight of each subject, taken numerically."""

    def weighted(weights: np.ndarray) -> float:
        sums = {"concordant": 0.0, "discordant": 0.0, "tied_score": 0.0}
        for (i, one), (j, other) in itertools.combinations(enumerate(rows), 2):
            kind = kind_of_pair(one, other)
            if kind in sums:
                sums[kind] += weights[i] * weights[j]
        total = sum(sums.values())
        return (sums["concordant"] + sums["tied_score"] / 2) / total if total else math.nan

    time, event, _ = columns(rows)
    found = concordance(time, event, [row[3] for row in rows])
    ones = np.ones(len(rows))
    if found.estimate is None:
        assert math.isnan(weighted(ones)) and found.standard_error is None
        return
    assert found.estimate == pytest.approx(weighted(ones))
    step = 1e-5
    slopes = [
        (weighted(ones + step * unit) - weighted(ones - step * unit)) / (2 * step)
        for unit in np.eye(len(rows))
    ]
    assert found.standard_error == pytest.approx(math.hypot(*slopes), abs=1e-6)


def test_concordance_in_machine_code_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    data = (
        generator.integers(1, 50, 300),
        generator.random(300) < 0.5,
        generator.integers(0, 40, 300),
    )
    plain = concordance(*data)
    monkeypatch.setattr(concordance_module, "_COMPILE_FROM", 0)
    assert concordance(*data) == plain
    with pytest.raises(BadInput, match="a score and a stratum for each of the 300"):
        concordance(*data[:2], [1.0])
    with pytest.raises(BadInput, match="score"):
        concordance([1.0], [1], [math.nan])


def test_coefficients_that_go_to_infinity_together_are_named() -> None:
    """The first sum of covariates dies first: neither coefficient alone, but both go up.

    Each keeps information by itself, so that it had seemed to have a finite estimate.
    """
    covariates = np.array([[1, 3], [3, 1], [0, 0], [1, 0], [0, 1], [0, 0], [1, 1], [0, 2]])
    time, event = [1, 1, 2, 2, 2, 2, 2, 2], [1, 1, 0, 0, 0, 0, 0, 0]
    for ties in ("efron", "breslow", "exact"):
        assert cox_fit(time, event, covariates, ties=ties).diverging.tolist() == [[True, True]]
    found = cox_effect(time, event, covariates, [0])
    assert (found.estimate, found.p, found.diverging) == (None, None, (0, 1))
    beside = np.column_stack([covariates, [0, 1, 0, 1, 0, 1, 0, 1]])
    more = cox_fit([*time, 3, 4, 5, 6], [*event, 1, 1, 1, 1],
                   [*beside.tolist(), [0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 1]])  # fmt: skip
    assert more.diverging.tolist() == [[True, True, False]]
