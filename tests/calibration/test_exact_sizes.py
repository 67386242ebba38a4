"""End-point simulation rejects a true hypothesis as often as every table, counted out, says.

Given the group sizes of a trial the size of a test of counts is a sum over all tables: no test has
5 %, but each has a size that is known. Seeds are fixed; a right test fails once in 150 000 times.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from equipoise.simulation.endpoints import endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.statistics.binomial import binomial_probabilities
from equipoise.statistics.log_rank import log_rank, log_rank_z_batch
from equipoise.statistics.logistic import logistic_p_batch
from equipoise.statistics.power import exact_power
from equipoise.statistics.stratified import (
    breslow_day_p_batch,
    exact_stratified_p,
    mantel_haenszel_p_batch,
)
from equipoise.study.load import load_study, study_path

ERRORS = 4.5
RATE = 0.25
"""The chance of a response of everybody in the scenario `null`."""
TWO_GROUPS: dict[str, tuple[str, str | None]] = {
    "fisher": ("fisher", None),
    "fisher_mid_p": ("fisher_mid_p", None),
    "chi_square": ("chi_square", None),
    "chi_square_corrected": ("chi_square_corrected", None),
    "boschloo": ("boschloo", None),
    "barnard": ("barnard", None),
    "logistic_wald": ("logistic", "wald"),
    "logistic_likelihood_ratio": ("logistic", "likelihood_ratio"),
    "logistic_score": ("logistic", "score"),
    "firth_wald": ("firth", "wald"),
    "firth_likelihood_ratio": ("firth", "likelihood_ratio"),
}
ENUMERATED = ("boschloo", "barnard")
STRATIFIED = ("cmh", "cmh_exact", "breslow_day", "interaction")


def simulated(analyses: list[Any], randomised: int, trials: int) -> dict[str, np.ndarray]:
    """Columns of simulated trials in which everybody's true status and response are known."""
    study = load_study("mgmt-net")
    plan = study.analysis.model_copy(update={"analyses": tuple(analyses), "closed_testing": None})
    told = load_scenario(study_path("mgmt-net").parent, "null").model_dump(
        mode="json", exclude_none=True
    )
    told["endpoints"] = {"analyses": [each.id for each in analyses]}
    told["enrolment"].update(randomise=randomised, screen_at_most=randomised * 3)
    for assay in told["marker"]["assays"].values():
        for level in assay["levels"].values():
            level.update(between="0", within="0")
    told["tumour"].update(missed_scan="0")
    told["tumour"]["reading"].update(not_evaluable="0")
    del told["withdrawal"]
    simulation = endpoint_simulation(
        study.model_copy(update={"analysis": plan}), Scenario.model_validate(told)
    )
    found = simulation.trials(31, 0, trials)
    return dict(zip(simulation.columns, found.T, strict=True))


def like(name: str, **changes: object) -> Any:
    analyses = {each.id: each for each in load_study("mgmt-net").analysis.analyses}
    return analyses[name].model_copy(update=changes)


@cache
def of_two_groups(enumerated: bool) -> dict[str, np.ndarray]:
    """Fewer trials for the tests that look at every table to give one its P value."""
    analyses = [
        like("primary", id=name, method=method, test=test)
        for name, (method, test) in TWO_GROUPS.items()
        if (method in ENUMERATED) == enumerated
    ]
    return simulated(analyses, 104, 2500 if enumerated else 10_000)


@cache
def of_strata() -> dict[str, np.ndarray]:
    changed: dict[str, object] = {"estimand": "response_3_months", "estimate": "none"}
    analyses = [
        like("bor_common", id="cmh", **changed),
        like("bor_common", id="cmh_exact", method="cmh_exact", **changed),
        like("bor_heterogeneity", id="breslow_day", **changed),
        like("response_3m_interaction", id="interaction", method="logistic", test="score"),
    ]
    return simulated(analyses, 24, 20_000)


def sizes(columns: dict[str, np.ndarray], *cells: str) -> list[tuple[int, ...]]:
    counts = (columns[f"size/{cell}"].astype(int).tolist() for cell in cells)
    return list(zip(*counts, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("test", TWO_GROUPS)
def test_two_groups(test: Any) -> None:
    columns = of_two_groups(test in ENUMERATED)
    found = Counter(sizes(columns, "DEFICIENT/ALKY", "PROFICIENT/ALKY"))
    expected = variance = 0.0
    for (n1, n2), times in found.items():
        size = exact_power(n1, n2, RATE, RATE, alpha=0.05, test=test)
        expected += times * size
        variance += times * size * (1 - size)
    rejected = int((columns[f"{test}/p"] <= 0.05).sum())
    assert abs(rejected - expected) <= ERRORS * math.sqrt(variance), (rejected, expected)


def table_p(test: str, tables: np.ndarray, n: tuple[int, ...]) -> np.ndarray:
    """P of every table: responses of treated and controls in the first stratum, then the second."""
    x1, x2 = tables[:, [0, 2]], tables[:, [1, 3]]
    n1, n2 = (np.broadcast_to(each, x1.shape) for each in ([n[0], n[2]], [n[1], n[3]]))
    if test == "cmh":
        return mantel_haenszel_p_batch(x1, n1, x2, n2)
    if test == "breslow_day":
        return breslow_day_p_batch(x1, n1, x2, n2)
    if test == "interaction":
        design = [[1, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
        return logistic_p_batch(design, tables, np.broadcast_to(n, tables.shape), [3], test="score")
    known: dict[tuple[int, ...], float] = {}
    p = np.empty(len(tables))
    for row, (a, b, c, d) in enumerate(tables.tolist()):
        margins = a + b, c + d, a + c
        if margins not in known:
            known[margins] = exact_stratified_p([a, c], [n[0], n[2]], [b, d], [n[1], n[3]])
        p[row] = known[margins]
    return p


@pytest.mark.slow
@pytest.mark.parametrize("test", STRATIFIED)
def test_strata(test: str) -> None:
    """Trials with one of the ten most frequent group sizes; the statuses are the strata."""
    columns = of_strata()
    cells = "DEFICIENT/ALKY", "DEFICIENT/OX", "PROFICIENT/ALKY", "PROFICIENT/OX"
    trial_sizes = sizes(columns, *cells)
    expected = variance = rejected = 0.0
    for n, times in Counter(each for each in trial_sizes if min(each) > 0).most_common(10):
        tables = np.indices([each + 1 for each in n]).reshape(4, -1).T
        shares = [binomial_probabilities(each, RATE) for each in n]
        chance = np.prod([shares[cell][tables[:, cell]] for cell in range(4)], axis=0)
        with np.errstate(invalid="ignore"):
            size = float(chance[table_p(test, tables, n) <= 0.05].sum())
        mine = np.array([each == n for each in trial_sizes])
        rejected += (columns[f"{test}/p"][mine] <= 0.05).sum()
        expected += times * size
        variance += times * size * (1 - size)
    assert expected > 20
    assert abs(rejected - expected) <= ERRORS * math.sqrt(variance), (rejected, expected)


SETS = {
    "no ties": ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1] * 10),
    "ties": ([1, 1, 2, 2, 2, 3, 4, 4, 5, 5], [1] * 10),
    "ties and censoring": ([1, 1, 2, 2, 2, 3, 4, 4, 5, 5], [1, 0, 1, 1, 0, 1, 0, 1, 1, 0]),
}


@pytest.mark.parametrize("name", SETS)
def test_the_size_of_the_log_rank_test_by_all_permutations(name: str) -> None:
    """Every choice of the four of ten who are treated: the sum of observed less expected events is
    0, that of its squares the sum of the variances, and simulated allocation rejects as often."""
    time, event = SETS[name]
    groups = np.array(
        [[int(i in chosen) for i in range(10)] for chosen in itertools.combinations(range(10), 4)]
    )
    whole = np.broadcast_to(time, groups.shape), np.broadcast_to(event, groups.shape)
    z = log_rank_z_batch(*whole, groups)
    size = float((np.abs(z) >= 1.959963984540054).mean())
    tests = [log_rank(time, event, each) for each in groups]
    assert size == np.mean([each.p <= 0.05 for each in tests])
    difference = np.array([each.observed[1] - each.expected[1] for each in tests])
    assert difference.sum() == pytest.approx(0, abs=1e-9)
    variance = sum(each.variance[1, 1] for each in tests)
    assert (difference**2).sum() == pytest.approx(variance, rel=1e-12)
    generator, trials = np.random.default_rng(17), 20_000
    drawn = generator.permuted(np.broadcast_to(groups[0], (trials, 10)), axis=1)
    data = np.broadcast_to(time, drawn.shape), np.broadcast_to(event, drawn.shape)
    share = (np.abs(log_rank_z_batch(*data, drawn)) >= 1.959963984540054).mean()
    assert abs(share - size) <= ERRORS * math.sqrt(size * (1 - size) / trials)


def test_without_censoring_times_of_any_distribution_reject_as_often() -> None:
    """Ranks are all that counts, so the size in tiny trials is known whatever the hazard."""
    groups = np.array([1] * 4 + [0] * 6)
    orders = np.array(list(itertools.combinations(range(10), 4)))
    labels = np.zeros((len(orders), 10), dtype=int)
    np.put_along_axis(labels, orders, 1, axis=1)
    ones = np.ones_like(labels)
    z = log_rank_z_batch(np.broadcast_to(np.arange(10), labels.shape), ones, labels)
    size = float((np.abs(z) >= 1.959963984540054).mean())
    generator, trials = np.random.default_rng(18), 20_000
    for times in (generator.weibull(0.5, (trials, 10)), generator.lognormal(size=(trials, 10))):
        many = np.broadcast_to(groups, times.shape)
        drawn = log_rank_z_batch(times, np.ones_like(many), many)
        share = (np.abs(drawn) >= 1.959963984540054).mean()
        assert abs(share - size) <= ERRORS * math.sqrt(size * (1 - size) / trials)
    assert size > 0.06
