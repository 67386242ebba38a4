"""One text for one value: the JSON that the record hashes and stores.

The text is that of RFC 8785 (JSON Canonicalization Scheme, section 3.2) for values without floats:
members sorted by the UTF-16 code units of their names, no space, only what must be escaped is
escaped, UTF-8. Binary floating point has no place in a record: a measured value is a decimal
string.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from json.encoder import encode_basestring as _quoted
from typing import Final

from equipoise.errors import RecordError

LARGEST_INTEGER: Final = 2**53 - 1
"""The largest integer that every reader of JSON takes exactly (RFC 8785, section 3.2.2.3)."""

DEEPEST: Final = 64
"""Levels of nesting that are accepted; event bodies have three."""


def canonical(value: object) -> str:
    """The canonical JSON of strings, integers, booleans, nulls, lists and mappings.

    Raises RecordError, naming the place, for anything else: a float, a date, an integer beyond
    2**53 - 1, a text with half a surrogate pair, a member name that is not a string, a value nested
    more than 64 levels deep.

    >>> canonical({"b": ["15.3", None, True], "a": 7})
    '{"a":7,"b":["15.3",null,true]}'
    >>> canonical({"diameter": 15.3})
    Traceback (most recent call last):
    equipoise.errors.RecordError: diameter: a float (15.3) is not exact: write it as a decimal \
string
    """
    try:
        return _text(value, 0)
    except _Unfit as error:
        steps = error.path[::-1] if len(error.path) < DEEPEST else error.path[:-4:-1]
        place = "/".join(str(step) for step in steps)
        place = place.encode("ascii", "backslashreplace").decode()
        raise RecordError(f"{place}: {error.problem}" if place else error.problem) from None


def sha256_hex(text: str) -> str:
    """The SHA-256 of the UTF-8 of `text`, as 64 lower-case hexadecimal digits.

    >>> sha256_hex("")[:16]
    'e3b0c44298fc1c14'
    """
    try:
        return hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError as error:
        raise RecordError("a text with half a surrogate pair has no UTF-8") from error


class _Unfit(Exception):
    """What JSON cannot say, with the steps that lead there, the last one first."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.path: list[str | int] = []

    def below(self, step: str | int) -> _Unfit:
        self.path.append(step)
        return self


def _text(value: object, depth: int) -> str:
    """The text of `value`, members in order; _Unfit for what JSON cannot say."""
    if isinstance(value, str):
        return _string(value)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise _Unfit(f"the integer {value} is beyond 2**53 - 1: write it as a string")
        return str(int(value))
    if depth >= DEEPEST:
        raise _Unfit(f"is nested more than {DEEPEST} levels deep")
    if value.__class__ is dict or isinstance(value, Mapping):
        return _members(value, depth)
    if isinstance(value, list | tuple):
        found = []
        for place, item in enumerate(value):
            try:
                found.append(_text(item, depth + 1))
            except _Unfit as error:
                raise error.below(place) from None
        return f"[{','.join(found)}]"
    if isinstance(value, float):
        raise _Unfit(f"a float ({value}) is not exact: write it as a decimal string")
    raise _Unfit(f"a {type(value).__name__} cannot be stored: write it as a string")


def _members(value: Mapping[object, object], depth: int) -> str:
    """An object, its members sorted by the UTF-16 code units of their names (RFC 8785)."""
    names: list[str] = []
    for name in value:
        if not isinstance(name, str):
            raise _Unfit(f"the member name {name!r} is not a string")
        names.append(name)
    plain = "".join(names).isascii()
    found = []
    for name in sorted(names) if plain else sorted(names, key=_code_units):
        quoted = _string(name)
        try:
            found.append(f"{quoted}:{_text(value[name], depth + 1)}")
        except _Unfit as error:
            raise error.below(name) from None
    return f"{{{','.join(found)}}}"


def _code_units(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _string(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Unfit("a text with half a surrogate pair has no UTF-8") from None
    return _quoted(value)
