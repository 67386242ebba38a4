"""Every subject in one row: where they stand, what is due. Kept, and made anew where it moved."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import polars as pl

from equipoise.conduct.harm_inquiry import serious_since
from equipoise.conduct.inquiry import Inquiry
from equipoise.oversight.query import CLOSED
from equipoise.record.event import Event
from equipoise.response.waiting import scan_waiting
from equipoise.safety.course import adverse_event_standing, reports_awaited
from equipoise.safety.laboratory_finding import unreported_grades
from equipoise.study.definition import Study
from equipoise.visits.stage import stage
from equipoise.web.kept import Kept
from equipoise.web.trial import Trial

READ = ("disposition", "visit_timeline", "serious_adverse_event", "expedited_report", "query",
        "adverse_event", "laboratory_value")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """A visit that is due: its window, and the days by which it is late today (0: not)."""

    visit: str
    instance: int
    target: datetime.date
    earliest: datetime.date
    latest: datetime.date

    def late(self, today: datetime.date) -> int:
        """Days since the window closed."""
        return max((today - self.latest).days, 0)

    def state(self, today: datetime.date) -> Literal["overdue", "due", "not_yet_due"]:
        """Where the window lies on a day: behind it, around it, before it.

        >>> first, last = datetime.date(2026, 1, 5), datetime.date(2026, 1, 9)
        >>> visit = Due("scan", 1, first, first, last)
        >>> [visit.state(datetime.date(2026, 1, day)) for day in (4, 5, 9, 10)]
        ['not_yet_due', 'due', 'due', 'overdue']
        """
        return "overdue" if self.late(today) else "due" if self.open(today) else "not_yet_due"

    def open(self, today: datetime.date) -> bool:
        """Whether the window is open today."""
        return self.earliest <= today <= self.latest


def due_of(row: Mapping[str, Any]) -> Due:
    """A row of `visit_timeline` that is not yet due, as a visit with its window."""
    return Due(*(row[name] for name in ("visit", "instance", "target", "earliest", "latest")))


@dataclass(frozen=True, slots=True)
class Row:
    """One subject: stage, days, visits that are due, queries that are not closed.

    `reports`: every row of `expedited_report`; `serious`: of `serious_adverse_event`; `awaited`:
    serious events of which the sponsor has no report; `findings`: severe laboratory values that
    stand in no adverse event; `asked`: every row of `query`.
    """

    subject: str
    site: str
    stage: str
    disposition: Mapping[str, Any]
    due: tuple[Due, ...] = ()
    reports: tuple[Mapping[str, Any], ...] = ()
    serious: tuple[Mapping[str, Any], ...] = ()
    awaited: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    asked: tuple[Mapping[str, Any], ...] = ()
    scans: tuple[Mapping[str, Any], ...] = ()
    last_seq: int = 0

    @property
    def queries(self) -> tuple[str, ...]:
        """The names of the queries that are not closed."""
        return tuple(each["query"] for each in self.asked if each["status"] != CLOSED)


def _rows(events: list[Event], study: Study, ask: Inquiry) -> dict[str, Row]:
    return _rows_of(ask.derived_together(events, study), events, study, ask)


def _row(subject: str, ask: Inquiry) -> Row:
    """One subject's row, from the tables that are kept of them."""
    found: dict[str, pl.DataFrame] = {}
    for name in READ:
        found |= ask.event_tables(subject, name)
    for name in READ:
        found[name] = ask.derived(subject, name)
    return _rows_of(found, ask.events(subject), ask.study(ask.site(subject)), ask)[subject]


def _rows_of(
    found: Mapping[str, pl.DataFrame], events: Sequence[Event], study: Study, ask: Inquiry
) -> dict[str, Row]:
    sites = {event.site for event in events}
    last = {event.subject: event.seq for event in events}
    scans = _grouped(_unread(found, study))
    due = _grouped(found["visit_timeline"].filter(pl.col("state") == "not_yet_due"))
    reports, serious = (_grouped(found[n]) for n in ("expedited_report", "serious_adverse_event"))
    known = {
        name: day
        for site in sites
        for name, day in serious_since(
            [each for each in events if each.site == site], ask.zone(site)
        ).items()
    }
    harms, saes = found["adverse_event"], found["serious_adverse_event"]
    awaited = _grouped(reports_awaited(harms, saes, known, study.safety))
    standing = adverse_event_standing(found)
    findings = _grouped(unreported_grades(found["laboratory_value"], harms, standing))
    asked = _grouped(found["query"])
    stages = {row["subject"]: row["stage"] for row in stage(found["disposition"]).rows(named=True)}
    return {
        row["subject"]: Row(
            subject=row["subject"],
            site=row["site"],
            stage=stages[row["subject"]],
            disposition=row,
            due=tuple(due_of(each) for each in due.get(row["subject"], ())),
            reports=tuple(reports.get(row["subject"], ())),
            serious=tuple(serious.get(row["subject"], ())),
            awaited=tuple(awaited.get(row["subject"], ())),
            findings=tuple(findings.get(row["subject"], ())),
            asked=tuple(asked.get(row["subject"], ())),
            scans=tuple(scans.get(row["subject"], ())),
            last_seq=last[row["subject"]],
        )
        for row in found["disposition"].iter_rows(named=True)
    }  # fmt: skip


def _unread(found: Mapping[str, pl.DataFrame], study: Study) -> pl.DataFrame:
    """The scans that central readers have still to read."""
    blinded = [each.code for each in study.response.evaluators if each.blinded_to_marker]
    visits = {
        each.code: max(each.window_before, each.window_after)
        for each in study.visits.visits
        if each.imaging
    }
    return scan_waiting(found, blinded, visits)


def _grouped(frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["subject"], []).append(row)
    return found


_kept: dict[str, Kept[Any]] = {}

R = TypeVar("R")


def kept(
    trial: Trial,
    name: str,
    make: Callable[[list[Event], Study], Mapping[str, R]],
    *,
    types: frozenset[str] | None = None,
    alone: Callable[[str], R] | None = None,
) -> Kept[R]:
    """What `make` derives of the subjects of this process's trial, kept under a name."""
    found = _kept.get(name)
    if found is None or found.trial is not trial:
        found = _kept[name] = Kept(trial, make, types, alone)
    return found


def overview(trial: Trial) -> Kept[Row]:
    """The overview of this process's trial."""
    ask = trial.ask
    return kept(
        trial, "overview", lambda events, study: _rows(events, study, ask),
        alone=lambda subject: _row(subject, ask),
    )  # fmt: skip


def forget() -> None:
    """Let go of every row: the next question derives what it asks for."""
    _kept.clear()
