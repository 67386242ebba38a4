"""Derived tables of subjects, kept for as long as nothing they rest on has moved.

A derived table rests on event tables, which the rules declare. It is derived anew when an event
of one of those types, or a correction, has come since.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cache

import polars as pl

from equipoise.record.correction import Corrected, Redacted
from equipoise.record.declaration import children
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE, EVENTS
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, needed

SUBJECTS_KEPT = 64
"""Subjects whose derived tables are kept; the one used longest ago goes first."""

Key = tuple[str, int, int]


class DerivedTables:
    """Derived tables of subjects by name, with what they rested on."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, tuple[Key, pl.DataFrame]]] = OrderedDict()

    def get(self, subject: str, events: Sequence[Event], study: Study, table: str) -> pl.DataFrame:
        """A derived table of one subject, whose events are `events`, under `study`."""
        kept = self._kept.setdefault(subject, {})
        self._kept.move_to_end(subject)
        if len(self._kept) > SUBJECTS_KEPT:
            self._kept.popitem(last=False)
        keys = {rule.produces: _key(events, study, rule.produces) for rule in needed(table)}
        if kept.get(table, (None,))[0] != keys[table]:
            usable = {
                name: frame
                for name, (key, frame) in kept.items()
                if name in keys and key == keys[name]
            }
            found = derive({**tables(events, CATALOGUE), **usable}, study, upto=table)
            kept.update({name: (key, found[name]) for name, key in keys.items()})
        return kept[table][1]

    def with_event(
        self, subject: str, events: Sequence[Event], event: Event, study: Study, table: str
    ) -> pl.DataFrame:
        """The derived table as it would be if `event` had happened too; nothing of it is kept."""
        unmoved = {
            rule.produces: self.get(subject, events, study, rule.produces)
            for rule in needed(table)
            if event.type not in rests_on(rule.produces)
        }
        return derive({**tables([*events, event], CATALOGUE), **unmoved}, study, upto=table)[table]


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
