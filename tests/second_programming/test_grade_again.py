"""Grades of tumours from two programmers: the rule beside a programming from the study file.

Compared row by row: every column of `tumour_grade` but `sources`.
"""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

from equipoise.biomarker.plan import Limits, PathologyPlan
from equipoise.record.plan import Label
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from equipoise.visits.plan import Item
from tests.harness.bridge import scenario_of, troubled
from tests.second_programming.grade_again import grades_of
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

SUBJECTS = 500
"""Random subjects by each plan."""

KEY = ("replicate", "subject", "classification")


def _study(analysed: str, in_force: str, mitoses: bool) -> Study:
    """MGMT-NET with another reader, classification, and with mitoses on the form or without."""
    study = load_study("mgmt-net")
    plan = study.biomarker.pathology
    assert plan
    local = plan.local.model_copy(update={"mitoses": "mitoses" if mitoses else None})
    changed = {"analysed": analysed, "in_force": in_force, "local": local}
    pathology = plan.model_copy(update=changed)
    item = Item(code="mitoses", label=Label(en="Mitoses"), type="decimal", places=1)
    forms = tuple(
        form.model_copy(update={"items": (*form.items, item)}) if form.code == "tumour" else form
        for form in study.visits.forms
    )
    return study.model_copy(
        update={
            "biomarker": study.biomarker.model_copy(update={"pathology": pathology}),
            "visits": study.visits.model_copy(update={"forms": forms}),
        }
    )


PLANS = {
    "bundled": ("central_else_local", "who-2019", False),
    "local": ("local", "who-2010", True),
    "central": ("central", "who-2019", True),
    "either": ("central_else_local", "who-2010", True),
}


def _readings(draw: random.Random, subjects: int) -> dict[str, pl.DataFrame]:
    """Forms and reviews at the limits of every grade; each answer may be missing."""
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("", rows)
    counts = {
        "ki67": (0, 19, 20, 21, 25, 29, 30, 31, 100, 199, 200, 201, 1000, None, None),
        "mitoses": (0, 19, 20, 21, 199, 200, 201, None, None, None),
    }
    for number in range(subjects):
        writer.subject = f"01-{number:05}"
        writer.event("subject_screened", day_of(0))
        steps = ["form"] * (draw.random() < 0.8) + ["review"] * draw.choice((0, 0, 1, 1, 2, 3))
        draw.shuffle(steps)
        for step in steps:
            day = day_of(draw.choice((0, 1, 1, 2))) if draw.random() < 0.95 else None
            found = {name: draw.choice(values) for name, values in counts.items()}
            differentiation = draw.choice(("WELL", "WELL", "POOR", None))
            if step == "review":
                writer.event(
                    "pathology_reviewed", day, review=f"P{writer.seq}", sample="S1", **found,
                    classification=draw.choice(("who-2010", "who-2019", "who-2019", "other")),
                    differentiation=differentiation,
                )  # fmt: skip
                continue
            form = writer.event("form_saved", day, form="tumour", instance="1")
            texts = {
                name: None if value is None else f"{value // 10}.{value % 10}"
                for name, value in found.items()
            }
            texts |= {
                "grade": draw.choice(("G1", "G2", "G3", None, None)),
                "differentiation": differentiation,
            }
            for position, (item, value) in enumerate(texts.items()):
                if draw.random() < 0.9:
                    missing = "unknown" if value is None else None
                    writer.beneath(
                        "form_item", form, position, item=item, value=value, value_missing=missing
                    )
    return tables_of_rows(rows)


def _differences(tables: dict[str, pl.DataFrame], plan: PathologyPlan) -> tuple[int, list[str]]:
    expected: list[Row] = []
    for (replicate, name), rows in rows_by_subject(
        tables, ("subject_item", "pathology_reviewed")
    ).items():
        answers = rows["subject_item"][0] if rows["subject_item"] else {}
        for row in grades_of(answers, rows["pathology_reviewed"], plan):
            expected.append({"replicate": replicate, "subject": name, **row})
    return len(expected), told_apart(expected, tables["tumour_grade"], KEY)


def _derived(tables: dict[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    return derive(tables, study, upto="tumour_grade")


@pytest.mark.requirement("BM1")
def test_simulated_trials() -> None:
    study = load_study("mgmt-net")
    plan = study.biomarker.pathology
    assert plan
    scenario = troubled(scenario_of("mgmt-net", "planning"))
    tables = _derived(rehearsed([Version(0, study)], scenario, 41, range(4)).tables, study)
    rows, said = _differences(tables, plan)
    assert not said
    assert rows > 500


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("plan", PLANS)
def test_random_readings(plan: str) -> None:
    study = _study(*PLANS[plan])
    assert study.biomarker.pathology
    tables = _derived(_readings(random.Random(plan), SUBJECTS), study)
    rows, said = _differences(tables, study.biomarker.pathology)
    assert not said, said[:5]
    assert rows > SUBJECTS
    found = tables["tumour_grade"]
    for column in ("stated_differs", "discordant", "differentiation_discordant"):
        assert set(found[column]) == {True, False, None}
    assert set(found["grade"]) == {"G1", "G2", "G3", None}


@pytest.mark.parametrize("change", ["limits", "in_force", "analysed", "mitoses"])
def test_another_classification_is_seen(change: str) -> None:
    """The comparison can fail: grades by other limits or another reader would be found."""
    study = _study(*PLANS["either"])
    plan = study.biomarker.pathology
    assert plan
    tables = _derived(_readings(random.Random(change), 200), study)
    first, *others = plan.classifications
    low, middle, high = first.grades
    lower = low.model_copy(
        update={"ki67": Limits(at_most=low.ki67.at_most and low.ki67.at_most - 1)}
    )
    changed = first.model_copy(update={"grades": (lower, middle, high)})
    update = {
        "limits": {"classifications": (changed, *others)},
        "in_force": {"in_force": "who-2019"},
        "analysed": {"analysed": "local"},
        "mitoses": {"local": plan.local.model_copy(update={"mitoses": None})},
    }
    assert _differences(tables, plan.model_copy(update=update[change]))[1]
