"""What holds for common risk differences and ratios of any strata."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.risk_difference import risk_difference_wald
from equipoise.statistics.risk_ratio import risk_ratio_katz
from equipoise.statistics.stratified_risk import (
    CommonRisk,
    risk_difference_mantel_haenszel,
    risk_ratio_mantel_haenszel,
)

Stratum = tuple[int, int, int, int]


@st.composite
def strata(draw: st.DrawFn, most: int = 5) -> Stratum:
    n1, n2 = draw(st.integers(0, 15)), draw(st.integers(0, 15))
    return draw(st.integers(0, n1)), n1, draw(st.integers(0, n2)), n2


def columns(rows: list[Stratum]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]


@given(strata())
@settings(deadline=None)
def test_one_stratum_is_the_table(row: Stratum) -> None:
    found = risk_difference_mantel_haenszel(*columns([row]), variance="greenland_robins")
    wald = risk_difference_wald(*row)
    assert (found.estimate, found.lower, found.upper) == pytest.approx(
        (wald.estimate, wald.lower, wald.upper)
    )
    ratio, katz = risk_ratio_mantel_haenszel(*columns([row])), risk_ratio_katz(*row)
    assert (ratio.estimate, ratio.lower, ratio.upper) == pytest.approx(
        (katz.estimate, katz.lower, katz.upper)
    )


def turned(found: CommonRisk) -> tuple[float | None, ...]:
    return found.estimate, found.standard_error, found.lower, found.upper, found.p


@given(st.lists(strata(), min_size=1, max_size=5), st.sampled_from(["sato", "greenland_robins"]))
@settings(deadline=None)
def test_groups_exchanged_and_property_turned_round(rows: list[Stratum], variance: str) -> None:
    x1, n1, x2, n2 = columns(rows)
    there = risk_difference_mantel_haenszel(x1, n1, x2, n2, variance=variance)
    back = risk_difference_mantel_haenszel(x2, n2, x1, n1, variance=variance)
    without = [[n - x for x, n in zip(*pair, strict=True)] for pair in ((x1, n1), (x2, n2))]
    lost = risk_difference_mantel_haenszel(without[0], n1, without[1], n2, variance=variance)
    for other in (back, lost):
        if there.estimate is None:
            assert other.estimate is None
            continue
        assert other.estimate == pytest.approx(-there.estimate, abs=1e-12)
        assert other.standard_error == pytest.approx(there.standard_error, abs=1e-7)
        assert (other.lower, other.upper) == pytest.approx((-there.upper, -there.lower), abs=1e-6)
    ratio, inverse = (risk_ratio_mantel_haenszel(*each) for each in
                      ((x1, n1, x2, n2), (x2, n2, x1, n1)))  # fmt: skip
    if ratio.estimate in (None, 0.0, math.inf):
        assert (ratio.lower, ratio.upper, ratio.p) == (0.0, math.inf, None)
    else:
        assert inverse.estimate == pytest.approx(1 / ratio.estimate)
        assert inverse.standard_error == pytest.approx(ratio.standard_error)


@given(st.lists(strata(), min_size=1, max_size=4))
@settings(deadline=None)
def test_a_stratum_without_one_of_the_groups_says_nothing(rows: list[Stratum]) -> None:
    more = [*rows, (3, 7, 0, 0)]
    for function in (risk_difference_mantel_haenszel, risk_ratio_mantel_haenszel):
        found, with_it = function(*columns(rows)), function(*columns(more))
        assert turned(found) == turned(with_it)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(BadInput, match="variance"):
        risk_difference_mantel_haenszel([1], [2], [1], [2], variance="mine")
    with pytest.raises(BadInput, match="counts of 0 to n"):
        risk_ratio_mantel_haenszel([3], [2], [1], [2])
