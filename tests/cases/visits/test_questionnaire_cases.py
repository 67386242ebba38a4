"""Scores of questionnaires against values worked by hand; what a study file may call one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from equipoise.study.load import load_study
from equipoise.study.questionnaire_checks import questionnaire_disagreements
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.questionnaire import instruments, item_code, questionnaire_score
from tests.harness.history import read_cases, tables_of, together
from tests.harness.questionnaires import form_of

CASES = read_cases(Path(__file__).parent / "questionnaires.yaml")


PLAN = VisitsPlan(consents=(), forms=tuple(map(form_of, instruments())), visits=())


def saved(case: dict[str, Any], instance: str = "1") -> dict[str, Any]:
    known = instruments()[case["instrument"]]
    answers = {each: case["given"].get(each, case["rest"]) for each in known.numbers}
    items = [
        {"item": item_code(each), "value": str(value)}
        if value is not None
        else {"item": item_code(each), "value": None, "value_missing": "not_done"}
        for each, value in answers.items()
    ]
    return {"event": "FormSaved", "on": "2025-03-01", "form": f"form_{case['instrument']}",
            "instance": instance, "items": items}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    found = questionnaire_score(tables_of([saved(case)]), PLAN)
    scores = dict(found.select("scale", "score").rows())
    assert list(scores) == [each.code for each in instruments()[case["instrument"]].scales]
    for scale, expected in case["scores"].items():
        assert scores[scale] == (None if expected is None else pytest.approx(expected, abs=1e-4))


def test_what_was_saved_last_counts_and_instances_stay_apart() -> None:
    best, worst = CASES[0], CASES[1]
    entries = [saved(worst), saved(worst, "2"), saved(best)]
    found = questionnaire_score(tables_of(entries), PLAN).filter(scale="PF2")
    assert found.select("instance", "score").rows() == [("1", 100.0), ("2", 0.0)]
    assert found["sources"].to_list() == [[3], [2]]


def test_subjects_are_scored_together_as_alone_in_whatever_order() -> None:
    parts = [tables_of([saved(case)], replicate=number) for number, case in enumerate(CASES)]
    whole = together(parts)
    shuffled = {n: f.sample(fraction=1, shuffle=True, seed=3) for n, f in whole.items()}
    found = questionnaire_score(whole, PLAN)
    assert questionnaire_score(shuffled, PLAN).equals(found)
    for number, part in enumerate(parts):
        assert questionnaire_score(part, PLAN).equals(found.filter(replicate=number))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"instrument": "qlq_c31"}, "must be an instrument"),
        ({"items": form_of("qlq_c30").items[:-1]}, "q30 lack"),
        ({"items": (form_of("qlq_c30").items[0].model_copy(update={"maximum": 5}),
                    *form_of("qlq_c30").items[1:])}, "must be an integer from 1 to 4"),
    ],
)  # fmt: skip
def test_a_form_is_the_questionnaire_that_it_names(change: dict[str, Any], told: str) -> None:
    study = load_study("lung-tmb")
    for form, expected in (
        (form_of("qlq_c30"), 0),
        (form_of("qlq_c30").model_copy(update=change), 1),
    ):
        visits = study.visits.model_copy(update={"forms": (*study.visits.forms, form)})
        found = list(questionnaire_disagreements(study.model_copy(update={"visits": visits})))
        assert len(found) == expected
        assert all(told in each.allowed for each in found)
