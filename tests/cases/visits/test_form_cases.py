"""What is kept of the answers on a form, and what each refusal says."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.errors import BadInput
from equipoise.safety.laboratory_answer import laboratory_answer
from equipoise.visits.events import FormItem
from equipoise.visits.form import canonical_value, check_form
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.rules import item
from equipoise.visits.subject_item import items_of, subject_item
from tests.harness.history import read_cases, tables_of

HERE = Path(__file__).parent
PLAN = VisitsPlan.model_validate(read_cases(HERE / "visits_plan.yaml"))
ITEMS = {each.code: each for each in items_of(PLAN)}
ANSWERS = read_cases(HERE / "answers.yaml")
TODAY = datetime.date(2024, 6, 15)


def answer(code: str, given: Any) -> FormItem:
    if isinstance(given, dict):
        return FormItem(item=code, value_missing=given["missing"])
    return FormItem(item=code, value=None if given is None else str(given))


def named(case: dict[str, Any]) -> str:
    return f"{case['item']}={case['found']}"


@pytest.mark.parametrize("case", ANSWERS["kept"], ids=named)
def test_answer_is_kept_in_one_text(case: dict[str, Any]) -> None:
    kept = canonical_value(ITEMS[case["item"]], case["found"], today=TODAY)
    assert kept == case["as"]
    assert canonical_value(ITEMS[case["item"]], kept, today=TODAY) == kept


@pytest.mark.parametrize("case", ANSWERS["refused"], ids=named)
def test_answer_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as refusal:
        canonical_value(ITEMS[case["item"]], case["found"], today=TODAY)
    assert str(refusal.value) == case["says"]


def test_a_text_has_an_end() -> None:
    assert canonical_value(ITEMS["remark"], "x" * 4000, today=TODAY) == "x" * 4000
    with pytest.raises(ValueError, match="1 to 4000 characters"):
        canonical_value(ITEMS["remark"], "x" * 4001, today=TODAY)
    with pytest.raises(ValueError, match="control characters"):
        canonical_value(ITEMS["remark"], "half of a letter: \ud83d", today=TODAY)


def known(case: dict[str, Any]) -> pl.DataFrame:
    """What is known of the subject before the form is saved."""
    says = case.get("known", {})
    entries: list[dict[str, Any]] = [{"event": "SubjectScreened", "on": "2024-05-01"}]
    answers = [{"item": code, "value": says[code]} for code in says if code in ITEMS]
    if answers:
        entries.append(
            {"event": "FormSaved", "on": "2024-05-01", "form": "demography", "instance": "1",
             "items": answers}
        )  # fmt: skip
    if "treated" in says:
        entries.append(
            {"event": "CycleStarted", "on": says["treated"], "cycle": 1, "regimen": "R",
             "height": "170", "weight": "70"}
        )  # fmt: skip
    tables = tables_of(entries)
    tables["laboratory_answer"] = laboratory_answer(tables, ())
    tables["item"] = item(tables, PLAN)
    return subject_item(tables, PLAN)


@pytest.mark.parametrize("case", read_cases(HERE / "forms.yaml"), ids=lambda case: case["case"])
def test_form(case: dict[str, Any]) -> None:
    answers = [answer(code, given) for code, given in case["answers"].items()]
    answers += [each for each in answers if each.item == case.get("again")]

    def check() -> tuple[FormItem, ...]:
        return check_form(PLAN, case["form"], answers, today=TODAY, known=lambda: known(case))

    if "says" in case:
        with pytest.raises(BadInput) as refusal:
            check()
        assert str(refusal.value).splitlines() == case["says"]
    else:
        assert check() == tuple(answer(code, given) for code, given in case["kept"].items())


def test_a_check_without_anything_known_still_judges_what_the_form_says() -> None:
    answers = [
        answer("scan_date", "2024-06-01"),
        answer("contrast", "true"),
        answer("modality", "CT"),
    ]
    assert len(check_form(PLAN, "imaging", answers, today=TODAY)) == 3
