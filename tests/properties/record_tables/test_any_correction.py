"""Whatever is corrected in any event, the latest value stands and the others are remembered."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.record.canonical import canonical
from equipoise.record.correction import correction, history
from equipoise.record.declaration import Column, columns
from equipoise.record.event import Body, Event
from equipoise.record.tables import Tables, appended, empty_tables, rows, tables
from equipoise.study.catalogue import CATALOGUE
from tests.harness.any_event import an_event, bodies, event

CLASSES = [cls for cls in CATALOGUE.classes if cls.TYPE not in ("Corrected", "Redacted")]


def correctable(cls: type[Body]) -> list[Column]:
    permanent = getattr(cls, "ID", None)
    return [
        each
        for each in columns(cls)
        if each.child is None and each.name != permanent and not each.name.endswith("_missing")
    ]


class Expected:
    """What is known of some events, kept by hand: bodies, and who gave each row its content."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.bodies = {each.seq: json.loads(each.body) for each in events}
        self.seqs: dict[tuple[int, str, int], int] = {}
        self.values: dict[tuple[int, str], list[tuple[object, object]]] = {}

    def correct(self, data: st.DataObject) -> None:
        """Correct any item of any event, if its new value is another one."""
        target = data.draw(st.sampled_from(self.events[: len(self.bodies)]))
        cls: type[Body] = CATALOGUE.of(target.type)
        row, path, table, place = self.bodies[target.seq], "", "", 0
        nested = [each for each in columns(cls) if each.child and row[each.name]]
        if nested and data.draw(st.booleans()):
            column = data.draw(st.sampled_from(nested))
            table, found = column.name, row[column.name]
            place = data.draw(st.integers(0, len(found) - 1))
            cls, row = column.child or cls, found[place]
            names = [str(each.get(getattr(cls, "ID", ""), n)) for n, each in enumerate(found)]
            if names.count(names[place]) > 1:
                return
            path = f"{table}/{names[place]}/"
        if not correctable(cls):
            return
        item = data.draw(st.sampled_from(correctable(cls))).name
        other = data.draw(bodies(cls))
        value, missing = other[item], other.get(f"{item}_missing")
        before = row[item], row.get(f"{item}_missing")
        try:
            body = correction(
                self.events, target.seq, path + item, CATALOGUE, value=value, missing=missing
            )
        except BadInput as refusal:
            assert (value, missing) == before and "nothing to correct" in str(refusal)
            return
        assert (value, missing) != before
        seq = self.events[-1].seq + 1
        self.events.append(event(seq, "Corrected", body.model_dump(mode="json")))
        self.values.setdefault((target.seq, path + item), [before]).append((value, missing))
        self.seqs[target.seq, table, place] = seq
        row[item] = value
        if f"{item}_missing" in row:
            row[f"{item}_missing"] = missing

    def check(self, found: Tables) -> None:
        """The tables say the same."""
        for seq, body in self.bodies.items():
            cls = CATALOGUE.of(next(each.type for each in self.events if each.seq == seq))
            (back,) = [each for each in rows(found, cls) if each.event == seq]
            assert back.body == body
            own = found[cls.TABLE]
            by = dict(own.select("event", "seq").rows())
            assert by[seq] == self.seqs.get((seq, "", 0), seq)
            for column in columns(cls):
                if column.child is not None:
                    table = found[column.child.TABLE].select("event", "position", "seq")
                    for of, place, given_by in table.rows():
                        if of == seq:
                            assert given_by == self.seqs.get((seq, column.name, place), seq)


@pytest.mark.requirement("AT1", "AT3", "CO4")
@given(st.data())
@settings(max_examples=60)
def test_the_latest_value_stands(data: st.DataObject) -> None:
    classes = data.draw(st.lists(st.sampled_from(CLASSES), min_size=1, max_size=3))
    expected = Expected([data.draw(an_event(cls, seq)) for seq, cls in enumerate(classes, 1)])
    past: list[tuple[int, Tables, dict[int, Any]]] = []
    growing = empty_tables(CATALOGUE)
    read = 0
    for _ in range(data.draw(st.integers(1, 6))):
        expected.correct(data)
        growing = appended(growing, expected.events[:read], expected.events[read:], CATALOGUE)
        read = len(expected.events)
        past.append((read, growing, copy.deepcopy(expected.bodies)))
    whole = tables(expected.events, CATALOGUE)
    expected.check(whole)
    assert all(growing[name].equals(whole[name]) for name in whole)

    for upto, then, known in past:  # nothing that came later changed what was known then
        again = tables(expected.events[:upto], CATALOGUE)
        assert all(then[name].equals(again[name]) for name in again)
        for seq, body in known.items():
            cls = CATALOGUE.of(expected.events[seq - 1].type)
            assert [each.body for each in rows(then, cls) if each.event == seq] == [body]

    for (seq, item), values in expected.values.items():
        told = history(expected.events, seq, item, CATALOGUE)
        assert [(each.value, each.missing) for each in told] == [
            (None if value is None else canonical(value), missing) for value, missing in values
        ]
