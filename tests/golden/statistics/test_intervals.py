"""Every interval and test of one and two proportions against R.

R finds limits with `uniroot` at its default tolerance (gsDesign, 1.2e-4 on the scale on which it
looks for them) and prints those of exact2x2 and of Blaker's interval to four digits: the comparison
can only be as good as that. tests/properties/statistics shows that each of our limits solves its
defining equation.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from equipoise.statistics import binomial_interval as one
from equipoise.statistics import odds_ratio, risk_difference, risk_ratio
from equipoise.statistics.effect_heterogeneity import (
    gail_simon,
    homogeneity,
    risk_difference_interaction,
)
from equipoise.statistics.logistic import logistic_effect, logistic_fit
from equipoise.statistics.proportion import Estimate, Side, fisher_exact_p
from equipoise.statistics.rejection import barnard_p, boschloo_p

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))
TABLES = GOLDEN["tables"]["two_proportions"]
TOLERANCE = 1e-6
FOUR_DIGITS = 5.1e-5
UNIROOT = 2.0**-13


def _name(row: dict[str, Any]) -> str:
    if "x" in row:
        return f"{row['x']}of{row['n']}"
    return f"{row['x1']}of{row['n1']}_v_{row['x2']}of{row['n2']}"


def _counts(table: dict[str, Any]) -> tuple[int, int, int, int]:
    return table["x1"], table["n1"], table["x2"], table["n2"]


@pytest.mark.parametrize("row", GOLDEN["tables"]["one_proportion"], ids=_name)
@pytest.mark.parametrize(
    ("interval", "key", "tolerance"),
    [
        (one.clopper_pearson, "clopper_pearson", TOLERANCE),
        (one.wilson, "wilson", TOLERANCE),
        (partial(one.wilson_corrected, null=0.5), "wilson_cc", TOLERANCE),
        (one.jeffreys, "jeffreys", TOLERANCE),
        (partial(one.agresti_coull, cut=False), "agresti_coull", TOLERANCE),
        (one.mid_p, "midp", TOLERANCE),
        (one.blaker, "blaker", FOUR_DIGITS),
    ],
)
def test_interval_of_one_proportion(
    row: dict[str, Any], interval: Callable[[int, int], Estimate], key: str, tolerance: float
) -> None:
    found = interval(row["x"], row["n"])
    assert (found.lower, found.upper) == pytest.approx(tuple(row[key]), abs=tolerance)


@pytest.mark.parametrize("row", GOLDEN["tables"]["one_proportion"], ids=_name)
@pytest.mark.parametrize("side", ["two_sided", "greater"])
def test_binomial(row: dict[str, Any], side: Side) -> None:
    expected = row[f"p_vs_0.15_{side}"]
    assert one.binomial_p(row["x"], row["n"], 0.15, side=side) == pytest.approx(expected, rel=1e-6)


COMPARED = {
    "diff_ci": {
        "newcombe_cc": (
            partial(risk_difference.risk_difference_newcombe_corrected, null=0.5),
            TOLERANCE,
        ),
        "agresti_caffo": (
            partial(risk_difference.risk_difference_agresti_caffo, cut=False),
            TOLERANCE,
        ),
        "mee_farrington_manning_gsDesign": (risk_difference.risk_difference_mee, UNIROOT),
        "wald_cc_prop.test": (risk_difference.risk_difference_wald_corrected, TOLERANCE),
    },
    "RR_ci": {
        "score_MN_gsDesign": (risk_ratio.risk_ratio_miettinen_nurminen, UNIROOT),
        "katz_log": (risk_ratio.risk_ratio_katz, TOLERANCE),
    },
    "OR_ci": {
        "minlike_exact2x2": (odds_ratio.odds_ratio_min_likelihood, FOUR_DIGITS),
        "blaker_exact2x2": (odds_ratio.odds_ratio_blaker, FOUR_DIGITS),
        "haldane_anscombe_woolf": (odds_ratio.odds_ratio_haldane_anscombe, TOLERANCE),
        "score_MN_gsDesign": (odds_ratio.odds_ratio_miettinen_nurminen, UNIROOT),
    },
}
EVERY = [(measure, key) for measure, keys in COMPARED.items() for key in keys]


GIVEN = [
    pytest.param(table, measure, key, id=f"{key}-{_name(table)}")
    for measure, key in EVERY
    for table in TABLES
    if isinstance(table[measure].get(key), list)
]
"""R gives no score interval of 1/1 v 0/1, and no logarithm of a ratio of which a count is 0."""


@pytest.mark.parametrize(("table", "measure", "key"), GIVEN)
def test_interval_of_two_proportions(table: dict[str, Any], measure: str, key: str) -> None:
    interval, tolerance = COMPARED[measure][key]
    found = interval(*_counts(table))
    for ours, theirs in zip((found.lower, found.upper), table[measure][key], strict=True):
        if theirs is None:
            # JSON has no infinity, and R no limit where no odds are observed.
            assert ours == math.inf or (measure == "OR_ci" and found.estimate is None)
        else:
            assert ours == pytest.approx(theirs, abs=tolerance, rel=tolerance)


@pytest.mark.parametrize("table", TABLES, ids=_name)
def test_exact_tests_of_two_proportions(table: dict[str, Any]) -> None:
    counts, expected = _counts(table), table["p"]
    found = {
        "fisher_central": fisher_exact_p(*counts, rule="central"),
        "fisher_blaker": odds_ratio.blaker_p(*counts),
        "midp_minlike": fisher_exact_p(*counts, mid_p=True),
        "midp_central": fisher_exact_p(*counts, mid_p=True, rule="central"),
        "boschloo": boschloo_p(*counts),
        "barnard_zpooled": barnard_p(*counts),
        "barnard_zunpooled": barnard_p(*counts, pooled=False),
    }
    assert found == pytest.approx({key: expected[key] for key in found}, abs=TOLERANCE)


@pytest.mark.parametrize("table", TABLES, ids=_name)
def test_logistic_and_firth_of_one_table(table: dict[str, Any]) -> None:
    x1, n1, x2, n2 = _counts(table)
    design, events, subjects = [[1, 0], [1, 1]], [x2, x1], [n2, n1]
    if 0 < x1 < n1 and 0 < x2 < n2:
        expected = table["logistic"]
        fit = logistic_fit(design, events, subjects)
        assert fit.coefficients[0].tolist() == pytest.approx(expected["coef"], abs=TOLERANCE)
        wald = logistic_effect(design, events, subjects, [1])
        ratio = logistic_effect(
            design, events, subjects, [1], test="likelihood_ratio", interval="profile"
        )
        assert wald.p == pytest.approx(expected["wald_p"], abs=2e-5)
        assert ratio.p == pytest.approx(expected["lrt_p"], abs=TOLERANCE)
        limits = (ratio.lower, ratio.upper)
        assert limits == pytest.approx(tuple(expected["profile_ci_logOR"]), abs=1e-3)
    expected = table["firth"]
    fit = logistic_fit(design, events, subjects, penalised=True)
    assert fit.coefficients[0].tolist() == pytest.approx(expected["coef"], abs=1e-5)
    firth = logistic_effect(
        design,
        events,
        subjects,
        [1],
        test="likelihood_ratio",
        interval="profile",
        penalised=True,
    )
    assert firth.p == pytest.approx(expected["p_plr"], abs=1e-5)
    limits = (firth.lower, firth.upper)
    assert limits == pytest.approx(tuple(expected["ci_profile_logOR"]), abs=1e-3)


STRATA = [(18, 34, 6, 24), (3, 26, 7, 18)]


def test_heterogeneity_of_best_response() -> None:
    """18/34 v 6/24 in deficient, 3/26 v 7/18 in proficient tumours (doi 10.1200/JCO.23.02724)."""
    golden = GOLDEN["tables"]["stratified_best_orr"]
    effects = [math.log(x1 * (n2 - x2) / (x2 * (n1 - x1))) for x1, n1, x2, n2 in STRATA]
    errors = [
        math.sqrt(1 / x1 + 1 / (n1 - x1) + 1 / x2 + 1 / (n2 - x2)) for x1, n1, x2, n2 in STRATA
    ]
    woolf = homogeneity(effects, errors)
    assert (woolf.statistic, woolf.p) == pytest.approx(
        (golden["woolf_homogeneity"]["stat"], golden["woolf_homogeneity"]["p"]), abs=TOLERANCE
    )
    qualitative, expected = gail_simon(effects, errors), golden["gail_simon_qualitative"]
    assert (qualitative.positive, qualitative.negative, qualitative.p) == pytest.approx(
        (expected["Qplus"], expected["Qminus"], expected["p"]), abs=TOLERANCE
    )
    x1, n1, x2, n2 = zip(*STRATA, strict=True)
    found, expected = (
        risk_difference_interaction(x1, n1, x2, n2),
        golden["risk_difference_interaction"],
    )
    names = {"rd_d": found.first, "rd_p": found.second, "delta": found.estimate, "z": found.z}
    names |= {"se": found.standard_error, "p": found.p}
    assert names == pytest.approx(expected, abs=TOLERANCE)
