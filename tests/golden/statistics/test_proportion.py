"""Proportions and odds ratios against R (stats, gsDesign), and against the publication.

R finds the conditional odds ratio and its limits, and gsDesign its score limits, with `uniroot`
at its default tolerance, .Machine$double.eps^0.25 = 1.2e-4: on the odds ratio where it is below 1,
on its reciprocal above 1, on the difference. There the comparison with R can only be as good as
R's root; tests/properties/statistics shows that ours solves the defining equation to 1e-9.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.statistics.binomial_interval import clopper_pearson, wilson
from equipoise.statistics.odds_ratio import odds_ratio_conditional, odds_ratio_woolf
from equipoise.statistics.proportion import (
    Side,
    chi_square,
    fisher_exact_p,
)
from equipoise.statistics.risk_difference import (
    risk_difference_miettinen_nurminen,
    risk_difference_newcombe,
    risk_difference_wald,
)

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))["tables"]
TOLERANCE = 1e-6
UNIROOT = 2.0**-13


def counts(table: dict[str, Any]) -> tuple[int, int, int, int]:
    return table["x1"], table["n1"], table["x2"], table["n2"]


TABLES = [
    pytest.param(table, id="{x1}of{n1}_v_{x2}of{n2}".format(**table))
    for table in GOLDEN["two_proportions"]
]
FULL_TABLES = [each for each in TABLES if min(each.values[0]["OR_ci"]["woolf"] or [0]) > 0]


@pytest.mark.parametrize("row", GOLDEN["one_proportion"], ids=lambda row: f"{row['x']}of{row['n']}")
def test_one_proportion(row: dict[str, Any]) -> None:
    for function, level, key in (
        (clopper_pearson, 0.95, "clopper_pearson"),
        (clopper_pearson, 0.90, "clopper_pearson_90"),
        (wilson, 0.95, "wilson"),
    ):
        found = function(row["x"], row["n"], level)
        assert found.estimate == pytest.approx(row["estimate"], abs=TOLERANCE)
        assert (found.lower, found.upper) == pytest.approx(tuple(row[key]), abs=TOLERANCE)


@pytest.mark.parametrize("table", TABLES)
def test_fisher(table: dict[str, Any]) -> None:
    expected = table["p"]
    sides: tuple[Side, ...] = ("two_sided", "greater", "less")
    for side in sides:
        found = fisher_exact_p(*counts(table), side=side)
        assert found == pytest.approx(expected[f"fisher_{side}"], abs=TOLERANCE)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("corrected", "key"), [(False, "chi2"), (True, "chi2_yates")])
def test_chi_square(table: dict[str, Any], corrected: bool, key: str) -> None:
    """R has no value when a margin is empty; here the statistic is then 0 and P is 1."""
    found = chi_square(*counts(table), continuity_correction=corrected)
    p, statistic = table["p"][key], table["p"][f"{key}_stat"]
    assert found.p == pytest.approx(1.0 if p is None else p, abs=TOLERANCE)
    assert found.statistic == pytest.approx(0.0 if statistic is None else statistic, abs=TOLERANCE)


@pytest.mark.parametrize("table", TABLES)
def test_risk_difference(table: dict[str, Any]) -> None:
    for function, key in ((risk_difference_wald, "wald"), (risk_difference_newcombe, "newcombe")):
        found = function(*counts(table))
        assert found.estimate == pytest.approx(table["diff"], abs=TOLERANCE)
        assert (found.lower, found.upper) == pytest.approx(
            tuple(table["diff_ci"][key]), abs=TOLERANCE
        )


@pytest.mark.parametrize("table", TABLES)
def test_miettinen_nurminen(table: dict[str, Any]) -> None:
    found = risk_difference_miettinen_nurminen(*counts(table))
    expected = table["diff_ci"]["miettinen_nurminen_gsDesign"]
    if counts(table) == (1, 1, 0, 1):
        assert "error" in expected
        assert (found.estimate, found.upper) == (1.0, 1.0)
        return
    assert (found.lower, found.upper) == pytest.approx(tuple(expected), abs=UNIROOT)


@pytest.mark.parametrize("table", FULL_TABLES)
def test_sample_odds_ratio(table: dict[str, Any]) -> None:
    found = odds_ratio_woolf(*counts(table))
    assert found.estimate == pytest.approx(table["OR_sample"], rel=TOLERANCE)
    assert (found.lower, found.upper) == pytest.approx(
        tuple(table["OR_ci"]["woolf"]), rel=TOLERANCE
    )


def on_the_scale_of_uniroot(ratio: float | None) -> float:
    """The number that R looked for: the odds ratio, or its reciprocal; JSON null is infinite."""
    if ratio is None:
        return 0.0
    return ratio if ratio <= 1 else 1 / ratio


@pytest.mark.parametrize("table", TABLES)
def test_conditional_odds_ratio(table: dict[str, Any]) -> None:
    found = odds_ratio_conditional(*counts(table))
    lower, upper = table["OR_ci"]["fisher_exact_central"]
    pairs = [(found.lower, lower), (found.upper, upper)]
    if found.estimate is None:
        assert counts(table) == (10, 10, 12, 12), "R prints 0, which no table of n/n supports"
    else:
        pairs.append((found.estimate, table["OR_cMLE_fisher"]))
    for ours, theirs in pairs:
        assert on_the_scale_of_uniroot(ours) == pytest.approx(
            on_the_scale_of_uniroot(theirs), abs=UNIROOT
        )


@pytest.mark.parametrize(
    ("table", "side", "printed"),
    [((18, 34, 6, 24), "greater", 0.031), ((3, 26, 7, 18), "less", 0.040)],
)
def test_published_p_values_are_one_sided_fisher(
    table: tuple[int, int, int, int], side: Side, printed: float
) -> None:
    """Best response, alkylating agents v oxaliplatin: the two P values as printed.

    ASCO Post, December 2024, on doi 10.1200/JCO.23.02724; two-sided they would be .057 and .064.
    """
    assert round(fisher_exact_p(*table, side=side), 3) == printed


def test_published_odds_ratio_is_that_of_the_pancreatic_table() -> None:
    """10/20 v 2/9 gives the 3.5 (0.58-21.16) of doi 10.1200/JCO.23.02724; 10/34 v 2/25 does not."""
    found = odds_ratio_woolf(10, 20, 2, 9)
    assert found.estimate is not None
    assert (round(found.estimate, 1), round(found.lower, 2), round(found.upper, 2)) == (
        3.5,
        0.58,
        21.16,
    )
