"""The kinds of things that an expression of the study file puts together.

Polars compares a decimal with a text without a word, and finds them different: a criterion written
`uracilaemia >= '150'` would exclude nobody. So the kinds of both sides are worked out here, before
a study file is accepted. The syntax itself is judged by `equipoise.record.expression`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["number", "date", "text", "boolean", "null"]

_TOKEN = re.compile(
    r"\s*(\d+(?:\.\d+)?|'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_]*|<>|<=|>=|[=<>+\-*(),])"
)
_EQUAL = ("=", "<>")
_ORDERED = ("<", "<=", ">", ">=")


class Mismatch(ValueError):
    """Two kinds that cannot stand together; the text says what must."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of an expression: its kind, and the item or the text that it is by itself."""

    kind: Kind
    item: str | None = None
    text: str | None = None


@dataclass(slots=True)
class Typing:
    """Works out the kind of an expression over items of known kinds.

    `compared` collects the texts that items are compared with. Raises Mismatch.

    >>> typing = Typing("grade IN ('G1', 'G2') AND age >= 18", {"grade": "text", "age": "number"})
    >>> typing.kind(), typing.compared
    ('boolean', [('grade', 'G1'), ('grade', 'G2')])
    """

    expression: str
    kinds: Mapping[str, Kind]
    compared: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = [match[1] for match in _TOKEN.finditer(self.expression)][::-1]

    def kind(self) -> Kind:
        """The kind of the whole expression."""
        term = self._either()
        if self.tokens:
            raise Mismatch(f"must be one condition; {self.tokens[-1]!r} is too much")
        return term.kind

    def _next(self) -> str:
        return self.tokens[-1].lower() if self.tokens else ""

    def _took(self, *words: str) -> str | None:
        return self.tokens.pop().lower() if self._next() in words else None

    def _need(self, word: str) -> None:
        if self._took(word) is None:
            raise Mismatch(f"must have {word.upper()} where {self._next() or 'the end'!r} stands")

    def _either(self) -> Term:
        term = self._both()
        while self._took("or"):
            term = _condition("OR", term, self._both())
        return term

    def _both(self) -> Term:
        term = self._negated()
        while self._took("and"):
            term = _condition("AND", term, self._negated())
        return term

    def _negated(self) -> Term:
        negated = False
        while self._took("not"):
            negated = True
        term = self._comparison()
        return _condition("NOT", term) if negated else term

    def _comparison(self) -> Term:
        term = self._sum()
        while True:
            if sign := self._took(*_EQUAL, *_ORDERED):
                term = self._compared(term, self._sum(), ordered=sign in _ORDERED)
            elif self._took("is"):
                self._took("not")
                self._took("null", "true", "false")
                term = Term("boolean")
            elif self._next() in ("in", "between", "not"):
                self._took("not")
                term = self._between(term) if self._took("between") else self._in(term)
            else:
                return term

    def _between(self, term: Term) -> Term:
        self._compared(term, self._sum(), ordered=True)
        self._need("and")
        return self._compared(term, self._sum(), ordered=True)

    def _in(self, term: Term) -> Term:
        self._need("in")
        for each in self._listed():
            self._compared(term, each, ordered=False)
        return Term("boolean")

    def _listed(self) -> list[Term]:
        self._need("(")
        terms = [self._either()]
        while self._took(","):
            terms.append(self._either())
        self._need(")")
        return terms

    def _compared(self, left: Term, right: Term, *, ordered: bool) -> Term:
        if "null" not in (left.kind, right.kind):
            if left.kind != right.kind:
                raise Mismatch(
                    f"must compare like with like, not a {left.kind} with a {right.kind}"
                )
            if ordered and left.kind == "boolean":
                raise Mismatch("must not ask which of two conditions is greater")
        for one, other in ((left, right), (right, left)):
            if one.item is not None and other.text is not None:
                self.compared.append((one.item, other.text))
        return Term("boolean")

    def _sum(self) -> Term:
        term = self._product()
        while sign := self._took("+", "-"):
            term = _sum_of(term, sign, self._product())
        return term

    def _product(self) -> Term:
        term = self._signed()
        while self._took("*"):
            term = _numbers("*", term, self._signed())
        return term

    def _signed(self) -> Term:
        signs = ""
        while sign := self._took("+", "-"):
            signs += sign
        term = self._single()
        return _numbers(signs, term) if signs else term

    def _single(self) -> Term:
        if self._next() == "(":
            terms = self._listed()
            if len(terms) > 1:
                raise Mismatch("must have one thing in parentheses")
            return Term(terms[0].kind)
        if not self.tokens:
            raise Mismatch("must not end in the middle of a condition")
        token = self.tokens.pop()
        word = token.lower()
        if word == "coalesce":
            return self._coalesced()
        if word in ("true", "false"):
            return Term("boolean")
        if word == "null":
            return Term("null")
        if token[0] == "'":
            return Term("text", text=token[1:-1].replace("''", "'"))
        if token[0].isdigit():
            return Term("number")
        if token not in self.kinds:
            raise Mismatch(f"must read items that there are, not {token!r}")
        return Term(self.kinds[token], item=token)

    def _coalesced(self) -> Term:
        terms = self._listed()
        kinds: list[Kind] = [term.kind for term in terms if term.kind != "null"]
        if len(set(kinds)) > 1:
            raise Mismatch(f"must choose among like things, not a {kinds[0]} and a {kinds[1]}")
        return Term(kinds[0] if kinds else "null", item=terms[0].item)


def _condition(word: str, *terms: Term) -> Term:
    for term in terms:
        if term.kind not in ("boolean", "null"):
            raise Mismatch(f"must have conditions beside {word}, not a {term.kind}")
    return Term("boolean")


def _numbers(sign: str, *terms: Term) -> Term:
    for term in terms:
        if term.kind not in ("number", "null"):
            raise Mismatch(f"must have numbers beside {sign}, not a {term.kind}")
    return Term("number")


def _sum_of(left: Term, sign: str, right: Term) -> Term:
    kinds = (left.kind, right.kind)
    if kinds == ("date", "date") and sign == "-":
        return Term("number")
    if kinds == ("date", "number") or (kinds == ("number", "date") and sign == "+"):
        return Term("date")
    return _numbers(sign, left, right)
