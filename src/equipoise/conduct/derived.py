"""Derived tables of subjects, kept for as long as nothing they rest on has moved.

A derived table rests on event tables, which the rules declare. It is derived anew when an event
of one of those types, or a correction, has come since. Of the event tables only those are read
again to which something was added: an action adds a row or two to what may be hundreds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from equipoise.conduct.batch import Batch, derived_together
from equipoise.record.correction import CHANGES, Corrected, Redacted, corrections
from equipoise.record.declaration import children
from equipoise.record.event import Event, content
from equipoise.record.reading import frames
from equipoise.record.tables import Tables, appended, empty_tables, tables
from equipoise.study.catalogue import CATALOGUE, EVENTS
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, needed

SUBJECTS_KEPT = 64
"""Subjects whose derived tables are kept; the one used longest ago goes first."""

Key = tuple[str, int, int]
Size = tuple[int, int, int]
"""Number and last seq of the events of a type, number of corrections and redactions of any."""

BATCHED = 192 * 2**20
"""Bytes of tables that are kept of many subjects at once; those made longest ago go first."""

_EMPTY = empty_tables(CATALOGUE)


@dataclass(slots=True)
class _Foreseen:
    """An event that may be recorded next: the tables of its type and those derived with it."""

    event: Event
    derived: dict[str, tuple[Key, pl.DataFrame]] = field(default_factory=dict)
    read: tuple[Size, Tables] | None = None


class DerivedTables:
    """Derived tables of subjects by name, with what they rested on."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, tuple[Key, pl.DataFrame]]] = OrderedDict()
        self._read: dict[str, dict[str, tuple[Size, Tables]]] = {}
        self._foreseen: dict[str, _Foreseen] = {}
        self._batches: list[Batch] = []
        self._batch_of: dict[str, Batch] = {}

    def together(
        self, events: Sequence[Event], shared: Mapping[str | None, Sequence[Event]], study: Study
    ) -> Tables:
        """Every table of the subjects of `events`, who have `study` in force, read and derived in
        one pass; what is asked of one of them next is found in it, for as long as it holds.

        `events`: all that was recorded of them. `shared`: by hospital, what was declared for all
        of its subjects, oldest first.
        """
        found, batch = derived_together(events, shared, study)
        self._batch_of.update(dict.fromkeys(batch.sizes, batch))
        used = {id(each) for each in self._batch_of.values()}
        self._batches = [each for each in [*self._batches, batch] if id(each) in used]
        while len(self._batches) > 1 and sum(each.bytes for each in self._batches) > BATCHED:
            gone = self._batches.pop(0)
            self._batch_of = {s: each for s, each in self._batch_of.items() if each is not gone}
        return found

    def get(self, subject: str, events: Sequence[Event], study: Study, table: str) -> pl.DataFrame:
        """A derived table of one subject, whose events are `events`, under `study`."""
        kept = self._of(subject)
        self._come_true(subject, events)
        if not self._holds(subject, table, _key(events, study, table)):
            keys = {rule.produces: _key(events, study, rule.produces) for rule in needed(table)}
            usable = {
                name: kept[name][1] for name, key in keys.items() if self._holds(subject, name, key)
            }
            found = derive({**self._tables(subject, events, table), **usable}, study, upto=table)
            kept.update({name: (key, found[name]) for name, key in keys.items()})
        return kept[table][1]

    def with_event(
        self, subject: str, events: Sequence[Event], event: Event, study: Study, table: str
    ) -> pl.DataFrame:
        """The derived table as it would be if `event` had happened too.

        It is kept aside, for the next that is asked of this event, and for good once exactly this
        event is recorded next.
        """
        self._of(subject)
        self._come_true(subject, events)
        if subject not in self._foreseen or self._foreseen[subject].event != event:
            self._foreseen[subject] = _Foreseen(event)
        foreseen, then = self._foreseen[subject], [*events, event]
        keys = {rule.produces: _key(then, study, rule.produces) for rule in needed(table)}
        known = {
            name: foreseen.derived[name][1]
            for name, key in keys.items()
            if name in foreseen.derived and foreseen.derived[name][0] == key
        }
        if table in known:
            return known[table]
        unmoved = {
            name: self.get(subject, events, study, name)
            for name in keys
            if event.type not in rests_on(name)
        }
        before = self._tables(subject, events, table)
        found = appended(before, events, [event], CATALOGUE)
        derived = derive({**found, **unmoved, **known}, study, upto=table)
        foreseen.derived.update(
            {name: (key, derived[name]) for name, key in keys.items() if name not in unmoved}
        )
        if event.type in rests_on(table) and event.type not in CHANGES:
            (number, _, changes), _ = self._read[subject][event.type]
            grown = {name: found[name] for name in _names(event.type)}
            foreseen.read = (number + 1, event.seq, changes), grown
        return derived[table]

    def event_tables(self, subject: str, events: Sequence[Event], table: str) -> Tables:
        """The event tables of one subject that a derived table rests on, corrections applied."""
        self._of(subject)
        return self._tables(subject, events, table)

    def _holds(self, subject: str, table: str, key: Key) -> bool:
        """Whether the derived table is kept and rests on nothing else than what `key` tells; it is
        taken from those of many subjects where it stands there."""
        kept = self._kept[subject]
        if table in kept and kept[table][0] == key:
            return True
        batch = self._batch_of.get(subject)
        if batch is None or batch.key(subject, rests_on(table)) != key:
            return False
        kept[table] = key, batch.part(subject, table)
        return True

    def _come_true(self, subject: str, events: Sequence[Event]) -> None:
        """Keep what was read and derived as if an event had happened, if exactly that event now
        has."""
        if subject not in self._foreseen:
            return
        foreseen = self._foreseen[subject]
        for recorded in reversed(events):
            if recorded.seq < foreseen.event.seq:
                return
            if recorded.seq == foreseen.event.seq:
                del self._foreseen[subject]
                if _same_content(recorded, foreseen.event):
                    self._kept[subject].update(foreseen.derived)
                    if foreseen.read is not None:
                        self._read[subject][recorded.type] = foreseen.read
                return

    def _of(self, subject: str) -> dict[str, tuple[Key, pl.DataFrame]]:
        """What is kept of a subject, who is now the one used last."""
        kept = self._kept.setdefault(subject, {})
        self._kept.move_to_end(subject)
        if len(self._kept) > SUBJECTS_KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._read.pop(gone, None)
            self._foreseen.pop(gone, None)
        return kept

    def _tables(self, subject: str, events: Sequence[Event], table: str) -> Tables:
        """The event tables that a derived table rests on."""
        read = self._read.setdefault(subject, {})
        types = rests_on(table) - {Redacted.TYPE}
        by_type: dict[str, list[Event]] = {name: [] for name in types}
        changes = 0
        for event in events:
            if event.type in by_type:
                by_type[event.type].append(event)
            changes += event.type in CHANGES
        found = {}
        for name, mine in by_type.items():
            size = len(mine), mine[-1].seq if mine else 0, changes
            if name not in read or read[name][0] != size:
                known = self._read_together(subject, name, size)
                if known is None:
                    known = _grown(read.get(name), name, mine, events, changes)
                read[name] = size, known
            found.update(read[name][1])
        return found

    def _read_together(self, subject: str, name: str, size: Size) -> Tables | None:
        """The event tables of a type as they stand in those of many subjects, if they hold."""
        batch = self._batch_of.get(subject)
        if batch is None or name == Corrected.TYPE:
            return None
        return batch.event_tables(subject, name, _names(name), size)


def _grown(
    read: tuple[Size, Tables] | None,
    name: str,
    mine: Sequence[Event],
    events: Sequence[Event],
    changes: int,
) -> Tables:
    """The tables of the events `mine` of one type: those read before and what came since."""
    if name == Corrected.TYPE:
        return dict(frames(Corrected, mine, {}))
    if changes:
        return _of_type(name, with_changes(mine, events))
    (number, last, changed), known = read or ((0, 0, 0), _of_type(name, ()))
    if changed or number > len(mine) or (number and mine[number - 1].seq != last):
        return _of_type(name, mine)
    return appended(known, mine[:number], mine[number:], CATALOGUE)


def _same_content(event: Event, other: Event) -> bool:
    """Whether two events give the same rows."""
    same = all(
        getattr(event, name) == getattr(other, name)
        for name in ("seq", "type", "type_version", "subject", "site", "occurred", "study_version")
    )
    return same and content(event) == content(other)


def with_changes(mine: Sequence[Event], events: Sequence[Event]) -> list[Event]:
    """`mine`, none of them a change, and of `events` the redactions and the corrections of one of
    `mine`: what a reader of some types of events may put into tables."""
    changes = [event for event in events if event.type in CHANGES]
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
    found = tables(events, CATALOGUE) if events else _EMPTY
    return {table: found[table] for table in _names(name)}


@cache
def _names(name: str) -> tuple[str, ...]:
    """The table of an event type and those of its nested rows."""
    cls = CATALOGUE.of(name)
    return cls.TABLE, *(child.TABLE for _, child in children(cls))


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
