"""Tables of many subjects, read and derived in one pass, and the part of each subject in them.

The rules are columnar: a hospital's subjects derived together cost a tenth of as many derived one
by one. What a list of subjects has derived is kept here, so that the page of one of them need not
derive it again; it holds for a subject until something that it rests on is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.correction import CHANGES
from equipoise.record.event import Event
from equipoise.record.tables import Tables, tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive


class Size(NamedTuple):
    """How many events of a type a subject had, and the seq of the last of them."""

    number: int
    last: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Every table of some subjects under one version of the study.

    `sizes`: by subject and type, the events that were read. `shared`: by hospital, the events that
    count for all of its subjects. `tables` are sorted by subject; `places` tells where the rows of
    each begin and how many they are.
    """

    version: str
    sites: Mapping[str, str | None]
    sizes: Mapping[str, Mapping[str, Size]]
    shared: Mapping[str | None, Sequence[Event]]
    tables: Mapping[str, pl.DataFrame]
    places: Mapping[str, Mapping[str, tuple[int, int]]]

    @property
    def bytes(self) -> int:
        """The memory of the tables."""
        return sum(int(frame.estimated_size()) for frame in self.tables.values())

    def key(self, subject: str, types: frozenset[str]) -> tuple[str, int, int]:
        """Version, number and last seq of the events of these types that were read for a subject:
        the subject's own are the later ones, whatever is shared."""
        own = [size for name, size in self.sizes[subject].items() if name in types]
        shared = [e.seq for e in self.shared[self.sites[subject]] if e.type in types]
        number = sum(size.number for size in own) + len(shared)
        last = max((size.last for size in own), default=shared[-1] if shared else 0)
        return self.version, number, last

    def part(self, subject: str, table: str) -> pl.DataFrame:
        """The rows of one subject."""
        start, length = self.places[table].get(subject, (0, 0))
        return self.tables[table].slice(start, length)

    def event_tables(
        self, subject: str, event_type: str, names: Iterable[str], size: tuple[int, int, int]
    ) -> Tables | None:
        """The tables of the events of a type, if they were exactly those of `size` (number, last
        seq, number of changes) and are the subject's own; else None."""
        if any(name not in self.places for name in names):
            return None
        mine = self.sizes[subject]
        changes = sum(mine[name].number for name in CHANGES if name in mine)
        if (*mine.get(event_type, Size(0, 0)), changes) != size:
            return None
        return {name: self.part(subject, name) for name in names}


def derived_together(
    events: Sequence[Event], shared: Mapping[str | None, Sequence[Event]], study: Study
) -> tuple[Tables, Batch]:
    """Every table of the subjects of `events`, whole and as a `Batch`.

    `events`: all that was recorded of these subjects, who have `study` in force. `shared`: by
    hospital, what was declared for all of its subjects, oldest first.
    """
    common = {event.seq: event for each in shared.values() for event in each}
    found = derive(tables(sorted([*common.values(), *events]), CATALOGUE), study)
    sizes: dict[str, dict[str, Size]] = {}
    sites: dict[str, str | None] = {}
    for event in events:
        if event.subject is None:
            continue
        sites.setdefault(event.subject, event.site)
        mine = sizes.setdefault(event.subject, {})
        before = mine.get(event.type, Size(0, 0))
        mine[event.type] = Size(before.number + 1, max(before.last, event.seq))
    kept = {
        name: _by_subject(frame)
        for name, frame in found.items()
        if not frame["subject"].has_nulls()
    }
    places = {name: _places(frame) for name, frame in kept.items()}
    return found, Batch(study.version, sites, sizes, shared, kept, places)


def _by_subject(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if frame["subject"].is_sorted() else frame.sort("subject", maintain_order=True)


def _places(frame: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Where the rows of each subject begin in a frame sorted by subject, and how many they are."""
    counted = frame.group_by("subject", maintain_order=True).len()
    lengths = counted["len"].to_numpy()
    starts = np.cumsum(lengths) - lengths
    told = zip(counted["subject"], starts.tolist(), lengths.tolist(), strict=True)
    return {subject: (start, length) for subject, start, length in told}
