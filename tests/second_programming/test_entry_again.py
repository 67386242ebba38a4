"""Entry from two programmers: the product's rules beside a programming from the study file.

Compared row by row: the latest answers, every item of every subject with its window, what is known
now of the time up to entry (and of whom that is another), every criterion with what is missing, the
verdict over all, entry then and now, and forms that do not agree with prior therapies. Not
compared: `sources`, and the words on a window.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from equipoise.eligibility.plan import Criterion
from equipoise.record.plan import Label
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from equipoise.visits.plan import Item
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.entry_compared import derived, differences
from tests.second_programming.entry_histories import screenings

SUBJECTS = 300
"""Random subjects of each study."""


def _windowed(study: Study) -> Study:
    """The study with a window for every number, and criteria that read them."""
    items = [item for form in study.visits.forms for item in form.items]
    numbers = [item for item in items if item.type in ("integer", "decimal")]
    more = [
        Criterion(
            id=f"X{place}",
            kind="inclusion",
            wording=Label(en="Another one."),
            expression=f"{item.code} > 5 OR {item.code} < 3",
            provisional=place % 3 == 0,
        )
        for place, item in enumerate(numbers)
    ]

    def with_window(item: Item) -> Item:
        return item.model_copy(update={"entry_window": 10}) if item in numbers else item

    forms = tuple(
        form.model_copy(update={"items": tuple(map(with_window, form.items))})
        for form in study.visits.forms
    )
    criteria = (*study.eligibility.criteria, *more)
    return study.model_copy(
        update={
            "visits": study.visits.model_copy(update={"forms": forms}),
            "eligibility": study.eligibility.model_copy(update={"criteria": criteria}),
        }
    )


@pytest.mark.requirement("RN3")
@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str) -> None:
    study = load_study(code)
    scenario = troubled(scenario_of(code, "planning"))
    tables = rehearsed([Version(0, study)], scenario, 29, range(2)).tables
    rows, said = differences(tables, derived(tables, study), study)
    assert not said
    assert rows["criterion_verdict"] > 1000


@pytest.mark.requirement("RN3")
@pytest.mark.parametrize("plan", [*STUDIES, "mgmt-net, more windows"])
def test_random_screenings(plan: str) -> None:
    study = load_study(plan.split(",")[0])
    study = _windowed(study) if "windows" in plan else study
    tables = screenings(random.Random(plan), SUBJECTS, study)
    product = derived(tables, study)
    rows, said = differences(tables, product, study)
    assert not said
    assert rows["criterion_verdict"] > 6 * SUBJECTS
    verdicts = Counter(product["criterion_verdict"]["met"])
    assert min(verdicts[each] for each in (True, False, None)) > SUBJECTS // 4, verdicts
    entry = product["entry_eligibility"]
    assert set(entry["differs"]) == {True, False}
    assert len(product["entry_item"]) > SUBJECTS // 10
    assert rows["answer_discrepancy"] > SUBJECTS // 10
    assert product["criterion_verdict"]["out_of_window"].explode().drop_nulls().len() > 8


@pytest.mark.parametrize(
    "change",
    [
        "window", "window of", "criterion", "provisional", "version", "therapies", "procedures",
        "medicines", "days", "conditions",
    ],
)  # fmt: skip
def test_another_plan_is_seen(change: str) -> None:
    """The comparison can fail: entry by another study file would be found."""
    study = load_study(
        "mgmt-net"
        if change in ("window of", "version", "procedures", "medicines", "days", "conditions")
        else "lung-tmb"
    )
    tables = screenings(random.Random(change), 150, study)
    product = derived(tables, study)
    forms = study.visits.forms
    shorter = {
        "window": lambda item: {"entry_window": item.entry_window and item.entry_window - 1},
        "window of": lambda item: {"entry_window_of": ()},
        "therapies": lambda item: {"therapies": item.therapies and ()},
        "procedures": lambda item: {"procedures": item.procedures and ()},
        "medicines": lambda item: {"medication_classes": ()},
        "days": lambda item: {"medication_days": item.medication_days and 26},
        "conditions": lambda item: {"conditions": ()},
    }.get(change, lambda item: {})
    forms = tuple(
        form.model_copy(
            update={"items": tuple(item.model_copy(update=shorter(item)) for item in form.items)}
        )
        for form in forms
    )
    consents = tuple(
        each.model_copy(update={"version": "2"}) if change == "version" else each
        for each in study.visits.consents
    )
    criteria = tuple(
        each.model_copy(
            update={
                "expression": each.expression.replace("> 2", ">= 2")
                if change == "criterion"
                else each.expression,
                "provisional": each.provisional != (change == "provisional"),
            }
        )
        for each in study.eligibility.criteria
    )
    other = study.model_copy(
        update={
            "visits": study.visits.model_copy(update={"forms": forms, "consents": consents}),
            "eligibility": study.eligibility.model_copy(update={"criteria": criteria}),
        }
    )
    assert differences(tables, product, other)[1]
