"""What holds for every group-sequential and two-stage design."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from equipoise.errors import BadInput
from equipoise.statistics.group_sequential import (
    critical_values,
    group_sequential_design,
    stopping_probabilities,
)
from equipoise.statistics.interim import (
    conditional_power,
    monitored_critical_values,
    predictive_power,
    stopping_look,
    stopping_look_batch,
)
from equipoise.statistics.sequential_inference import sequential_result
from equipoise.statistics.spending import error_spent
from equipoise.statistics.two_stage import simon_designs, two_stage_characteristics

STEPS = st.lists(st.floats(0.1, 1), min_size=1, max_size=5)
LOOKS = STEPS.map(lambda steps: [*(float(t) for t in np.cumsum(steps)[:-1] / sum(steps)), 1.0])
SPENDING = st.sampled_from(
    [
        ("obrien_fleming_like", None),
        ("pocock_like", None),
        ("kim_demets", 1.0),
        ("kim_demets", 3.0),
        ("hwang_shih_decani", -4.0),
        ("hwang_shih_decani", 0.0),
        ("hwang_shih_decani", 2.0),
    ]
)
FAMILY = st.sampled_from(
    [
        ("obrien_fleming", None),
        ("pocock", None),
        ("wang_tsiatis", 0.2),
        ("wang_tsiatis", -0.2),
        ("haybittle_peto", None),
        ("haybittle_peto", 4.0),
    ]
)
ALPHA = st.sampled_from([0.01, 0.025, 0.05, 0.1])


@given(SPENDING, LOOKS, st.floats(1e-4, 0.3))
@settings(max_examples=60, deadline=None)
def test_spending_rises_to_the_total(kind: Any, looks: list[float], total: float) -> None:
    spending, parameter = kind
    spent = error_spent(spending, looks, total=total, parameter=parameter)
    assert all(a <= b for a, b in pairwise((0.0, *spent))) and spent[-1] == total


@given(SPENDING | FAMILY, LOOKS, ALPHA, st.sampled_from([1, 2]))
@settings(max_examples=60, deadline=None)
def test_the_error_is_alpha(kind: Any, looks: list[float], alpha: float, sides: Any) -> None:
    """Whatever the family and the looks; and spending families spend what they say."""
    efficacy, parameter = kind
    critical = critical_values(
        looks, alpha=alpha, sides=sides, efficacy=efficacy, parameter=parameter
    )
    found = stopping_probabilities(looks, critical, drift=0.0, sides=sides)
    assert found.rejected + sum(found.opposite) == pytest.approx(alpha, abs=1e-10)
    if efficacy in ("obrien_fleming_like", "pocock_like", "kim_demets", "hwang_shih_decani"):
        spent = error_spent(efficacy, looks, total=alpha / sides, parameter=parameter)
        assert np.cumsum(found.efficacy) == pytest.approx(spent, abs=1e-10)
    laxer = critical_values(
        looks, alpha=alpha * 1.5, sides=sides, efficacy=efficacy, parameter=parameter
    )
    assert critical[0] >= laxer[0] - 1e-9


@given(
    SPENDING | FAMILY,
    LOOKS,
    ALPHA,
    st.sampled_from([1, 2]),
    st.sampled_from([0.6, 0.8, 0.9]),
)
@example(("obrien_fleming_like", None), [8 / 33, 16 / 33, 24 / 33, 32 / 33, 1.0], 0.01, 1, 0.6)
@settings(max_examples=30, deadline=None)
def test_a_design_has_its_power_and_costs_information(
    kind: Any, looks: list[float], alpha: float, sides: Any, power: float
) -> None:
    efficacy, parameter = kind
    design = group_sequential_design(
        looks, alpha=alpha, power=power, sides=sides, efficacy=efficacy, parameter=parameter
    )
    assert design.full_effect.rejected == pytest.approx(power, abs=1e-9)
    assert design.alpha_spent[-1] == pytest.approx(alpha, abs=1e-9)
    assert design.inflation >= 1 - 1e-9
    assert design.expected_over_fixed[2] <= design.inflation + 1e-9
    if len(looks) == 1:
        assert design.inflation == pytest.approx(1)
    more = group_sequential_design(
        looks, alpha=alpha, power=power + 0.05, sides=sides, efficacy=efficacy, parameter=parameter
    )
    assert more.drift > design.drift
    mirrored = stopping_probabilities(looks, design.critical, drift=-design.drift, sides=sides)
    if sides == 2:
        assert mirrored.opposite == pytest.approx(design.full_effect.efficacy, abs=1e-12)
        assert mirrored.efficacy == pytest.approx(design.full_effect.opposite, abs=1e-12)


@given(SPENDING, SPENDING, LOOKS, ALPHA, st.sampled_from([0.7, 0.9]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_futility_spends_beta(
    kind: Any, kind_of_beta: Any, looks: list[float], alpha: float, power: float, binding: bool
) -> None:
    design = group_sequential_design(
        looks,
        alpha=alpha,
        power=power,
        efficacy=kind[0],
        parameter=kind[1],
        futility=kind_of_beta[0],
        futility_parameter=kind_of_beta[1],
        binding=binding,
    )
    assert design.futility is not None and design.beta_spent is not None
    assert design.full_effect.rejected == pytest.approx(power, abs=1e-8)
    assert design.alpha_spent[-1] == pytest.approx(alpha, abs=1e-9)
    assert all(f <= c for f, c in zip(design.futility, design.critical, strict=False))
    spent = np.cumsum(design.full_effect.futility)[:-1]
    if all(f < c - 1e-9 for f, c in zip(design.futility, design.critical, strict=False)):
        assert spent == pytest.approx(design.beta_spent[:-1], abs=1e-9)
    if binding:
        assert design.no_effect.rejected == pytest.approx(alpha, abs=1e-9)
    else:
        assert design.no_effect.rejected <= alpha + 1e-9
        plain = critical_values(looks, alpha=alpha, efficacy=kind[0], parameter=kind[1])
        assert design.critical == plain


@given(st.integers(0, 2**30), st.integers(1, 3), st.floats(-2, 4))
@settings(max_examples=20, deadline=None)
def test_crossing_probabilities_are_those_of_the_multivariate_normal(
    seed: int, count: int, drift: float
) -> None:
    """The joint distribution of the Z's, integrated by scipy: correlation sqrt(t_i / t_j)."""
    draws = np.random.default_rng(seed)
    looks = [*np.sort(draws.uniform(0.1, 0.9, count - 1)), 1.0]
    if any(b - a < 0.05 for a, b in pairwise(looks)):
        return
    critical, futility = draws.uniform(1, 3, count), draws.uniform(-1, 0.9, count - 1)
    found = stopping_probabilities(
        looks, critical.tolist(), drift=drift, futility=futility.tolist()
    )
    t = np.array(looks)
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    for look in range(count):
        low = np.append(futility[:look], critical[look])
        high = np.append(critical[:look], math.inf)
        expected = stats.multivariate_normal.cdf(
            high,
            mean=drift * np.sqrt(t[: look + 1]),
            cov=covariance[: look + 1, : look + 1],
            lower_limit=low,
            abseps=1e-8,
            releps=1e-8,
            maxpts=200_000,
            rng=np.random.default_rng(1),
        )
        assert found.efficacy[look] == pytest.approx(expected, abs=2e-6)


@given(LOOKS, st.floats(-1, 4), st.booleans())
@settings(max_examples=20, deadline=None)
def test_power_is_the_mean_of_the_conditional_power(
    looks: list[float], drift: float, stops: bool
) -> None:
    if len(looks) == 1:
        return
    critical = critical_values(looks, alpha=0.025, efficacy="pocock")
    futility = [0.2] * (len(looks) - 1) if stops else None
    whole = stopping_probabilities(looks, critical, drift=drift, futility=futility)

    def part(z: float) -> float:
        after = conditional_power(z, 1, looks, critical, drift=drift, futility=futility)
        return after * float(stats.norm.pdf(z - drift * math.sqrt(looks[0])))

    low = 0.2 if stops else drift * math.sqrt(looks[0]) - 9
    later = integrate.quad(part, min(low, critical[0]), critical[0], epsabs=1e-9)[0]
    assert whole.efficacy[0] + later == pytest.approx(whole.rejected, abs=1e-7)


@given(st.floats(-1, 3), st.floats(0.2, 0.9), st.floats(-2, 4), st.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_predictive_power_of_one_further_look_in_closed_form(
    z: float, t: float, prior: float, known: float
) -> None:
    found = predictive_power(z, 1, [t, 1], [3.0, 2.0], prior_drift=prior, prior_information=known)
    mean = (z * math.sqrt(t) + prior * known) / (t + known)
    spread = math.sqrt((1 - t) + (1 - t) ** 2 / (t + known))
    expected = stats.norm.sf((2.0 - z * math.sqrt(t) - (1 - t) * mean) / spread)
    assert found == pytest.approx(float(expected), abs=1e-9)
    trend = conditional_power(z, 1, [t, 1], [3.0, 2.0])
    ahead = (z / math.sqrt(t) - 2.0) / math.sqrt(1 - t)
    assert trend == pytest.approx(float(stats.norm.cdf(ahead)), abs=1e-9)


@given(SPENDING, LOOKS, ALPHA, st.sampled_from([1, 2]), st.floats(0.3, 1.5))
@settings(max_examples=30, deadline=None)
def test_monitoring_spends_alpha_whatever_information_the_looks_have(
    kind: Any, looks: list[float], alpha: float, sides: Any, final: float
) -> None:
    spending, parameter = kind
    chosen = {"alpha": alpha, "sides": sides, "efficacy": spending, "parameter": parameter}
    planned = critical_values(looks, **chosen)
    assert monitored_critical_values(looks, **chosen) == pytest.approx(planned, abs=1e-9)
    for seen in range(1, len(looks)):
        so_far = monitored_critical_values(looks[:seen], **chosen)
        assert so_far == pytest.approx(planned[:seen], abs=1e-9)
    observed = [t * 0.3 * final for t in looks[:-1]] + [final]
    critical = monitored_critical_values(observed, last=True, **chosen)
    found = stopping_probabilities(observed, critical, drift=0.0, sides=sides)
    assert found.rejected + sum(found.opposite) == pytest.approx(alpha, abs=1e-9)


@given(LOOKS, st.integers(0, 4), st.floats(-2, 4), st.sampled_from([1, 2]))
@settings(max_examples=20, deadline=None)
def test_stage_wise_inference(looks: list[float], place: int, z: float, sides: Any) -> None:
    look = place % len(looks) + 1
    critical = critical_values(looks, alpha=0.025 * sides, sides=sides)
    found = sequential_result(z, look, looks, critical, sides=sides)
    assert found.lower < found.estimate < found.upper
    if look == 1:
        naive = z / math.sqrt(looks[0])
        reach = 1.959963984540054 / math.sqrt(looks[0])
        assert found.p == pytest.approx(float(stats.norm.sf(z)), abs=1e-12)
        assert (found.lower, found.estimate, found.upper) == pytest.approx(
            (naive - reach, naive, naive + reach), abs=1e-8
        )
    at_limit = sequential_result(critical[look - 1], look, looks, critical, sides=sides)
    spent = error_spent("obrien_fleming_like", looks, total=0.025)
    assert at_limit.p == pytest.approx(spent[look - 1], abs=1e-10)
    assert at_limit.repeated_lower == pytest.approx(0, abs=1e-12)
    if look == len(looks):
        assert at_limit.lower == pytest.approx(0, abs=1e-7)
    more = sequential_result(z + 0.1, look, looks, critical, sides=sides)
    assert more.p < found.p and more.estimate > found.estimate


def test_machine_code_stops_where_the_plain_core_does() -> None:
    z = np.random.default_rng(5).normal(1, 1.5, (25_000, 3))
    critical, futility = [2.5, 2.2, 2.0], [-0.5, 0.4]
    stopped = stopping_look_batch(z, critical, futility=futility)
    assert set(stopped) == {-2, -1, 0, 1, 2, 3}
    alone = [stopping_look(row.tolist(), critical, futility=futility) for row in z[:400]]
    assert stopped[:400].tolist() == alone
    assert stopping_look([0.4, 2.2, 0], critical) == 2


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.02, 0.98), st.data())
@settings(max_examples=60, deadline=None)
def test_two_stage_characteristics_by_the_whole_table(
    n1: int, n2: int, p: float, data: st.DataObject
) -> None:
    r1 = data.draw(st.integers(-1, n1))
    r = data.draw(st.integers(max(r1, 0), n1 + n2))
    found = two_stage_characteristics(r1, n1, r, n1 + n2, p)
    x1, x2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)[None, :]
    table = stats.binom.pmf(x1, n1, p) * stats.binom.pmf(x2, n2, p)
    assert found.rejected == pytest.approx(table[(x1 > r1) & (x1 + x2 > r)].sum(), abs=1e-12)
    assert found.early_stop == pytest.approx(float(stats.binom.cdf(r1, n1, p)), abs=1e-12)


def test_simon_designs_are_the_best_of_all() -> None:
    """Every design of up to 18 subjects is tried, from binomial tails alone."""
    p0, p1, alpha, power = 0.2, 0.55, 0.1, 0.8
    found = simon_designs(p0, p1, alpha=alpha, power=power, largest=18)
    admissible = []
    for n in range(2, 19):
        for n1 in range(1, n):
            for r1 in range(n1):
                for r in range(r1, n):
                    size, reached = (
                        two_stage_characteristics(r1, n1, r, n, p).rejected for p in (p0, p1)
                    )
                    if size <= alpha and reached >= power:
                        expected = two_stage_characteristics(r1, n1, r, n, p0).expected_size
                        admissible.append((r1, n1, r, n, expected))
    assert min(each[4] for each in admissible) == pytest.approx(found.optimal.expected_size)
    least = min((each[3], each[4]) for each in admissible)
    assert (found.minimax.n, found.minimax.expected_size) == pytest.approx(least)


DESIGN: dict[str, Any] = {"information": [0.5, 1], "alpha": 0.025, "power": 0.8}
LOOK: dict[str, Any] = {"z": 1, "look": 1, "information": [0.5, 1], "critical": [2.8, 1.98]}
MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    (group_sequential_design, {**DESIGN, "information": [0.5, 0.9]}, "information"),
    (group_sequential_design, {**DESIGN, "information": [0.5, 0.4, 1]}, "information"),
    (group_sequential_design, {**DESIGN, "information": [0, 1]}, "information"),
    (group_sequential_design, {**DESIGN, "information": []}, "information"),
    (group_sequential_design, {**DESIGN, "information": [math.nan, 1]}, "information"),
    (group_sequential_design, {**DESIGN, "alpha": 0.6}, "alpha"),
    (group_sequential_design, {**DESIGN, "power": 0.01}, "power"),
    (group_sequential_design, {**DESIGN, "efficacy": "peto"}, "efficacy"),
    (group_sequential_design, {**DESIGN, "efficacy": "wang_tsiatis"}, "parameter"),
    (group_sequential_design, {**DESIGN, "efficacy": "kim_demets", "parameter": -1}, "parameter"),
    (group_sequential_design, {**DESIGN, "efficacy": "kim_demets"}, "parameter"),
    (group_sequential_design, {**DESIGN, "parameter": 2}, "parameter"),
    (group_sequential_design, {**DESIGN, "efficacy": "pocock", "parameter": 2}, "parameter"),
    (
        group_sequential_design,
        {**DESIGN, "efficacy": "haybittle_peto", "parameter": 1},
        "parameter: found .*all of alpha",
    ),
    (
        group_sequential_design,
        {**DESIGN, "information": [0.001, 1], "efficacy": "kim_demets", "parameter": 1e-30},
        "efficacy, futility",
    ),
    (group_sequential_design, {**DESIGN, "binding": True}, "futility"),
    (group_sequential_design, {**DESIGN, "futility": "pocock"}, "futility"),
    (group_sequential_design, {**DESIGN, "futility": "pocock_like", "sides": 2}, "sides"),
    (
        group_sequential_design,
        {**DESIGN, "futility": "pocock_like", "binding": True, "efficacy": "pocock"},
        "efficacy",
    ),
    (error_spent, {"spending": "pocock", "information": [1], "total": 0.05}, "spending"),
    (
        stopping_probabilities,
        {"information": [0.5, 1], "critical": [2], "drift": 0},
        "critical",
    ),
    (
        stopping_probabilities,
        {"information": [0.5, 1], "critical": [2, 2], "drift": 0, "futility": [3]},
        "futility",
    ),
    (
        stopping_probabilities,
        {"information": [1], "critical": [-2], "drift": 0, "sides": 2},
        "critical",
    ),
    (stopping_probabilities, {"information": [1], "critical": [2], "drift": math.inf}, "drift"),
    (conditional_power, {**LOOK, "look": 2}, "look"),
    (conditional_power, {**LOOK, "z": math.nan}, "z"),
    (conditional_power, {**LOOK, "drift": math.nan}, "drift"),
    (predictive_power, {**LOOK, "prior_information": -1}, "prior_information"),
    (sequential_result, {**LOOK, "look": 3}, "look"),
    (sequential_result, {**LOOK, "z": 1e300}, "z"),
    (sequential_result, {**LOOK, "z": math.nan}, "z"),
    (sequential_result, {**LOOK, "level": 1}, "level"),
    (monitored_critical_values, {"information": [0.5, 1.1], "alpha": 0.05}, "information"),
    (
        monitored_critical_values,
        {"information": [1, 1.1], "alpha": 0.05, "last": True},
        "information",
    ),
    (
        monitored_critical_values,
        {"information": [1], "alpha": 0.05, "efficacy": "pocock"},
        "efficacy",
    ),
    (stopping_look, {"z": [1], "critical": [2, 2]}, "z"),
    (stopping_look, {"z": [1, 1], "critical": [2, 2], "futility": [1, 1]}, "futility"),
    (simon_designs, {"p0": 0.3, "p1": 0.1, "alpha": 0.05, "power": 0.8}, "p1"),
    (
        simon_designs,
        {"p0": 0.3, "p1": 0.35, "alpha": 0.05, "power": 0.8, "largest": 40},
        "largest",
    ),
    (two_stage_characteristics, {"r1": 1, "n1": 10, "r": 5, "n": 9, "p": 0.1}, "n1"),
    (two_stage_characteristics, {"r1": 11, "n1": 10, "r": 15, "n": 19, "p": 0.1}, "r1"),
    (two_stage_characteristics, {"r1": 5, "n1": 10, "r": 4, "n": 19, "p": 0.1}, "r"),
]


@pytest.mark.parametrize(("function", "arguments", "field"), MISTAKES)
def test_an_impossible_design_is_refused_by_field(
    function: Any, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput, match=f"^{field}"):
        function(**arguments)
