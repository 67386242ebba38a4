"""The results as the terminal shows them."""

from __future__ import annotations

from typing import Any

from equipoise.analysis.run import run
from equipoise.cli.summary import summary
from equipoise.report.provenance import RecordFacts
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import TWO_BY_TWO, analysis, label, study

FACTS: dict[str, Any] = {
    "trial": "t", "release": "1", "scenario": None, "seed": None, "as_of": 9, "head": "ab",
    "recorded": "2026-11-23T03:22:55Z", "events": 9,
}  # fmt: skip
PEOPLE = [
    Subject(f"{status}{arm}{place}", status=status, arm=arm, response="PR" if place % 2 else "SD")
    for status, size in (("LOW", 5), ("HIGH", 4))
    for arm in "AB"
    for place in range(size)
]


def told(*planned: dict[str, Any], mode: Any = "rehearsal", wrong: tuple[str, ...] = ()) -> str:
    whole = study(TWO_BY_TWO, (analysis(), *planned))
    facts = RecordFacts(mode=mode, **FACTS)
    return summary(whole, run(trial(*PEOPLE), whole), facts, "18 randomised", wrong)


def test_a_rehearsal_says_first_that_it_is_one() -> None:
    assert told().startswith("REHEARSAL: synthetic patients, not a trial\n")
    assert told(mode="live").startswith("HAND-MADE, version 1.0: as of event 9, no data cut\n18")


def test_a_sensitivity_analysis_is_a_line_under_its_heading() -> None:
    ours = analysis(
        id="ours", label=label("Again"), role="sensitivity", reconstruction=True, post_hoc=True
    )
    lines = told(ours).splitlines()
    place = lines.index("Sensitivity: our reconstructions of published figures")
    said = " ".join(line.strip() for line in lines[place + 2 : place + 5])
    assert lines[place + 1] == "  Again"
    assert said.startswith("Low, arm A 2/5 v High, arm A 2/4; risk difference −10.0 percentage")
    assert "P = 1.000 [post hoc: chosen after the results were known; our reconstruction" in said


def test_association_and_prediction_are_told_apart() -> None:
    groups = tuple(
        {"label": f"{status} {arm}", "arms": (arm,), "statuses": (status,)}
        for arm in "AB"
        for status in ("LOW", "HIGH")
    )
    crossed = analysis(
        id="crossed", role="sensitivity", groups=groups, method="firth", test="likelihood_ratio",
        interaction={"arms": ("A", "B"), "statuses": ("LOW", "HIGH")},
        estimate="ratio_of_odds_ratios", interval="profile",
    )  # fmt: skip
    said = told(crossed)
    assert "  Association, not prediction" in said and "    Speaks to prediction" in said
    assert "LOW A 2/5, HIGH A 2/4, LOW B 2/5, HIGH B 2/4; ratio of odds ratios" in said


def test_an_infinite_ratio_has_no_number_but_its_limit() -> None:
    whole = study(
        TWO_BY_TWO, (analysis(estimate="odds_ratio", interval="conditional_exact"),)
    )  # fmt: skip
    people = [Subject("a", response="PR"), Subject("b", status="HIGH")]
    said = summary(
        whole, run(trial(*people), whole), RecordFacts(mode="live", **FACTS), "2 randomised", ()
    )
    assert "odds ratio: no finite estimate (0.03 to ∞); P = 1.000; the odds ratio is inf" in said


def test_contradictions_stand_above_everything() -> None:
    said = told(mode="live", wrong=("it cannot be",))
    assert said.startswith("CONTRADICTION: 1 in the results; do not use them\n  it cannot be\n")
    assert "No contradiction" not in said
