"""The closed test in the rows of results: adjusted P values and decisions, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from equipoise.analysis.result import Result
from equipoise.analysis.run import run
from equipoise.study.analysis_plan import ClosedTesting
from equipoise.study.definition import Study
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import TWO_BY_TWO, analysis, study

ARMS = ({"label": "Arm A", "arms": ("A",)}, {"label": "Arm B", "arms": ("B",)})


def planned(closed: dict[str, Any] | None) -> Study:
    """Two tests, and proportions that test nothing: status in arm A, and arms."""
    found = study(
        TWO_BY_TWO,
        (
            analysis(id="first"),
            analysis(id="second", groups=ARMS),
            analysis(
                id="proportions", method="proportion", estimate="proportion",
                interval="clopper_pearson",
            ),
        ),
    )  # fmt: skip
    if closed is None:
        return found
    told = found.analysis.model_copy(
        update={"closed_testing": ClosedTesting.model_validate(closed)}
    )
    return found.model_copy(update={"analysis": told})


def people(prefix: str, responders: int, others: int, **each: Any) -> list[Subject]:
    return [
        Subject(f"{prefix}{place}", response=kind, best=kind, **each)
        for place, kind in enumerate(["PR"] * responders + ["SD"] * others)
    ]


SUBJECTS = [
    *people("l", 12, 3), *people("h", 2, 10, status="HIGH"), *people("b", 3, 12, arm="B"),
]  # fmt: skip


def by_name(rows: list[Result]) -> dict[str, Result]:
    return {row.analysis: row for row in rows if row.side != "none"}


def test_holm() -> None:
    """The smaller P is doubled, the larger one is itself, or what the smaller became."""
    holm = {
        "alpha": "0.05",
        "weights": {"first": "0.5", "second": "0.5"},
        "transitions": {"first": {"second": "1"}, "second": {"first": "1"}},
    }
    rows = run(trial(*SUBJECTS), planned(holm))
    found = by_name(rows)
    first, second = found["first"], found["second"]
    assert first.p is not None and second.p is not None and first.p < second.p
    assert first.adjusted_p == pytest.approx(2 * first.p, abs=1e-9)
    assert second.adjusted_p == pytest.approx(max(2 * first.p, second.p), abs=1e-9)
    assert (first.rejected, second.rejected) == (True, second.adjusted_p <= 0.05)
    assert all(row.adjusted_p is None and row.rejected is None for row in rows
               if row.analysis == "proportions")  # fmt: skip


def test_in_a_fixed_sequence_the_second_waits_for_the_first() -> None:
    """`second` is given nothing until `first` is rejected, which it is not here."""
    order = {"alpha": "0.05", "weights": {"first": "1", "second": "0"},
             "transitions": {"first": {"second": "1"}}}  # fmt: skip
    subjects = [*people("l", 5, 5), *people("h", 4, 5, status="HIGH"), *people("b", 0, 20, arm="B")]
    found = by_name(run(trial(*subjects), planned(order)))
    first, second = found["first"], found["second"]
    assert first.p is not None and second.p is not None and second.p < 0.05 < first.p
    assert (first.adjusted_p, second.adjusted_p) == (first.p, first.p)
    assert (first.rejected, second.rejected) == (False, False)


def test_without_an_answer_a_hypothesis_is_not_rejected() -> None:
    """Nobody has the status HIGH: no P, which counts as 1."""
    holm = {"alpha": "0.05", "weights": {"first": "0.5", "second": "0.5"}, "transitions": {}}
    subjects = [*people("l", 10, 0), *people("b", 0, 10, arm="B")]
    found = by_name(run(trial(*subjects), planned(holm)))
    assert (found["first"].p, found["first"].adjusted_p) == (None, 1.0)
    assert found["first"].rejected is False and found["second"].rejected is True


def test_a_plan_without_a_closed_test_has_neither() -> None:
    for row in run(trial(*SUBJECTS), planned(None)):
        assert (row.adjusted_p, row.rejected) == (None, None)
