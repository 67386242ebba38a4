"""Anchors: what is signed cannot be altered, and a file of them tells its mistakes by line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.record.anchors import Anchor, anchor_lines, is_signed, public_key, read_anchors, sign
from equipoise.record.sealing import Key

KEY, OTHER = Key("anchor", bytes(range(32))), Key("anchor", bytes(32))
HEAD: dict[str, Any] = {
    "trial": "NCT03217097", "seq": 42, "hash": "ab" * 32,
    "recorded": "2026-11-23T03:22:55.123456Z", "purpose": "certified copy of site 01",
}  # fmt: skip
ANCHOR = sign(KEY, **HEAD)


@pytest.mark.requirement("VA3")
def test_an_anchor_says_what_was_signed() -> None:
    assert is_signed(ANCHOR)
    assert ANCHOR.model_dump(include=set(HEAD)) == HEAD
    assert ANCHOR.public_key == public_key(KEY) != public_key(OTHER)
    assert sign(KEY, **HEAD) == ANCHOR, "Ed25519 signs the same in the same way"


@pytest.mark.requirement("VA3")
@pytest.mark.parametrize(
    "change",
    [
        {"seq": 41},
        {"hash": "ab" * 31 + "ac"},
        {"trial": "NCT03217098"},
        {"recorded": "2026-11-23T03:22:55.123457Z"},
        {"purpose": "certified copy of site 02"},
        {"public_key": public_key(OTHER)},
        {"public_key": "00" * 32},
        {"public_key": "ff" * 32},
        {"signature": ANCHOR.signature[:-2] + "00"},
        {"signature": "00" * 64},
        {"signature": sign(OTHER, **HEAD).signature},
    ],
    ids=lambda change: next(iter(change)),
)
def test_nothing_of_an_anchor_can_be_altered(change: dict[str, Any]) -> None:
    assert not is_signed(ANCHOR.model_copy(update=change))


def test_who_signed_is_for_the_published_key_to_say() -> None:
    forged = sign(OTHER, **{**HEAD, "seq": 7})
    assert is_signed(forged) and forged.public_key != public_key(KEY)


@given(st.lists(st.sampled_from([ANCHOR, sign(OTHER, **HEAD)]), max_size=4), st.text(" \n\r\t"))
def test_anchors_are_read_as_they_were_written(anchors: list[Anchor], blank: str) -> None:
    written = anchor_lines(anchors)
    assert written.count("\n") == len(anchors)
    assert read_anchors(written + "\n" + blank) == anchors
    assert read_anchors(written.replace("\n", "\r\n\n")) == anchors


def _changed(**changes: Any) -> str:
    fields = {**ANCHOR.model_dump(), **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "found 'nonsense'; one JSON object to a line is allowed"),
        ("{", "one JSON object to a line is allowed"),
        ("[" * 100_000, "one JSON object to a line is allowed"),
        ("\ufeff" + _changed(), "one JSON object to a line is allowed"),
        (_changed() * 2, "one JSON object to a line is allowed"),
        ("[]", "found '[]'; an anchor has this field"),
        ("5", "found '5'; an anchor has this field"),
        ("null", "an anchor has this field"),
        (_changed(seq=...), "line 2, seq: an anchor has this field"),
        (_changed(signature=...), "line 2, signature: an anchor has this field"),
        (_changed(seq=0), "line 2, seq: found '0'"),
        (_changed(seq="42"), "line 2, seq: found '42'"),
        (_changed(seq=42.0), "line 2, seq: found '42.0'"),
        (_changed(seq=True), "line 2, seq: found 'True'"),
        (_changed(seq=2**53), f"line 2, seq: found '{2**53}'"),
        (_changed(hash="ab"), "line 2, hash: found 'ab'"),
        (_changed(hash="AB" * 32), "line 2, hash: found"),
        (_changed(recorded="2026-11-23"), "line 2, recorded: found '2026-11-23'"),
        (_changed(recorded="２０２６-11-23T03:22:55.123456Z"), "line 2, recorded: found"),
        (_changed(purpose=""), "line 2, purpose: found ''"),
        (_changed(purpose="\ud800"), "line 2, purpose: found"),
        (_changed(trial=None), "line 2, trial: "),
        (_changed(format="equipoise-anchor-2"), "line 2, format: found 'equipoise-anchor-2'"),
        (_changed(note="x"), "line 2, note: found 'x'"),
        (_changed(public_key="00"), "line 2, public_key: found '00'"),
        (_changed(signature="zz" * 64), "line 2, signature: found"),
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_a_line_that_is_no_anchor_is_told(line: str, told: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read_anchors(f"{_changed()}\n{line}\n", where="anchors.jsonl")
    assert str(refusal.value).startswith("anchors.jsonl line 2")
    assert told in str(refusal.value)


@given(st.text(max_size=80) | st.from_regex(r"\{[\w\":,{}\[\] ]{0,60}\}"))
def test_any_text_is_read_or_told(text: str) -> None:
    try:
        assert read_anchors(text) == []
    except BadInput as refusal:
        assert str(refusal).startswith("anchors line")


def test_a_bad_signature_is_a_finding_not_a_bad_file() -> None:
    (found,) = read_anchors(_changed(seq=43))
    assert found.seq == 43 and not is_signed(found)
