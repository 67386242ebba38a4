"""Draws are chosen that meet margins, whenever there are some; what cannot be met is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.analysis.result import Result
from equipoise.errors import BadInput
from equipoise.simulation.cohort import FAILED, cohort
from equipoise.simulation.cohort_margins import not_as_published, subjects_of
from equipoise.simulation.cohort_plan import CohortPlan, Limits, ResultMargin
from equipoise.simulation.margins import Margin, alike, chosen, met
from equipoise.simulation.run import Version
from equipoise.simulation.scenario import Scenario, load_scenario, read_scenario
from equipoise.study.definition import Study
from equipoise.study.load import load_study, study_path
from tests.harness.bridge import scenario_of

Array = np.ndarray[Any, Any]
DRAWS, SUBJECTS = 12, 15


def margins_of(
    counted: np.ndarray[Any, Any], pick: np.ndarray[Any, Any], slack: int
) -> list[Margin]:
    """Margins that the draws `pick` meet, within `slack` of what they count."""
    every = np.arange(counted.shape[2])
    found = []
    for place, each in enumerate(counted):
        number = int(each[pick, every].sum())
        found.append(Margin(f"margin {place}", each, max(number - slack, 0), number + slack))
    return found


@given(seed=st.integers(0, 2**32 - 1), number=st.integers(1, 6), slack=st.integers(0, 2))
def test_margins_that_some_draws_meet_are_met(seed: int, number: int, slack: int) -> None:
    random = np.random.default_rng(seed)
    counted = random.random((number, DRAWS, SUBJECTS)) < 0.3
    allowed = random.random((DRAWS, SUBJECTS)) < 0.8
    allowed[0] = True
    some = np.argmax(random.random(allowed.shape) * allowed, axis=0)
    margins = margins_of(counted, some, slack)
    pick = chosen(margins, allowed, np.random.default_rng(1))
    every = np.arange(SUBJECTS)
    assert allowed[pick, every].all()
    for each in margins:
        assert each.low <= each.counted[pick, every].sum() <= each.high
    same = alike(margins, allowed, pick)
    assert same[pick, every].all()
    others = np.argmax(same, axis=0)
    for each in margins:
        assert each.counted[others, every].sum() == each.counted[pick, every].sum()


def test_the_same_numbers_choose_the_same_draws() -> None:
    counted = np.random.default_rng(3).random((3, DRAWS, SUBJECTS)) < 0.4
    margins = margins_of(counted, np.zeros(SUBJECTS, dtype=np.int64), 0)
    allowed = np.ones((DRAWS, SUBJECTS), dtype=np.bool_)
    first, second = (chosen(margins, allowed, np.random.default_rng(9)) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_a_margin_that_cannot_be_met_is_named_with_what_came_nearest() -> None:
    counted = np.zeros((DRAWS, SUBJECTS), dtype=np.bool_)
    counted[4, 2] = True
    allowed = np.ones_like(counted)
    margins = [Margin("sex MALE", counted, 2, 2), Margin("free", counted, 0, SUBJECTS)]
    with pytest.raises(BadInput, match="sex MALE: 1 instead of 2") as error:
        chosen(margins, allowed, np.random.default_rng(1))
    assert "free" not in str(error.value)


def test_a_subject_without_any_fitting_draw_is_named() -> None:
    allowed = np.ones((DRAWS, SUBJECTS), dtype=np.bool_)
    allowed[:, 6] = False
    free = Margin("free", allowed, 0, SUBJECTS)
    with pytest.raises(BadInput, match="subject 7"):
        chosen([free], allowed, np.random.default_rng(1))


def test_a_row_without_an_answer_meets_nothing() -> None:
    rows = pl.DataFrame({"age": [62, 63, 64, None], "sex": ["MALE", "FEMALE", "MALE", "MALE"]})

    def which(**where: Any) -> list[bool]:
        return rows.select(met(where).alias("met"))["met"].to_list()

    assert which(sex="MALE") == [True, False, True, True]
    assert which(age=Limits(at_most=63)) == [True, True, False, False]
    assert which(age=Limits(below=63)) == [True, False, False, False]
    assert which(age=Limits(at_least=63)) == [False, True, True, False]
    assert which(age=Limits(above=63), sex="MALE") == [False, False, True, False]


def small(**changed: Any) -> tuple[Study, Scenario]:
    """The second study without its factor of randomisation, and a cohort of 24 in 3 x 3."""
    study = load_study("lung-tmb")
    scheme = study.randomisation.scheme.model_copy(update={"factors": ()})
    randomisation = study.randomisation.model_copy(update={"scheme": scheme})
    study = study.model_copy(update={"randomisation": randomisation})
    plan: dict[str, Any] = {
        "as_randomised": {
            status: {"CHEMO": 2, "COMBI": 4, "ANTIBODY": 2} for status in ("LOW", "MID", "HIGH")
        },
        "screenings": 40,
        "courses": 40,
        "baseline": [
            {"where": {"marker_status": "LOW", "sex": "M"}, "count": 3},
            {"where": {"arm": "COMBI", "age_years": {"at_least": 65}}, "at_least": 5, "at_most": 6},
        ],
        "results": [
            {"analysis": "best_by_arm", "numerators": [2, 7, 2], "denominators": [6, 12, None]},
            {"analysis": "pfs_medians", "estimates": [None, "2.5", None], "within": "1.5"},
        ],
    }
    plan.update(changed)
    scenario = scenario_of("lung-tmb", "planning", 24)
    update = {"cohort": CohortPlan.model_validate(plan)}
    return study, scenario.model_copy(update=update)


def test_a_study_of_three_statuses_and_three_arms_has_cohorts_too() -> None:
    study, scenario = small()
    said: list[str] = []
    found = cohort([Version(0, study)], scenario, 5, say=said.append)
    assert f"{found.tries} dummy seeds tried" in said[0]
    assert found.replicate == found.tries - 1
    subjects = subjects_of(found.rehearsal.tables, study)
    cells = subjects.filter(pl.col("arm").is_not_null()).group_by("arm").len().sort("arm").rows()
    assert cells == [("ANTIBODY", 6), ("CHEMO", 6), ("COMBI", 12)]
    rows = found.rehearsal.tables["randomised"]
    assert rows.group_by("marker_status").len()["len"].to_list() == [8, 8, 8]
    again = cohort([Version(0, study)], scenario, 5)
    for name, table in found.rehearsal.tables.items():
        assert table.equals(again.rehearsal.tables[name]), name


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"as_randomised": {"LOW": {"CHEMO": 1}}}, "enrolment.randomise, 24"),
        ({"results": [{"analysis": "best_by_status"}]}, "an analysis of the plan"),
        ({"results": [{"analysis": "best_by_arm", "numerators": [1]}]}, "3 of them"),
        ({"results": [{"analysis": "best_by_arm", "estimates": [None]}]}, "Kaplan"),
        ({"results": [{"analysis": "pfs_medians", "where": {"nothing": "X"}}]}, "of a form"),
        ({"baseline": [{"where": {"nothing": "X"}, "count": 1}]}, "of a form"),
        ({"baseline": [{"assay": "nothing", "count": 1}]}, "an assay"),
    ],
)  # fmt: skip
def test_a_margin_that_nothing_can_show_is_refused(changed: dict[str, Any], told: str) -> None:
    study, scenario = small(**changed)
    with pytest.raises(BadInput, match=told):
        cohort([Version(0, study)], scenario, 1)


def test_what_has_no_margins_has_no_cohort() -> None:
    study, scenario = small()
    none = scenario.model_copy(update={"cohort": None})
    with pytest.raises(BadInput, match="margins to meet"):
        cohort([Version(0, study)], none, 1)
    with pytest.raises(BadInput, match="one study version"):
        cohort([Version(0, study), Version(9, study)], scenario, 1)
    with pytest.raises(BadInput, match="smoking"):
        cohort([Version(0, load_study("lung-tmb"))], scenario, 1)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"{assay: ihc, count: 82", b"{assay: ihc, number: 82", "number"),
        (b"{assay: ihc, count: 82", b"{assay: ihc, count: 82, at_most: 90", "either count"),
        (b"screenings: 100", b"screenings: 0", "screenings"),
        (b"contrary: 0.3", b"contrary: 1.3", "contrary"),
        (b"late_by: [1, 2]", b"late_by: [1]", "late_by"),
    ],
)
def test_a_mistake_in_a_cohort_is_told_with_its_line(
    old: bytes, new: bytes, told: str, tmp_path: Path
) -> None:
    text = (study_path("mgmt-net").parent / "scenarios" / "published.yaml").read_bytes()
    assert old in text
    path = tmp_path / "scenario.yaml"
    path.write_bytes(text.replace(old, new, 1))
    with pytest.raises(BadInput, match=r"scenario\.yaml line \d+") as error:
        read_scenario(path)
    assert told in str(error.value)


def test_the_margins_of_the_published_scenario_name_what_the_study_has() -> None:
    study = load_study("mgmt-net")
    plan = load_scenario(study_path("mgmt-net").parent, "published").cohort
    assert plan is not None and FAILED not in plan.as_randomised
    known = {each.id for each in study.analysis.analyses}
    assert {each.analysis for each in plan.results} <= known


def test_what_the_results_do_not_show_as_published_is_told() -> None:
    """Counts exactly, estimates and events within what is allowed; null asks for nothing."""
    blank = Result(
        analysis="os", estimand="os", population="all", groups=(), method="", side="none",
        numerators=(), denominators=(), estimate=None, lower=None, upper=None, p=None, sources=(),
        label="",
    )  # fmt: skip
    rows = [
        replace(blank, groups=(name,), numerators=(events,), denominators=(size,), estimate=median)
        for name, events, size, median in (("A", 7, 20, 12.5), ("B", 9, 22, None))
    ]
    test = replace(blank, groups=("A", "B"), numerators=(7, 9), denominators=(20, 22))
    margin = ResultMargin(
        analysis="os", numerators=(7, None), denominators=(20, 22), estimates=("12.3", None),
        within="0.2", events=17, events_within=1,
    )  # fmt: skip
    assert not_as_published(margin, [test, *rows]) == []
    other = margin.model_copy(update={"numerators": (8, 9), "denominators": (20, 21)})
    assert not_as_published(other, [test, *rows]) == [
        "numerator 1 of os: 7, not 8", "denominator 2 of os: 22, not 21",
    ]  # fmt: skip
    other = ResultMargin(analysis="os", estimates=("12.2", "9"), within="0.2", events=18)
    assert not_as_published(other, [test, *rows]) == [
        "estimate 1 of os: 12.5", "estimate 2 of os: None", "events of os: 16",
    ]  # fmt: skip
