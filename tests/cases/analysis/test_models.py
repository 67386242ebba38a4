"""Regressions, interactions and stratified tests of a plan: many trials as one, and edge tables."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from equipoise.analysis.result import Result, results_json
from equipoise.analysis.run import operating_counts, run
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, analysis, study

CROSSED = tuple(
    {"label": f"{status}, arm {arm}", "arms": (arm,), "statuses": (status,)}
    for arm in "AB"
    for status in ("LOW", "HIGH")
)
ARMS = ({"label": "A", "arms": ("A",)}, {"label": "B", "arms": ("B",)})
INTERACTION = {"arms": ("A", "B"), "statuses": ("LOW", "HIGH")}
MODEL: dict[str, Any] = {"method": "logistic", "test": "wald", "interval": "wald"}


def plan() -> tuple[dict[str, Any], ...]:
    """An analysis of every method and test."""
    crossed = {"groups": CROSSED, "interaction": INTERACTION, "interval": "none"}
    response = {"estimate": "none", "interval": "none"}
    times = {"estimand": "progression_free", "groups": ARMS, "interval": "none"}
    found = [analysis()]
    for test in ("wald", "likelihood_ratio", "score"):
        found += [
            analysis(method="logistic", test=test, adjust=("primary_site", "sex"), **response),
            analysis(method="logistic", test=test, estimate="ratio_of_odds_ratios", **crossed),
            analysis(
                method="cox", test=test, estimate="hazard_ratio", adjust=("sex",),
                stratify=("marker_status",), **times,
            ),
            analysis(
                method="cox", test=test, estimate="ratio_of_hazard_ratios",
                **(times | crossed),
            ),
        ]  # fmt: skip
    for test in ("wald", "likelihood_ratio"):
        found.append(analysis(method="firth", test=test, **response))
    for method in ("cmh", "cmh_exact", "breslow_day"):
        strata = {"groups": ARMS, "stratify": ("marker_status", "sex")}
        found.append(analysis(method=method, **strata, **response))
    return tuple(
        each | {"id": f"a{place}", "role": "secondary" if place else "primary"}
        for place, each in enumerate(found)
    )


def people(seed: int, most: int = 60) -> list[Subject]:
    draw = random.Random(seed)
    return [
        Subject(
            f"S{place:02}",
            replicate=draw.randrange(3),
            arm=draw.choice("AB"),
            status=draw.choice(["LOW", "HIGH"]),
            response=draw.choice(["PR", "SD", "SD", "NE"]),
            progression=draw.choice([None, 20, 40, 60, 61]),
            assessed=90,
            items={
                "sex": draw.choice(["F", "M", None]),
                "primary_site": draw.choice(["PANCREAS", "THORAX", None]),
            },
        )
        for place in range(draw.randrange(most))
    ]


@pytest.mark.parametrize("seed", range(12))
def test_a_batch_has_the_counts_and_the_p_of_each_of_its_trials(seed: int) -> None:
    tables, whole = trial(*people(seed)), study(TWO_BY_TWO, plan())
    batch = operating_counts(tables, whole, [0, 1, 2, 7])
    for place, replicate in enumerate([0, 1, 2, 7]):
        single = {row.analysis: row for row in run(tables, whole, replicate=replicate)}
        for counts in batch:
            row = single[counts.analysis.id]
            assert counts.numerators[place].tolist() == list(row.numerators)
            assert counts.denominators[place].tolist() == list(row.denominators)
            assert (row.p is None) == np.isnan(counts.p[place]), row
            assert row.p is None or row.p == pytest.approx(counts.p[place], rel=1e-8)
        json.loads(results_json(single.values()))


def results(*subjects: Subject, design: Any = TWO_BY_TWO, **changes: Any) -> list[Result]:
    return run(trial(*subjects), study(design, (analysis(**changes),)))


def some(name: str, responses: str, **each: Any) -> list[Subject]:
    """One subject per letter: R responded, S did not."""
    return [
        Subject(f"{name}{place}", response="PR" if letter == "R" else "SD", **each)
        for place, letter in enumerate(responses)
    ]


def test_who_has_no_answer_to_a_covariate_is_in_no_group() -> None:
    subjects = [
        *some("a", "RRS"),
        *some("h", "RSS", status="HIGH"),
        *some("n", "RS", items={"primary_site": None}),
    ]
    [row] = results(*subjects, estimate="odds_ratio", adjust=("primary_site",), **MODEL)
    assert row.denominators == (3, 3)
    assert "subjects without primary site left out" in row.method
    [crude] = results(*subjects, estimate="odds_ratio", **MODEL)
    assert crude.denominators == (5, 3)


def test_separation_is_said_and_the_tested_ratio_has_no_number() -> None:
    [row] = results(
        *some("a", "RRR"), *some("h", "RSS", status="HIGH"), estimate="odds_ratio", **MODEL
    )
    assert (row.estimate, row.lower, row.upper, row.p) == (None, None, None, None)
    assert "quasi-separation: everybody responded in Low, arm A" in row.label
    assert "the odds ratio has no finite estimate" in row.label


def test_with_separation_the_likelihood_gives_p_and_one_limit() -> None:
    change = MODEL | {"test": "likelihood_ratio", "interval": "profile"}
    [row] = results(
        *some("a", "RRR"), *some("h", "RSS", status="HIGH"), estimate="odds_ratio", **change
    )
    assert row.p is not None and 0 < row.p < 1
    assert row.estimate is None and row.upper is None and row.lower is not None
    penalised = change | {"method": "firth"}
    [row] = results(
        *some("a", "RRR"), *some("h", "RSS", status="HIGH"), estimate="odds_ratio", **penalised
    )
    assert row.estimate is not None and row.upper is not None and "separation" not in row.label


def test_a_hazard_ratio_without_events_in_a_group_says_so() -> None:
    subjects = [
        *(Subject(f"a{n}", progression=20 + n) for n in range(4)),
        *(Subject(f"b{n}", arm="B") for n in range(4)),
    ]
    [row] = results(
        *subjects, estimand="progression_free", groups=ARMS, method="cox", test="wald",
        estimate="hazard_ratio", interval="wald",
    )  # fmt: skip
    assert row.estimate is None and row.p is None
    assert "monotone likelihood: no finite coefficient of A" in row.label


def test_an_interaction_of_three_by_three_is_one_test() -> None:
    groups = tuple(
        {"label": f"{status} {arm}", "arms": (arm,), "statuses": (status,)}
        for arm in "ABC"
        for status in ("LOW", "MIDDLE", "HIGH")
    )
    crossed = {"arms": ("A", "B", "C"), "statuses": ("LOW", "MIDDLE", "HIGH")}
    draw = random.Random(4)
    subjects = [
        Subject(f"{g['label']}{n}", arm=g["arms"][0], status=g["statuses"][0],
                response=draw.choice(["PR", "SD"]))
        for g in groups for n in range(8)
    ]  # fmt: skip
    change = {"method": "logistic", "test": "likelihood_ratio", "interval": "none"}
    [row] = results(
        *subjects, design=THREE_BY_THREE, groups=groups, interaction=crossed, estimate="none",
        **change,
    )  # fmt: skip
    assert row.p is not None and row.estimate is None and len(row.groups) == 9
    assert "of the interaction of arm and marker status" in row.method


def test_flags_are_said_in_the_label() -> None:
    [row] = results(
        *some("a", "RS"), *some("h", "RS", status="HIGH"), post_hoc=True, reconstruction=True
    )
    assert "; post hoc: chosen after the results were known; our reconstruction, " in row.label
