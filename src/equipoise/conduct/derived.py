"""Derived tables of subjects, kept for as long as nothing they rest on has moved.

A derived table rests on event tables, which the rules declare. It is derived anew when an event
of one of those types, or a correction, has come since. Of the event tables only those are read
again to which something was added: an action adds a row or two to what may be hundreds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cache

import polars as pl

from equipoise.record.correction import Corrected, Redacted, corrections
from equipoise.record.declaration import children
from equipoise.record.event import Event
from equipoise.record.tables import Tables, empty_tables, tables
from equipoise.study.catalogue import CATALOGUE, EVENTS
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, needed

SUBJECTS_KEPT = 64
"""Subjects whose derived tables are kept; the one used longest ago goes first."""

Key = tuple[str, int, int]
Size = tuple[int, int, int]
"""Number and last seq of the events of a type, number of corrections and redactions of any."""

_CHANGES = (Corrected.TYPE, Redacted.TYPE)


class DerivedTables:
    """Derived tables of subjects by name, with what they rested on."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, tuple[Key, pl.DataFrame]]] = OrderedDict()
        self._read: dict[str, dict[str, tuple[Size, Tables]]] = {}

    def get(self, subject: str, events: Sequence[Event], study: Study, table: str) -> pl.DataFrame:
        """A derived table of one subject, whose events are `events`, under `study`."""
        kept = self._of(subject)
        keys = {rule.produces: _key(events, study, rule.produces) for rule in needed(table)}
        if kept.get(table, (None,))[0] != keys[table]:
            usable = {
                name: frame
                for name, (key, frame) in kept.items()
                if name in keys and key == keys[name]
            }
            found = derive({**self._tables(subject, events, table), **usable}, study, upto=table)
            kept.update({name: (key, found[name]) for name, key in keys.items()})
        return kept[table][1]

    def with_event(
        self, subject: str, events: Sequence[Event], event: Event, study: Study, table: str
    ) -> pl.DataFrame:
        """The derived table as it would be if `event` had happened too; nothing of it is kept."""
        self._of(subject)
        unmoved = {
            rule.produces: self.get(subject, events, study, rule.produces)
            for rule in needed(table)
            if event.type not in rests_on(rule.produces)
        }
        found = self._tables(subject, events, table)
        same = [each for each in events if each.type == event.type]
        moved = _of_type(event.type, [*_with_changes(same, events), event])
        return derive({**found, **moved, **unmoved}, study, upto=table)[table]

    def _of(self, subject: str) -> dict[str, tuple[Key, pl.DataFrame]]:
        """What is kept of a subject, who is now the one used last."""
        kept = self._kept.setdefault(subject, {})
        self._kept.move_to_end(subject)
        if len(self._kept) > SUBJECTS_KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._read.pop(gone, None)
        return kept

    def _tables(self, subject: str, events: Sequence[Event], table: str) -> Tables:
        """The event tables that a derived table rests on."""
        read = self._read.setdefault(subject, {})
        types = rests_on(table).difference(_CHANGES)
        by_type: dict[str, list[Event]] = {name: [] for name in types}
        changes = 0
        for event in events:
            if event.type in by_type:
                by_type[event.type].append(event)
            changes += event.type in _CHANGES
        found = {}
        for name, mine in by_type.items():
            size = len(mine), mine[-1].seq if mine else 0, changes
            if name not in read or read[name][0] != size:
                read[name] = size, _of_type(name, _with_changes(mine, events))
            found.update(read[name][1])
        return found


def _with_changes(mine: Sequence[Event], events: Sequence[Event]) -> list[Event]:
    """`mine`, and of `events` the redactions and the corrections of one of them."""
    changes = [event for event in events if event.type in _CHANGES]
    if not changes:
        return list(mine)
    seqs = {event.seq for event in mine}
    targets = corrections(changes, CATALOGUE)
    by = {event.seq for target in seqs & set(targets) for event, _ in targets[target]}
    return [
        *mine,
        *(each for each in changes if each.seq in by or each.type == Redacted.TYPE),
    ]


def _of_type(name: str, events: Sequence[Event]) -> Tables:
    """The table of one event type and those of its nested rows, of `events` of this type."""
    cls = CATALOGUE.of(name)
    names = [cls.TABLE, *(child.TABLE for _, child in children(cls))]
    found = tables(events, CATALOGUE) if events else empty_tables(CATALOGUE)
    return {name: found[name] for name in names}


def _key(events: Sequence[Event], study: Study, table: str) -> Key:
    """Version, number and last seq of the events that a derived table rests on."""
    types = rests_on(table)
    seqs = [event.seq for event in events if event.type in types]
    return study.version, len(seqs), seqs[-1] if seqs else 0


@cache
def rests_on(table: str) -> frozenset[str]:
    """The types of the events that a derived table is derived from, corrections included.

    >>> "FormSaved" in rests_on("eligibility"), "TumourAssessed" in rests_on("eligibility")
    (True, False)
    """
    read = {name for rule in needed(table) for name in rule.requires}
    types = {
        cls.TYPE
        for cls in EVENTS
        if cls.TABLE in read or any(child.TABLE in read for _, child in children(cls))
    }
    return frozenset(types | {Corrected.TYPE, Redacted.TYPE})
