"""The grammar of conditions: as much of SQL as a condition of a study file needs.

`parsed` gives the tree of a text. OR binds least, then AND, NOT, the comparisons (BETWEEN, IN and
IS NULL among them), + and -, *, and the sign of a number. Comparisons do not follow one another:
`a < b < c` means one thing to a reader and another to a database, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from equipoise.errors import BadInput

LONGEST: Final = 2000
"""Characters of the longest condition."""

DEEPEST: Final = 60
"""Levels of nesting: parentheses, operands of operands, sums and products in a row."""

ALLOWED: Final = (
    "items, numbers, 'texts', TRUE, FALSE, NULL, = <> < <= > >=, AND, OR, NOT, BETWEEN, IN, "
    "IS NULL, + - *, COALESCE"
)

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<decimal>[0-9]{1,12}\.[0-9]{1,12}(?![\w.])) |
        (?P<integer>[0-9]{1,15}(?![\w.])) |
        (?P<text>'(?:[^'\\\x00-\x1f\ud800-\udfff]|'')*') |
        (?P<name>[A-Za-z_][A-Za-z0-9_]*(?!\w)) |
        (?P<symbol><>|<=|>=|--|=|<|>|\+|-|\*|\(|\)|,)
    )""",
    re.VERBOSE,
)
_WORDS: Final = frozenset(
    {"and", "or", "not", "between", "in", "is", "null", "true", "false", "coalesce"}
)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_REFUSED: Final = re.compile(
    r"""all|any|array|as|asc|by|case|cast|count|create|current_(?:date|role|time|timestamp|user)|
    date|delete|desc|distinct|drop|else|end|except|exists|explain|extract|filter|first|from|group|
    having|if|ilike|insert|intersect|interval|into|join|last|like|limit|localtime|localtimestamp|
    max|min|offset|on|order|over|partition|regexp|rlike|row|select|session_user|set|some|substring|
    sum|table|then|time|timestamp|trim|try_cast|union|unique|update|user|using|values|when|where|
    with|within|xor""",
    re.VERBOSE | re.IGNORECASE,
)
"""Words of SQL that a condition does not need and that no item may be called in one."""

COMPARISONS: Final = frozenset({"=", "<>", "<", "<=", ">", ">="})
_SUM, _PRODUCT, _SIGN = 5, 6, 7
_POWER: Final = {"or": 1, "and": 2, "+": _SUM, "-": _SUM, "*": _PRODUCT} | dict.fromkeys(
    (*COMPARISONS, "between", "in", "is", "not"), 4
)
"""How strongly an operator binds; NOT before an operand binds as 3."""


@dataclass(frozen=True, slots=True)
class Item:
    """The value of an item."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, true or false as written; None is NULL."""

    value: int | Decimal | str | bool | None


@dataclass(frozen=True, slots=True)
class Operation:
    """What `sign` makes of its operands.

    Signs are those of COMPARISONS, + - *, "negate", "and", "or", "not", "is null" and "coalesce".
    BETWEEN, IN and the negated forms are written with these.
    """

    sign: str
    operands: tuple[Tree, ...]
    depth: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        below = (each.depth for each in self.operands if isinstance(each, Operation))
        object.__setattr__(self, "depth", 1 + max(below, default=0))


Tree = Item | Constant | Operation


def parsed(text: str) -> Tree:
    """The tree of a condition. Raises BadInput, naming the part, for what is not allowed in one."""
    if not text.strip() or len(text) > LONGEST:
        raise BadInput(f"must be a condition of 1 to {LONGEST} characters", found=text)
    reader = _Reader(text)
    tree = reader.tree(0)
    if reader.next is not _END:
        raise refused(text, reader.next.text)
    return tree


def items_of(tree: Tree) -> Iterator[str]:
    """The names of the items in `tree`, as often as they stand in it."""
    if isinstance(tree, Item):
        yield tree.name
    elif isinstance(tree, Operation):
        for each in tree.operands:
            yield from items_of(each)


def refused(text: str, part: str) -> BadInput:
    """The error for a part of the condition `text`."""
    return BadInput(f"{part!r} is not allowed in a condition; allowed are {ALLOWED}", found=text)


class _Token(NamedTuple):
    kind: str
    text: str


_END: Final = _Token("end", "")


def _tokens(text: str) -> Iterator[_Token]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise refused(text, text[position:].split()[0])
        position = match.end()
        kind, token = match.lastgroup or "", match[0].strip()
        if token == "--":
            raise refused(text, token)
        if kind == "name":
            word, called = token.lower(), text[position:].lstrip()[:1] == "("
            if word in _WORDS:
                kind, token = "word", word.upper()
            elif called or _REFUSED.fullmatch(word) or word.startswith("__"):
                raise refused(text, f"{token}(" if called else token)
        yield _Token(kind, token)
    yield _END


class _Reader:
    """Reads tokens into a tree, operators of greater power first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._open = 0
        self.next = next(self._tokens)

    def tree(self, power: int) -> Tree:
        """The tree of what follows, as far as operators bind more strongly than `power`."""
        self._open += 1
        left = self._operand(power)
        compared = False
        while _POWER.get(operator := self.next.text.lower(), 0) > power and self._is_operator():
            if _POWER[operator] == _POWER["="]:
                if compared:
                    raise self._wrong("must have parentheses around one of two comparisons")
                compared = True
                left = self._predicate(left)
            elif operator in ("and", "or"):
                left = self._joined(left, operator)
            else:
                self._take()
                left = self._operation(operator, left, self.tree(_POWER[operator]))
        self._open -= 1
        return left

    def _is_operator(self) -> bool:
        return self.next.kind in ("word", "symbol")

    def _joined(self, left: Tree, word: str) -> Tree:
        """Conditions joined by AND or OR: as a balanced tree, however many there are."""
        found = [left]
        while self._took(word):
            found.append(self.tree(_POWER[word]))
        return self._balanced(word, found)

    def _balanced(self, word: str, found: list[Tree]) -> Tree:
        while len(found) > 1:
            pairs = [tuple(found[place : place + 2]) for place in range(0, len(found), 2)]
            found = [self._operation(word, *pair) if len(pair) > 1 else pair[0] for pair in pairs]
        return found[0]

    def _predicate(self, left: Tree) -> Tree:
        """A comparison of `left`, or what is said of it by BETWEEN, IN or IS NULL."""
        if self._took("is"):
            negated = self._took("not")
            self._need("null")
            return self._negated(negated, self._operation("is null", left))
        if self.next.text in COMPARISONS:
            sign = self._take().text
            return self._operation(sign, left, self.tree(_POWER[sign]))
        negated = self._took("not")
        if self._took("between"):
            low = self.tree(_POWER["between"])
            self._need("and")
            high = self.tree(_POWER["between"])
            within = (self._operation(">=", left, low), self._operation("<=", left, high))
            return self._negated(negated, self._operation("and", *within))
        self._need("in")
        equal: list[Tree] = [self._operation("=", left, each) for each in self._list()]
        return self._negated(negated, self._balanced("or", equal))

    def _operand(self, power: int) -> Tree:
        if self._open > DEEPEST:
            raise self._wrong(f"must be nested at most {DEEPEST} levels deep")
        if self.next is _END:
            raise self._wrong("")
        token = self._take()
        match token.kind:
            case "decimal":
                return Constant(Decimal(token.text))
            case "integer":
                return Constant(int(token.text))
            case "text":
                return Constant(token.text[1:-1].replace("''", "'"))
            case "name":
                return Item(token.text)
        word = token.text.lower()
        if word in _CONSTANTS:
            return Constant(_CONSTANTS[word])
        if word == "not" and power < _POWER["not"]:
            return self._operation("not", self.tree(_POWER["not"] - 1))
        if word in ("+", "-"):
            signed = self.tree(_SIGN)
            return self._operation("negate", signed) if word == "-" else signed
        if word == "(":
            inside = self.tree(0)
            self._need(")")
            return inside
        if word == "coalesce":
            return self._operation("coalesce", *self._list())
        raise refused(self._text, token.text)

    def _list(self) -> list[Tree]:
        self._need("(")
        found = [self.tree(0)]
        while self._took(","):
            found.append(self.tree(0))
        self._need(")")
        return found

    def _negated(self, negated: bool, tree: Tree) -> Tree:
        return self._operation("not", tree) if negated else tree

    def _operation(self, sign: str, *operands: Tree) -> Operation:
        found = Operation(sign, operands)
        if found.depth > DEEPEST:
            raise self._wrong(f"must be nested at most {DEEPEST} levels deep")
        return found

    def _take(self) -> _Token:
        token = self.next
        if token is not _END:
            self.next = next(self._tokens)
        return token

    def _took(self, word: str) -> bool:
        found = self._is_operator() and self.next.text.lower() == word
        if found:
            self._take()
        return found

    def _need(self, word: str) -> None:
        if not self._took(word):
            raise self._wrong(f"must have {word.upper()} where {self.next.text!r} stands")

    def _wrong(self, problem: str) -> BadInput:
        if self.next is _END:
            problem = "must not end in the middle of a condition"
        return BadInput(problem, found=self._text)
