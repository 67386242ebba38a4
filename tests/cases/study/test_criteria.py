"""The criteria of MGMT-NET judge the persons of criteria.yaml as a clinician would."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from equipoise.record.expression import Expression
from equipoise.study.definition import Study
from equipoise.study.expression_checks import subject_item_types
from equipoise.study.load import load_study

READ: dict[str, Any] = YAML(typ="safe").load(
    Path(__file__).with_name("criteria.yaml").read_text(encoding="utf-8")
)
CASES: list[dict[str, Any]] = READ["cases"]


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("mgmt-net")


def _items(study: Study, person: dict[str, Any]) -> pl.DataFrame:
    types = subject_item_types(study)
    assert set(person) <= set(types)
    return pl.DataFrame(
        {name: [_value(person.get(name), kind)] for name, kind in types.items()}, schema=types
    )


def _value(value: object, kind: Any) -> object:
    if value is None:
        return None
    if kind == pl.Date:
        return (
            value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))
        )
    return Decimal(str(value)) if isinstance(kind, pl.Decimal) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_person_is_judged(case: dict[str, Any], study: Study) -> None:
    items = _items(study, READ["person"] | case["change"])
    expected = {each.id: each.kind == "inclusion" for each in study.eligibility.criteria}
    found = {
        each.id: Expression(each.expression).evaluate(items)[0]
        for each in study.eligibility.criteria
    }
    assert found == expected | case["verdicts"]


def test_every_criterion_keeps_somebody_out(study: Study) -> None:
    decided = {(name, verdict) for case in CASES for name, verdict in case["verdicts"].items()}
    for criterion in study.eligibility.criteria:
        assert (criterion.id, criterion.kind == "exclusion") in decided


def test_only_the_scan_may_be_unknown_at_randomisation(study: Study) -> None:
    assert [each.id for each in study.eligibility.criteria if each.provisional] == ["I5"]
