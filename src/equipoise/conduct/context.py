"""What a decision may look at: the trial's state, the subject's events and tables, the day."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import polars as pl

from equipoise.conduct.derived import DerivedTables, rests_on
from equipoise.conduct.state import TrialState
from equipoise.errors import Refused
from equipoise.record.correction import Standing, corrections, standing
from equipoise.record.event import Event, EventBody
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log, Transaction
from equipoise.record.rule import Tables
from equipoise.safety.events import ReferenceRangesDeclared
from equipoise.study.actions import Action
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study


def read(event: Event) -> Mapping[str, Any]:
    """The body of an event as first recorded."""
    return _read(event.body)


@lru_cache(maxsize=16384)
def _read(body: str) -> Mapping[str, Any]:
    """A body is asked for at every later action on its subject, and read once."""
    return MappingProxyType(json.loads(body))


def as_it_stands(
    facts: Sequence[Event], event_type: str, *, left_out: int | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Day and content of the events of a type among `facts` (but for one, by its seq), with the
    corrections there applied; without a day of its own an event has that of its recording."""
    events = [each for each in facts if each.type == event_type and each.seq != left_out]
    changes = corrections(facts, CATALOGUE) if events else {}
    for event in events:
        if event.seq not in changes and event.type_version == CATALOGUE.of(event_type).VERSION:
            yield event.occurred or event.recorded[:10], read(event)
        else:
            found = standing(event, changes.get(event.seq, ()), CATALOGUE)
            yield found.occurred or event.recorded[:10], found.body


def event_as_it_stands(facts: Sequence[Event], event: Event) -> Standing:
    """What `event` says now, with its corrections among `facts` applied."""
    return standing(event, corrections(facts, CATALOGUE).get(event.seq, ()), CATALOGUE)


@dataclass(slots=True)
class Context:
    """The action, and all that its decision may read.

    `today` is the day of recording at the site, `hour` the time of that day there as HH:MM (null
    without a site, and in a rehearsal, whose clock tells days), `reached` the last that has begun
    there or in UTC: from then on a grant or a version is in force. `state_seq` is the last event
    that `state` had taken in when this was made, `head_seq` the last of the record. `source` is the
    record: for the few decisions that rest on more than one subject, made under the lock.
    """

    action: Action
    trial: str
    state: TrialState
    state_seq: int
    head_seq: int
    keys: KeyStore
    today: datetime.date
    hour: str | None
    reached: datetime.date
    events: list[Event]
    tables: DerivedTables
    source: Log | Transaction

    @property
    def subject(self) -> str:
        """The subject of the action; refused when it names none or an unknown one."""
        if self.action.subject is None or not self.events:
            raise Refused(
                "is not in this record",
                subject=self.action.subject or "(none)",
                rule="subject known",
                way_out="record the screening of the subject first",
            )
        return self.action.subject

    @property
    def site(self) -> str | None:
        """The subject's hospital, else the one that the action names."""
        return self.events[0].site if self.events else self.action.site

    @property
    def day(self) -> str:
        """The day of an action that is refused without one (`days.NEEDED`)."""
        if self.action.occurred is None:
            raise TypeError(f"{self.action.name} was admitted without a day")
        return self.action.occurred

    @property
    def study_version(self) -> str:
        """The version in force at the site today; before any is in force, the last adopted."""
        found = self.state.version_in_force(self.site, self.reached)
        if found is None and self.action.subject is not None:
            raise Refused(
                f"cannot be entered: no study version is in force at site {self.site}",
                subject=self.action.subject,
                rule="VA2",
                way_out="activate a version at the site, with its approval",
            )
        return found or next(reversed(self.state.versions), "none")

    @property
    def study(self) -> Study:
        """The study in the version in force."""
        return self.state.versions[self.study_version]

    def bodies(self, *types: str) -> Iterator[Mapping[str, Any]]:
        """Bodies of the subject's events of these types, as first recorded, oldest first."""
        return (read(event) for event in self.events if event.type in types)

    def derived(self, table: str) -> pl.DataFrame:
        """A derived table of this subject under the version in force, corrections applied.

        What was declared for the whole hospital (reference ranges) or the whole trial (the freeze
        of re-determined status) counts beside the subject's own.
        """
        return self.tables.get(self.subject, self._read_for(table), self.study, table)

    def event_tables(self, table: str) -> Tables:
        """The event tables that a derived table of this subject rests on, corrections applied."""
        return self.tables.event_tables(self.subject, self._read_for(table), table)

    def derived_with(self, table: str, body: EventBody) -> pl.DataFrame:
        """A derived table as it would be if this action had been recorded with `body`."""
        event = self.foreseen(body)
        events = self._read_for(table)
        return self.tables.with_event(self.subject, events, event, self.study, table)

    def foreseen(self, body: EventBody) -> Event:
        """The event of the subject that this action would bring about with `body`."""
        return self.events[-1]._replace(
            seq=self.head_seq + 1,
            site=self.site,
            study_version=self.study_version,
            type=body.TYPE,
            type_version=body.VERSION,
            occurred=self.action.occurred,
            body=body.model_dump_json(),
        )

    def afterwards(self, body: EventBody) -> Context:
        """The context as it would be if this action had been recorded with `body`."""
        events = [*self.events, self.foreseen(body)]
        return replace(self, events=events, head_seq=self.head_seq + 1, tables=DerivedTables())

    def _read_for(self, table: str) -> list[Event]:
        """The subject's events, after those of others that the table reads."""
        events, read = self.events, rests_on(table)
        if ReferenceRangesDeclared.TYPE in read:
            events = [*self.state.ranges.get(self.site, ()), *events]
        if self.state.frozen is not None and self.state.frozen.type in read:
            events = [self.state.frozen, *events]
        return events

    def refuse(
        self, what: str, *, rule: str, way_out: str, value: object = None, clause: str | None = None
    ) -> Refused:
        """The refusal of this action, naming its subject."""
        return Refused(
            what,
            rule=rule,
            way_out=way_out,
            subject=self.action.subject,
            value=value,
            clause=clause,
        )
