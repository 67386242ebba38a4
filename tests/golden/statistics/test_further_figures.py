"""Figures of R that stand beside those of the other files: intermediate ones, each once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from equipoise.statistics.logistic import logistic_effect, logistic_fit
from equipoise.statistics.power import two_proportions_size
from equipoise.statistics.risk_ratio import risk_ratio_katz
from equipoise.statistics.stratified import breslow_day

HERE = Path(__file__).parent
TABLES = json.loads((HERE / "golden.json").read_text(encoding="utf-8"))["tables"]["two_proportions"]
MODELS = json.loads((HERE / "models.json").read_text(encoding="utf-8"))
BEST = MODELS["stratified_best_orr"]
DESIGN = json.loads((HERE / "design.json").read_text(encoding="utf-8"))
CROSSED = [[1, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
CELLS = [18, 6, 3, 7], [34, 24, 26, 18]
GROUPS = [[1, 1], [1, 0]]
STOPPED_EARLY = 2e-5
"""Standard errors of R's glm are those of its last step but one (epsilon 1e-8)."""
LOGISTF = 5e-6
"""logistf ends its search at a score of 1e-5: of 10/10 v 12/12 its error has five digits."""


def approx(value: Any, tolerance: float = 1e-6) -> Any:
    return pytest.approx(value, rel=tolerance)


def name(table: dict[str, Any]) -> str:
    return "{x1}of{n1}_v_{x2}of{n2}".format(**table)


@pytest.mark.parametrize("table", TABLES, ids=name)
def test_risk_ratio_as_it_is(table: dict[str, Any]) -> None:
    found = risk_ratio_katz(table["x1"], table["n1"], table["x2"], table["n2"]).estimate
    expected = table["RR"]
    if found is None or math.isinf(found):
        assert expected in (None, "Inf", "NaN")
    else:
        assert found == approx(expected)


@pytest.mark.parametrize("table", TABLES, ids=name)
def test_errors_and_likelihood_of_models_of_two_groups(table: dict[str, Any]) -> None:
    counts = [table["x1"], table["x2"]], [table["n1"], table["n2"]]
    firth = logistic_fit(GROUPS, *counts, penalised=True)
    golden = table["firth"]
    errors = np.sqrt(np.diag(firth.covariance[0]))
    assert errors == approx(golden["se_wald"], LOGISTF)
    assert firth.log_likelihood[0] == approx(golden["penalised_loglik"][0])
    tested = logistic_effect(GROUPS, *counts, [1], penalised=True, test="likelihood_ratio")
    rise = 2 * (golden["penalised_loglik"][0] - golden["penalised_loglik"][1])
    assert tested.p == pytest.approx(math.erfc(math.sqrt(max(0.0, rise) / 2)), abs=1e-6)
    if min(table["x1"], table["x2"], table["n1"] - table["x1"], table["n2"] - table["x2"]) > 0:
        plain = logistic_fit(GROUPS, *counts)
        errors = np.sqrt(np.diag(plain.covariance[0]))
        assert errors == approx(table["logistic"]["se"], STOPPED_EARLY)


def test_models_of_best_response() -> None:
    whole, golden = logistic_fit(CROSSED, *CELLS), BEST["logistic_interaction"]
    assert whole.covariance[0] == approx(np.array(golden["vcov"]), 2 * STOPPED_EARLY)
    additive, expected = (
        logistic_fit([row[:3] for row in CROSSED], *CELLS),
        BEST["logistic_additive"],
    )
    assert expected["names"] == golden["names"][:3]
    assert additive.coefficients[0] == approx(expected["coef"])
    assert np.sqrt(np.diag(additive.covariance[0])) == approx(expected["se"], STOPPED_EARLY)
    assert additive.log_likelihood[0] == approx(expected["loglik"])
    rise = 2 * (whole.log_likelihood[0] - additive.log_likelihood[0])
    assert rise == approx(golden["lrt_chi2"])
    assert -2 * whole.log_likelihood[0] == approx(golden["deviance"])
    firth = logistic_fit(CROSSED, *CELLS, penalised=True)
    assert np.sqrt(np.diag(firth.covariance[0])) == approx(BEST["firth_interaction"]["se"])


def test_tarone_as_metafor_has_it() -> None:
    found, golden = (
        breslow_day([18, 3], [34, 26], [6, 7], [24, 18], tarone=True),
        BEST["metafor_mh"],
    )
    assert (found.statistic, found.p) == approx((golden["TA"], golden["TAp"]))


def test_published_hazard_ratios() -> None:
    """What 0.56 (0.31-1.01) and 1.12 with an upper limit of 2.10 say of standard error and P."""
    z = NormalDist().inv_cdf(0.975)
    one, other = MODELS["published_check"]["HR0.56"], MODELS["published_check"]["HR1.12"]
    assert one["p"] == approx(math.erfc(abs(math.log(0.56)) / one["se"] / math.sqrt(2)))
    assert one["se"] == approx((math.log(1.01) - math.log(0.31)) / (2 * z))
    assert other["se_from_upper"] == approx(math.log(2.10 / 1.12) / z)
    assert other["implied_lower"] == approx(1.12**2 / 2.10)
    assert other["p"] == approx(math.erfc(math.log(1.12) / other["se_from_upper"] / math.sqrt(2)))


@pytest.mark.parametrize("row", DESIGN["two_proportions_n"], ids=lambda r: f"{r['p1']} v {r['p2']}")
def test_sizes_of_both_arms(row: dict[str, Any]) -> None:
    golden = row["rpact_pooled"]
    assert golden["n_p1arm"] + golden["n_p2arm"] == approx(golden["n_total"])
    ratio = golden["n_p2arm"] / golden["n_p1arm"]
    assert ratio == approx(row["ratio_n2_over_n1"])
    found = two_proportions_size(
        row["p1"], row["p2"], alpha=row["alpha"], sides=row["sided"], power=row["power"],
        ratio=row["ratio_n2_over_n1"], method="pooled",
    )  # fmt: skip
    assert (found.n1, found.n2) == approx((golden["n_p1arm"], golden["n_p2arm"]), 1e-5)
