"""What happened in simulated trials, as entries in order, and the event tables they become.

An entry is what a person would have recorded: a type, a day, a subject, the items. Entries are
kept column by column for many replicates at once. `Entries.tables` gives them the order that a
record would have, and with it their `seq`; `equipoise.workflow` sends the same rows, one by one,
through `conduct`.

Every entry has a number, given when it is added, and what orders entries are arrays over these
numbers: one sort of whole numbers then places every row of every table.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.declaration import (
    POSITION,
    children,
    schema,
)
from equipoise.record.event import Body, EventBody
from equipoise.record.tables import Tables, empty_tables
from equipoise.simulation.entry_columns import Kind, Rows, in_one, item_columns
from equipoise.simulation.nature import Ints
from equipoise.simulation.record_order import Heads, Places, RecordOrder, record_order
from equipoise.study.catalogue import CATALOGUE, EVENTS
from equipoise.visits.events import FormItem

RANKS: Mapping[str, int] = {
    name: rank
    for rank, name in enumerate(
        (
            "ReferenceRangesDeclared", "SubjectScreened", "ConsentSigned", "SampleCollected",
            "SampleReceived", "AssayResultRecorded", "VisitRecorded", "FormSaved",
            "PriorTherapyRecorded", "LaboratoryReported", "LesionIdentified", "TumourAssessed",
            "ScreeningFailed", "EligibilityConfirmed", "Randomised", "AdverseEventReported",
            "AdverseEventFollowedUp", "SeriousAdverseEventReported", "CausalityAssessed",
            "SusarSubmitted",
            "RegimenChosen", "CycleStarted", "DoseGiven",
            "AssayResultInvalidated", "PathologyReviewed", "TreatmentDiscontinued",
            "VisitsDiscontinued", "ConsentWithdrawn", "LostToFollowUp", "SubsequentTherapyRecorded",
            "VitalStatusRecorded", "DeathRecorded", "Corrected",
        )
    )
}  # fmt: skip
"""The order of entries of one day: a subject is screened before consent, allocated before dosed."""

_EPOCH = datetime.date(1970, 1, 1)
_PARENTS = {child: cls.TYPE for cls in EVENTS for _, child in children(cls)}
_COMMON = ("replicate", "subject", "site", "occurred", "seq", "event", "study_version")
_CHANGE = {
    "id": pl.Int64(), "target": pl.Int64(), "item": pl.String(), "old": pl.String(),
    "new": pl.String(),
}  # fmt: skip


def epoch_day(day: datetime.date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


@dataclass(slots=True)
class Entries:
    """Entries of many replicates. `subjects[i]` and `sites[r, i]` name subject i of replicate r.

    What concerns a hospital and no subject stands under a negative number: -1 for the first of
    `hospitals`, -2 for the second.
    """

    replicates: Sequence[int]
    hospitals: Sequence[str]
    subject_names: NDArray[np.object_]
    site_codes: NDArray[np.object_]
    versions: Sequence[tuple[int, str]]
    _events: list[Rows[EventBody]] = field(default_factory=list)
    _nested: list[Rows[Body]] = field(default_factory=list)
    _changes: list[tuple[Heads, pl.DataFrame]] = field(default_factory=list)
    _limits: tuple[Ints, Ints] | None = None
    _next: int = 0

    def add(
        self,
        cls: type[EventBody],
        replicate: Ints,
        subject: Ints,
        day: Ints,
        items: Mapping[str, Any],
        *,
        occurred: Ints | None = None,
        order: Ints | int = 0,
    ) -> Ints:
        """Add rows of `cls`: replicate positions, subject positions, the day of entry, the items.

        `occurred` is the day it happened where that is another. Returns the rows' numbers, by
        which nested rows name their parent.
        """
        heads = self._numbered(cls.TYPE, replicate, subject, day, order, occurred)
        self._events.append(Rows(cls, heads.ids, items, heads))
        return heads.ids

    def _numbered(
        self,
        name: str,
        replicate: Ints,
        subject: Ints,
        day: Ints,
        order: Ints | int = 0,
        occurred: Ints | None = None,
    ) -> Heads:
        ids = np.arange(self._next, self._next + len(replicate), dtype=np.int64)
        self._next += len(replicate)
        rank, among = (
            np.broadcast_to(np.asarray(each, dtype=np.int64), ids.shape)
            for each in (RANKS[name], order)
        )
        happened = day if occurred is None else occurred
        return Heads(ids, replicate, subject, day, rank, among, happened)

    def add_nested(
        self, cls: type[Body], parent: Ints, position: Ints, items: Mapping[str, Any]
    ) -> None:
        """Add nested rows of `cls` under the rows `parent`, at `position`."""
        self._nested.append(Rows(cls, parent, items, position=position))

    def correct(
        self, replicate: Ints, subject: Ints, day: Ints, target: Ints, row: str, old: Any, new: Any
    ) -> None:
        """Add corrections of the value of the answer `row` of the forms `target`."""
        heads = self._numbered("Corrected", replicate, subject, day)
        values = {"id": heads.ids, "target": target, "item": [row] * len(target)}
        made = pl.DataFrame({**values, "old": list(old), "new": list(new)}, schema=_CHANGE)
        self._changes.append((heads, made))

    def of(self, cls: type[EventBody]) -> Iterator[tuple[Heads, Mapping[str, Any]]]:
        """What was added of a class: who and when, and the items."""
        for each in self._events:
            if each.cls is cls and each.heads is not None:
                yield each.heads, each.items

    def limit(self, kept: Ints, cut: Ints) -> None:
        """Count no subject from position `kept` on, and nothing after the day `cut`, by replicate.

        Nested rows go with their parents; corrections go with their targets.
        """
        self._limits = kept, cut

    def only(self, *types: str) -> Entries:
        """The entries of these event types alone, to ask a rule about them; no corrections."""
        return replace(
            self,
            _events=[each for each in self._events if each.cls.TYPE in types],
            _nested=[each for each in self._nested if _PARENTS[each.cls] in types],
            _changes=[],
        )

    def tables(
        self, read: Mapping[str, Collection[str] | None] | None = None, *, corrected: bool = True
    ) -> Tables:
        """The event tables, every entry with its `seq` in the order of a record.

        Of `read`, names of tables with the columns that somebody reads of each (None: all), nothing
        else is made: other tables have no rows. `corrected` false gives the tables as they were
        before any correction was made.
        """
        record = self._record()
        people = _People(self, record)
        result, grouped = empty_tables(CATALOGUE), _together(self._events)
        placed: Iterator[tuple[list[Rows[Any]], tuple[Places, Places]]] = chain(
            zip(grouped, _placed(grouped, record, self._next), strict=True),
            ((rows, _nested(rows, record)) for rows in _together(self._nested)),
        )
        for rows, (order, place) in placed:
            cls = rows[0].cls
            if read is not None and cls.TABLE not in read:
                continue
            asked = None if read is None else read[cls.TABLE]
            wanted = [name for name in schema(cls) if asked is None or name in asked]
            changed = cls is FormItem and bool(self._changes)
            made = {*wanted, *(("item", "value", "seq") if changed else ())}
            found = people.columns(place, made)
            found |= item_columns(cls, rows, order, made)
            if POSITION in made:
                found[POSITION] = pl.Series(_positions(rows)[order])
            if changed:
                ids = in_one([each.ids for each in rows])[order]
                found |= self._answers(record, ids, found, corrected=corrected)
            result[cls.TABLE] = pl.DataFrame({name: found[name] for name in wanted})
        return result

    def changes(self) -> pl.DataFrame:
        """Corrections in order: item, old, new, target (seq), and the columns of every table."""
        record = self._record()
        made = self._made(record)
        order = record.ordered(made["id"].to_numpy())
        made = made[order]
        target = record.seq[record.place[made["target"].to_numpy()]]
        common = _People(self, record).columns(record.place[made["id"].to_numpy()], _COMMON)
        return made.select("item", "old", "new").with_columns(target=target, **common)

    def _record(self) -> RecordOrder:
        heads = [each.heads for each in self._events if each.heads is not None]
        heads += [each for each, _ in self._changes]
        return record_order(heads, self._next, self._limits)

    def _made(self, record: RecordOrder) -> pl.DataFrame:
        """The corrections that count: number, number of the target, item, old, new."""
        if not self._changes:
            return pl.DataFrame(schema=_CHANGE)
        made = pl.concat(frame for _, frame in self._changes)
        both = (record.place[made[name].to_numpy()] >= 0 for name in ("id", "target"))
        return made.filter(pl.Series(np.logical_and(*both)))

    def _answers(
        self,
        record: RecordOrder,
        ids: Ints,
        found: Mapping[str, pl.Series],
        *,
        corrected: bool,
    ) -> dict[str, pl.Series]:
        """Value and `seq` of answers: as first written, or as corrected with the correction's."""
        made = self._made(record)
        concerned = np.zeros(self._next, dtype=np.bool_)
        concerned[made["target"].to_numpy()] = True
        rows = np.flatnonzero(concerned[ids])
        asked = pl.DataFrame({"row": rows, "target": ids[rows], "item": found["item"][rows]})
        here = asked.join(made, on=["target", "item"])
        value = found["value"].clone().scatter(here["row"], here["new" if corrected else "old"])
        seq = found["seq"]
        if corrected:
            seq = seq.clone().scatter(here["row"], record.seq[record.place[here["id"].to_numpy()]])
        return {"value": value, "seq": seq}


class _People:
    """The columns that every table begins with: who, where, when, and the `seq`."""

    def __init__(self, entries: Entries, record: RecordOrder) -> None:
        self._entries, self._record = entries, record
        width = entries.subject_names.shape[1]
        flat = record.replicate * width + record.subject
        self._person = np.where(
            record.subject < 0, entries.subject_names.size - 1 - record.subject, flat
        )

    def columns(self, place: Places, wanted: Collection[str]) -> dict[str, pl.Series]:
        """Those that are `wanted`, of the entries at `place`."""
        record, entries = self._record, self._entries
        found = {}
        if "replicate" in wanted:
            numbers = np.array(entries.replicates, dtype=np.int32)
            found["replicate"] = pl.Series(numbers[record.replicate[place]])
        names = [name for name in ("subject", "site") if name in wanted]
        if names:
            person = pl.Series(self._person[place].view(np.uint32))
            found |= {name: self._names[name].gather(person) for name in names}
        if "occurred" in wanted:
            found["occurred"] = pl.Series(record.occurred[place]).cast(pl.Date)
        if "seq" in wanted or "event" in wanted:
            found["seq"] = found["event"] = pl.Series(record.seq[place])
        if "study_version" in wanted:
            starts = np.array([day for day, _ in entries.versions])
            labels = pl.Series([label for _, label in entries.versions], dtype=pl.String)
            version = np.searchsorted(starts, record.day[place], side="right") - 1
            found["study_version"] = labels.gather(version.clip(0))
        return found

    @cached_property
    def _names(self) -> pl.DataFrame:
        """Subject and site of every candidate of every replicate, one row after the other, and
        then the hospitals."""
        entries = self._entries
        nobody = [None] * len(entries.hospitals)
        names = {
            "subject": [*entries.subject_names.ravel().tolist(), *nobody],
            "site": [*entries.site_codes.ravel().tolist(), *entries.hospitals],
        }
        return pl.DataFrame(names, schema=dict.fromkeys(names, pl.String))


def _placed(
    grouped: Sequence[Sequence[Rows[Any]]], record: RecordOrder, number: int
) -> Iterator[tuple[Places, Places]]:
    """Of each class of entries the order of its rows, and where each stands in the record.

    One pass over the record deals its entries out to their classes; corrections have none.
    """
    kind = np.zeros(number, dtype=np.uint8)
    row = np.zeros(number, dtype=np.int32)
    for which, rows in enumerate(grouped, 1):
        start = 0
        for each in rows:
            kind[each.ids] = which
            row[each.ids] = np.arange(start, start + len(each.ids))
            start += len(each.ids)
    kinds = kind[record.ids]
    dealt = np.argsort(kinds, kind="stable")
    ends = np.cumsum(np.bincount(kinds, minlength=len(grouped) + 1))
    for first, end in pairwise(ends.tolist()):
        place = dealt[first:end]
        yield row[record.ids[place]], place


def _nested(rows: Sequence[Rows[Any]], record: RecordOrder) -> tuple[Places, Places]:
    """The order of nested rows, and where the entry of each stands in the record."""
    ids = in_one([each.ids for each in rows])
    order = record.ordered(ids, _positions(rows))
    return order, record.place[ids[order]]


def _together(rows: Iterable[Rows[Kind]]) -> list[list[Rows[Kind]]]:
    """Rows of one class together, in order of first appearance."""
    by_class: dict[type[Kind], list[Rows[Kind]]] = {}
    for each in rows:
        by_class.setdefault(each.cls, []).append(each)
    return list(by_class.values())


def _positions(rows: Sequence[Rows[Any]]) -> Ints:
    return in_one([each.position for each in rows if each.position is not None])
