"""What conditions say of subjects, and which texts are none, in tables for data managers."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.errors import BadInput
from equipoise.record.condition import DEEPEST, LONGEST
from equipoise.record.expression import Expression
from tests.harness.history import read_cases

HERE = Path(__file__).parent
CONDITIONS = read_cases(HERE / "conditions.yaml")
REFUSED = read_cases(HERE / "refused.yaml")
KLEENE = read_cases(HERE / "kleene.yaml")

TYPES: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
    "integer": (pl.Int64, int),
    "boolean": (pl.Boolean, bool),
    "text": (pl.String, str),
    "date": (pl.Date, datetime.date.fromisoformat),
    "nothing": (pl.Null, lambda _: None),
    "binary": (pl.Float64, float),
}


def column(name: str, declared: Any, values: list[Any]) -> pl.Series:
    if isinstance(declared, Mapping):
        dtype, read = pl.Decimal(18, declared["decimal"]), Decimal
    else:
        dtype, read = TYPES[declared]
    return pl.Series(name, [None if each is None else read(each) for each in values], dtype)


def frame(items: Mapping[str, Any], subjects: list[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        [column(name, items[name], [each.get(name) for each in subjects]) for name in items]
    )


@pytest.mark.parametrize(
    "case",
    [each for each in CONDITIONS["conditions"] if "says" in each],
    ids=lambda c: c["condition"],
)
def test_a_condition_says(case: Mapping[str, Any]) -> None:
    condition = Expression(case["condition"])
    verdicts = [each["verdict"] for each in case["says"]]
    for each in case["says"]:
        assert set(each) - {"verdict"} <= set(condition.items), "a subject has items that matter"
        alone = condition.evaluate(frame(CONDITIONS["items"], [each]))
        assert alone.to_list() == [each["verdict"]], each
    together = condition.evaluate(frame(CONDITIONS["items"], case["says"]))
    assert together.dtype == pl.Boolean and together.to_list() == verdicts
    assert condition.evaluate(frame(CONDITIONS["items"], [])).to_list() == []


def test_capitals_matter_in_the_name_of_an_item() -> None:
    condition = Expression("AGE IS NULL AND age IS NOT NULL")
    assert condition.items == ("AGE", "age")
    with pytest.raises(BadInput, match="AGE"):
        condition.evaluate(frame(CONDITIONS["items"], [{}]))


@pytest.mark.parametrize("line", KLEENE, ids=lambda line: f"{line['a']}-{line['b']}")
def test_logic_is_three_valued(line: Mapping[str, Any]) -> None:
    subject = frame({"a": "boolean", "b": "boolean"}, [line])
    for condition in set(line) - {"a", "b"}:
        assert Expression(condition).evaluate(subject).to_list() == [line[condition]], condition


def test_the_table_of_three_valued_logic_is_complete() -> None:
    assert len({(line["a"], line["b"]) for line in KLEENE}) == len(KLEENE) == 9


@pytest.mark.parametrize("case", REFUSED["as_written"], ids=lambda c: c["condition"])
def test_refused_as_written(case: Mapping[str, Any]) -> None:
    with pytest.raises(BadInput) as refusal:
        Expression(case["condition"])
    assert case["told"] in refusal.value.allowed
    assert refusal.value.found == case["condition"]


@pytest.mark.parametrize(
    "case", REFUSED["on_these_items"]["conditions"], ids=lambda c: c["condition"]
)
def test_refused_on_items_of_these_kinds(case: Mapping[str, Any]) -> None:
    condition = Expression(case["condition"])
    known = frame(REFUSED["on_these_items"]["items"], [])
    with pytest.raises(BadInput) as refusal:
        condition.evaluate(known)
    assert case["told"] in refusal.value.allowed


@pytest.mark.parametrize(
    "text",
    [
        "age > 1 OR " * 200 + "TRUE",
        "'" + "x" * LONGEST + "' = sex",
        " " * LONGEST + "TRUE",
    ],
)
def test_overlong(text: str) -> None:
    with pytest.raises(BadInput, match=f"1 to {LONGEST} characters"):
        Expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * (DEEPEST + 1) + "TRUE" + ")" * (DEEPEST + 1),
        "NOT " * (DEEPEST + 1) + "TRUE",
        "- " * (DEEPEST + 1) + "1 = 1",
        "1" + " + 1" * (DEEPEST + 1) + " = 1",
        "1" + " * 1" * (DEEPEST + 1) + " = 1",
        "COALESCE(" * (DEEPEST + 1) + "TRUE" + ")" * (DEEPEST + 1),
        "1 IN (" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1),
        "(" * 999,
    ],
    ids=lambda text: text[:8],
)
def test_nested_too_deeply(text: str) -> None:
    with pytest.raises(BadInput, match=f"nested at most {DEEPEST} levels deep"):
        Expression(text)


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join(["a"] * 400),
        " AND ".join(["b"] * 333),
        "i IN (" + ",".join(["1"] * 990) + ") OR TRUE",
        "(" * (DEEPEST - 1) + "a" + ")" * (DEEPEST - 1),
        "NOT " * (DEEPEST - 2) + "a",
        "0 < 0" + " + 1" * (DEEPEST - 2),
    ],
    ids=lambda text: text[:8],
)
def test_long_but_not_deep(text: str) -> None:
    one = pl.DataFrame({"a": [True], "b": [True], "i": [2]})
    assert Expression(text).evaluate(one).to_list() == [True]


def test_numbers_beyond_38_digits_are_told_not_rounded() -> None:
    huge = pl.DataFrame({"i": [2**62, None]})
    assert Expression("i * i > 1").evaluate(huge).to_list() == [True, None]
    with pytest.raises(BadInput, match="must stay within 38 digits"):
        Expression("i * i * i > 1").evaluate(huge)


def test_items_are_known_and_a_frame_may_have_more() -> None:
    condition = Expression("b AND a OR COALESCE(c, b)")
    assert condition.items == ("a", "b", "c")
    assert condition == Expression("b AND a OR COALESCE(c, b)")
    frame = pl.DataFrame({"z": [1], "c": [None], "b": [None], "a": [False], "verdict": [1]})
    assert condition.evaluate(frame.cast({"b": pl.Boolean})).to_list() == [None]
    # the same condition over other types: what it found out before does not stick
    assert condition.evaluate(frame.with_columns(b=pl.lit(True), c=pl.lit(False))).to_list() == [
        False
    ]


def test_codes_may_be_an_enumeration() -> None:
    sexes = pl.Series("sex", ["MALE", None], pl.Enum(["FEMALE", "MALE"])).to_frame()
    assert Expression("sex = 'MALE'").evaluate(sexes).to_list() == [True, None]
    assert Expression("sex > 'FEMALE'").evaluate(sexes.cast(pl.Categorical)).to_list() == [
        True,
        None,
    ]
