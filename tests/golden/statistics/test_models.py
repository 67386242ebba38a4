"""Logistic and Firth models and stratified tests against R (SOURCES.md)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equipoise.statistics.effect_heterogeneity import homogeneity
from equipoise.statistics.logistic import logistic_effect, logistic_fit, logistic_p_batch
from equipoise.statistics.stratified import (
    breslow_day,
    conditional_logistic,
    exact_stratified_p,
    mantel_haenszel,
    mantel_haenszel_p_batch,
    mantel_haenszel_test,
    odds_ratio_stratified,
)

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "models.json").read_text(encoding="utf-8"))
BEST = GOLDEN["stratified_best_orr"]
X1, N1, X2, N2 = [18, 3], [34, 26], [6, 7], [24, 18]
CROSSED = [[1, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
RESPONDED, COUNTED = [18, 6, 3, 7], [34, 24, 26, 18]
SITES = [[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1]]
BY_SITE, OF_SITE = [10, 2, 0, 0], [20, 9, 14, 16]
STOPPED_EARLY = 2e-5
"""Standard errors of R's glm are those of its last step but one (epsilon 1e-8)."""
COARSE = 1e-3
"""R's profile limits are interpolated and its exact limits come from uniroot at 1e-4."""


def approx(value: Any, tolerance: float = 1e-6) -> Any:
    return pytest.approx(value, rel=tolerance)


def test_mantel_haenszel() -> None:
    found, golden = mantel_haenszel(X1, N1, X2, N2), BEST["mh"]
    assert found.estimate == approx(golden["or"])
    assert [found.lower, found.upper] == approx(golden["ci"])
    assert mantel_haenszel_p_batch(X1, N1, X2, N2)[0] == approx(golden["p"])
    corrected = mantel_haenszel_p_batch(X1, N1, X2, N2, continuity_correction=True)
    assert corrected[0] == approx(golden["p_cc"])


def test_exact_stratified() -> None:
    golden = BEST["mh"]
    assert exact_stratified_p(X1, N1, X2, N2) == approx(golden["exact_p"])
    found = odds_ratio_stratified(X1, N1, X2, N2)
    assert found.estimate == approx(golden["exact_cor"], COARSE)
    assert [found.lower, found.upper] == approx(golden["exact_ci"], COARSE)


def test_breslow_day() -> None:
    golden = BEST["breslow_day"]
    plain, corrected = breslow_day(X1, N1, X2, N2), breslow_day(X1, N1, X2, N2, tarone=True)
    assert (plain.statistic, plain.p) == approx((golden["breslow_day"], golden["p"]))
    assert (corrected.statistic, corrected.p) == approx((golden["tarone"], golden["p_tarone"]))


def test_mantel_haenszel_chi_square() -> None:
    golden = BEST["mh"]
    for corrected, end in ((False, ""), (True, "_cc")):
        found = mantel_haenszel_test(X1, N1, X2, N2, continuity_correction=corrected)
        assert (found.statistic, found.p) == approx((golden[f"chi2{end}"], golden[f"p{end}"]))


def test_log_odds_ratio_of_mantel_haenszel_and_the_strata_about_it() -> None:
    found, golden = mantel_haenszel(X1, N1, X2, N2), BEST["metafor_mh"]
    assert found.estimate is not None
    assert math.log(found.estimate) == approx(golden["beta"])
    width = math.log(found.upper) - math.log(found.lower)
    assert width / (2 * 1.959963984540054) == approx(golden["se"])
    counts = np.array([X1, np.subtract(N1, X1), X2, np.subtract(N2, X2)], dtype=float)
    effects = np.log(counts[0] * counts[3] / counts[1] / counts[2])
    about = homogeneity(
        effects.tolist(),
        np.sqrt((1 / counts).sum(axis=0)).tolist(),
        about=math.log(found.estimate),
    )
    assert (about.statistic, about.p) == approx((golden["QE"], golden["QEp"]))


def test_conditional_logistic() -> None:
    golden = GOLDEN["or35_hypothesis"]
    found = conditional_logistic([10, 0], [20, 14], [2, 0], [9, 16])
    assert found.estimate == approx(golden["clogit_OR"])
    assert [found.lower, found.upper] == approx(golden["clogit_ci"])
    assert found.p == approx(golden["clogit_p"])


def test_logistic_interaction() -> None:
    golden = BEST["logistic_interaction"]
    fit = logistic_fit(CROSSED, RESPONDED, COUNTED)
    assert fit.coefficients[0] == approx(golden["coef"])
    assert np.sqrt(np.diag(fit.covariance[0])) == approx(golden["se"], STOPPED_EARLY)
    assert fit.log_likelihood[0] == approx(golden["loglik"])
    wald = logistic_effect(CROSSED, RESPONDED, COUNTED, [3])
    assert wald.estimate is not None and wald.lower is not None and wald.upper is not None
    assert math.exp(wald.estimate) == approx(golden["ratio_of_OR"])
    limits = [math.exp(wald.lower), math.exp(wald.upper)]
    assert limits == approx(golden["ratio_ci_wald"], STOPPED_EARLY)
    assert wald.p == approx(golden["p_wald"][3], 1e-4)
    profile = logistic_effect(
        CROSSED, RESPONDED, COUNTED, [3], test="likelihood_ratio", interval="profile"
    )
    assert profile.lower is not None and profile.upper is not None
    limits = [math.exp(profile.lower), math.exp(profile.upper)]
    assert limits == approx(golden["ratio_ci_profile"], COARSE)
    assert profile.p == approx(golden["lrt_p"])


def test_the_standard_error_of_a_saturated_table_is_exact() -> None:
    """Where glm stops early: the square root of the sum of 1 / count over all eight counts."""
    fit = logistic_fit(CROSSED, RESPONDED, COUNTED)
    counts = [*RESPONDED, *(n - x for x, n in zip(RESPONDED, COUNTED, strict=True))]
    assert fit.covariance[0, 3, 3] == approx(sum(1 / count for count in counts), 1e-12)


def test_firth() -> None:
    golden = BEST["firth_interaction"]
    fit = logistic_fit(CROSSED, RESPONDED, COUNTED, penalised=True)
    assert fit.coefficients[0] == approx(golden["coef"])
    assert fit.log_likelihood[0] == approx(golden["loglik"][0])
    for column in range(4):
        found = logistic_effect(
            CROSSED, RESPONDED, COUNTED, [column],
            test="likelihood_ratio", interval="profile", penalised=True,
        )  # fmt: skip
        assert (found.lower, found.upper) == approx((golden["lo"][column], golden["hi"][column]))
        assert found.p == approx(golden["p"][column])


def test_adjusted_for_primary_site() -> None:
    golden = GOLDEN["or35_hypothesis"]
    found = logistic_effect(SITES, BY_SITE, OF_SITE, [1])
    assert found.estimate is not None and found.lower is not None and found.upper is not None
    assert math.exp(found.estimate) == approx(golden["glm_adjusted_OR"])
    assert [math.exp(found.lower), math.exp(found.upper)] == approx(golden["wald_ci"])
    assert found.p == approx(golden["wald_p"])
    assert found.separated == (2, 3)
    assert f"{logistic_p_batch(SITES, BY_SITE, OF_SITE, [1])[0]:.3f}" == "0.150"
    common = mantel_haenszel([10, 0], [20, 14], [2, 0], [9, 16])
    assert common.estimate == approx(golden["mh_or"])
    assert [common.lower, common.upper] == approx(golden["mh_ci"])
    assert mantel_haenszel_p_batch([10, 0], [20, 14], [2, 0], [9, 16])[0] == approx(golden["mh_p"])
    assert f"{exact_stratified_p([10, 0], [20, 14], [2, 0], [9, 16]):.3f}" == "0.234"


def test_the_published_odds_ratio_is_a_wald_estimate() -> None:
    """0.58 and 21.16 about 3.5 give the standard error and the P that were printed."""
    found = logistic_effect(SITES, BY_SITE, OF_SITE, [1])
    assert found.standard_error == approx(GOLDEN["published_check"]["OR3.5"]["se"], COARSE)
    assert found.p == approx(GOLDEN["published_check"]["OR3.5"]["p"], 2e-3)
