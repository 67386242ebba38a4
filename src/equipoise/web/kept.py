"""What is derived of each subject, kept, and made anew where something was recorded.

It rests on the subject's events alone. When something was recorded, what is kept of the subjects
that it concerns is derived again, together, by the same rules as everything else; so that a list
costs what is new in it, not what is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from equipoise.conduct.derived import with_changes
from equipoise.record.correction import CHANGES
from equipoise.record.event import Event
from equipoise.safety.events import ReferenceRangesDeclared
from equipoise.study.definition import Study
from equipoise.web.trial import Trial

R = TypeVar("R")

AT_A_TIME = 64
"""Subjects that are derived together, so that memory stays bounded."""

SINGLY = 3
"""Subjects of whom each is derived alone: of so few, what is kept of each saves the most."""

_CONCERN_ALL = ("StudyVersionActivated", "RedeterminationFrozen", ReferenceRangesDeclared.TYPE)


@dataclass(slots=True)
class Kept(Generic[R]):
    """What `make(events, study)` derives of each subject, up to a position of the record.

    `make` is given the events of some subjects who have one version in force, and answers by
    subject; it answers for every one of them. `types`: the events that it rests on, if not on all.
    `alone`: the same of one subject, from the tables that `conduct` keeps of them, so that what is
    new in them is derived and nothing else.
    """

    trial: Trial
    make: Callable[[list[Event], Study], Mapping[str, R]]
    types: frozenset[str] | None = None
    alone: Callable[[str], R] | None = None
    head: int = 0
    rows: dict[str, R] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)

    def of(self, site: str | None) -> list[R]:
        """What is kept of the subjects of a hospital, or of all (None), by subject number."""
        self._catch_up()
        state = self.trial.ask.state
        wanted = [s for s, each in state.screened.items() if site is None or each.site == site]
        missing = [s for s in wanted if s in self.stale or s not in self.rows]
        for start in range(0, len(missing), AT_A_TIME):
            self._derive(missing[start : start + AT_A_TIME])
        return [self.rows[subject] for subject in sorted(wanted)]

    def one(self, subject: str) -> R:
        """What is kept of one subject, who must be in the record."""
        self._catch_up()
        if subject in self.stale or subject not in self.rows:
            self._derive([subject])
        return self.rows[subject]

    def _catch_up(self) -> None:
        """Mark whom anything was recorded of since the last look. The first look marks nobody:
        whoever has no row is derived when asked for."""
        head = self.trial.ask.head
        if self.head and head > self.head:
            for event in self.trial.log.read(after=self.head):
                if event.subject is not None:
                    if self.types is None or event.type in self.types:
                        self.stale.add(event.subject)
                elif event.type in _CONCERN_ALL:
                    self.rows.clear()
        self.head = head

    def _derive(self, subjects: list[str]) -> None:
        if self.alone is not None and len(subjects) <= SINGLY:
            self.rows.update({subject: self.alone(subject) for subject in subjects})
            self.stale.difference_update(subjects)
            return
        by_version: dict[str, list[str]] = {}
        for subject in subjects:
            study = self.trial.ask.study(self.trial.ask.site(subject))
            by_version.setdefault(study.version, []).append(subject)
        for version, together in by_version.items():
            study = self.trial.ask.state.versions[version]
            read = self.trial.log.read
            events = [e for s in together for e in read(subject=s, types=self.types)]
            if self.types is not None:
                events = with_changes([e for e in events if e.type not in CHANGES], events)
            self.rows.update(self.make(events, study))
        self.stale.difference_update(subjects)
