"""What holds for every design with a marker."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.marker_comparison import (
    Comparison,
    Group,
    expected_power,
    planned_power,
    random_sizes,
    subjects_needed,
)
from equipoise.statistics.marker_designs import (
    Population,
    all_comers,
    arms_in_class,
    class_in_arm,
    enrichment,
    marker_strategy,
    screened,
)
from equipoise.statistics.power import exact_power, two_proportions_size

SHARE = st.floats(0.05, 0.95)
RATE = st.floats(0.05, 0.95)


def _population(
    q: float, rates: tuple[tuple[float, ...], ...], answered: float = 1.0
) -> Population:
    return Population((q, 1 - q), answered, rates)


@given(SHARE, SHARE, st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_sizes_are_a_distribution_with_the_right_means(q: float, share: float, n: int) -> None:
    compared = Comparison(Group(q, 1.0, 0.5), Group(1 - q, 1.0, 0.2), together=False)
    sizes = random_sizes(compared, n)
    assert math.fsum(sizes.values()) == pytest.approx(1, abs=1e-8)
    assert all(one + two == n for one, two in sizes)
    mean = math.fsum(chance * one for (one, _), chance in sizes.items())
    assert mean == pytest.approx(n * q, abs=1e-5)
    both = Comparison(Group(q, share, 0.5), Group(q, 1 - share, 0.2), together=True)
    assert math.fsum(random_sizes(both, n).values()) == pytest.approx(1, abs=1e-8)


@given(SHARE, st.floats(0.05, 0.4), st.integers(0, 15))
@settings(max_examples=20, deadline=None)
def test_three_classes_are_multinomial(q: float, other: float, n: int) -> None:
    q *= 1 - other
    left = 1 - q - other
    compared = Comparison(Group(q, 1.0, 0.5), Group(other, 1.0, 0.2), together=False)
    for (one, two), chance in random_sizes(compared, n).items():
        rest = n - one - two
        ways = math.factorial(n) / (
            math.factorial(one) * math.factorial(two) * math.factorial(rest)
        )
        assert chance == pytest.approx(ways * q**one * other**two * left**rest, abs=1e-9)


@given(RATE, RATE, st.integers(2, 40))
@settings(max_examples=25, deadline=None)
def test_without_a_marker_the_power_is_that_of_fixed_groups(p1: float, p2: float, n: int) -> None:
    compared = Comparison(Group(1.0, 0.5, p1), Group(1.0, 0.5, p2), together=True)
    found = planned_power(compared, 2 * n, alpha=0.05)
    assert found.sizes == (n, n)
    assert found.power == pytest.approx(exact_power(n, n, p1, p2, alpha=0.05), abs=1e-9)
    assert found.error <= found.greatest_error + 1e-12 <= 0.05 + 1e-9


@given(SHARE, RATE, RATE)
@settings(max_examples=20, deadline=None)
def test_relabelling_the_groups_changes_nothing(q: float, p1: float, p2: float) -> None:
    one, two = Group(q, 0.5, p1), Group(1 - q, 0.5, p2)
    there = random_sizes(Comparison(one, two, together=False), 40)
    back = random_sizes(Comparison(two, one, together=False), 40)
    assert expected_power(there, p1, p2, alpha=0.05) == pytest.approx(
        expected_power(back, p2, p1, alpha=0.05), abs=1e-7
    )


@given(st.floats(0.1, 0.9), st.floats(0.2, 0.4), st.floats(0.002, 0.01))
@settings(max_examples=40, deadline=None)
def test_enrichment_saves_as_simon_and_maitournam_say(q: float, p: float, gain: float) -> None:
    """Where only one class benefits, and a little, all comers need 1 / q^2 times as many."""
    population = _population(q, ((p + gain, p), (p, p)))
    only = enrichment(population, 0, (0, 1), (0.5, 0.5))
    everybody = all_comers(population, (0, 1), (0.5, 0.5))
    few = subjects_needed(only.compared, alpha=0.05, power=0.9)
    many = subjects_needed(everybody.compared, alpha=0.05, power=0.9)
    assert few is not None and many is not None
    assert everybody.compared.first.rate - p == pytest.approx(q * gain)
    assert many / few * q * q == pytest.approx(1, abs=0.03)
    assert only.entering == pytest.approx(q)


@given(SHARE, RATE, RATE, RATE)
@settings(max_examples=30, deadline=None)
def test_a_strategy_differs_only_where_the_treatment_does(
    q: float, p1: float, p2: float, control: float
) -> None:
    population = _population(q, ((p1, control), (p2, control)))
    compared = marker_strategy(population, [0, 1], 1).compared
    assert compared.first.rate - compared.second.rate == pytest.approx(q * (p1 - control))
    same = marker_strategy(population, [1, 1], 1).compared
    assert subjects_needed(same, alpha=0.05, power=0.8) is None


@given(SHARE, st.floats(0.2, 1.0), st.floats(1.0, 3.0))
@settings(max_examples=30, deadline=None)
def test_needed_numbers_scale_with_the_class(q: float, answered: float, ratio: float) -> None:
    population = _population(q, ((0.5, 0.2), (0.15, 0.2)), answered)
    shares = (ratio / (1 + ratio), 1 / (1 + ratio))
    within = arms_in_class(population, 0, (0, 1), shares)
    alone = enrichment(population, 0, (0, 1), shares)
    inside, outside = (
        subjects_needed(each.compared, alpha=0.05, power=0.8) for each in (within, alone)
    )
    assert inside is not None and outside is not None
    assert inside * q == pytest.approx(outside)
    assert inside / within.entering == pytest.approx(outside / alone.entering)
    size = two_proportions_size(0.5, 0.2, alpha=0.05, power=0.8, ratio=1 / ratio)
    assert outside == pytest.approx(size.n1 + size.n2)
    groups = class_in_arm(population, (0, 1), 0, (1.0, 1.0)).compared
    assert groups.first.chance + groups.second.chance == pytest.approx(1)


def test_screening_is_rounded_up() -> None:
    assert [screened(100, part) for part in (1.0, 0.5, 0.3)] == [100, 200, 334]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Group(0.0, 0.5, 0.5), "chance: found '0.0'; a probability above 0"),
        (lambda: Group(0.5, 0.5, 1.5), "rate: found '1.5'; a probability of 0 to 1"),
        (
            lambda: Comparison(Group(0.7, 1, 0.5), Group(0.6, 1, 0.5), together=False),
            "chance: found .*; a sum of 1 at most",
        ),
        (
            lambda: Comparison(Group(1, 0.7, 0.5), Group(1, 0.6, 0.5), together=True),
            "share: found .*; two parts of one class",
        ),
        (lambda: Population((0.5, 0.6), 1.0, ((0.1,), (0.1,))), "prevalence: .* whose sum is 1"),
        (lambda: Population((0.5, 0.5), 0.0, ((0.1,), (0.1,))), "answered: .* above 0"),
        (lambda: Population((0.5, 0.5), 1.0, ((0.1,),)), "rates: a row for each class"),
        (lambda: Population((0.5, 0.5), 1.0, ((0.1,), (1.1,))), "rates: found '1.1'"),
        (lambda: screened(10, 0.0), "entering"),
        (
            lambda: random_sizes(Comparison(Group(1, 0.5, 0), Group(1, 0.5, 0), together=True), -1),
            "subjects: found '-1'",
        ),
    ],
)
def test_an_impossible_design_is_refused(make: object, told: str) -> None:
    assert callable(make)
    with pytest.raises(BadInput, match=told):
        make()
