"""Our own results judged as anybody's: the method is read from its words, a wrong figure found."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any, get_args

import pytest

from equipoise.analysis.estimates import ESTIMATES, INTERVALS, TESTS, method_in_words
from equipoise.analysis.result import Result
from equipoise.analysis.result_claim import claim_of, contradictions
from equipoise.analysis.run import run
from equipoise.report.findings import result_views
from equipoise.statistics.claim import MEASURES, METHODS
from equipoise.statistics.claim import TESTS as KNOWN_TESTS
from equipoise.statistics.consistency import judged
from equipoise.statistics.printed import printed
from equipoise.study.analysis_plan import Analysis
from tests.cases.analysis.test_run import people
from tests.harness.hand_made import trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, analysis, study


def values(field: str) -> list[str]:
    return [each for each in get_args(Analysis.model_fields[field].annotation) if each != "none"]


def result(**changes: Any) -> Result:
    subjects = [
        *people("a", ["PR"] * 6 + ["SD"] * 7),
        *people("h", ["PR"] + ["SD"] * 9, status="HIGH"),
    ]
    (found,) = run(trial(*subjects), study(TWO_BY_TWO, (analysis(**changes),)))
    return found


@pytest.mark.parametrize("interval", values("interval"))
@pytest.mark.parametrize("level", ["0.95", "0.9", "0.975"])
def test_the_words_of_a_method_name_its_interval_and_level(interval: str, level: str) -> None:
    for measure in ESTIMATES:
        plan = Analysis.model_construct(
            method="fisher", side="less", interval=interval, level=Decimal(level)
        )
        words = method_in_words(plan, "evaluable", measure)
        claim = claim_of(dataclasses.replace(result(), method=words, side="less"))
        assert (claim.measure, claim.method, claim.level) == (measure, interval, Decimal(level))
        assert claim.side == "less"


def test_every_word_of_the_plan_is_known_to_the_check() -> None:
    """A method that is not would be judged only by what holds of any."""
    assert set(ESTIMATES) <= set(MEASURES)
    assert set(values("interval")) <= set(INTERVALS)
    assert set(INTERVALS) <= set(METHODS)
    assert set(TESTS) <= set(KNOWN_TESTS)


def test_a_method_in_other_words_is_asked_only_what_holds_of_any() -> None:
    claim = claim_of(
        dataclasses.replace(result(), method="By hand; odds ratio with 95% rule of thumb")
    )
    assert (claim.measure, claim.method, claim.test) == ("odds_ratio", "other", "other")


def test_counts_beside_an_adjusted_or_stratified_estimate_do_not_give_it() -> None:
    words = "Wald test, two-sided; {}; odds ratio with 95% normal interval (Wald)"
    for how in ("logistic regression, adjusted for primary site", "stratified by primary site"):
        claim = claim_of(dataclasses.replace(result(), method=words.format(how)))
        assert (claim.shares, claim.measure, claim.method) == ((), "odds_ratio", "wald")
        assert claim.level == Decimal("0.95")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"estimate": "odds_ratio", "interval": "woolf"},
        {"estimate": "odds_ratio", "interval": "conditional_exact", "level": Decimal("0.9")},
        {"estimate": "risk_difference", "interval": "newcombe", "side": "greater"},
        {"estimate": "risk_difference", "interval": "miettinen_nurminen", "denominator": "all"},
    ],
)  # fmt: skip
def test_a_result_is_that_of_its_method_and_no_figure_of_it_may_differ(
    changes: dict[str, Any],
) -> None:
    found = result(**changes)
    assert contradictions([found]) == ()
    for name in ("estimate", "lower", "upper", "p"):
        value = getattr(found, name)
        if value is not None:
            wrong = dataclasses.replace(found, **{name: value * 1.0001})
            (said,) = contradictions([wrong])
            assert said.startswith(f"{found.analysis} (") and "do not give these figures" in said
    more = dataclasses.replace(found, numerators=(found.numerators[0] + 1, found.numerators[1]))
    assert contradictions([more])


def test_no_result_of_a_whole_plan_contradicts_itself() -> None:
    subjects = [*people("a", ["PR", "SD", "PD"]), *people("h", ["PR", "SD", "NE"], status="HIGH")]
    assert contradictions(run(trial(*subjects), study(THREE_BY_THREE))) == ()


def test_what_the_report_prints_of_every_result_agrees_within_its_rounding() -> None:
    """The figures as the page has them, judged as if somebody else had printed them."""
    subjects = [
        *people("a", ["PR"] * 5 + ["SD"] * 4 + ["NE"], progression=80),
        *people("h", ["PR", "SD", "NE", "PD"] * 3, status="HIGH"),
        *people("b", ["SD"] * 9 + ["PR"], arm="B", progression=60),
    ]
    design = study(THREE_BY_THREE)
    found = run(trial(*subjects), design)
    seen = 0
    for view in result_views(design, found, [""] * len(found)):
        low, _, high = view.interval.partition(" to ")
        texts = {"estimate": view.estimate, "lower": low, "upper": high, "p": view.p.text}
        figures = {name: printed(text) for name, text in texts.items() if text not in ("", "–")}
        claim = dataclasses.replace(
            claim_of(view.result),
            **{name: figures.get(name) for name in ("estimate", "lower", "upper", "p")},
        )
        assert not judged(claim).findings, (claim.in_words(), judged(claim).findings)
        seen += len(figures)
    assert seen > 20
