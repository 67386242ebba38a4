"""Cox models, tests of proportional hazards and concordance against R's survival (SOURCES.md)."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equipoise.statistics.concordance import concordance
from equipoise.statistics.cox import Test, Ties, cox_effect, cox_fit
from equipoise.statistics.firth_cox import firth_cox_effect
from equipoise.statistics.proportional_hazards import TimeScale, proportional_hazards

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "survival.json").read_text(encoding="utf-8"))["survival"]
PRINTED = 0.005
"""R's coxph keeps the Wald statistic of the whole model with two decimals."""
Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (HERE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def approx(value: Any, tolerance: float = 1e-6) -> Any:
    return pytest.approx(value, rel=tolerance)


class Model:
    """The data of one model: products where a name of a covariate has a colon."""

    def __init__(self, rows: list[Row], names: tuple[str, ...], by: str | None) -> None:
        self.time = [float(row["time"]) for row in rows]
        self.event = [row["status"] == ("2" if "ph.ecog" in rows[0] else "1") for row in rows]
        self.covariates = np.array(
            [
                [math.prod(float(row[part]) for part in name.split(":")) for name in names]
                for row in rows
            ]
        )
        self.strata = None if by is None else [row[by] for row in rows]
        self.names = names


LUNG, SYNTH = read("lung"), read("synth")
KNOWN = [row for row in LUNG if row["ph.ecog"] not in ("", "NA")]
OF_MARKER = {part: [row for row in SYNTH if row["marker"] == part[-1]] for part in
             ("marker0", "marker1")}  # fmt: skip
AGE_SEX_ECOG = ("age", "sex", "ph.ecog")
CROSSED = ("arm", "marker", "arm:marker")
LUNG_MODELS = {
    "cox_sex_efron": Model(LUNG, ("sex",), None),
    "cox_sex_breslow": Model(LUNG, ("sex",), None),
    "cox_multi_efron": Model(KNOWN, AGE_SEX_ECOG, None),
    "cox_multi_breslow": Model(KNOWN, AGE_SEX_ECOG, None),
    "cox_strat": Model(KNOWN, ("age", "sex"), "ph.ecog"),
    "cox_inter": Model(LUNG, ("sex", "age", "sex:age"), None),
}
SYNTH_MODELS = {
    "cox_strat_marker": Model(SYNTH, ("arm",), "marker"),
    "cox_interaction": Model(SYNTH, CROSSED, None),
    "cox_interaction_strat": Model(SYNTH, ("arm", "arm:marker"), "marker"),
}
PARTS = {"all": SYNTH, **OF_MARKER}
CASES: dict[str, tuple[Model, dict[str, Any]]] = {
    **{f"lung {name}": (model, GOLDEN["lung"][name]) for name, model in LUNG_MODELS.items()},
    **{f"synth {name}": (model, GOLDEN["synth"][name]) for name, model in SYNTH_MODELS.items()},
    **{
        f"synth {part} {ties}": (Model(rows, ("arm",), None), GOLDEN["synth"][part][f"cox_{ties}"])
        for part, rows in PARTS.items()
        for ties in ("efron", "breslow")
    },
}


@pytest.mark.parametrize("case", CASES)
def test_coefficients_and_likelihood(case: str) -> None:
    model, golden = CASES[case]
    ties: Ties = golden["ties"]
    assert list(np.atleast_1d(golden["names"])) == list(model.names)
    assert (golden["n"], golden["events"]) == (len(model.time), sum(model.event))
    fit = cox_fit(model.time, model.event, model.covariates, strata=model.strata, ties=ties)
    assert fit.coefficients[0] == approx(np.atleast_1d(golden["coef"]))
    assert np.exp(fit.coefficients[0]) == approx(np.atleast_1d(golden["hr"]))
    assert np.sqrt(np.diag(fit.covariance[0])) == approx(np.atleast_1d(golden["se"]))
    assert fit.log_likelihood[0] == approx(golden["loglik"][1])


@pytest.mark.parametrize("case", CASES)
def test_tests_and_limits(case: str) -> None:
    model, golden = CASES[case]
    data = model.time, model.event, model.covariates
    of = {"strata": model.strata, "ties": golden["ties"]}
    tests: dict[str, Test] = {"lrt": "likelihood_ratio", "wald": "wald", "score": "score"}
    every = list(range(len(model.names)))
    for short, test in tests.items():
        whole = cox_effect(*data, every, test=test, **of)
        statistic, freedom, p = golden[short]
        tolerance = {"abs": PRINTED} if test == "wald" else {"rel": 1e-6}
        assert whole.statistic == pytest.approx(statistic, **tolerance)
        assert (whole.degrees_of_freedom, whole.p) == (freedom, approx(p))
    rise = cox_effect(*data, every, test="likelihood_ratio", **of).statistic
    assert rise == approx(2 * (golden["loglik"][1] - golden["loglik"][0]))
    for column in every:
        one = cox_effect(*data, [column], **of)
        assert one.lower is not None and one.upper is not None
        limits = [math.exp(one.lower), math.exp(one.upper)]
        wanted = [np.atleast_1d(golden[each])[column] for each in ("lo", "hi", "p")]
        assert [*limits, one.p] == approx(wanted)


@pytest.mark.parametrize("case", CASES)
def test_proportional_hazards(case: str) -> None:
    model, golden = CASES[case]
    zph = golden["zph"]
    assert zph["rows"] == [*model.names, "GLOBAL"]
    scales: dict[str, TimeScale] = {"table": zph["transform"], "identity": "identity"}
    for key, scale in scales.items():
        found = proportional_hazards(
            model.time, model.event, model.covariates,
            scale=scale, strata=model.strata, ties=golden["ties"],
        )  # fmt: skip
        for test, row in zip((*found.covariates, found.overall), zph[key], strict=True):
            ours = test.statistic, test.degrees_of_freedom, test.p
            assert ours == pytest.approx(tuple(row), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_concordance(case: str) -> None:
    model, golden = CASES[case]
    ties: Ties = golden["ties"]
    fit = cox_fit(model.time, model.event, model.covariates, strata=model.strata, ties=ties)
    score = model.covariates @ fit.coefficients[0]
    found = concordance(model.time, model.event, score, strata=model.strata)
    assert (found.estimate, found.standard_error) == approx(tuple(golden["concordance"]))


def test_exact_ties() -> None:
    model, golden = LUNG_MODELS["cox_sex_efron"], GOLDEN["lung"]["cox_sex_exact"]
    found = cox_effect(model.time, model.event, model.covariates, [0], ties="exact")
    assert found.estimate == approx(golden["coef"])
    assert found.standard_error == approx(golden["se"])


@pytest.mark.parametrize("part", PARTS)
def test_firth(part: str) -> None:
    """R's coxphf: limits of the profile on the scale of the ratio, P by likelihood."""
    model, golden = Model(PARTS[part], ("arm",), None), GOLDEN["synth"][part]["firth_cox"]
    found = firth_cox_effect(model.time, model.event, model.covariates, 0)
    assert found.lower is not None and found.upper is not None
    assert found.estimate == approx(golden["coef"])
    assert found.standard_error == approx(golden["se"])
    limits = [math.exp(found.lower), math.exp(found.upper)]
    assert [*limits, found.p] == approx([golden["lo"], golden["hi"], golden["p"]])


def test_interaction_by_likelihood() -> None:
    model, golden = SYNTH_MODELS["cox_interaction"], GOLDEN["synth"]["interaction_lrt"]
    data = model.time, model.event, model.covariates
    found = cox_effect(*data, [2], test="likelihood_ratio")
    assert (found.statistic, found.p) == approx((golden["chi2"], golden["p"]))
