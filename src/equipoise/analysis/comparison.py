"""Two analyses of one record compared: what changed in every result, and by which events.

An analysis names a position in the record (what was known) and a data cut (what had happened). A
result that differs between two of them does so through subjects who entered or left a group, or
whose value differs; behind each stand the events that only one of the analyses has among those
that decide about the subject, and the corrections of these events that only one of them knows.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from equipoise.analysis.result import Result
from equipoise.analysis.subjects import (
    DecidingEvents,
    analysed_subjects,
    end_point_of,
    end_point_tables,
    estimand_of,
    in_group,
    variable_of,
)
from equipoise.record.correction import Corrected, corrections
from equipoise.record.event import Event
from equipoise.record.rule import Tables
from equipoise.study.analysis_plan import Analysis, TimeToEventEndPoint
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study

NUMBERS = ("numerators", "denominators", "estimate", "lower", "upper", "p")
OUTSIDE = "not in the group"
Why = Literal["recorded since", "after the earlier cut", "counts now", "counts no longer"]


class Reading:
    """One analysis of a record: the events that it read, its results, its subjects.

    `tables` are event and derived tables of one trial, cut by `cut` before they were derived.
    """

    def __init__(
        self,
        events: Sequence[Event],
        study: Study,
        tables: Tables,
        results: Sequence[Result],
        cut: datetime.date | None,
    ) -> None:
        self.events = {event.seq: event for event in events}
        self.study, self.cut = study, cut
        self.results = {(each.analysis, each.groups): each for each in results}
        self.corrections = {
            by.seq: (target, body)
            for target, changes in corrections(events, CATALOGUE).items()
            for by, body in changes
        }
        end_points = end_point_tables(tables, study, cut=cut)
        self._subjects = analysed_subjects(tables, study, end_points)
        self._deciding = DecidingEvents(tables, study.analysis, self._subjects, end_points)

    def states(self, analysis: str, group: str) -> dict[str, State]:
        """The state of every screened subject with regard to one group of an analysis."""
        plan = self.study.analysis
        found = next(each for each in plan.analyses if each.id == analysis)
        place = next(each for each in found.groups if each.label == group)
        inside = self._subjects.select(in_group(plan, found, place).alias("inside"))["inside"]
        rows = zip(
            self._subjects["subject"],
            inside,
            self._values(found),
            self._deciding.by_subject(found, place),
            strict=True,
        )
        return {
            subject: State(value if member else OUTSIDE, sources)
            for subject, member, value, sources in rows
        }

    def _values(self, analysis: Analysis) -> Iterator[str]:
        plan = self.study.analysis
        end_point = end_point_of(plan, analysis)
        code = variable_of(plan, estimand_of(plan, analysis))
        if isinstance(end_point, TimeToEventEndPoint):
            frame = self._subjects.select(f"time_days/{code}", f"event/{code}")
            return (_time_in_words(days, event) for days, event in frame.iter_rows())
        words = {True: "responded", False: "did not respond", None: "not evaluable"}
        return (words[value] for value in self._subjects[f"value/{code}"])


@dataclass(frozen=True, slots=True)
class State:
    """A subject with regard to a group: its value, or that it is outside, and the events behind."""

    value: str
    sources: frozenset[int]


@dataclass(frozen=True, slots=True)
class Correction:
    """What an event corrects: item and values (canonical JSON) of an earlier event."""

    event: int
    type: str
    occurred: str | None
    item: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """An event that only one of two analyses has among those that decide about a subject."""

    seq: int
    type: str
    occurred: str | None
    recorded: str
    why: Why
    corrects: Correction | None = None


@dataclass(frozen=True, slots=True)
class SubjectChange:
    """A subject of a group whose value, membership or deciding events differ."""

    subject: str
    group: str
    before: str
    after: str
    events: tuple[Cause, ...]

    @property
    def changed(self) -> bool:
        """Whether value or membership differ, not only the events behind them."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class ResultChange:
    """One result in both analyses: its figures by name, before and after, where they differ.

    `before` or `after` is None for a result that only one of the analyses has.
    """

    analysis: str
    groups: tuple[str, ...]
    label: str
    before: Result | None
    after: Result | None
    figures: Mapping[str, tuple[Any, Any]]
    subjects: tuple[SubjectChange, ...]


def compared(earlier: Reading, later: Reading) -> list[ResultChange]:
    """Every result of either analysis that differs, or of which a subject differs, in plan order.

    Subjects of a result that both have are named by group: first those whose value or membership
    differs, then those of whom only deciding events do.
    """
    keys = [*later.results, *(key for key in earlier.results if key not in later.results)]
    found = []
    for analysis, groups in keys:
        before = earlier.results.get((analysis, groups))
        after = later.results.get((analysis, groups))
        subjects: list[SubjectChange] = []
        figures = {
            name: (getattr(before, name, None), getattr(after, name, None))
            for name in (*NUMBERS, "method")
            if getattr(before, name, None) != getattr(after, name, None)
        }
        if before is not None and after is not None:
            subjects = [
                each for group in groups for each in _subjects(earlier, later, analysis, group)
            ]
            subjects.sort(key=lambda each: not each.changed)
        if figures or any(each.changed for each in subjects):
            label = (after or before or next(iter(later.results.values()))).label
            found.append(
                ResultChange(analysis, groups, label, before, after, figures, tuple(subjects))
            )
    return found


def _subjects(
    earlier: Reading, later: Reading, analysis: str, group: str
) -> Iterator[SubjectChange]:
    nobody = State(OUTSIDE, frozenset())
    states = earlier.states(analysis, group), later.states(analysis, group)
    for subject in sorted({*states[0], *states[1]}):
        before, after = (each.get(subject, nobody) for each in states)
        if before.value == after.value == OUTSIDE:
            continue
        causes = tuple(_causes(earlier, later, before.sources, after.sources))
        if causes or before.value != after.value:
            yield SubjectChange(subject, group, before.value, after.value, causes)


def _causes(
    earlier: Reading, later: Reading, before: frozenset[int], after: frozenset[int]
) -> Iterator[Cause]:
    """The events that only one analysis has, in order of seq.

    Besides those that decide: corrections of them that only one analysis knows, for a correction
    that takes somebody out of a group need not decide about anybody in it. What a correction
    replaced is not told beside it.
    """
    corrected = {
        seq: target
        for reading in (earlier, later)
        for seq, (target, _) in reading.corrections.items()
    }
    origins = {corrected.get(seq, seq) for seq in before | after}
    gone, new = (
        {seq for seq in one if seq not in other}
        | {
            seq
            for seq, (target, _) in reading.corrections.items()
            if target in origins and seq not in against.corrections
        }
        for one, other, reading, against in (
            (before, after, earlier, later),
            (after, before, later, earlier),
        )
    )
    replaced = {corrected.get(seq, seq) for seq in new}
    for seq in sorted(new | gone):
        if seq in new:
            yield _cause(seq, later, _why(later.events[seq], earlier))
        elif corrected.get(seq, seq) not in replaced:
            yield _cause(seq, earlier, "counts no longer")


def _why(event: Event, earlier: Reading) -> Why:
    if event.seq not in earlier.events:
        return "recorded since"
    day = event.occurred
    if earlier.cut is not None and day is not None and day > earlier.cut.isoformat():
        return "after the earlier cut"
    return "counts now"


def _cause(seq: int, reading: Reading, why: Why) -> Cause:
    event = reading.events[seq]
    corrects = None
    if seq in reading.corrections:
        target, body = reading.corrections[seq]
        of = reading.events[target]
        corrects = Correction(target, of.type, of.occurred, body.item, *_values_of(body))
    return Cause(seq, event.type, event.occurred, event.recorded, why, corrects)


def _values_of(body: Corrected) -> tuple[str | None, str | None]:
    """What stood and what stands: the value, or why there is none."""
    return body.old or body.old_missing, body.new or body.new_missing


def _time_in_words(days: int | None, event: bool | None) -> str:
    if days is None:
        return "no time"
    return f"{'event' if event else 'censored'} on day {days}"


def unchanged(changes: Iterable[ResultChange], later: Reading) -> int:
    """How many results of the later analysis are the same, subject by subject."""
    return len(later.results) - sum(each.after is not None for each in changes)
