"""Rows of results: what a statistician gets from ordinary tables and from edge tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from equipoise.analysis.result import Result, results_json
from equipoise.analysis.run import run
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, analysis, study

KEYS = [
    "analysis", "estimand", "population", "groups", "method", "side", "numerators",
    "denominators", "estimate", "lower", "upper", "p", "sources", "label",
]  # fmt: skip
BY_ARM = (
    {"label": "Arm A", "arms": ("A",)},
    {"label": "Arm B", "arms": ("B",)},
)
TIMES: dict[str, Any] = {"estimand": "progression_free", "groups": BY_ARM, "interval": "none"}


def people(prefix: str, responses: Sequence[str], **each: Any) -> list[Subject]:
    return [
        Subject(f"{prefix}{place}", response=response, best=response, **each)
        for place, response in enumerate(responses)
    ]


def results(*subjects: Subject, design: Any = TWO_BY_TWO, **changes: Any) -> list[Result]:
    return run(trial(*subjects), study(design, (analysis(**changes),)))


def test_the_keys_of_results_json_are_these_and_no_others() -> None:
    found = json.loads(results_json(results(*people("a", ["PR", "SD"]))))
    assert [list(row) for row in found] == [KEYS]
    assert found[0]["sources"] == sorted(set(found[0]["sources"]))


@pytest.mark.requirement("ES1")
def test_every_row_names_its_estimand_population_method_and_side() -> None:
    for row in run(trial(*people("a", ["PR", "SD"])), study(THREE_BY_THREE)):
        assert row.estimand and row.population and row.method
        assert row.side in ("two_sided", "greater", "less", "none")


def test_the_denominator_is_the_evaluable_or_all_as_the_analysis_says() -> None:
    subjects = [*people("a", ["PR", "SD", "NE"]), *people("h", ["SD", "NE"], status="HIGH")]
    assert results(*subjects)[0].denominators == (2, 1)
    everybody = results(*subjects, denominator="all")[0]
    assert (everybody.numerators, everybody.denominators) == ((1, 0), (3, 2))
    assert "counted as not responding" in everybody.method


def test_groups_are_counted_by_the_status_that_the_estimand_names() -> None:
    moved = people("a", ["PR", "PR", "SD"], redetermined="HIGH")
    low = {"label": "Low", "arms": ("A",), "statuses": ("LOW",)}
    high = {"label": "High", "arms": ("A",), "statuses": ("HIGH",)}
    as_randomised = results(*moved, estimand="response", groups=(low, high))[0]
    redetermined = results(*moved, estimand="best", groups=(low, high))[0]
    assert as_randomised.denominators == (3, 0)
    assert redetermined.denominators == (0, 3)


@pytest.mark.parametrize(
    ("first", "second", "estimate", "why"),
    [
        ([], [], "risk_difference", "no subject counted in Low, arm A and High, arm A"),
        (["SD"], [], "risk_difference", "no subject counted in High, arm A"),
        (["NE"], ["SD"], "odds_ratio", "no subject counted in Low, arm A"),
        (["SD"], ["SD"], "odds_ratio", "both groups have the same extreme proportion"),
        (["PR"], ["PR"], "odds_ratio", "both groups have the same extreme proportion"),
        (["PR"], ["SD"], "odds_ratio", "the odds ratio is infinite"),
    ],
)
def test_an_edge_table_says_why_there_is_no_number(
    first: list[str], second: list[str], estimate: str, why: str
) -> None:
    interval = "conditional_exact" if estimate == "odds_ratio" else "newcombe"
    subjects = [*people("a", first), *people("h", second, status="HIGH")]
    row = results(*subjects, estimate=estimate, interval=interval)[0]
    assert row.estimate is None
    assert why in row.label
    assert (row.p is None) == (0 in row.denominators)
    json.loads(results_json([row]))


def test_no_responder_in_both_groups_is_a_difference_of_zero() -> None:
    row = results(*people("a", ["SD"] * 5), *people("h", ["SD"] * 5, status="HIGH"))[0]
    assert (row.estimate, row.p) == (0.0, 1.0)
    assert row.lower is not None and row.lower < 0 < (row.upper or 0)


def test_a_proportion_gives_a_row_for_each_group() -> None:
    rows = results(
        *people("a", ["PR", "SD"]), *people("b", [], arm="B"),
        groups=BY_ARM, method="proportion", side="none", estimate="proportion", interval="wilson",
    )  # fmt: skip
    assert [(row.groups, row.estimate) for row in rows] == [(("Arm A",), 0.5), (("Arm B",), None)]
    assert "no subject counted" in rows[1].label
    assert rows[0].p is None and rows[0].side == "none"


def test_medians_say_when_they_are_not_reached() -> None:
    subjects = [
        *(Subject(f"a{n}", progression=30 * n, assessed=30 * n) for n in range(1, 6)),
        *(Subject(f"b{n}", arm="B", assessed=100) for n in range(3)),
    ]
    method: dict[str, Any] = {"method": "kaplan_meier", "side": "none", "estimate": "median"}
    reached, open_end = results(*subjects, **(TIMES | method | {"interval": "brookmeyer_crowley"}))
    assert reached.estimate == pytest.approx(91 / 30.4375, rel=1e-11)
    assert reached.numerators == (5,) and reached.denominators == (5,)
    assert open_end.estimate is None and open_end.label.endswith("(median not reached: no event)")


@pytest.mark.parametrize(
    ("subjects", "why"),
    [
        ([Subject("a", progression=9)], "no subject counted in Arm B"),
        ([Subject("a"), Subject("b", arm="B")], "no event in any group"),
    ],
)
def test_a_log_rank_test_without_data_says_so(subjects: list[Subject], why: str) -> None:
    change: dict[str, Any] = {"method": "log_rank", "estimate": "none"}
    row = results(*subjects, **(TIMES | change))[0]
    assert row.p is None and why in row.label


@pytest.mark.parametrize("design", [TWO_BY_TWO, THREE_BY_THREE])
def test_a_trial_without_subjects_gives_a_row_for_every_question(design: Any) -> None:
    whole = study(design)
    rows = run(trial(), whole)
    assert {row.analysis for row in rows} == {each.id for each in whole.analysis.analyses}
    assert all(row.estimate is None and row.p is None and row.sources == () for row in rows)


def test_sources_leave_out_who_is_in_no_group() -> None:
    tables = trial(*people("a", ["PR"]), *people("b", ["PR"], arm="B"))
    row = run(tables, study(TWO_BY_TWO, (analysis(),)))[0]
    of_b = {
        seq
        for table in tables.values()
        if "seq" in table.columns
        for seq in table.filter(subject="b0")["seq"]
    }
    assert row.sources and not of_b & set(row.sources)


def test_numbers_have_twelve_digits() -> None:
    row = results(*people("a", ["PR", "SD", "SD"]), *people("h", ["SD"] * 7, status="HIGH"))[0]
    assert row.estimate == 0.333333333333
