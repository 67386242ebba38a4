"""What was observed of every randomised subject, as arrays that all times to an event share.

An event source is a value: a table, which of its rows count, and where its events came from
(`sources`); after admiral's idea of event and censoring sources (pharmaverse/admiral, tte_source).
It is read once for a trial or a batch of trials, whatever the number of end points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.partial_date import Imputation, imputed_day
from equipoise.record.rule import KEY, Tables
from equipoise.record.subject_rows import NONE, Dated, Flags, Found, Numbers, SubjectRows, days
from equipoise.study.analysis_plan import AnalysisPlan, TimeToEventEndPoint
from equipoise.visits.plan import Visit, VisitsPlan

NEVER = np.iinfo(np.int64).max
"""The day of what does not happen: later than any other."""

_DAY_BITS = 22
_DAY_ZERO = 2 ** (_DAY_BITS - 1)


class Assessments(NamedTuple):
    """Adequate assessments in order of subject and day: packed keys, days, sources of each."""

    keys: Numbers
    days: Numbers
    sources: pl.Series


class Observed:
    """The days of everything that begins, ends or censors a time, by one evaluator's reading.

    `tables` are event and derived tables; subjects are those of `allocation`, in order of
    replicate and subject. A day is counted from 1970-01-01, NONE where there is none.
    """

    def __init__(
        self, tables: Tables, plan: AnalysisPlan, visits: VisitsPlan, evaluator: str
    ) -> None:
        allocation = tables["allocation"].sort(*KEY)
        self.subjects = SubjectRows(allocation)
        self.evaluator = evaluator
        self.tables, self._plan = tables, plan
        self.randomised = days(allocation["randomised"])
        self.start_sources = allocation["sources"]
        self._fates = self.aligned(tables["disposition"])
        self.alive = days(self._fates["last_known_alive"])
        self.alive_sources = self._fates["sources"]
        self.readings = self.aligned(tables["progression"].filter(evaluator=evaluator))
        self.progression = days(self.readings["progression"])
        self.adequate = self._adequate()
        self._schedule = planned_assessments(visits)
        self._found: dict[tuple[str, ...], Dated] = {}
        self._deaths: dict[Imputation, tuple[Numbers, Flags]] = {}

    def __len__(self) -> int:
        return len(self.subjects)

    def aligned(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The row of each subject in a table with at most one row for each, null where none."""
        places = np.full(len(self), len(frame), dtype=np.int64)
        rows = self.subjects.rows(frame)
        places[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        return pl.concat([frame, frame.clear(1)])[places]

    def _adequate(self) -> Assessments:
        """Evaluable assessments before progression, each with a complete date."""
        read = self.tables["time_point_response"].filter(
            pl.col("evaluator") == self.evaluator,
            pl.col("overall_response") != "NE",
            pl.col("occurred").is_not_null(),
        )
        rows = self.subjects.rows(read)
        progressed = self.readings["progression_order"].fill_null(NEVER).to_numpy()
        inside = rows >= 0
        if inside.any():
            inside &= read["order"].to_numpy() < progressed[rows]
        keys = _key(rows[inside], days(read["occurred"])[inside])
        order = np.argsort(keys, kind="stable")
        places = np.flatnonzero(inside)[order]
        return Assessments(keys[order], days(read["occurred"])[places], read["sources"][places])

    def last_adequate(self, until: Numbers) -> Numbers:
        """The place of each subject's last adequate assessment up to a day, -1 if there is none."""
        rows = np.arange(len(self))
        limit = np.clip(until, -_DAY_ZERO, _DAY_ZERO - 1)
        found = np.searchsorted(self.adequate.keys, _key(rows, limit), side="right") - 1
        if not len(self.adequate.keys):
            return np.full(len(self), -1, dtype=np.int64)
        mine = self.adequate.keys[found] >> _DAY_BITS == rows
        return np.where((found >= 0) & mine, found, -1)

    def baseline(self) -> Numbers:
        """1 for each subject with a baseline assessment, else 0."""
        table = self.tables["tumour_assessed"]
        rows = self.subjects.rows(
            table.filter(pl.col("baseline"), pl.col("evaluator") == self.evaluator)
        )
        found = np.zeros(len(self), dtype=np.int64)
        found[rows[rows >= 0]] = 1
        return found

    def anchor(self, name: str) -> Numbers:
        """The day of `randomisation`, `first_dose` or `screening`."""
        if name == "randomisation":
            return self.randomised
        return days(self._fates["screened" if name == "screening" else name])

    def missed(self, since: Numbers, until: Numbers) -> Numbers:
        """How many planned assessments of each subject lie whole between two days.

        A planned assessment is missed if its window begins after the day `since` and ends before
        the day `until`. Nothing is missed before NEVER.
        """
        found = np.zeros(len(self), dtype=np.int64)
        for visit in self._schedule:
            target = self.anchor(visit.anchor) + visit.day
            there = (self.anchor(visit.anchor) != NONE) & (until != NEVER)
            after = np.where(there, since - target + visit.window_before, 0)
            before = np.where(there, until - target - visit.window_after, 0)
            if visit.repeat_every:
                first = np.maximum(after // visit.repeat_every + 1, 0)
                last = -(-before // visit.repeat_every) - 1
                count = np.maximum(last - first + 1, 0)
            else:
                count = ((after < 0) & (before > 0)).astype(np.int64)
            found += np.where(there, count, 0)
        return found

    def happened(self, name: str, end_point: TimeToEventEndPoint, start: Numbers) -> Found:
        """The first day of an event, with its seq (-1 where it has none).

        Progression and death whenever they were, any other event on or after `start`.
        """
        if name == "progression":
            return Found(self.progression, np.full(len(self), -1, dtype=np.int64))
        if name == "death":
            day, _ = self.death(end_point.partial_dates.death)
            return Found(day, np.full(len(self), -1, dtype=np.int64))
        events = self._dated(name, end_point)
        return self.subjects.first(events, events.days >= start[events.rows])

    def _dated(self, name: str, end_point: TimeToEventEndPoint) -> Dated:
        key = (name, *(end_point.discontinuation_causes if name in _CAUSES else ()))
        if key not in self._found:
            self._found[key] = intercurrent(self.tables, self.subjects, self._plan, name, key[1:])
        return self._found[key]

    def death(self, imputation: Imputation) -> tuple[Numbers, Flags]:
        """The day of each death, and whether it was imputed.

        An imputed day is not before the subject was last known to be alive.
        """
        if imputation not in self._deaths:
            partial = pl.col("death").is_null() & pl.col("death_text").is_not_null()
            alive = pl.col("last_known_alive")
            day = imputed_day(pl.col("death"), pl.col("death_text"), imputation, not_before=alive)
            found = self._fates.select(day.alias("day"), partial.alias("imputed"))
            flags = found["imputed"].fill_null(False).to_numpy()
            self._deaths[imputation] = days(found["day"]), flags
        return self._deaths[imputation]


_CAUSES = ("treatment_discontinuation",)


def _key(rows: Numbers, day: Numbers) -> Numbers:
    found: Numbers = (rows << _DAY_BITS) + (day + _DAY_ZERO)
    return found


def planned_assessments(visits: VisitsPlan) -> tuple[Visit, ...]:
    """The imaging visits of the schedule after that of the baseline, which is the first."""
    return tuple(each for each in visits.visits if each.imaging)[1:]


def intercurrent(
    tables: Tables, subjects: SubjectRows, plan: AnalysisPlan, name: str, causes: tuple[str, ...]
) -> Dated:
    """Every occurrence of one intercurrent event, from the tables that its sources name."""
    parts = [
        subjects.dated(tables[table].filter(counts(plan, name, causes)))
        for table, counts in SOURCES[name]
    ]
    return Dated(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


Counts = Callable[[AnalysisPlan, str, tuple[str, ...]], pl.Expr]


def _therapy(plan: AnalysisPlan, name: str, causes: tuple[str, ...]) -> pl.Expr:
    """Codes listed for the event; of a switch also every code that stands nowhere. An entry that
    was taken back has none."""
    listed: dict[str, tuple[str, ...]] = {
        each.event: each.therapies for each in plan.intercurrent_codes
    }
    if name != "switch_of_therapy":
        return pl.col("therapy").is_in(listed.get(name, ()))
    others = [code for event, codes in listed.items() if event != name for code in codes]
    return pl.col("therapy").is_not_null() & ~pl.col("therapy").is_in(others)


def _procedure(plan: AnalysisPlan, name: str, causes: tuple[str, ...]) -> pl.Expr:
    listed: dict[str, tuple[str, ...]] = {
        each.event: each.procedures for each in plan.intercurrent_codes
    }
    return pl.col("procedure").is_in(listed.get(name, ()))


def _stopped(plan: AnalysisPlan, name: str, causes: tuple[str, ...]) -> pl.Expr:
    return pl.col("cause").is_in(causes)


def _stopped_for_progression(plan: AnalysisPlan, name: str, causes: tuple[str, ...]) -> pl.Expr:
    return pl.col("cause") == "progression"


_TREATED = (("subsequent_therapy_recorded", _therapy), ("procedure_recorded", _procedure))
SOURCES: dict[str, tuple[tuple[str, Counts], ...]] = {
    "switch_of_therapy": _TREATED,
    "prrt": _TREATED,
    "surgery_on_tumour": _TREATED,
    "treatment_discontinuation": (("treatment_discontinued", _stopped),),
    "clinical_progression": (("treatment_discontinued", _stopped_for_progression),),
}
"""For each event: the tables that record it, and which of their rows are it."""
