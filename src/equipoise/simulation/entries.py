"""What happened in simulated trials, as entries in order, and the event tables they become.

An entry is what a person would have recorded: a type, a day, a subject, the items. Entries are
kept column by column for many replicates at once. `Entries.tables` gives them the order that a
record would have, and with it their `seq`; `equipoise.workflow` sends the same rows, one by one,
through `conduct`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.declaration import POSITION, schema
from equipoise.record.event import Body, EventBody
from equipoise.record.tables import Tables, empty_tables
from equipoise.simulation.nature import Ints
from equipoise.study.catalogue import CATALOGUE
from equipoise.visits.events import FormItem

RANKS: Mapping[str, int] = {
    name: rank
    for rank, name in enumerate(
        (
            "SubjectScreened", "ConsentSigned", "SampleCollected", "SampleReceived",
            "AssayResultRecorded", "VisitRecorded", "FormSaved", "LesionIdentified",
            "TumourAssessed", "ScreeningFailed", "EligibilityConfirmed", "Randomised",
            "RegimenChosen", "CycleStarted", "DoseGiven", "AdverseEventReported",
            "AssayResultInvalidated", "TreatmentDiscontinued", "SubsequentTherapyRecorded",
            "VitalStatusRecorded", "DeathRecorded", "Corrected",
        )
    )
}  # fmt: skip
"""The order of entries of one day: a subject is screened before consent, allocated before dosed."""

Kind = TypeVar("Kind", bound=Body)

_EPOCH = datetime.date(1970, 1, 1)


def epoch_day(day: datetime.date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


@dataclass(slots=True)
class _Part:
    """Rows of one event class: order columns and items."""

    cls: type[EventBody]
    frame: pl.DataFrame


@dataclass(slots=True)
class Entries:
    """Entries of many replicates. `subjects[i]` and `sites[r, i]` name subject i of replicate r."""

    replicates: Sequence[int]
    subject_names: NDArray[np.object_]
    site_codes: NDArray[np.object_]
    versions: Sequence[tuple[int, str]]
    parts: list[_Part] = field(default_factory=list)
    nested: list[tuple[type[Body], pl.DataFrame]] = field(default_factory=list)
    corrections: list[pl.DataFrame] = field(default_factory=list)
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
        ids = np.arange(self._next, self._next + len(replicate), dtype=np.int64)
        self._next += len(replicate)
        happened = day if occurred is None else occurred
        frame = pl.DataFrame(
            {
                "_id": ids,
                "_replicate": replicate.astype(np.int64),
                "_subject": subject.astype(np.int64),
                "_day": day.astype(np.int64),
                "_order": np.broadcast_to(np.asarray(order, dtype=np.int64), ids.shape),
                "_occurred": happened.astype(np.int32),
            }
        ).with_columns(**{name: _column(value) for name, value in items.items()})
        self.parts.append(_Part(cls, frame))
        return ids

    def add_nested(
        self, cls: type[Body], parent: Ints, position: Ints, items: Mapping[str, Any]
    ) -> None:
        """Add nested rows of `cls` under the rows `parent`, at `position`."""
        frame = pl.DataFrame({"_id": parent, POSITION: position.astype(np.int64)})
        self.nested.append(
            (cls, frame.with_columns(**{name: _column(value) for name, value in items.items()}))
        )

    def keep(self, wanted: pl.Expr) -> None:
        """Drop the entries for which `wanted` over `_replicate`, `_subject`, `_day` is not true.

        Nested rows go with their parents; corrections go with their targets.
        """
        self.parts = [_Part(cls, frame.filter(wanted)) for cls, frame in self._merged()]
        left = np.zeros(self._next, dtype=bool)
        for part in self.parts:
            left[part.frame["_id"].to_numpy()] = True
        self.nested = [
            (cls, frame.filter(pl.Series(left[frame["_id"].to_numpy()])))
            for cls, frame in _together(self.nested)
        ]
        self.corrections = [
            frame.filter(wanted & pl.Series(left[frame["_target"].to_numpy()]))
            for frame in self.corrections
        ]

    def _merged(self) -> list[tuple[type[EventBody], pl.DataFrame]]:
        """One frame per event class."""
        return _together((part.cls, part.frame) for part in self.parts)

    def correct(
        self, replicate: Ints, subject: Ints, day: Ints, target: Ints, row: str, old: Any, new: Any
    ) -> None:
        """Add corrections of the value of the answer `row` of the forms `target`."""
        ids = np.arange(self._next, self._next + len(replicate), dtype=np.int64)
        self._next += len(replicate)
        self.corrections.append(
            pl.DataFrame(
                {
                    "_id": ids,
                    "_replicate": replicate.astype(np.int64),
                    "_subject": subject.astype(np.int64),
                    "_day": day.astype(np.int64),
                    "_target": target,
                    "item": pl.Series([row] * len(ids), dtype=pl.String),
                    "old": pl.Series(old, dtype=pl.String),
                    "new": pl.Series(new, dtype=pl.String),
                }
            )
        )

    def tables(self, *, corrected: bool = True) -> Tables:
        """The event tables, every entry with its `seq` in the order of a record.

        `corrected` false gives the tables as they were before any correction was made.
        """
        seqs = self._ordered()
        heads = self._heads(seqs)
        place = np.full(self._next, -1, dtype=np.int64)
        place[heads["_id"].to_numpy()] = np.arange(len(heads))
        result = empty_tables(CATALOGUE)
        for cls, part in self._merged():
            items = part.drop("_replicate", "_subject", "_day", "_order", "_occurred", "_id")
            found = heads[place[part["_id"].to_numpy()]].hstack(items)
            result[cls.TABLE] = _shaped(found, cls).sort("replicate", "event")
        for nested, rows in _together(self.nested):
            frame = heads[place[rows["_id"].to_numpy()]].hstack(rows.drop("_id"))
            if nested is FormItem and self.corrections:
                frame = self._answered(frame, seqs, corrected=corrected)
            result[nested.TABLE] = _shaped(frame, nested).sort("replicate", "event", POSITION)
        return result

    def changes(self) -> pl.DataFrame:
        """Corrections in order: replicate, seq, target (seq), item, old, new, subject, day."""
        seqs = self._ordered()
        if not self.corrections:
            return pl.DataFrame(
                schema={
                    "replicate": pl.Int32, "seq": pl.Int64, "target": pl.Int64, "item": pl.String,
                    "old": pl.String, "new": pl.String, "subject": pl.String, "site": pl.String,
                    "occurred": pl.Date, "study_version": pl.String,
                }
            )  # fmt: skip
        every = pl.concat(self.corrections)
        targets = seqs.select(pl.col("_id").alias("_target"), pl.col("seq").alias("target"))
        return (
            every.join(self._heads(seqs), on="_id")
            .join(targets, on="_target")
            .select(
                "replicate", "seq", "target", "item", "old", "new", "subject", "site",
                pl.from_epoch("_day", time_unit="d").alias("occurred"), "study_version",
            )
            .sort("replicate", "seq")
        )  # fmt: skip

    def _heads(self, seqs: pl.DataFrame) -> pl.DataFrame:
        """The common columns of every entry, by its number."""
        replicate = seqs["_replicate"].to_numpy()
        subject = seqs["_subject"].to_numpy()
        flat = replicate * self.subject_names.shape[1] + subject
        names = pl.Series(self.subject_names.ravel().tolist(), dtype=pl.String)
        sites = pl.Series(self.site_codes.ravel().tolist(), dtype=pl.String)
        starts = np.array([day for day, _ in self.versions])
        version = np.searchsorted(starts, seqs["_day"].to_numpy(), side="right") - 1
        labels = pl.Series([label for _, label in self.versions], dtype=pl.String)
        numbers = np.array(self.replicates, dtype=np.int32)
        return pl.DataFrame(
            {
                "_id": seqs["_id"],
                "replicate": numbers[replicate],
                "subject": names.gather(flat),
                "site": sites.gather(flat),
                "seq": seqs["seq"],
                "event": seqs["seq"],
                "study_version": labels.gather(version.clip(0)),
                "_day": seqs["_day"],
                "_occurred_head": seqs["_occurred_head"],
            }
        )

    def _ordered(self) -> pl.DataFrame:
        """Number, replicate, subject and day of every entry with its `seq` within the replicate."""
        order = ("_id", "_replicate", "_subject", "_day")
        every = [
            part.frame.select(
                *order,
                pl.lit(RANKS[part.cls.TYPE], dtype=pl.Int64).alias("_rank"),
                "_order",
                pl.col("_occurred").alias("_occurred_head"),
            )
            for part in self.parts
        ] + [
            frame.select(
                *order,
                pl.lit(RANKS["Corrected"], dtype=pl.Int64).alias("_rank"),
                pl.lit(0, dtype=pl.Int64).alias("_order"),
                pl.col("_day").cast(pl.Int32).alias("_occurred_head"),
            )
            for frame in self.corrections
        ]
        return (
            pl.concat(every)
            .sort("_replicate", "_day", "_rank", "_subject", "_order", "_id")
            .with_columns((pl.int_range(pl.len()).over("_replicate") + 1).alias("seq"))
        )

    def _answered(
        self, frame: pl.DataFrame, seqs: pl.DataFrame, *, corrected: bool
    ) -> pl.DataFrame:
        """Answers as first written, or as corrected with the `seq` of the correction."""
        made = (
            pl.concat(self.corrections)
            .join(seqs.select("_id", pl.col("seq").alias("_by")), on="_id")
            .select(pl.col("_target").alias("_id"), "item", "old", "new", "_by")
        )
        stands = pl.coalesce("new" if corrected else "old", "value").alias("value")
        by = pl.coalesce("_by", "seq").alias("seq") if corrected else pl.col("seq")
        return frame.join(made, on=["_id", "item"], how="left").with_columns(stands, by)


def _together(
    frames: Iterable[tuple[type[Kind], pl.DataFrame]],
) -> list[tuple[type[Kind], pl.DataFrame]]:
    """One frame per class, in order of first appearance."""
    by_class: dict[type[Kind], list[pl.DataFrame]] = {}
    for cls, frame in frames:
        by_class.setdefault(cls, []).append(frame)
    return [
        (cls, pl.concat(found, how="diagonal_relaxed") if len(found) > 1 else found[0])
        for cls, found in by_class.items()
    ]


def _shaped(frame: pl.DataFrame, cls: type[Body]) -> pl.DataFrame:
    """`frame` with exactly the columns of the table of `cls`; what was not drawn is null."""
    occurred = pl.from_epoch(pl.col("_occurred_head"), time_unit="d").alias("occurred")
    frame = frame.with_columns(occurred)
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema(cls).items()
    )


def _column(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return pl.Series(value.tolist(), dtype=pl.String)
    if isinstance(value, np.ndarray | pl.Series):
        return pl.Series(value)
    return pl.lit(value)
