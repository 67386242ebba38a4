"""Association and prediction told apart; the forest of effects; sensitivity analyses by kind."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import pytest

from equipoise.analysis.run import run
from equipoise.report.claims import ASSOCIATION, POOLED, PREDICTION, claim
from equipoise.report.findings import ResultView, primary_view, result_views
from equipoise.report.forest import Forest, axis, forest_figure, forests
from equipoise.report.prediction import questions
from equipoise.report.sections import analysis_sections
from equipoise.study.analysis_plan import Analysis
from equipoise.study.definition import Study
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, analysis, label, study


def cells(arms: str = "AB", statuses: tuple[str, ...] = ("LOW", "HIGH")) -> tuple[Any, ...]:
    return tuple(
        {"label": f"{status}, {arm}", "arms": (arm,), "statuses": (status,)}
        for arm in arms
        for status in statuses
    )


CROSSED = {
    "id": "crossed",
    "label": label("Treatment by marker"),
    "role": "exploratory",
    "groups": cells(),
    "interaction": {"arms": ("A", "B"), "statuses": ("LOW", "HIGH")},
    "method": "firth",
    "test": "likelihood_ratio",
    "estimate": "ratio_of_odds_ratios",
    "interval": "profile",
}


def arms(status: str, **changes: Any) -> dict[str, Any]:
    groups = tuple(
        {"label": f"{status}, {arm}", "arms": (arm,), "statuses": (status,)} for arm in "AB"
    )
    return analysis(
        **{
            "id": f"arms-{status}", "role": "secondary", "groups": groups,
            "estimate": "odds_ratio", "interval": "conditional_exact",
        }
        | changes
    )  # fmt: skip


ANSWERS = {
    ("LOW", "A"): "RRRRSS",
    ("LOW", "B"): "RSSSSS",
    ("HIGH", "A"): "RSS",
    ("HIGH", "B"): "RRS",
}


def shown(
    *planned: dict[str, Any], design: Any = TWO_BY_TWO, answers: dict[Any, str] = ANSWERS
) -> tuple[Study, list[ResultView]]:
    whole = study(design, planned)
    people = [
        Subject(
            f"{status}{arm}{place}", status=status, arm=arm, redetermined="LOW",
            response="PR" if letter == "R" else "SD",
        )
        for (status, arm), letters in answers.items()
        for place, letter in enumerate(letters)
    ]  # fmt: skip
    found = run(trial(*people), whole)
    return whole, result_views(whole, found, [f"sources-{n}" for n in range(len(found))])


def test_what_a_comparison_can_show() -> None:
    def of(**changes: Any) -> str:
        return claim(Analysis.model_validate(analysis(**changes)))

    by_arm = tuple({"label": arm, "arms": (arm,)} for arm in "AB")
    assert of() == ASSOCIATION
    assert of(**CROSSED) == PREDICTION
    assert claim(Analysis.model_validate(arms("LOW"))) == ""
    assert of(groups=by_arm) == POOLED
    same = {"method": "breslow_day", "estimate": "none", "interval": "none"}
    assert of(groups=by_arm, stratify=("marker_status",), **same) == PREDICTION
    assert of(groups=by_arm, stratify=("primary_site",), **same) == POOLED
    rates = {"method": "proportion", "side": "none", "estimate": "proportion"}
    assert of(interval="wilson", **rates) == ""


def test_the_cells_of_an_interaction_are_arms_by_statuses() -> None:
    whole, views = shown(analysis(), analysis(**CROSSED))
    [question] = questions(whole, views)
    assert question.title == "Response at 3 months, marker status as randomised"
    assert question.statuses == ("Low", "High")
    rows = [(arm, [(cell.count, cell.share) for cell in row]) for arm, row in question.cells]
    assert rows == [
        ("Arm A", [("4/6", "66.7%"), ("1/3", "33.3%")]),
        ("Arm B", [("1/6", "16.7%"), ("2/3", "66.7%")]),
    ]
    assert [row.result.analysis for row in question.rows] == ["crossed"]


def test_an_interaction_of_three_by_three_has_all_its_cells_and_no_ratio() -> None:
    many = ("LOW", "MIDDLE", "HIGH")
    crossed = CROSSED | {
        "groups": cells("ABC", many), "interaction": {"arms": tuple("ABC"), "statuses": many},
        "estimate": "none", "interval": "none",
    }  # fmt: skip
    answers = {(status, arm): "RS" for status in many for arm in "ABC"}
    whole, views = shown(analysis(), analysis(**crossed), design=THREE_BY_THREE, answers=answers)
    [question] = questions(whole, views)
    assert [len(row) for _, row in question.cells] == [3, 3, 3]
    assert question.rows[0].estimate == "–" and forests(whole, views) == []


def forest(*planned: dict[str, Any], **more: Any) -> Forest:
    [found] = forests(*shown(*planned, **more))
    return found


def test_the_forest_has_each_status_and_the_interaction_of_the_plan_only() -> None:
    confirmed = arms("LOW", id="ours", reconstruction=True)
    other = arms("LOW", id="all", denominator="all")
    found = forest(analysis(), arms("HIGH"), arms("LOW"), analysis(**CROSSED), confirmed, other)
    assert [row.label for row in found.rows] == [
        "Response at 3 months, marker status as randomised", "Low", "High",
        "Interaction: ratio of odds ratios",
    ]  # fmt: skip
    assert found.arms == ("A", "B")


def test_the_figure_says_counts_numbers_and_which_way_is_which() -> None:
    svg = forest_figure("forest-x", forest(analysis(), arms("LOW"), analysis(**CROSSED)))
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert {"4/6", "1/6", "Odds ratio, A v B (log scale)", "← fewer responses under A"} <= set(
        texts
    )
    description = re.findall(r"<desc[^>]*>(.*?)</desc>", svg)[0]
    assert (
        "Low: 4/6 v 1/6, " in description and "Interaction: ratio of odds ratios: " in description
    )
    assert svg.count('class="interaction" transform') == 1


def test_an_infinite_odds_ratio_is_an_arrow_without_a_square() -> None:
    empty = ANSWERS | {("LOW", "B"): "SSSSSS"}
    svg = forest_figure("forest-x", forest(analysis(), arms("LOW"), answers=empty))
    assert "no finite estimate (" in svg
    assert "M-5,-5" not in svg and "M0,-5 L9,0" in svg


def test_what_cannot_be_estimated_says_so_and_draws_nothing() -> None:
    nobody = ANSWERS | {("LOW", "B"): "SSSSSS", ("LOW", "A"): "SSSSSS"}
    svg = forest_figure("forest-x", forest(analysis(), arms("LOW"), answers=nobody))
    assert "not estimable" in svg and 'class="effect' not in svg


def test_the_axis_is_logarithmic_and_holds_every_estimate() -> None:
    along = axis(forest(analysis(), arms("LOW"), arms("HIGH")).rows)
    assert 1.0 in along.ticks and along.ticks == tuple(sorted(along.ticks))
    step = along.place(10) - along.place(1)
    assert along.place(2) - along.place(1) == pytest.approx(step * math.log10(2))
    kept = sorted(along.place(tick) for tick in along.labelled())
    assert all(b - a > 12 for a, b in pairwise(kept))


def test_sensitivity_analyses_are_grouped_the_other_status_first_and_ours_last() -> None:
    by_other = {"role": "sensitivity", "estimand": "best"}
    whole, views = shown(
        analysis(),
        analysis(id="ours", role="sensitivity", reconstruction=True, post_hoc=True),
        analysis(id="all", role="sensitivity", denominator="all"),
        analysis(id="redetermined", **by_other),
        analysis(id="wilson", role="sensitivity", interval="newcombe"),
        analysis(**CROSSED),
    )
    found = analysis_sections(whole.analysis, views)
    assert [(each.heading, [block[0].analysis.id for block in each.blocks]) for each in found] == [
        ("Primary", ["primary"]),
        ("Sensitivity: marker status as re-determined", ["redetermined"]),
        ("Sensitivity: other denominators", ["all"]),
        ("Sensitivity: other definitions and methods", ["wilson"]),
        ("Sensitivity: our reconstructions of published figures", ["ours"]),
        ("Exploratory", ["crossed"]),
    ]
    assert found[4].blocks[0][0].flags == (
        "post hoc: chosen after the results were known",
        "our reconstruction, not the method that the trial states",
    )


def test_the_same_analysis_by_the_other_status_stands_beside_the_primary_result() -> None:
    whole = study(TWO_BY_TWO, (analysis(), analysis(id="later", estimand="later")))
    first = whole.analysis.estimands[0]
    later = first.model_copy(update={"code": "later", "status_basis": "as_redetermined"})
    plan = whole.analysis.model_copy(update={"estimands": (*whole.analysis.estimands, later)})
    whole = whole.model_copy(update={"analysis": plan})
    people = [Subject("a", response="PR"), Subject("b", status="HIGH", redetermined="LOW")]
    found = run(trial(*people), whole)
    views = result_views(whole, found, [""] * len(found))
    said = primary_view(whole, plan.analyses[0], views)
    assert [row.result.analysis for row in said.counterparts] == ["later"]
    assert [row.result.analysis for row in said.rows] == ["primary"]
