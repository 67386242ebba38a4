"""What can be recorded can be read: every class of events of the catalogue, with any valid body."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.errors import RecordError
from equipoise.record import reading
from equipoise.record.canonical import canonical
from equipoise.record.declaration import columns
from equipoise.record.event import Draft, Event, EventBody
from equipoise.record.sqlite import SqliteLog
from equipoise.record.tables import Tables, empty_tables, rows, schema, tables
from equipoise.record.verify import verify
from equipoise.study.catalogue import CATALOGUE
from tests.harness.any_event import an_event, by_subject, event, events, texts

CLASSES = [cls for cls in CATALOGUE.classes if cls.TYPE != "Corrected"]
"""A correction without what it corrects is an error; corrections have tests of their own."""

ENVELOPE = (
    "type", "type_version", "actor", "role", "organisation", "study_version", "occurred", "subject",
    "site",
)  # fmt: skip


def same(found: Tables, expected: Tables) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].schema == expected[name].schema and found[name].equals(expected[name])
        for name in expected
    )


def scanned(found: Sequence[Event]) -> Tables:
    """The tables as many events at once are read, none of them opened that need not be."""
    opened = reading._opened

    def with_lists(cls: type[EventBody], *others: Any) -> reading.Frames:
        assert reading._has_lists(cls)
        return opened(cls, *others)

    with patch.object(reading, "FEW", 0), patch.object(reading, "_opened", with_lists):
        return tables(found, CATALOGUE)


@pytest.mark.requirement("AT1", "DT1")
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.TYPE)
@given(data=st.data())
@settings(max_examples=5)
def test_every_event_can_be_recorded_and_read_again(
    cls: type[EventBody], data: st.DataObject
) -> None:
    recorded = [data.draw(an_event(cls, seq)) for seq in range(1, data.draw(st.integers(2, 4)))]
    found = tables(recorded, CATALOGUE)
    assert same(scanned(recorded), found)
    assert found.keys() == empty_tables(CATALOGUE).keys()
    for name, of in CATALOGUE.tables().items():
        assert dict(found[name].schema) == schema(of)
    back = list(rows(found, cls))
    assert [canonical(each.body) for each in back] == [each.body for each in recorded]
    assert [each[:-1] for each in back] == [
        (0, each.seq, each.subject, each.site, each.occurred, each.study_version)
        for each in recorded
    ]


@pytest.mark.requirement("AT1")
@given(data=st.data())
@settings(max_examples=3)
def test_an_event_of_every_class_goes_through_a_store(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """What two drawn events both guard (one sample's number) only the first guards here; a name
    with a NUL, which no store takes for a guard, guards nothing."""
    wanted = [data.draw(an_event(cls, seq)) for seq, cls in enumerate(CLASSES, start=1)]
    drafts, taken = [], set()
    for cls, each in zip(CLASSES, wanted, strict=True):
        named = cls.model_validate_json(each.body).guards(each.subject)
        guards = {guard for guard in named if "\0" not in guard} - taken
        taken |= guards
        envelope = {name: getattr(each, name) for name in ENVELOPE}
        drafts.append(Draft(body=json.loads(each.body), guards=tuple(sorted(guards)), **envelope))
    path = tmp_path_factory.mktemp("record") / "record.sqlite3"
    with closing(SqliteLog.create(path, trial="by-hand")) as log:
        log.append_many(drafts)
        recorded = log.read()
    assert verify(recorded) == []
    found = tables(recorded, CATALOGUE)
    assert same(found, tables(wanted, CATALOGUE))
    for cls, each in zip(CLASSES, recorded, strict=True):
        assert [canonical(back.body) for back in rows(found, cls)] == [each.body]


def test_every_class_is_under_test() -> None:
    assert len(CLASSES) == len(CATALOGUE.classes) - 1 >= 60
    assert {"SubjectScreened", "FormSaved", "Locked", "KeyDestroyed", "Redacted"} <= {
        cls.TYPE for cls in CLASSES
    }


@pytest.mark.requirement("CO4")
@given(events(CLASSES, most=6), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_in_which_events_are_read_never_matters(
    recorded: list[Event], random: Any
) -> None:
    shuffled = list(recorded)
    random.shuffle(shuffled)
    assert same(tables(shuffled, CATALOGUE), tables(recorded, CATALOGUE))
    assert same(scanned(shuffled), tables(recorded, CATALOGUE))


@given(events(CLASSES, most=6))
@settings(max_examples=30)
def test_subjects_read_one_by_one_are_all_subjects(recorded: list[Event]) -> None:
    parts = [tables(part, CATALOGUE) for part in by_subject(recorded).values()]
    together = {}
    for name in empty_tables(CATALOGUE):
        frame = pl.concat([part[name] for part in parts])
        key = [each for each in ("event", "position") if each in frame.columns]
        together[name] = frame.sort(key)
    assert same(together, tables(recorded, CATALOGUE))


# Bodies that no class would have let in: both ways of reading refuse the same ones.

OTHER_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9, width=16), texts,
    st.sampled_from([[], {}, [None], ["x"], [{}], [5], "2024-02-30", "1e3", "+5", "0.00001", 2**70,
                     "-0", "0000-01-01", "2024-1-1", " 5", "5 ", "٣", "999999999999999999999"]),
)  # fmt: skip


@st.composite
def altered(draw: st.DrawFn) -> Event:
    """An event with one item of its body, or of a nested row, or its date altered."""
    cls = draw(st.sampled_from(CLASSES))
    found = draw(an_event(cls, 1))
    body = json.loads(found.body)
    if draw(st.integers(0, 9)) == 0:
        return found._replace(occurred=draw(texts))
    row = body
    nested = [each for each in columns(cls) if each.child and body[each.name]]
    if nested and draw(st.booleans()):
        row = draw(st.sampled_from(body[draw(st.sampled_from(nested)).name]))
    if not row:
        return found
    name = draw(st.sampled_from(sorted(row)))
    if draw(st.booleans()):
        row[name] = draw(OTHER_VALUES)
    else:
        del row[name]
    return found._replace(body=json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def told(found: Sequence[Event], few: int) -> Tables | str:
    try:
        with patch.object(reading, "FEW", few):
            return tables(found, CATALOGUE)
    except RecordError as error:
        return str(error)


@given(altered())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_both_ways_of_reading_refuse_the_same_bodies(found: Event) -> None:
    one_by_one, at_once = told([found], 9), told([found], 0)
    if isinstance(one_by_one, str):
        assert at_once == one_by_one and f"event {found.seq} " in one_by_one
    else:
        assert not isinstance(at_once, str) and same(at_once, one_by_one)


@given(st.sampled_from(CLASSES), texts | st.sampled_from(["", "[]", "null", "5", "{", "{}\n{}"]))
@settings(max_examples=30)
def test_a_body_that_is_no_object_is_refused(cls: type[EventBody], text: str) -> None:
    for few in (0, 9):
        said = told([event(7, cls.TYPE, text)], few)
        assert isinstance(said, str) or text == "{}", "only a body without items is {}"
