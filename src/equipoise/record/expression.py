"""Conditions of the study file: SQL boolean expressions over items, three-valued and exact.

A condition is written as every data manager writes it, `age >= 18 AND measurable_disease`, and
evaluated column by column by polars. Null means not yet known, as SQL has it: `age >= 18 AND
measurable_disease` is false for a minor even while `measurable_disease` is unknown, and unknown
while it could still go either way.

Allowed are items, numbers, texts in single quotes, TRUE, FALSE, NULL, the comparisons = <> < <= >
>=, AND, OR, NOT, BETWEEN, IN, IS NULL, + - *, and COALESCE. Nothing else is: no sub-query, no
second statement, no other function. There is no division, which no fixed number of places could
hold; multiply the other side instead. The difference of two dates is a number of whole days, and
a number of days may be added to a date.

Numbers with a point are decimals, never binary fractions: 0.1 + 0.2 = 0.3 here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import polars as pl

from equipoise.errors import BadInput

LONGEST: Final = 2000
"""Characters of the longest condition."""

DEEPEST: Final = 40
"""Parentheses that may be open at once."""

ALLOWED: Final = (
    "items, numbers, 'texts', TRUE, FALSE, NULL, = <> < <= > >=, AND, OR, NOT, BETWEEN, IN, "
    "IS NULL, + - *, COALESCE"
)

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<decimal>\d{1,12}\.\d{1,12}(?![\w.])) |
        (?P<integer>\d{1,15}(?![\w.])) |
        (?P<text>'(?:[^'\\\x00-\x1f]|'')*') |
        (?P<name>[A-Za-z_][A-Za-z0-9_]*) |
        (?P<symbol><>|<=|>=|=|<|>|\+|-|\*|\(|\)|,)
    )""",
    re.VERBOSE,
)
_WORDS: Final = frozenset({"and", "or", "not", "between", "in", "is", "null", "true", "false"})
_FUNCTIONS: Final = frozenset({"coalesce"})
_SQL: Final = (
    "all any array as asc between by case cast count create date delete desc distinct drop else "
    "end except exists explain extract filter first from group having if ilike insert intersect "
    "interval into join last like limit max min offset on order over partition regexp rlike row "
    "select set some substring sum table then time timestamp trim try_cast union unique update "
    "using values when where with within xor"
)
_REFUSED: Final = frozenset(_SQL.split())
"""Words of SQL that a condition does not need and that no item may be called in one."""

_CONSTANT: Final = "__decimal_{}"


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition, parsed. Raises BadInput for anything that is not allowed in one.

    `items` are the sorted names of the items that it reads.

    >>> condition = Expression("uracilaemia >= 150 OR contraindication")
    >>> condition.items
    ('contraindication', 'uracilaemia')
    >>> frame = pl.DataFrame({"uracilaemia": [16, None], "contraindication": [None, True]})
    >>> condition.evaluate(frame).to_list()
    [None, True]
    """

    text: str
    items: tuple[str, ...] = field(init=False)
    _parsed: pl.Expr = field(init=False, repr=False, compare=False)
    _constants: tuple[Decimal, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sql, constants = _checked(self.text)
        try:
            parsed = pl.sql_expr(sql)
        except (pl.exceptions.PolarsError, ValueError) as error:
            said = str(error).splitlines()[0]
            raise BadInput(f"must be a condition in SQL ({said})", found=self.text) from error
        names = {name for name in parsed.meta.root_names() if not name.startswith("__decimal_")}
        if strays := sorted(name for name in names if name.lower() in _WORDS):
            raise _refused(self.text, strays[0])
        object.__setattr__(self, "items", tuple(sorted(names)))
        object.__setattr__(self, "_parsed", parsed)
        object.__setattr__(self, "_constants", constants)

    def evaluate(self, frame: pl.DataFrame) -> pl.Series:
        """What the condition says of every row of `frame`: true, false, or null for not yet known.

        Raises BadInput when an item is not a column of `frame`, or where a comparison makes no
        sense between the types of its sides.
        """
        absent = [name for name in self.items if name not in frame.columns]
        if absent:
            raise BadInput(f"must have the items of {self.text!r}", found=", ".join(absent))
        read = frame.select(
            pl.col(name).cast(pl.Int32) if dtype == pl.Date else pl.col(name)
            for name, dtype in frame.schema.items()
            if name in self.items
        )
        constants = [
            pl.lit(value).alias(_CONSTANT.format(number))
            for number, value in enumerate(self._constants)
        ]
        rows = pl.int_range(len(frame), eager=True).alias("__row").to_frame()
        try:
            result = (
                rows.hstack(read.get_columns())
                .with_columns(constants)
                .select(pl.when(pl.col("__row") >= 0).then(self._parsed).alias("verdict"))
                .to_series()
            )
        except pl.exceptions.PolarsError as error:
            said = str(error).splitlines()[0]
            raise BadInput(f"must compare like with like ({said})", found=self.text) from error
        if result.dtype not in (pl.Boolean, pl.Null):
            raise BadInput("must be a condition that is true or false", found=self.text)
        return result.cast(pl.Boolean)


def _checked(text: str) -> tuple[str, tuple[Decimal, ...]]:
    """`text` with its decimals named, and the decimals; BadInput for what is not allowed."""
    if not text.strip() or len(text) > LONGEST:
        raise BadInput(f"must be a condition of 1 to {LONGEST} characters", found=text)
    parts: list[str] = []
    constants: list[Decimal] = []
    depth, position, after_operand = 0, 0, False
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _refused(text, text[position:].split()[0])
        position = match.end()
        token = match[0].strip()
        value = not match["symbol"] and token.lower() not in _WORDS - {"null", "true", "false"}
        # polars would read a second operand as the name of the result, and say nothing
        if after_operand and value and not (parts and parts[-1].lower() == "is"):
            raise _refused(text, token)
        after_operand = (value and token.lower() not in _FUNCTIONS) or token == ")"
        if match["decimal"]:
            parts.append(_CONSTANT.format(len(constants)))
            constants.append(Decimal(token))
            continue
        if match["name"]:
            _check_name(text, token, text[position:].lstrip()[:1] == "(")
        depth += (token == "(") - (token == ")")
        if depth > DEEPEST:
            raise BadInput(f"must have at most {DEEPEST} parentheses open at once", found=text)
        parts.append(token)
    return " ".join(parts), tuple(constants)


def _check_name(text: str, name: str, called: bool) -> None:
    word = name.lower()
    if word in _WORDS:
        if called and word not in {"and", "or", "not", "in", "between"}:
            raise _refused(text, f"{name}(")
    elif word in _FUNCTIONS:
        if not called:
            raise _refused(text, name)
    elif called or word in _REFUSED or name.startswith("__"):
        raise _refused(text, f"{name}(" if called else name)


def _refused(text: str, part: str) -> BadInput:
    return BadInput(f"{part!r} is not allowed in a condition; allowed are {ALLOWED}", found=text)
