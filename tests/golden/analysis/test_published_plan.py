"""The plan of MGMT-NET on the published cells: what its analyses give, against R.

The cells are those of FACTS 1.6, 7 and 8: 3-month response 10/34 v 2/25 (pancreas 10/20 v 2/9,
elsewhere 0/14 v 0/16), best response 18/34, 3/26, 6/24 and 7/18. Which pancreatic patients had a
best response, and all responses at 3 months under OX, are free choices that no tested value reads.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from equipoise.analysis.result import Result
from equipoise.analysis.run import run
from equipoise.study.load import load_study
from tests.harness.hand_made import Subject, trial

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "statistics" / "models.json").read_text(encoding="utf-8")
)
BEST = GOLDEN["stratified_best_orr"]
SITES = {
    ("DEFICIENT", "ALKY"): (20, 11, 3),
    ("PROFICIENT", "ALKY"): (10, 12, 4),
    ("DEFICIENT", "OX"): (16, 6, 2),
    ("PROFICIENT", "OX"): (6, 9, 3),
}
BEST_RESPONSES = {
    ("DEFICIENT", "ALKY"): 18,
    ("PROFICIENT", "ALKY"): 3,
    ("DEFICIENT", "OX"): 6,
    ("PROFICIENT", "OX"): 7,
}
EARLY = {("DEFICIENT", "ALKY"): 10, ("PROFICIENT", "ALKY"): 2}


@cache
def results() -> dict[str, Result]:
    """Results by analysis, of its comparison; the status as re-determined is the one given."""
    subjects = []
    for (status, arm), numbers in SITES.items():
        sites = [
            site
            for site, number in zip(("PANCREAS", "THORAX", "UNKNOWN"), numbers, strict=True)
            for _ in range(number)
        ]
        for place, site in enumerate(sites):
            early = place < EARLY.get((status, arm), 0)
            lost = (status, arm) == ("PROFICIENT", "ALKY") and place == 9
            subjects.append(
                Subject(
                    f"{status[0]}{arm[0]}{place:02}",
                    arm=arm,
                    status=status,
                    response="PR" if early else "NE" if lost else "SD",
                    best="PR" if place < BEST_RESPONSES[status, arm] else "SD",
                    progression=60 + 9 * place if place % 3 else None,
                    assessed=60 + 9 * place,
                    items={"primary_site": site},
                )
            )
    study = load_study("mgmt-net")
    reader = study.response.primary_evaluator
    names = {"rule-1": "esmo-2023", "rule-2": "jco-2024", "CENTRAL": reader}
    tables = {
        name: table.with_columns(
            pl.col(column).replace(names)
            for column in ("rule", "status_rule", "evaluator")
            if column in table.columns
        )
        for name, table in trial(*subjects).items()
    }
    found = run(tables, study)
    return {row.analysis: row for row in found}


def printed(analysis: str) -> str:
    row = results()[analysis]
    assert row.p is not None
    if row.estimate is None:
        return f"{row.p:.4f}"
    limits = "" if row.lower is None else f" ({row.lower:.2f}-{row.upper:.2f})"
    return f"{row.estimate:.2f}{limits} {row.p:.4f}"


@pytest.mark.parametrize(
    ("analysis", "numerators", "denominators"),
    [
        ("primary_adjusted_wald", (10, 2), (34, 25)),
        ("bor_arms_deficient_one_sided", (18, 6), (34, 24)),
        ("bor_arms_proficient_one_sided", (3, 7), (26, 18)),
        ("bor_interaction_redetermined", (18, 3, 6, 7), (34, 26, 24, 18)),
        ("bor_common_redetermined", (21, 13), (60, 42)),
    ],
)
def test_the_published_counts(
    analysis: str, numerators: tuple[int, ...], denominators: tuple[int, ...]
) -> None:
    row = results()[analysis]
    assert (row.numerators, row.denominators) == (numerators, denominators)


def test_one_sided_fisher_in_the_observed_direction_of_each() -> None:
    deficient, proficient = (
        results()[f"bor_arms_{each}_one_sided"] for each in ("deficient", "proficient")
    )
    assert f"{deficient.p:.4f} {proficient.p:.4f}" == "0.0306 0.0396"
    assert (deficient.side, proficient.side) == ("greater", "less")
    for row in (deficient, proficient):
        assert "post hoc" in row.label
        assert "our reconstruction, not the method that the trial states" in row.label


def test_the_odds_ratio_adjusted_for_primary_site() -> None:
    assert printed("primary_adjusted_wald") == "3.50 (0.58-21.16) 0.1724"
    row, golden = results()["primary_adjusted_wald"], GOLDEN["or35_hypothesis"]
    assert row.estimate == pytest.approx(golden["glm_adjusted_OR"], rel=1e-6)
    assert [row.lower, row.upper] == pytest.approx(golden["wald_ci"], rel=1e-6)
    assert row.p == pytest.approx(golden["wald_p"], rel=1e-6)
    for analysis in ("primary_adjusted_wald", "primary_adjusted_likelihood"):
        label = results()[analysis].label
        where = "nobody responded in primary site THORAX, primary site UNKNOWN"
        assert f"quasi-separation: {where}" in label
        assert "our reconstruction" in label
    assert "adjusted for primary site" in row.method
    assert f"{results()['primary_adjusted_likelihood'].p:.3f}" == "0.150"
    assert f"{results()['primary_stratified_exact'].p:.3f}" == "0.234"


def test_the_interaction_on_best_response() -> None:
    wald = results()["bor_interaction_redetermined"]
    golden = BEST["logistic_interaction"]
    assert wald.estimate == pytest.approx(golden["ratio_of_OR"], rel=1e-6)
    assert [wald.lower, wald.upper] == pytest.approx(golden["ratio_ci_wald"], rel=2e-5)
    assert f"{wald.p:.4f}" == "0.0041"
    likelihood = results()["bor_interaction_likelihood_redetermined"]
    assert likelihood.p == pytest.approx(golden["lrt_p"], rel=1e-6)
    firth = results()["bor_interaction_firth_redetermined"]
    assert firth.estimate is not None and f"{firth.estimate:.1f}" == "14.0"
    assert firth.p == pytest.approx(BEST["firth_interaction"]["p"][3], rel=1e-6)
    heterogeneity = results()["bor_heterogeneity_redetermined"]
    assert heterogeneity.p == pytest.approx(BEST["breslow_day"]["p"], rel=1e-6)


def test_the_common_odds_ratio_hides_it() -> None:
    row, golden = results()["bor_common_redetermined"], BEST["mh"]
    assert row.estimate == pytest.approx(golden["or"], rel=1e-6)
    assert [row.lower, row.upper] == pytest.approx(golden["ci"], rel=1e-6)
    assert row.p == pytest.approx(golden["p"], rel=1e-6)
    assert printed("bor_common_redetermined") == "1.19 (0.53-2.69) 0.6596"


def test_times_have_hazard_ratios_and_their_interaction() -> None:
    for analysis in ("pfs_hazard_ratio_deficient", "pfs_interaction"):
        row = results()[analysis]
        assert row.lower is not None and row.estimate is not None and row.upper is not None
        assert row.lower < row.estimate < row.upper
    ratio, first, second = (
        results()[each].estimate or 0.0
        for each in (
            "pfs_interaction",
            "pfs_hazard_ratio_deficient",
            "pfs_hazard_ratio_proficient",
        )
    )
    # The two hazard ratios have baselines of their own, the interaction's model has one.
    assert 0.5 < ratio / (first / second) < 2


def test_the_answer_to_the_covariate_is_among_the_sources() -> None:
    crude = set(results()["response_3m_redetermined"].sources)
    assert crude < set(results()["primary_adjusted_wald"].sources)
