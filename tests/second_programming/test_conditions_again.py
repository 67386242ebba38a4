"""Conditions of study files from two programmers: random ones over random rows, and all bundled.

Compared: what `Expression` says of every row, and the items that it reads.
"""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from equipoise.record.expression import Expression
from tests.second_programming.conditions_again import items_in, judged
from tests.second_programming.lesion_histories import day_of

CONDITIONS = 400
"""Random conditions, each over so many random rows:"""
ROWS = 40

ITEMS: dict[str, tuple[str, Any]] = {
    "yes": ("boolean", pl.Boolean),
    "no": ("boolean", pl.Boolean),
    "whole": ("number", pl.Int64),
    "many": ("number", pl.Int64),
    "tenths": ("number", pl.Decimal(18, 1)),
    "cents": ("number", pl.Decimal(18, 2)),
    "begun": ("date", pl.Date),
    "ended": ("date", pl.Date),
    "code": ("text", pl.String),
    "other": ("text", pl.String),
}


def _number(draw: random.Random, depth: int) -> str:
    kind = draw.random()
    if depth and kind < 0.15:
        return f"({_number(draw, depth - 1)} {draw.choice('+-*')} {_number(draw, depth - 1)})"
    if depth and kind < 0.2:
        return f"{_number(draw, depth - 1)} {draw.choice('+-*')} {_number(draw, depth - 1)}"
    if depth and kind < 0.25:
        return f"COALESCE({_number(draw, depth - 1)}, {_number(draw, 0)})"
    if kind < 0.3:
        return "(begun - ended)"
    if kind < 0.35:
        return f"-{draw.choice(('whole', 'tenths', '3'))}"
    if kind < 0.6:
        return draw.choice(("0", "1", "2", "2.5", "0.10", "3.33", "10", "7"))
    return draw.choice([name for name, (sort, _) in ITEMS.items() if sort == "number"])


def _date(draw: random.Random) -> str:
    found = draw.choice(("begun", "ended", "COALESCE(begun, ended)"))
    return (
        f"{found} {draw.choice('+-')} {draw.choice(('1', 'whole'))}"
        if draw.random() < 0.4
        else found
    )


def _text(draw: random.Random) -> str:
    return draw.choice(("code", "other", "'A'", "'B'", "'it''s'", "COALESCE(code, 'A')"))


def _compared(draw: random.Random, depth: int) -> str:
    sort = draw.choice(("number", "number", "date", "text"))
    part = {
        "number": lambda: _number(draw, depth),
        "date": lambda: _date(draw),
        "text": lambda: _text(draw),
    }[sort]
    one, *others = [part() for _ in range(4)]
    if draw.random() < 0.05:
        others[draw.randrange(3)] = "NULL"
    signs = ("=", "<>") if sort == "text" else ("=", "<>", "<", "<=", ">", ">=")
    turned = draw.choice(("", "NOT "))
    kinds = [
        f"{one} {draw.choice(signs)} {others[0]}",
        f"{one} {turned}IN ({', '.join(others[: draw.choice((1, 2, 3))])})",
        f"{one} IS {turned}NULL",
    ]
    if sort != "text":
        kinds.append(f"{one} {turned}BETWEEN {others[0]} AND {others[1]}")
    return draw.choice(kinds)


def condition(draw: random.Random, depth: int) -> str:
    kind = draw.random()
    if depth and kind < 0.55:
        sign = draw.choice(("AND", "OR"))
        parts = [condition(draw, depth - 1) for _ in range(draw.choice((2, 2, 3)))]
        whole = f" {sign} ".join(parts)
        return f"({whole})" if draw.random() < 0.5 else whole
    if depth and kind < 0.7:
        return (
            f"NOT ({condition(draw, depth - 1)})"
            if kind < 0.6
            else f"NOT {draw.choice(('yes', 'no'))}"
        )
    if kind < 0.85:
        return _compared(draw, depth)
    return draw.choice(
        (
            "yes",
            "no",
            "yes = no",
            "yes <> no",
            "yes IS NULL",
            "no IS NOT NULL",
            "TRUE",
            "FALSE",
            "NULL",
        )
    )


def _row(draw: random.Random) -> dict[str, Any]:
    values: dict[str, tuple[Any, ...]] = {
        "yes": (True, False), "no": (True, False),
        "whole": (0, 1, 2, 3, -1), "many": (1, 2, 7, 10),
        "tenths": tuple(map(Decimal, ("0.1", "2.5", "3.3", "1.0"))),
        "cents": tuple(map(Decimal, ("0.01", "2.50", "3.33", "0.11", "1.00"))),
        "begun": tuple(map(day_of, (0, 1, 2))), "ended": tuple(map(day_of, (0, 1, 7))),
        "code": ("A", "B", "C"), "other": ("A", "B", "it's"),
    }  # fmt: skip
    return {name: draw.choice((*choices, *choices, None)) for name, choices in values.items()}


@pytest.mark.parametrize("seed", range(3))
def test_random_conditions(seed: int) -> None:
    draw = random.Random(seed)
    rows = [_row(draw) for _ in range(ROWS)]
    frame = pl.DataFrame(rows, schema={name: sort for name, (_, sort) in ITEMS.items()})
    seen: set[Any] = set()
    for _ in range(CONDITIONS):
        text = condition(draw, 3)
        expression = Expression(text)
        found = expression.evaluate(frame).to_list()
        assert found == [judged(text, row) for row in rows], text
        assert list(expression.items) == items_in(text), text
        seen |= set(found)
    assert seen == {True, False, None}


def test_another_reading_is_seen() -> None:
    """The comparison can fail: two-valued logic would be found, and a rounded product."""
    row = {"yes": None, "no": True, "tenths": Decimal("1.1"), "begun": datetime.date(2024, 2, 29)}
    assert judged("yes AND no", row) is None
    assert judged("NOT yes OR no", row) is True
    assert judged("tenths * tenths = 1.21", row) is True
    assert judged("yes IN (TRUE, FALSE)", row) is None
    assert judged("begun + 1 > begun AND NOT yes = no", row) is None
