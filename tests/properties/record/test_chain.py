"""Whatever is done to a record is found: for all small records, and all places in them."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.record.canonical import canonical, sha256_hex
from equipoise.record.event import Draft, Event
from equipoise.record.log import EMPTY, GENESIS, chained, event_hash
from equipoise.record.verify import verify

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(texts, values, max_size=4)
words = st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1, max_size=12)
drafts = st.builds(
    Draft,
    type=words,
    type_version=st.integers(1, 9),
    body=bodies,
    actor=words,
    role=words,
    organisation=words,
    study_version=words,
    occurred=st.none() | st.dates().map(str) | st.just("2026-11"),
    subject=st.none() | words,
    site=st.none() | words,
    reason=st.none() | words,
    cause=st.none() | words,
)
NOW = datetime.datetime(2026, 11, 23, 3, 22, 55, 123456, tzinfo=datetime.UTC)


def _record(some: list[Draft]) -> list[Event]:
    return chained(EMPTY, some, trial="T1", release="0.1.0", recorded=NOW)


def _plain(count: int) -> list[Event]:
    fields: dict[str, Any] = {
        "type": "Seen",
        "type_version": 1,
        "actor": "a",
        "role": "r",
        "organisation": "o",
        "study_version": "1",
    }
    return _record([Draft(body={"number": number}, **fields) for number in range(count)])


records = st.lists(drafts, min_size=1, max_size=6).map(_record)
lengths = st.integers(1, 40)


@given(values)
def test_canonical_text_is_read_back_as_the_same_value(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(values)
def test_canonical_text_does_not_depend_on_the_order_of_members(value: Any) -> None:
    assert canonical(_reversed(value)) == canonical(value)


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


@given(values, values)
def test_two_values_with_one_text_are_one_value(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (_typed(one) == _typed(other))


def _typed(value: Any) -> Any:
    """Values that tell true from 1."""
    if isinstance(value, dict):
        return {name: _typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return (type(value), value)


@given(st.dictionaries(texts, st.none(), min_size=2, max_size=5))
def test_members_stand_in_the_order_of_utf_16(value: dict[str, None]) -> None:
    names = list(json.loads(canonical(value)))
    assert names == sorted(value, key=lambda name: name.encode("utf-16-be"))


@pytest.mark.requirement("VA3")
@given(records)
def test_a_record_left_alone_is_sound_and_hashed_as_documented(events: list[Event]) -> None:
    assert verify(events, trial="T1") == []
    prev = GENESIS
    for event in events:
        header = {k: v for k, v in event._asdict().items() if k not in ("body", "hash")}
        assert event.prev == prev
        assert event.hash == sha256_hex(canonical(header) + "\n" + event.body)
        prev = event.hash


@pytest.mark.requirement("VA3")
@given(records, st.data())
def test_any_flipped_bit_of_any_field_is_found(events: list[Event], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(events) - 1))
    name = data.draw(st.sampled_from([n for n in Event._fields if n != "seq"]))
    value = getattr(events[place], name)
    changed: Any
    if value is None:
        changed = ""
    elif isinstance(value, int):
        changed = value ^ (1 << data.draw(st.integers(0, 30)))
    else:
        raw = bytearray(value.encode())
        if not raw:
            raw = bytearray(1)
        at, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
        raw[at] ^= 1 << bit
        changed = raw.decode("utf-8", "surrogateescape")
    events[place] = events[place]._replace(**{name: changed})
    found = verify(events)
    assert {(finding.seq, finding.kind) for finding in found} == {(place + 1, "altered")}


@pytest.mark.requirement("VA3")
@given(lengths, st.data())
def test_a_missing_event_is_named(length: int, data: st.DataObject) -> None:
    events = _plain(length + 1)
    place = data.draw(st.integers(0, length - 1))
    del events[place]
    assert [(f.seq, f.kind) for f in verify(events)] == [(place + 1, "missing")]


@pytest.mark.requirement("VA3")
@given(lengths, st.data())
def test_a_missing_event_is_named_when_the_others_close_ranks(
    length: int, data: st.DataObject
) -> None:
    events = _plain(length + 1)
    place = data.draw(st.integers(0, length - 1))
    del events[place]
    events = [event._replace(seq=seq) for seq, event in enumerate(events, 1)]
    assert [(f.seq, f.kind) for f in verify(events)] == [(place + 1, "missing")]


@pytest.mark.requirement("VA3")
@given(st.integers(2, 40), st.data(), st.booleans())
def test_two_swapped_events_are_named(length: int, data: st.DataObject, links: bool) -> None:
    """Whether the rows change their numbers, or all but numbers and links."""
    events = _plain(length)
    one, other = sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=2, max_size=2)))
    kept = ("seq", "prev", "hash") if links else ("seq",)
    first, second = events[one], events[other]
    events[one] = second._replace(**{name: getattr(first, name) for name in kept})
    events[other] = first._replace(**{name: getattr(second, name) for name in kept})
    found = [(f.seq, f.kind) for f in verify(events)]
    assert found == [(one + 1, "reordered"), (other + 1, "reordered")]


@pytest.mark.requirement("VA3")
@given(lengths, st.data(), st.booleans())
def test_an_inserted_event_is_named(length: int, data: st.DataObject, hashed: bool) -> None:
    events = _plain(length)
    place = data.draw(st.integers(0, length - 1))
    prev = events[place - 1].hash if place else GENESIS
    forged = events[place]._replace(body='{"number":-1}', prev=prev)
    if hashed:
        forged = forged._replace(hash=event_hash(forged))
    later = [event._replace(seq=event.seq + 1) for event in events[place:]]
    (finding,) = verify([*events[:place], forged, *later])
    assert finding.kind == "inserted"
    if hashed and place == length - 1:  # two ends of the record, and nothing says which is true
        assert finding.seq in (length, length + 1)
    else:
        assert finding.seq == place + 1


@pytest.mark.requirement("VA3")
@given(lengths, st.data())
def test_a_row_stored_twice_is_named(length: int, data: st.DataObject) -> None:
    events = _plain(length)
    place = data.draw(st.integers(0, length - 1))
    found = verify([*events[: place + 1], *events[place:]])
    assert [(f.seq, f.kind) for f in found] == [(place + 1, "inserted")]


@pytest.mark.requirement("VA3")
@given(st.integers(2, 40), st.data())
def test_an_event_hashed_anew_is_named(length: int, data: st.DataObject) -> None:
    events = _plain(length)
    place = data.draw(st.integers(0, length - 2))
    forged = events[place]._replace(reason="forged")
    events[place] = forged._replace(hash=event_hash(forged))
    assert [(f.seq, f.kind) for f in verify(events)] == [(place + 1, "altered")]


junk = st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=5) | texts


@given(st.lists(st.tuples(*[junk] * len(Event._fields)), max_size=5), lengths, st.data())
def test_rows_of_anything_are_findings_and_never_an_error(
    rows: list[tuple[Any, ...]], length: int, data: st.DataObject
) -> None:
    events: list[Event] = _plain(length)
    for row in rows:
        events.insert(data.draw(st.integers(0, len(events))), Event._make(row))
    found = verify(events, trial="T1", guards=[("g", row[0]) for row in rows])
    assert len(found) >= len(rows)


@settings(max_examples=15)
@given(st.integers(30, 200), st.randoms(use_true_random=False))
def test_a_record_in_any_disorder_is_found(length: int, random: Any) -> None:
    events = _plain(length)
    contents = [event._replace(seq=0) for event in events]
    random.shuffle(contents)
    mixed = [event._replace(seq=seq) for seq, event in enumerate(contents, 1)]
    moved = sum(event != there for event, there in zip(mixed, events, strict=True))
    found = verify(mixed)
    assert (found == []) == (moved == 0)
    assert {f.kind for f in found} <= {"reordered", "altered", "inserted", "missing"}


def test_a_large_record_that_closed_ranks_is_told_briefly() -> None:
    events = _plain(3000)
    del events[100:600]
    events = [event._replace(seq=seq) for seq, event in enumerate(events, 1)]
    (finding,) = verify(events)
    assert finding == (101, "missing", "events 101 to 600 are missing")


def test_a_record_altered_everywhere_takes_no_longer_than_a_few_seconds() -> None:
    events = [event._replace(reason="forged") for event in _plain(20_000)]
    found = verify(events)
    assert [f.seq for f in found] == list(range(1, 20_001))
    assert {f.kind for f in found} == {"altered"}
