"""Any text is a condition or a told mistake; what a condition says is what SQL says, exactly."""

from __future__ import annotations

import datetime
import operator
import re
import sqlite3
from collections.abc import Callable
from fractions import Fraction

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.record.expression import Expression

KNOWN = pl.DataFrame(
    {
        "age": [17, 18, None, 2**62],
        "weight": pl.Series(["15.9", "-150.0", None, "99999999999999999.9"], dtype=pl.String).cast(
            pl.Decimal(18, 1)
        ),
        "consent": [True, False, None, True],
        "sex": ["M", "", None, "l'été"],
        "visit": [datetime.date(2024, 2, 29), datetime.date(1, 1, 1), None, datetime.date.max],
        "never": [None, None, None, None],
        "binary": [0.1, float("nan"), None, float("inf")],
    }
)
OPERANDS = re.findall(
    r"\S+",
    "age weight consent sex visit never binary height TRUE FALSE NULL 0 1 18 0.5 150.0 'M' 'l''x' "
    "'' 999999999999999 999999999999.999999999999",
)
OPERATORS = re.findall(r"\S+", "AND OR = <> < <= > >= + - *")
OTHERS = re.findall(
    r"\S+",
    "NOT BETWEEN IN IS COALESCE ( ) , -- / % ; :: . [ ] \" ' SELECT FROM CASE WHEN CURRENT_DATE "
    "count( cast( /* */ \\",
)

texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="agesx0179.'()=<>+-*, ANDORTI\n\t\x00\ud800é", max_size=60),
    st.lists(st.sampled_from(OPERANDS + OPERATORS + OTHERS), max_size=25).map(" ".join),
    st.lists(st.sampled_from(OPERANDS + OPERATORS + OTHERS), max_size=12).map("".join),
    st.lists(
        st.tuples(st.sampled_from(["", "NOT", "-"]), *map(st.sampled_from, (OPERANDS, OPERATORS))),
        max_size=6,
    ).map(lambda parts: " ".join([*(" ".join(part) for part in parts), "weight"])),
)


@given(texts)
@settings(max_examples=500)
@example("age * age * age > 1")
@example("visit + 999999999999999 * 999999999999999 > visit")
@example("weight * weight > 0")
@example("sex = '\ud800'")
def test_any_text_is_a_condition_or_told_to_be_none(text: str) -> None:
    try:
        condition = Expression(text)
        said = condition.evaluate(KNOWN)
    except BadInput as refusal:
        assert str(refusal)
        return
    assert said.dtype == pl.Boolean and len(said) == len(KNOWN)
    assert set(condition.items) <= set(KNOWN.columns)
    assert condition.evaluate(KNOWN.reverse()).to_list() == said.to_list()[::-1]
    for row in range(len(KNOWN)):
        assert condition.evaluate(KNOWN[row]).to_list() == [said[row]]
    assert condition.evaluate(KNOWN.clear()).to_list() == []


# Well-formed conditions, as text without needless parentheses: the reader has to bind them.


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map(
        " ".join
    )


def _arithmetic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        joined(inner, st.sampled_from("+-*"), inner),
        joined("-", inner),
        joined("(", inner, ")"),
        joined("COALESCE (", inner, ",", inner, ")"),
    )


numbers = st.recursive(
    st.sampled_from(["i", "j", "0", "1", "2", "7", "NULL"]), _arithmetic, max_leaves=5
)
words = st.sampled_from(["s", "t", "'a'", "'b'", "''", "'l''x'"])
comparisons = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def _predicates(of: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    negated = st.sampled_from(["", "NOT"])
    return st.one_of(
        joined(of, comparisons, of),
        joined(of, negated, "BETWEEN", of, "AND", of),
        joined(of, negated, "IN (", st.lists(of, min_size=1, max_size=3).map(" , ".join), ")"),
        joined(of, "IS", negated, "NULL"),
    )


def _connected(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        joined(inner, st.sampled_from(["AND", "OR"]), inner),
        joined("NOT", inner),
        joined("(", inner, ")"),
        joined("(", inner, ")", st.sampled_from(["=", "<>"]), "(", inner, ")"),
        joined("(", inner, ") IS NULL"),
        joined("COALESCE (", inner, ",", inner, ")"),
    )


conditions = st.recursive(
    st.one_of(
        st.sampled_from(["p", "q", "TRUE", "FALSE", "NULL"]),
        _predicates(numbers),
        _predicates(words),
    ),
    _connected,
    max_leaves=6,
)
rows = st.lists(
    st.tuples(
        st.none() | st.integers(-9, 9),
        st.none() | st.integers(-9, 9),
        st.none() | st.sampled_from(["", "a", "b", "l'x", "ä"]),
        st.none() | st.sampled_from(["", "a", "B"]),
        st.none() | st.booleans(),
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
SCHEMA = {
    "i": pl.Int64,
    "j": pl.Int64,
    "s": pl.String,
    "t": pl.String,
    "p": pl.Boolean,
    "q": pl.Boolean,
}


@given(conditions, rows)
@settings(max_examples=200)
@example("NOT p AND q OR p", [(None, None, None, None, True, None)])
@example("i - j - 1 = i - ( j - 1 )", [(1, 2, None, None, None, None)])
@example("- i * j BETWEEN NULL AND 3", [(1, 2, None, None, None, None)])
def test_a_condition_says_what_a_database_says(text: str, known: list[tuple[object, ...]]) -> None:
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE known ({', '.join(SCHEMA)})")
    database.executemany("INSERT INTO known VALUES (?, ?, ?, ?, ?, ?)", known)
    answers = database.execute(f"SELECT {text} FROM known ORDER BY rowid").fetchall()
    expected = [None if answer is None else bool(answer) for (answer,) in answers]
    said = Expression(text).evaluate(pl.DataFrame(known, SCHEMA, orient="row"))
    assert said.to_list() == expected


# Arithmetic with known results, each text with the exact number that it stands for.

Exact = tuple[str, Fraction]
ITEMS = {"w": Fraction(159, 10), "x": Fraction(-1, 1000), "n": Fraction(70)}
TYPED = pl.DataFrame({"w": ["15.9"], "x": ["-0.001"], "n": [70]}).select(
    pl.col("w").cast(pl.Decimal(18, 1)), pl.col("x").cast(pl.Decimal(18, 3)), "n"
)

literals = st.one_of(
    st.integers(0, 999).map(lambda whole: (str(whole), Fraction(whole))),
    st.decimals(0, 999, places=2).map(lambda value: (str(value), Fraction(value))),
    st.sampled_from(sorted(ITEMS.items())),
)


def _calculated(inner: st.SearchStrategy[Exact]) -> st.SearchStrategy[Exact]:
    def apply(parts: tuple[Exact, str, Exact]) -> Exact:
        (left, one), sign, (right, other) = parts
        does = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign]
        return f"({left} {sign} {right})", does(one, other)

    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(apply),
        inner.map(lambda part: (f"(- {part[0]})", -part[1])),
    )


exact = st.recursive(literals, _calculated, max_leaves=5)
SIGNS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def holds(text: str) -> bool | None:
    found: bool | None = Expression(text).evaluate(TYPED).item()
    return found


@given(exact, st.sampled_from(sorted(SIGNS)), exact)
@settings(max_examples=200)
def test_arithmetic_is_exact(left: Exact, sign: str, right: Exact) -> None:
    assert holds(f"{left[0]} {sign} {right[0]}") is SIGNS[sign](left[1], right[1])
    assert holds(f"{left[0]} {sign} {left[0]}") is SIGNS[sign](left[1], left[1])


@given(literals, literals, literals)
def test_products_distribute_over_sums(a: Exact, b: Exact, c: Exact) -> None:
    assert holds(f"({a[0]} + {b[0]}) * {c[0]} = {a[0]} * {c[0]} + {b[0]} * {c[0]}")
    assert holds(f"({a[0]} - {b[0]}) * ({a[0]} + {b[0]}) = {a[0]} * {a[0]} - {b[0]} * {b[0]}")


dates = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 12, 31))


@given(dates, dates, st.integers(-50_000, 50_000))
def test_days_are_counted_as_on_a_calendar(
    one: datetime.date, other: datetime.date, days: int
) -> None:
    known = pl.DataFrame({"a": [one], "b": [other], "n": [days]})
    assert Expression(f"a - b = {(one - other).days}").evaluate(known).to_list() == [True]
    assert Expression("a + n > b").evaluate(known).to_list() == [
        one.toordinal() + days > other.toordinal()
    ]
    assert Expression("a - b = -(b - a) AND a - (a - b) = b").evaluate(known).to_list() == [True]
