"""What the report says in words of a result."""

from __future__ import annotations

from typing import Any

from equipoise.analysis.run import run
from equipoise.report.claims import caution
from equipoise.report.findings import primary_view, result_views
from equipoise.study.analysis_plan import Analysis, ClosedTesting, SampleSize
from equipoise.study.definition import Study
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import TWO_BY_TWO, analysis, label, study


def planned(**changes: Any) -> Study:
    return study(TWO_BY_TWO, (analysis(**changes),))


def people(low: list[str], high: list[str]) -> list[Subject]:
    return [
        Subject(f"{status}{place}", status=status, response=response)
        for status, responses in (("LOW", low), ("HIGH", high))
        for place, response in enumerate(responses)
    ]


def sentences(whole: Study, *subjects: Subject) -> str:
    results = run(trial(*subjects), whole)
    views = result_views(whole, results, ["sources-1"] * len(results))
    return " ".join(primary_view(whole, whole.analysis.analyses[0], views).sentences)


def test_the_primary_result_in_words() -> None:
    said = sentences(planned(), *people(["PR"] * 2 + ["SD"] * 2, ["SD"] * 4))
    assert said.startswith(
        "Response at 3 months: 2 of 4 subjects (50.0%) in the group Low, arm A and 0 of 4 "
        "subjects (0.0%) in the group High, arm A. Risk difference 50.0 percentage points "
        "(95% confidence interval "
    )
    assert said.endswith("P = 0.429.")


def test_a_result_that_cannot_be_given_says_why() -> None:
    assert "Not estimable: no subject counted in High, arm A." in sentences(
        planned(), *people(["PR"], [])
    )


def test_the_verdict_is_at_the_planned_level_and_side() -> None:
    size = SampleSize.model_validate(
        {
            "method": "two_proportions_pooled_normal", "analysis": "primary", "alpha": "0.05",
            "sided": 2, "power": "0.8", "rates": {"LOW": "0.5", "HIGH": "0.15"}, "loss": "0.1",
            "planned": 104,
        }
    )  # fmt: skip
    whole = planned()
    sized = whole.analysis.model_copy(update={"sample_size": size})
    whole = whole.model_copy(update={"analysis": sized})
    strong = people(["PR"] * 9, ["SD"] * 9)
    assert sentences(whole, *strong).endswith(
        "At the planned two-sided level of 0.05 the null hypothesis is rejected."
    )
    assert "is not rejected" in sentences(whole, *people(["PR"], ["SD"]))


def test_after_interim_looks_the_last_limit_stands_in_the_place_of_the_level() -> None:
    """O'Brien and Fleming's last of two at a two-sided 5 %: 1.977 (Jennison and Turnbull, 2.3)."""
    looks = {
        "counted": "evaluable", "at": (10, 20), "side": "two_sided", "alpha": "0.05",
        "efficacy": {"family": "obrien_fleming"}, "exact": "nominal_p",
    }  # fmt: skip
    whole = planned(interims=looks)
    assert sentences(whole, *people(["PR"] * 9, ["SD"] * 9)).endswith(
        "The trial has interim looks: at the last, Z 1.977 rejects, a two-sided P of 0.0480."
    )


def test_the_closed_test_says_what_is_rejected_together() -> None:
    """9 of 9 v 0 of 9 at 0.8 of alpha; then, and only then, the other analysis has 0.2 and 0.8."""
    other = analysis(id="other", label=label("The other"), estimate="none", interval="none")
    whole = study(TWO_BY_TWO, (analysis(), other))
    closed = ClosedTesting.model_validate(
        {
            "alpha": "0.05", "weights": {"primary": "0.8", "other": "0.2"},
            "transitions": {"primary": {"other": "1"}},
        }
    )  # fmt: skip
    together = whole.analysis.model_copy(update={"closed_testing": closed})
    whole = whole.model_copy(update={"analysis": together})
    assert sentences(whole, *people(["PR"] * 9, ["SD"] * 9)).endswith(
        "Closed test at 0.05, null hypotheses: Response at 3 months under arm A, low v high is "
        "rejected (adjusted P <0.001); The other is rejected (adjusted P <0.001)."
    )
    weak = sentences(whole, *people(["PR"] * 4 + ["SD"], ["SD"] * 5))
    assert "low v high is not rejected (adjusted P = 0.060)" in weak  # 0.0476 / 0.8
    assert "The other is not rejected (adjusted P = 0.060)" in weak
    assert "Closed test" not in sentences(planned(), *people(["PR"], ["SD"]))


def of(**changes: Any) -> Analysis:
    return Analysis.model_validate(analysis(**changes))


def test_association_is_told_apart_from_prediction() -> None:
    assert "association" in caution(of()) and "interaction" in caution(of())
    arms = (
        {"label": "A", "arms": ("A",), "statuses": ("LOW",)},
        {"label": "B", "arms": ("B",), "statuses": ("LOW",)},
    )
    assert (
        caution(of(groups=arms)) == "The groups are randomised arms within the same marker status."
    )
    mixed = ({"label": "A", "arms": ("A",), "statuses": ("LOW",)}, {"label": "B", "arms": ("B",)})
    assert caution(of(groups=mixed)) == ""
