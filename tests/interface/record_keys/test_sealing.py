"""A sealed text opens with its key, in its place, unaltered; and in no other way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.errors import RecordError
from equipoise.record.canonical import canonical
from equipoise.record.sealing import Key, key_of, seal, unseal

KEY = Key("subject/01-001", bytes(range(32)))
PLACE = "NCT03217097/01-001/name"


@given(st.text(), st.text())
def test_what_was_sealed_opens_in_its_place(text: str, place: str) -> None:
    sealed = seal(KEY, text, place)
    assert unseal(KEY, sealed, place) == text
    assert key_of(sealed) == KEY.name
    assert json.loads(canonical(sealed)) == sealed and sealed.isascii()


@pytest.mark.requirement("GD1")
@given(st.text(), st.text())
def test_a_text_that_was_moved_does_not_open(text: str, elsewhere: str) -> None:
    sealed = seal(KEY, text, PLACE)
    if elsewhere != PLACE:
        with pytest.raises(RecordError, match="altered, belongs elsewhere, or the key is another"):
            unseal(KEY, sealed, elsewhere)


def test_a_text_is_sealed_differently_every_time() -> None:
    assert len({seal(KEY, "Dupont", PLACE) for _ in range(100)}) == 100


def test_another_key_does_not_open_it() -> None:
    sealed = seal(KEY, "Dupont", PLACE)
    with pytest.raises(
        RecordError, match=r"sealed under the key subject/01-001, not subject/01-002"
    ):
        unseal(Key("subject/01-002", KEY.secret), sealed, PLACE)
    with pytest.raises(RecordError, match="does not open"):
        unseal(Key(KEY.name, bytes(32)), sealed, PLACE)
    renamed = sealed.replace("01-001", "01-002")
    with pytest.raises(RecordError, match="does not open"):
        unseal(Key("subject/01-002", KEY.secret), renamed, PLACE)


@pytest.mark.parametrize("text", ["", "Dupont", "Dupont!", "Dupont!!", "é" * 40])
def test_every_altered_character_is_found(text: str) -> None:
    sealed = seal(KEY, text, PLACE)
    start = len(f"sealed:1:{KEY.name}:")
    for place in range(start, len(sealed)):
        for other in "AQgw_-=b":
            altered = sealed[:place] + other + sealed[place + 1 :]
            if altered != sealed:
                with pytest.raises(RecordError):
                    unseal(KEY, altered, PLACE)
    for length in range(start, len(sealed)):
        with pytest.raises(RecordError):
            unseal(KEY, sealed[:length], PLACE)
    for more in ("=", "A", "\n", sealed):
        with pytest.raises(RecordError):
            unseal(KEY, sealed + more, PLACE)


@pytest.mark.parametrize(
    "text",
    ["", "Dupont", "sealed:1:", "sealed:1:a:", "sealed:2:a:AAAA", "sealed:1:a b:AAAA",
     "sealed:1:é:AAAA", "sealed:1:a:AA AA", "sealed:1:a:AAAA===", " sealed:1:a:AAAA",
     "sealed:1:a:AAAA\n", f"sealed:1:{'a' * 201}:AAAA"],
)  # fmt: skip
def test_what_is_no_sealed_text(text: str) -> None:
    assert key_of(text) is None
    with pytest.raises(RecordError, match="not a sealed text"):
        unseal(KEY, text, PLACE)


def test_a_secret_has_32_bytes_and_is_not_printed() -> None:
    for length in (0, 16, 31, 33):
        with pytest.raises(RecordError, match=f"has {length} bytes instead of 32"):
            Key("anchor", bytes(length))
    assert repr(KEY) == "Key(name='subject/01-001')"


def test_half_a_surrogate_pair_cannot_be_sealed() -> None:
    for text, place in (("\ud800", PLACE), ("Dupont", "\ud800")):
        with pytest.raises(RecordError, match="surrogate"):
            seal(KEY, text, place)
