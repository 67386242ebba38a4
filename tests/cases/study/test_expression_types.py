"""What an expression may put together: numbers, dates, texts, conditions."""

from __future__ import annotations

import pytest

from equipoise.record.expression import Expression
from equipoise.study.expression_types import Kind, Mismatch, Typing

KINDS: dict[str, Kind] = {
    "age": "number",
    "uracil": "number",
    "grade": "text",
    "born": "date",
    "seen": "date",
    "fit": "boolean",
    "ill": "boolean",
}

SOUND = [
    "age >= 18",
    "age >= 18 AND fit",
    "NOT fit OR ill AND NOT age < 3",
    "NOT age = 3",
    "NOT (fit AND ill)",
    "seen - born BETWEEN 0 AND 35",
    "seen - born NOT BETWEEN 0 AND 35 AND fit",
    "seen - 28 <= born",
    "28 + born >= seen",
    "grade IN ('G1', 'G2')",
    "grade NOT IN ('G1') OR grade IS NULL",
    "grade = 'G1' AND grade IS NOT NULL",
    "age * 2 + 1 > -uracil",
    "COALESCE(uracil, 0) >= 150.5",
    "COALESCE(fit, FALSE)",
    "fit = ill",
    "fit IN (TRUE, NULL)",
    "age = NULL",
    "age IS NULL",
    "fit",
    "(age + 1) * 2 = 4",
    "((fit))",
]

MIXED = {
    "uracil >= '150'": "not a number with a text",
    "'150' <= uracil": "not a text with a number",
    "grade > 2": "not a text with a number",
    "grade IN ('G1', 2)": "not a text with a number",
    "age IN ('1')": "not a number with a text",
    "age BETWEEN 1 AND 'x'": "not a number with a text",
    "born = '2020-01-01'": "not a date with a text",
    "born > 5": "not a date with a number",
    "seen - born": "number",
    "fit = 1": "not a boolean with a number",
    "fit < ill": "which of two conditions is greater",
    "age AND fit": "beside AND, not a number",
    "fit OR grade": "beside OR, not a text",
    "NOT grade": "beside NOT, not a text",
    "grade * 2 = 3": "beside *, not a text",
    "born + seen > 3": "beside +, not a date",
    "-born > 3": "beside -, not a date",
    "COALESCE(age, 'x') = 3": "not a number and a text",
    "other": "not 'other'",
}


@pytest.mark.parametrize("text", SOUND)
def test_sound_conditions(text: str) -> None:
    Expression(text)
    assert Typing(text, KINDS).kind() == "boolean"


@pytest.mark.parametrize("text", MIXED)
def test_things_that_do_not_go_together(text: str) -> None:
    Expression(text)
    if text == "seen - born":
        assert Typing(text, KINDS).kind() == "number"
        return
    with pytest.raises(Mismatch) as told:
        Typing(text, KINDS).kind()
    assert MIXED[text] in str(told.value)


def test_the_texts_that_an_item_is_compared_with() -> None:
    typing = Typing("grade IN ('a', 'b''c') OR 'd' = COALESCE(grade, 'e')", KINDS)
    typing.kind()
    assert typing.compared == [("grade", "a"), ("grade", "b'c"), ("grade", "d")]


@pytest.mark.parametrize("text", ["", "age >", "age > 3 4", "(age > 3", "age > 3)", "fit AND"])
def test_half_a_condition(text: str) -> None:
    with pytest.raises(Mismatch):
        Typing(text, KINDS).kind()


def test_long_chains_of_signs_and_negations_are_read() -> None:
    assert Typing("NOT " * 5000 + "fit", KINDS).kind() == "boolean"
    assert Typing("age > " + "- " * 5000 + "1", KINDS).kind() == "boolean"
    with pytest.raises(Mismatch, match="one thing in parentheses"):
        Typing("(age, 3) = 3", KINDS).kind()
