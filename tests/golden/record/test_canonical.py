"""Canonical JSON against the examples printed in RFC 8785, and what it refuses."""

from __future__ import annotations

import enum
import hashlib
import types
from typing import Any

import pytest

from equipoise.errors import RecordError
from equipoise.record.canonical import DEEPEST, canonical, sha256_hex

SORTED = (
    ("\r", "Carriage Return"),
    ("1", "One"),
    ("\u0080", "Control"),
    ("\u00f6", "Latin Small Letter O With Diaeresis"),
    ("\u20ac", "Euro Sign"),
    ("\U0001f600", "Emoji: Grinning Face"),
    ("\ufb33", "Hebrew Letter Dalet With Dagesh"),
)
"""RFC 8785, section 3.2.3: members in the order of their UTF-16 code units."""


def test_members_are_sorted_as_rfc_8785_prints_them() -> None:
    text = canonical(dict(reversed(SORTED)))
    assert [text.index(said) for _, said in SORTED] == sorted(
        text.index(said) for _, said in SORTED
    )
    assert text.startswith(r'{"\r":"Carriage Return","1":"One",')


def test_strings_are_escaped_as_rfc_8785_prints_them() -> None:
    """Section 3.2.2, the member `string` of its example."""
    given = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    assert canonical({"string": given}) == r'{"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'


def test_every_control_character_is_escaped_in_the_shortest_way() -> None:
    short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}
    for code in range(32):
        escaped = short.get(code, f"\\u{code:04x}")
        assert canonical(chr(code)) == f'"{escaped}"'
    assert canonical("\x7f\u2028\u2029") == '"\x7f\u2028\u2029"'


class Arm(enum.StrEnum):
    ALKY = "ALKY"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-0, "0"),
        (2**53 - 1, "9007199254740991"),
        (-(2**53) + 1, "-9007199254740991"),
        ("", '""'),
        ([], "[]"),
        ({}, "{}"),
        (("a", 1, [None]), '["a",1,[null]]'),
        (Arm.ALKY, '"ALKY"'),
        (types.MappingProxyType({"b": 1, "a": 2}), '{"a":2,"b":1}'),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert canonical(value) == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.0, r"^a float \(1.0\) is not exact"),
        ({"a": [0, {"b": float("nan")}]}, r"^a/1/b: a float"),
        (2**53, "beyond"),
        ({"n": -(2**53)}, "^n: the integer -9007199254740992 is beyond"),
        ({1: "a"}, "member name 1 is not a string"),
        ({None: "a"}, "member name None is not a string"),
        ({"\ud800": 1}, "surrogate"),
        ({"name": "\udfff"}, "^name: a text with half a surrogate pair"),
        ({"when": b"bytes"}, "^when: a bytes cannot be stored"),
        ({"all": {1, 2}}, "^all: a set cannot be stored"),
        (object(), "^a object cannot be stored"),
    ],
)
def test_what_json_cannot_say_exactly_is_refused(value: Any, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        canonical(value)


def test_nesting_has_an_end() -> None:
    value: Any = None
    for _ in range(DEEPEST):
        value = [value]
    assert canonical(value) == "[" * DEEPEST + "null" + "]" * DEEPEST
    with pytest.raises(RecordError, match=r"^0/0/0: is nested more than 64 levels deep"):
        canonical([value])
    value = []
    value.append(value)
    with pytest.raises(RecordError, match="nested"):
        canonical(value)


def test_sha256_of_utf_8() -> None:
    """FIPS 180-4's first example, and a text beyond ASCII."""
    assert sha256_hex("abc").startswith(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
    )
    assert sha256_hex("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()
    with pytest.raises(RecordError, match="surrogate"):
        sha256_hex("\ud800")
