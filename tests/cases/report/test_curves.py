"""What stands below a Kaplan–Meier figure."""

from __future__ import annotations

import re
from typing import Any

from equipoise.analysis.run import run
from equipoise.analysis.subjects import analysed_subjects, end_point_tables
from equipoise.report.curves import comparisons, survival_figures
from equipoise.report.findings import result_views
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import TWO_BY_TWO, analysis, label, study


def timed(**changes: Any) -> dict[str, Any]:
    groups = tuple({"label": f"Arm {arm}", "arms": (arm,)} for arm in "AB")
    return analysis(
        **{"role": "secondary", "estimand": "progression_free", "groups": groups} | changes
    )


CURVES = timed(
    id="curves", method="kaplan_meier", side="none", estimate="median",
    interval="brookmeyer_crowley",
)  # fmt: skip
LOG_RANK: dict[str, Any] = {"method": "log_rank", "estimate": "none", "interval": "none"}
COX: dict[str, Any] = {
    "method": "cox", "test": "wald", "estimate": "hazard_ratio", "interval": "wald",
}  # fmt: skip


def below(*planned: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    """The analyses of each line: the model, the log-rank test."""
    whole = study(TWO_BY_TWO, (CURVES, *planned))
    people = [
        Subject(f"{arm}{place}", arm=arm, progression=20 + 7 * place if place % 3 else None)
        for arm in "AB"
        for place in range(6)
    ]
    found = run(trial(*people), whole)
    views = result_views(whole, found, [""] * len(found))
    return [
        (
            each.model.analysis.id if each.model else None,
            each.log_rank.analysis.id if each.log_rank else None,
        )
        for each in comparisons(whole.analysis, whole.analysis.analyses[0], views)
    ]


def test_a_log_rank_test_and_a_crude_model_of_the_same_groups_share_a_line() -> None:
    tested, model = timed(id="tested", **LOG_RANK), timed(id="model", **COX)
    assert below(tested, model) == [("model", "tested")]
    assert below(model, tested) == [("model", "tested")]
    assert below(tested) == [(None, "tested")]


def test_an_adjusted_model_has_a_line_of_its_own() -> None:
    adjusted = timed(id="adjusted", adjust=("primary_site",), **COX)
    assert below(timed(id="tested", **LOG_RANK), adjusted) == [(None, "tested"), ("adjusted", None)]


def test_other_groups_have_a_line_of_their_own() -> None:
    low = tuple({"label": a, "arms": (a,), "statuses": ("LOW",)} for a in "AB")
    other = timed(id="low", groups=low, **COX)
    assert below(timed(id="tested", **LOG_RANK), other) == [(None, "tested"), ("low", None)]


def test_another_end_point_or_population_is_not_compared_here() -> None:
    survival = timed(id="survival", estimand="survival", label=label("Survival"), **LOG_RANK)
    assert below(survival) == []


def test_numbers_at_risk_lead_to_the_events_of_their_group() -> None:
    whole = study(TWO_BY_TWO, (CURVES,))
    people = [
        Subject(f"{arm}{place}", arm=arm, progression=20 + 30 * place)
        for arm in "AB"
        for place in range(4)
    ]
    tables = trial(*people)
    subjects = analysed_subjects(tables, whole, end_point_tables(tables, whole))
    views = result_views(whole, run(tables, whole), ["sources-1", "sources-2"])
    (view,) = survival_figures(whole, subjects, views)
    led = re.findall(r'href="#(sources-\d)".*?>(\d+)</text>', view.figure, flags=re.DOTALL)
    assert led[0] == ("sources-1", "4") and ("sources-2", "4") in led
    assert {number for _, number in led} == {"4", "3", "2", "1"} and "list:" not in view.figure
