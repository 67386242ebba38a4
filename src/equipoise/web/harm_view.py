"""A subject's adverse events as a page shows them: rows of the rules' tables, named and blinded.

Nothing is worked out here. What a position may not see (the drug of an opinion, and with it what
is expected) is left out before a template gets it.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from equipoise.conduct.harm_inquiry import Harm, harm_of
from equipoise.record.event import Event, decimal_text
from equipoise.safety.course import left_of
from equipoise.safety.ctcae import CtcaeTerm, ctcae_terms
from equipoise.safety.events import LABORATORY_PLACES
from equipoise.safety.term_search import customary_names
from equipoise.web.asking import Asking
from equipoise.web.sight import Item, Sight
from equipoise.web.wording import Words, wording

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Clock:
    """A report and its last day: what it is on the day of the page, and the time that is left."""

    report: str
    start: datetime.date | None
    due: datetime.date | None
    done: datetime.date | None
    state: str
    certain: bool
    left: str
    due_at: datetime.datetime | None = None

    @property
    def until(self) -> str:
        """The last day, and the hour where that counts."""
        if self.due_at is not None:
            return f"{self.due_at:%Y-%m-%d %H:%M}"
        return "" if self.due is None else self.due.isoformat()


@dataclass(frozen=True, slots=True)
class AdverseEvent:
    """One adverse event: the row of its table, how it stands, its report, clocks and opinions."""

    name: str
    term: CtcaeTerm | None
    called: str
    local: str
    row: Row
    standing: Row
    report: Event
    onset: str
    specified: Item | None
    serious: Row | None
    clocks: tuple[Clock, ...] = ()
    course: tuple[Row, ...] = ()

    @property
    def grade(self) -> int:
        """The worst grade."""
        return int(self.row["grade"])

    @property
    def awaited(self) -> Clock | None:
        """The clock of the first report to the sponsor, while there is no report."""
        found = [each for each in self.clocks if each.report == "site_to_sponsor"]
        return found[0] if found and found[0].done is None else None


@dataclass(slots=True)
class HarmView:
    """The adverse events of one subject for one position."""

    asking: Asking
    subject: str
    harm: Harm = field(init=False)
    sight: Sight = field(init=False)
    words: Words = field(init=False)

    def __post_init__(self) -> None:
        self.harm = harm_of(self.asking.trial.ask, self.subject)
        self.sight = Sight.of(self.asking, self.asking.trial.ask.events(self.subject))
        self.words = wording(self.asking.language)

    @property
    def sees_drugs(self) -> bool:
        """Whether the drug of an opinion may be seen, and what is expected of it."""
        return self.sight.sees("CausalityAssessed", "drug")

    def all(self) -> list[AdverseEvent]:
        """Every adverse event, the latest onset first, those without a day before them."""
        found = list(self._each())
        return sorted(found, key=lambda each: each.onset or "9999", reverse=True)

    def one(self, name: str) -> AdverseEvent | None:
        """An adverse event by its name."""
        return next((each for each in self._each() if each.name == name), None)

    def _each(self) -> Iterator[AdverseEvent]:
        reports = {
            json.loads(event.body)["adverse_event"]: event
            for event in self.asking.trial.ask.events(self.subject)
            if event.type == "AdverseEventReported"
        }
        standing = {row["adverse_event"]: row for row in self.harm.standing.iter_rows(named=True)}
        serious = {row["adverse_event"]: row for row in self.harm.serious.iter_rows(named=True)}
        for row in self.harm.events.iter_rows(named=True):
            name = row["adverse_event"]
            course = tuple(self.harm.course.filter(adverse_event=name).iter_rows(named=True))
            report = reports[name]
            specified = self._specified(report)
            yield AdverseEvent(
                name=name, term=ctcae_terms().get(row["term"]), called=row["term"],
                local=local_name(row["term"], self.words),
                row=row, standing=standing[name], report=report,
                onset=next(
                    (s["day_text"] or "" for s in course if s["event"] == report.seq), ""
                ),
                specified=specified, serious=serious.get(name),
                clocks=tuple(self.clocks(name)), course=course,
            )  # fmt: skip

    def _specified(self, report: Event) -> Item | None:
        found = self.sight.shown(report).item("specified")
        return found if found is not None and (found.value or found.state) else None

    def clocks(self, name: str) -> Iterator[Clock]:
        """The clocks of an adverse event; those of the authority only for who sees drugs."""
        for row in self.harm.awaited.filter(adverse_event=name).iter_rows(named=True):
            yield self._clock(as_report(row))
        for row in self.harm.reports.filter(adverse_event=name).iter_rows(named=True):
            if row["report"] == "site_to_sponsor" or self.sees_drugs:
                yield self._clock(row)

    def _clock(self, row: Row) -> Clock:
        ask = self.asking.trial.ask
        return clock_of(row, ask.now(ask.site(self.subject)), self.words)


def as_report(row: Row) -> Row:
    """A report that the sponsor still waits for, as a row of reports."""
    return {**row, "report": "site_to_sponsor", "start": row["known"], "done": None,
            "certain": True, "state": None}  # fmt: skip


def clock_of(row: Row, now: datetime.datetime, words: Words) -> Clock:
    """A report of a table as a clock at a moment; `state` null: as the time that is left says."""
    due, done, due_at = row["due"], row["done"], row["due_at"]
    left, over = "", False
    if due is not None and done is None:
        rest = left_of(due, now, due_at)
        left, over = time_left(rest, words), rest.days < 0
    state = row["state"] or ("overdue" if over else "due")
    certain = bool(row["certain"])
    return Clock(row["report"], row["start"], due, done, state, certain, left, due_at)


def time_left(rest: datetime.timedelta, words: Words) -> str:
    """A stretch of time in days and hours, as left or as overdue.

    >>> time_left(datetime.timedelta(hours=26, minutes=10), wording("en"))
    '1 d 2 h left'
    """
    hours = int(abs(rest).total_seconds() // 3600)
    days, hours = divmod(hours, 24)
    text = words["clock.days"].format(days=days, hours=hours) if days else f"{hours} h"
    return words["clock.over" if rest.days < 0 else "clock.left"].format(time=text)


def local_name(term: str, words: Words) -> str:
    """The customary French name of a term on a French page; nothing elsewhere.

    >>> local_name("Nausea", wording("fr")), local_name("Nausea", wording("en"))
    ('nausées', '')
    """
    found = customary_names().get(term)
    return found.french if found and words.language == "fr" else ""


def grade_text(least: int | None, most: int | None, words: Words) -> str:
    """The grades that a value can have, in words.

    >>> grade_text(1, 3, wording("en")), grade_text(2, 2, wording("en"))
    ('grade 1 to 3', 'grade 2')
    """
    if least is None or most is None:
        return words["grade.unknown"]
    if least == most:
        return words["grade.one"].format(grade=least)
    return words["grade.between"].format(least=least, most=most)


def unit_text(unit: str) -> str:
    """A unit as it is printed.

    >>> unit_text("10^9/L"), unit_text("/mm3"), unit_text("mL/min/1.73m2")
    ('10⁹/L', '/mm³', 'mL/min/1.73 m²')
    """
    for plain, printed in (("10^9", "10⁹"), ("10^3", "10³"), ("10^6", "10⁶"), ("mm3", "mm³"),
                           ("1.73m2", "1.73 m²")):  # fmt: skip
        unit = unit.replace(plain, printed)
    return unit


def value_text(value: int | None, language: str) -> str:
    """A laboratory value of a table, at its four places, as a page writes it.

    >>> value_text(92000, "en"), value_text(105000, "fr"), value_text(92500, "fr")
    ('9.2', '10,5', '9,25')
    """
    if value is None:
        return "—"
    text = decimal_text(Decimal(value).scaleb(-LABORATORY_PLACES))
    return text.replace(".", ",") if language == "fr" else text
