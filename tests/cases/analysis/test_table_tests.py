"""Tests and intervals of two proportions that a study file can name: 10 of 34 against 2 of 25.

P values and limits are those of R 4.2.2 (tests/golden/statistics/golden.json, first table).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equipoise.analysis.estimates import INTERVALS, TESTS, compared, single_proportion
from equipoise.analysis.table_tests import TABLE_TESTS
from equipoise.study import method_checks
from tests.cases.analysis.test_run import people, results
from tests.harness.hand_made_study import TWO_BY_TWO, analysis, study

SUBJECTS = [
    *people("a", ["PR"] * 10 + ["SD"] * 24),
    *people("h", ["PR"] * 2 + ["SD"] * 23, status="HIGH"),
]
P = {
    "fisher": 0.0547169592345471,
    "fisher_mid_p": 0.0371471083429845,
    "chi_square": 0.043481392429107,
    "chi_square_corrected": 0.090685737791961,
    "boschloo": 0.040362208193,
    "barnard": 0.0471923669225,
}


def test_every_test_of_a_table_is_in_the_plan_and_here() -> None:
    assert set(TABLE_TESTS) == set(method_checks.TABLE_TESTS) == set(P)


@pytest.mark.parametrize("method", P)
def test_p_is_that_of_r_and_the_row_says_whose_it_is(method: str) -> None:
    (row,) = results(*SUBJECTS, method=method, estimate="risk_ratio", interval="katz")
    assert (row.numerators, row.denominators) == ((10, 2), (34, 25))
    assert row.p == pytest.approx(P[method], abs=1e-6)
    assert row.estimate == pytest.approx(3.67647058823529)
    assert (row.lower, row.upper) == pytest.approx((0.881867275954023, 15.3270637824006))
    assert f"{TESTS[method]}, two-sided".casefold() in row.method.casefold()
    assert "risk ratio with 95% logarithmic interval (Katz)" in row.method


@pytest.mark.parametrize("method", P)
def test_many_trials_are_each_of_them(method: str) -> None:
    x1, n1 = np.array([10, 0, 10, 5]), np.array([34, 9, 34, 5])
    x2, n2 = np.array([2, 0, 2, 0]), np.array([25, 7, 25, 6])
    together = TABLE_TESTS[method](x1, n1, x2, n2, "two_sided")
    for place, p in enumerate(together):
        one = [each[place : place + 1] for each in (x1, n1, x2, n2)]
        assert TABLE_TESTS[method](*one, "two_sided")[0] == p  # type: ignore[call-arg]
    assert together[0] == together[2]
    assert together[1] == (0.5 if method == "fisher_mid_p" else 1.0), "no table says anything"


def _every_interval() -> list[tuple[str, str, str]]:
    return [
        (method, estimate, interval)
        for (method, estimate), intervals in method_checks.INTERVALS.items()
        for interval in intervals
        if method in ("fisher", "proportion") and estimate != "none"
    ]


@pytest.mark.parametrize(("method", "estimate", "interval"), _every_interval())
def test_every_interval_that_the_plan_allows_is_given(
    method: str, estimate: str, interval: str
) -> None:
    side: Any = "none" if method == "proportion" else "two_sided"
    asked = study(
        TWO_BY_TWO, (analysis(method=method, side=side, estimate=estimate, interval=interval),)
    ).analysis.analyses[0]
    if estimate == "proportion":
        found = single_proportion(asked, 10, 34)
    else:
        found = compared(asked, (10, 2), (34, 25))
    assert found.estimate is not None and not found.why
    if interval == "none":
        assert (found.lower, found.upper) == (None, None)
    else:
        assert found.lower is not None and found.upper is not None
        assert found.lower < found.estimate < found.upper
        assert interval in INTERVALS


def test_a_risk_ratio_of_nobody_in_the_second_group_is_infinite() -> None:
    subjects = [*people("a", ["PR", "SD"]), *people("h", ["SD"] * 3, status="HIGH")]
    (row,) = results(*subjects, estimate="risk_ratio", interval="miettinen_nurminen")
    assert row.estimate is None and "the risk ratio is infinite" in row.label
