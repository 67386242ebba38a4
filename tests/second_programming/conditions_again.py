"""Conditions of the study file programmed again: three-valued and exact, over one row of items.

Written from the descriptions in words of the expressions and their grammar and decision 0004, by
somebody who has not read the parser. A value is True, False, a fraction, a date, a text or None.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(<>|<=|>=|[=<>()+*,-]))")
WORDS = {"AND", "OR", "NOT", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE", "COALESCE"}
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "<>": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def judged(text: str, row: Mapping[str, Any]) -> Any:
    """What the condition says of a row of items; None while it is not known."""
    reader = _Reader(text, row)
    found = reader.either()
    assert reader.here >= len(reader.tokens), text
    return found


def items_in(text: str) -> list[str]:
    """The items that a condition reads, by name."""
    return sorted({name for name in _tokens(text) if name[0].isalpha() and name not in WORDS})


def both(one: Any, other: Any) -> Any:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def negated(one: Any) -> Any:
    return None if one is None else not one


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        assert match, text[at:]
        word = match.group().strip()
        found.append(word.upper() if word.upper() in WORDS else word)
        at = match.end()
    return found


def _plain(value: Any) -> Any:
    """A number as a fraction, which is not to be taken for true or false."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Fraction(value)
    return value


class _Reader:
    """Reads a condition from left to right and says what it is of the row."""

    def __init__(self, text: str, row: Mapping[str, Any]) -> None:
        self.tokens, self.row, self.here = _tokens(text), row, 0

    def at(self, *words: str) -> bool:
        return tuple(self.tokens[self.here : self.here + len(words)]) == words

    def took(self, *words: str) -> bool:
        if self.at(*words):
            self.here += len(words)
            return True
        return False

    def either(self) -> Any:
        found = self.together()
        while self.took("OR"):
            found = negated(both(negated(found), negated(self.together())))
        return found

    def together(self) -> Any:
        found = self.perhaps_not()
        while self.took("AND"):
            found = both(found, self.perhaps_not())
        return found

    def perhaps_not(self) -> Any:
        return negated(self.perhaps_not()) if self.took("NOT") else self.comparison()

    def comparison(self) -> Any:
        one = self.sum()
        if self.took("IS"):
            turned = self.took("NOT")
            assert self.took("NULL")
            return (one is None) != turned
        turned = self.took("NOT")
        if self.took("BETWEEN"):
            low = self.sum()
            assert self.took("AND")
            found = both(_compared(">=", one, low), _compared("<=", one, self.sum()))
        elif self.took("IN"):
            found = negated(_all(negated(_compared("=", one, each)) for each in self.list()))
        else:
            assert not turned
            sign = self.tokens[self.here] if self.here < len(self.tokens) else ""
            if sign not in COMPARED:
                return one
            self.here += 1
            found = _compared(sign, one, self.sum())
        return negated(found) if turned else found

    def sum(self) -> Any:
        found = self.product()
        while self.at("+") or self.at("-"):
            turned = self.took("-") or not self.took("+")
            found = _sum(found, self.product(), -1 if turned else 1)
        return found

    def product(self) -> Any:
        found = self.one()
        while self.took("*"):
            other = self.one()
            found = None if found is None or other is None else found * other
        return found

    def list(self) -> list[Any]:
        assert self.took("(")
        found = [self.either()]
        while self.took(","):
            found.append(self.either())
        assert self.took(")")
        return found

    def one(self) -> Any:
        if self.at("("):
            (found,) = self.list()
            return found
        if self.took("-"):
            found = self.one()
            return None if found is None else -found
        if self.took("COALESCE"):
            return next((each for each in self.list() if each is not None), None)
        word = self.tokens[self.here]
        self.here += 1
        if word in ("TRUE", "FALSE", "NULL"):
            return {"TRUE": True, "FALSE": False, "NULL": None}[word]
        if word[0] == "'":
            return word[1:-1].replace("''", "'")
        return Fraction(word) if word[0].isdigit() else _plain(self.row[word])


def _all(values: Any) -> Any:
    found: Any = True
    for each in values:
        found = both(found, each)
    return found


def _compared(sign: str, one: Any, other: Any) -> Any:
    return None if one is None or other is None else COMPARED[sign](one, other)


def _sum(one: Any, other: Any, sign: int) -> Any:
    """Dates count whole days; the difference of two is a number of them."""
    if one is None or other is None:
        return None
    if isinstance(one, datetime.date):
        if isinstance(other, datetime.date):
            return Fraction((one - other).days)
        return one + datetime.timedelta(days=sign * int(other))
    if isinstance(other, datetime.date):
        return other + datetime.timedelta(days=int(one))
    return one + sign * other
