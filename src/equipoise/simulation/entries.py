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
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.declaration import (
    PARTIAL,
    POSITION,
    children,
    columns,
    has_partial_dates,
    schema,
)
from equipoise.record.event import Body, EventBody
from equipoise.record.tables import Tables, empty_tables
from equipoise.simulation.answers import Answers
from equipoise.simulation.nature import Ints
from equipoise.simulation.record_order import Heads, RecordOrder, record_order
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

Kind = TypeVar("Kind", bound=Body)

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


@dataclass(frozen=True, slots=True)
class _Rows(Generic[Kind]):
    """Rows of one class: the number of the entry of each, the items, the position if nested.

    An item that is the same in every row is that one value. `heads` are those of entries.
    """

    cls: type[Kind]
    ids: Ints
    items: Mapping[str, Any]
    heads: Heads | None = None
    position: Ints | None = None


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
    _events: list[_Rows[EventBody]] = field(default_factory=list)
    _nested: list[_Rows[Body]] = field(default_factory=list)
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
        self._events.append(_Rows(cls, heads.ids, items, heads))
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
        self._nested.append(_Rows(cls, parent, items, position=position))

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
        result, names = empty_tables(CATALOGUE), self._names()
        every: list[list[_Rows[Any]]] = [*_together(self._events), *_together(self._nested)]
        for rows in every:
            cls = rows[0].cls
            if read is None or cls.TABLE in read:
                asked = None if read is None else read[cls.TABLE]
                wanted = [name for name in schema(cls) if asked is None or name in asked]
                result[cls.TABLE] = self._table(cls, rows, record, names, wanted, corrected)
        return result

    def _table(
        self,
        cls: type[Body],
        rows: Sequence[_Rows[Any]],
        record: RecordOrder,
        names: pl.DataFrame,
        wanted: Sequence[str],
        corrected: bool,
    ) -> pl.DataFrame:
        ids = np.concatenate([each.ids for each in rows])
        position = _positions(rows)
        order = record.ordered(ids, position)
        changed = cls is FormItem and bool(self._changes)
        made = {*wanted, *(("item", "value", "seq") if changed else ())}
        found = self._common(names, record, record.place[ids[order]], made)
        if position is not None:
            found[POSITION] = pl.Series(position[order])
        found |= _items(cls, rows, order, made)
        if changed:
            found |= self._answers(record, ids[order], found, corrected=corrected)
        return pl.DataFrame({name: found[name] for name in wanted})

    def changes(self) -> pl.DataFrame:
        """Corrections in order: item, old, new, target (seq), and the columns of every table."""
        record = self._record()
        made = self._made(record)
        order = record.ordered(made["id"].to_numpy())
        made = made[order]
        target = record.seq[record.place[made["target"].to_numpy()]]
        place = record.place[made["id"].to_numpy()]
        common = self._common(self._names(), record, place, _COMMON)
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

    def _common(
        self, names: pl.DataFrame, record: RecordOrder, place: Ints, wanted: Collection[str]
    ) -> dict[str, pl.Series]:
        """Those of the columns that every table begins with which are `wanted`, of the entries at
        `place`."""
        replicate = record.replicate[place]
        found = {}
        if "replicate" in wanted:
            numbers = np.array(self.replicates, dtype=np.int32)
            found["replicate"] = pl.Series(numbers[replicate])
        people = [name for name in ("subject", "site") if name in wanted]
        if people:
            subject = record.subject[place]
            flat = replicate * self.subject_names.shape[1] + subject
            flat = pl.Series(np.where(subject < 0, self.subject_names.size - 1 - subject, flat))
            found |= {name: names[name].gather(flat) for name in people}
        if "occurred" in wanted:
            occurred = pl.Series(record.occurred[place].astype(np.int32))
            found["occurred"] = occurred.cast(pl.Date)
        if "seq" in wanted or "event" in wanted:
            found["seq"] = found["event"] = pl.Series(record.seq[place])
        if "study_version" in wanted:
            starts = np.array([day for day, _ in self.versions])
            labels = pl.Series([label for _, label in self.versions], dtype=pl.String)
            version = np.searchsorted(starts, record.day[place], side="right") - 1
            found["study_version"] = labels.gather(version.clip(0))
        return found

    def _names(self) -> pl.DataFrame:
        """Subject and site of every candidate of every replicate, one row after the other, and
        then the hospitals."""
        nobody = [None] * len(self.hospitals)
        names = {
            "subject": [*self.subject_names.ravel().tolist(), *nobody],
            "site": [*self.site_codes.ravel().tolist(), *self.hospitals],
        }
        return pl.DataFrame(names, schema=dict.fromkeys(names, pl.String))


def _together(rows: Iterable[_Rows[Kind]]) -> list[list[_Rows[Kind]]]:
    """Rows of one class together, in order of first appearance."""
    by_class: dict[type[Kind], list[_Rows[Kind]]] = {}
    for each in rows:
        by_class.setdefault(each.cls, []).append(each)
    return list(by_class.values())


def _positions(rows: Sequence[_Rows[Any]]) -> Ints | None:
    if rows[0].position is None:
        return None
    return np.concatenate([each.position for each in rows])


def _items(
    cls: type[Body], rows: Sequence[_Rows[Any]], order: Ints, wanted: Collection[str]
) -> dict[str, pl.Series]:
    """The columns of the items of `cls` that are `wanted`, in `order`; what was not drawn is
    null."""
    found = {}
    for column in columns(cls):
        if column.child is None and column.name in wanted:
            found[column.name] = _column(rows, column.name, column.dtype, order)
    if has_partial_dates(cls) and PARTIAL in wanted:
        found[PARTIAL] = pl.repeat(None, len(order), dtype=pl.String, eager=True)
    return found


def _column(rows: Sequence[_Rows[Any]], name: str, dtype: pl.DataType, order: Ints) -> pl.Series:
    """One item in `order`. Values that are the same in many rows are looked up, not copied."""
    values = [each.items.get(name) for each in rows]
    if any(isinstance(value, np.ndarray | pl.Series) for value in values):
        return pl.concat([_part(each, name, dtype) for each in rows]).gather(order)
    if not any(isinstance(value, Answers) for value in values) and len(set(values)) == 1:
        return pl.repeat(values[0], len(order), dtype=dtype, eager=True)
    codes, texts, known = [], [pl.Series([None], dtype=dtype)], 1
    for value, each in zip(values, rows, strict=True):
        if isinstance(value, Answers):
            codes.append(np.where(value.codes < 0, 0, value.codes + known))
            texts.append(value.texts)
        else:
            codes.append(np.full(len(each.ids), known))
            texts.append(pl.Series([value], dtype=dtype))
        known += len(texts[-1])
    return pl.concat(texts).gather(np.concatenate(codes)[order])


def _part(rows: _Rows[Any], name: str, dtype: pl.DataType) -> pl.Series:
    value = rows.items.get(name)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return pl.Series(value.tolist(), dtype=dtype)
    if isinstance(value, Answers):
        return value.series().cast(dtype)
    if isinstance(value, np.ndarray | pl.Series):
        return pl.Series(value).cast(dtype)
    return pl.repeat(value, len(rows.ids), dtype=dtype, eager=True)
