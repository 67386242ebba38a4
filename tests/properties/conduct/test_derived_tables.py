"""Tables kept between actions are those that all events of the subject give anew."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from equipoise.conduct.derived import DerivedTables
from equipoise.record.correction import Corrected
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.safety.events import ReferenceRangesDeclared
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import ORDER, derive
from tests.harness.bridge import STUDIES, drawn, eventful, scenario_of, through_sqlite

EVERY = 17
"""So many events are added between one look at the tables and the next."""


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_they_are_those_of_all_events_at_every_moment(study: str, memory_path: Path) -> None:
    rehearsal = drawn(study, eventful(scenario_of(study, "planning", 4)), 2)
    log, keys, _ = through_sqlite(rehearsal, memory_path)
    with closing(log), closing(keys):
        events = log.read()
    by_subject: dict[str, list[Event]] = {}
    for event in events:
        if event.subject is not None:
            by_subject.setdefault(event.subject, []).append(event)
    assert any(event.type == Corrected.TYPE for event in events)
    kept = DerivedTables()
    names = [rule.produces for rule in ORDER]
    for subject, mine in by_subject.items():
        for end in (*range(EVERY, len(mine), EVERY), len(mine)):
            anew = derive(tables(mine[:end], CATALOGUE), rehearsal.study)
            for name in names:
                found = kept.get(subject, mine[:end], rehearsal.study, name)
                assert_frame_equal(found, anew[name])


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_those_of_many_subjects_hold_until_something_is_recorded(
    study: str, memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At, before and after the moment at which the subjects were derived together, with what was
    declared for the whole hospital; at that moment nothing is derived again."""
    rehearsal = drawn(study, eventful(scenario_of(study, "planning", 4)), 2)
    log, keys, _ = through_sqlite(rehearsal, memory_path)
    with closing(log), closing(keys):
        events = log.read()
    shared: dict[str | None, list[Event]] = {event.site: [] for event in events}
    by_subject: dict[str, list[Event]] = {}
    for event in events:
        if event.type == ReferenceRangesDeclared.TYPE:
            shared[event.site].append(event)
        if event.subject is not None:
            by_subject.setdefault(event.subject, []).append(event)
    assert any(shared.values())
    middle = {subject: len(mine) * 2 // 3 for subject, mine in by_subject.items()}
    known = [event for s, mine in by_subject.items() for event in mine[: middle[s]]]
    kept = DerivedTables()
    kept.together(known, shared, rehearsal.study)
    for subject, mine in by_subject.items():
        common = shared[mine[0].site]
        for end in (middle[subject], middle[subject] - EVERY, middle[subject] + 1, len(mine)):
            read = [*common, *mine[:end]]
            anew = derive(tables(sorted(read), CATALOGUE), rehearsal.study)
            with monkeypatch.context() as patch:
                if end == middle[subject]:
                    patch.setattr("equipoise.conduct.derived.derive", _nothing)
                for rule in ORDER:
                    found = kept.get(subject, read, rehearsal.study, rule.produces)
                    assert_frame_equal(found, anew[rule.produces])
                    for name, frame in kept.event_tables(subject, read, rule.produces).items():
                        assert_frame_equal(frame, anew[name])


def _nothing(*_: object, **__: object) -> None:
    raise AssertionError("derived again")


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_as_if_one_more_event_had_happened(study: str, memory_path: Path) -> None:
    """The tables with one event more, though something else was corrected before."""
    rehearsal = drawn(study, eventful(scenario_of(study, "planning", 4)), 2)
    log, keys, _ = through_sqlite(rehearsal, memory_path)
    with closing(log), closing(keys):
        events = [event for event in log.read() if event.subject is not None]
    kept, asked = DerivedTables(), 0
    for place, event in enumerate(events):
        if event.type != "CycleStarted":
            continue
        mine = [each for each in events[:place] if each.subject == event.subject]
        anew = derive(tables([*mine, event], CATALOGUE), rehearsal.study, upto="dose_decision")
        found = kept.with_event(str(event.subject), mine, event, rehearsal.study, "dose_decision")
        assert isinstance(found, pl.DataFrame) and not found.is_empty()
        assert_frame_equal(found, anew["dose_decision"])
        asked += 1
    assert asked > 10


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_what_was_foreseen_counts_only_if_it_happened(study: str, memory_path: Path) -> None:
    """A cycle asked about is not kept when another was recorded in its place."""
    rehearsal = drawn(study, eventful(scenario_of(study, "planning", 4)), 2)
    log, keys, _ = through_sqlite(rehearsal, memory_path)
    with closing(log), closing(keys):
        events = [event for event in log.read() if event.subject is not None]
    kept, asked = DerivedTables(), 0
    for place, event in enumerate(events):
        if event.type != "CycleStarted":
            continue
        mine = [each for each in events[:place] if each.subject == event.subject]
        lighter = event._replace(body=event.body.replace('"weight":"', '"weight":"1'))
        assert lighter.body != event.body
        for asked_about in (event, lighter):
            kept.with_event(str(event.subject), mine, asked_about, rehearsal.study, "dose_decision")
            anew = derive(tables([*mine, event], CATALOGUE), rehearsal.study, upto="dose_decision")
            found = kept.get(str(event.subject), [*mine, event], rehearsal.study, "dose_decision")
            assert_frame_equal(found, anew["dose_decision"])
        asked += 1
    assert asked > 10
