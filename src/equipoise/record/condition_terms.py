"""Trees of conditions as polars expressions over typed columns: like with like, and exactly.

Every part has a kind: boolean, number, date or text; NULL goes with all of them. Numbers are whole
or have a known number of decimal places, which a product adds up, so that nothing is ever rounded:
polars itself gives a product of decimals the places of one factor (1.1 * 1.1 = 1.2), lets the
product of two integers wrap around, and finds a decimal and a text merely different.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import polars as pl

from equipoise.errors import BadInput
from equipoise.record.condition import COMPARISONS, Constant, Item, Operation, Tree

Kind = Literal["boolean", "number", "date", "text", "null"]

_DIGITS: Final = 38
MOST_PLACES: Final = 24
"""Decimal places that the product of several numbers may have."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a condition. Numbers have `places`; `plain` ones are integers as polars has them.

    A date is the number of its day; the sum of a date and a number is not plain.
    """

    kind: Kind
    value: pl.Expr
    places: int = 0
    plain: bool = True


def verdict(tree: Tree, types: Mapping[str, pl.DataType]) -> pl.Expr:
    """The condition `tree` over columns of these types, as a Boolean expression.

    Raises BadInput where things of different kinds stand together, for a column of a type that no
    item has, and for what is no condition.
    """
    found = _term(tree, types)
    if found.kind not in ("boolean", "null"):
        raise BadInput("must be a condition that is true or false")
    return _booleans(found)[0]


def _term(tree: Tree, types: Mapping[str, pl.DataType]) -> Term:
    if isinstance(tree, Item):
        return _item(tree.name, types[tree.name])
    if isinstance(tree, Constant):
        return _constant(tree.value)
    terms = [_term(each, types) for each in tree.operands]
    if tree.sign in COMPARISONS:
        return _comparison(tree.sign, *terms)
    match tree.sign:
        case "and" | "or" | "not":
            return _connective(tree.sign, terms)
        case "is null":
            null = pl.lit(True) if terms[0].kind == "null" else terms[0].value.is_null()
            return Term("boolean", null)
        case "coalesce":
            return _first_known(terms)
        case "*":
            return _product(*terms)
        case _:
            return _sum(tree, terms)


def _item(name: str, dtype: pl.DataType) -> Term:
    column = pl.col(name)
    if dtype == pl.Boolean:
        return Term("boolean", column)
    if dtype == pl.Date:
        return Term("date", column.to_physical())
    if isinstance(dtype, pl.String | pl.Enum | pl.Categorical):
        return Term("text", column if dtype == pl.String else column.cast(pl.String))
    if isinstance(dtype, pl.Decimal):
        return Term("number", column, dtype.scale, plain=False)
    if dtype.is_integer():
        return Term("number", column)
    if dtype == pl.Null:
        return _constant(None)
    raise BadInput(f"must read exact values, and {name} is a column of {dtype}")


def _constant(value: int | Decimal | str | bool | None) -> Term:
    if value is None:
        return Term("null", pl.lit(None, pl.Boolean))
    if isinstance(value, bool):
        return Term("boolean", pl.lit(value))
    if isinstance(value, int):
        return Term("number", pl.lit(value, pl.Int64))
    if isinstance(value, str):
        return Term("text", pl.lit(value))
    return Term("number", pl.lit(value), -int(value.as_tuple().exponent), plain=False)


def _booleans(*terms: Term, beside: str = "") -> list[pl.Expr]:
    for each in terms:
        if each.kind not in ("boolean", "null"):
            raise BadInput(f"must have conditions beside {beside}, not a {each.kind}")
    return [each.value for each in terms]


def _connective(sign: str, terms: Sequence[Term]) -> Term:
    first, *rest = _booleans(*terms, beside=sign.upper())
    if sign == "not":
        return Term("boolean", ~first)
    for each in rest:
        first = first & each if sign == "and" else first | each
    return Term("boolean", first)


def _comparison(sign: str, left: Term, right: Term) -> Term:
    if "null" in (left.kind, right.kind):
        return Term("boolean", pl.lit(None, pl.Boolean))
    if left.kind != right.kind:
        raise BadInput(f"must compare like with like, not a {left.kind} with a {right.kind}")
    if left.kind == "boolean" and sign not in ("=", "<>"):
        raise BadInput("must not ask which of two conditions is greater")
    one, other = _aligned((left, right))
    match sign:
        case "=":
            return Term("boolean", one == other)
        case "<>":
            return Term("boolean", one != other)
        case "<":
            return Term("boolean", one < other)
        case "<=":
            return Term("boolean", one <= other)
        case ">":
            return Term("boolean", one > other)
    return Term("boolean", one >= other)


def _aligned(terms: Sequence[Term]) -> list[pl.Expr]:
    """The values of terms of one kind, numbers and dates with the same places."""
    if all(each.plain for each in terms):
        return [each.value for each in terms]
    places = max(each.places for each in terms)
    return [_decimal(each, places) for each in terms]


def _decimal(term: Term, places: int) -> pl.Expr:
    return term.value.cast(pl.Decimal(_DIGITS, places))


def _first_known(terms: Sequence[Term]) -> Term:
    known = [each for each in terms if each.kind != "null"]
    if not known:
        return _constant(None)
    for each in known:
        if each.kind != known[0].kind:
            raise BadInput(
                f"must choose among like things, not a {known[0].kind} and a {each.kind}"
            )
    places, plain = max(each.places for each in known), all(each.plain for each in known)
    return Term(known[0].kind, pl.coalesce(_aligned(known)), places, plain)


def _numbers(sign: str, terms: Sequence[Term]) -> None:
    for each in terms:
        if each.kind not in ("number", "null"):
            raise BadInput(f"must have numbers beside {sign}, not a {each.kind}")


def _product(left: Term, right: Term) -> Term:
    _numbers("*", (left, right))
    if "null" in (left.kind, right.kind):
        return _constant(None)
    places = left.places + right.places
    if places > MOST_PLACES:
        raise BadInput(f"must be a product of at most {MOST_PLACES} decimal places, not {places}")
    return Term("number", _decimal(left, places) * _decimal(right, places), places, plain=False)


def _sum(tree: Operation, terms: Sequence[Term]) -> Term:
    """A sum, a difference, or a number of the other sign; dates count whole days."""
    sign = "-" if tree.sign == "negate" else tree.sign
    kinds = [each.kind for each in terms]
    kind: Kind = "number"
    if kinds in (["date", "number"], ["date", "null"]) or (
        sign == "+" and kinds in (["number", "date"], ["null", "date"])
    ):
        kind = "date"
    elif kinds != ["date", "date"] or sign != "-":
        _numbers(sign, terms)
    if "null" in kinds:
        return _constant(None)
    places = max(each.places for each in terms)
    if kind == "date" and places:
        raise BadInput("must add whole days to a date")
    if kinds == ["date", "date"] and terms[0].plain and terms[1].plain:
        first, second = (each.value.cast(pl.Int64) for each in terms)
        return Term("number", first - second)
    values = [_decimal(each, places) for each in terms]
    if len(values) == 1:
        return Term(kind, -values[0], places, plain=False)
    value = values[0] + values[1] if sign == "+" else values[0] - values[1]
    return Term(kind, value, places, plain=False)
