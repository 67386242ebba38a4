"""One text for one value: the JSON that the record hashes and stores.

The text is that of RFC 8785 (JSON Canonicalization Scheme, section 3.2) for values without floats:
members sorted by the UTF-16 code units of their names, no space, only what must be escaped is
escaped, UTF-8. Binary floating point has no place in a record: a measured value is a decimal
string.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from equipoise.errors import RecordError

LARGEST_INTEGER: Final = 2**53 - 1
"""The largest integer that every reader of JSON takes exactly (RFC 8785, section 3.2.2.3)."""

DEEPEST: Final = 64
"""Levels of nesting that are accepted; event bodies have three."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


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
    return _encode(_plain(value, ()))


def sha256_hex(text: str) -> str:
    """The SHA-256 of the UTF-8 of `text`, as 64 lower-case hexadecimal digits.

    >>> sha256_hex("")[:16]
    'e3b0c44298fc1c14'
    """
    try:
        return hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError as error:
        raise RecordError("a text with half a surrogate pair has no UTF-8") from error


def _plain(value: object, path: tuple[str | int, ...]) -> object:
    """`value` in dicts and lists, members in order; RecordError for what JSON cannot say."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise _unfit(path, f"the integer {value} is beyond 2**53 - 1: write it as a string")
        return int(value)
    if len(path) >= DEEPEST:
        raise _unfit(path[:3], f"is nested more than {DEEPEST} levels deep")
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise _unfit(path, f"the member name {name!r} is not a string")
        names = sorted(value, key=_code_units)
        return {_text(name, path): _plain(value[name], (*path, name)) for name in names}
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, place)) for place, item in enumerate(value)]
    if isinstance(value, float):
        raise _unfit(path, f"a float ({value}) is not exact: write it as a decimal string")
    raise _unfit(path, f"a {type(value).__name__} cannot be stored: write it as a string")


def _code_units(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _text(value: str, path: tuple[str | int, ...]) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _unfit(path, "a text with half a surrogate pair has no UTF-8") from error
    return str.__str__(value)


def _unfit(path: tuple[str | int, ...], problem: str) -> RecordError:
    place = "/".join(str(step) for step in path).encode("ascii", "backslashreplace").decode()
    return RecordError(f"{place}: {problem}" if place else problem)
