"""From the overview to tasks: what, about whom, due when, and on which page it is done.

What is due is what the rules derived (visit windows, clocks of serious events, queries). Nothing
here decides that something is due.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import urlencode

from django.urls import reverse

from equipoise.oversight.query import ANSWER_WITHIN, ANSWERED, OPEN, overdue
from equipoise.safety.course import left_of
from equipoise.study.access import ACTION_ROLES, BLINDED_ROLES
from equipoise.web.asking import Asking
from equipoise.web.lesion_table import evaluators_of
from equipoise.web.overview import Row
from equipoise.web.wording import wording

Urgency = Literal["overdue", "due", "soon", "waiting"]
SOON_DAYS = 14
_ORDER = {"overdue": 0, "due": 1, "waiting": 2, "soon": 3}


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do: `what` is a key of the wording, `detail` names it, `due` its last day."""

    what: str
    subject: str
    detail: str
    due: datetime.date | None
    urgency: Urgency
    link: str


Source = Callable[[Asking], Iterable[Task]]
_SCREENING = frozenset({"investigator", "nurse", "data_manager", "monitor"})
_SOURCES: list[tuple[frozenset[str], Source]] = []


def tasks_of(*roles: str) -> Callable[[Source], Source]:
    """Declare what finds tasks of an area for these roles."""

    def declare(source: Source) -> Source:
        _SOURCES.append((frozenset(roles), source))
        return source

    return declare


def tasks(rows: Iterable[Row], asking: Asking) -> list[Task]:
    """The tasks of a position, the most urgent first, then by day, then by subject."""
    found: list[Task] = []
    if asking.role == "reader":
        return scans(rows, asking)
    for row in rows:
        if asking.role in BLINDED_ROLES:
            continue
        today = asking.trial.ask.today(row.site)
        found += _visits(row, today, asking)
        found += _harms(row, asking)
        found += _queries(row, today, asking)
        found += _screening(row, asking)
    for roles, source in _SOURCES:
        if asking.role in roles:
            found += source(asking)
    far = datetime.date.max
    return sorted(found, key=lambda each: (_ORDER[each.urgency], each.due or far, each.subject))


def scans(rows: Iterable[Row], asking: Asking) -> list[Task]:
    """The scans that wait for this central reader, the oldest first; nothing else of anybody."""
    words, found = wording(asking.language), []
    ask = asking.trial.ask
    for row in rows:
        if not row.scans:
            continue
        mine = evaluators_of(asking, row.subject)
        labels = {v.code: v.label for v in ask.study(row.site).visits.visits}
        for each in row.scans:
            if each["evaluator"] not in mine:
                continue
            query = {name: str(each[name]) for name in ("evaluator", "visit")}
            query["day"] = each["occurred"].isoformat()
            link = f"{reverse('assessment', args=[row.subject])}?{urlencode(query)}"
            name = f"{words.label(labels[each['visit']])} {each['occurred'].isoformat()}"
            found.append(Task("task.reading", row.subject, name, None, "waiting", link))
    return sorted(found, key=lambda each: (each.link.rpartition("=")[2], each.subject))


def _visits(row: Row, today: datetime.date, asking: Asking) -> list[Task]:
    if asking.role not in _SCREENING:
        return []
    words = wording(asking.language)
    labels = {v.code: v.label for v in asking.trial.ask.study(row.site).visits.visits}
    found = []
    for due in row.due:
        if (due.earliest - today).days > SOON_DAYS:
            continue
        state = due.state(today)
        urgency: Urgency = "soon" if state == "not_yet_due" else state
        name = words.label(labels[due.visit]) if due.visit in labels else due.visit
        found.append(
            Task("task.visit", row.subject, f"{name} {due.instance}" if due.instance > 1 else name,
                 due.latest, urgency, reverse("subject", args=[row.subject]))
        )  # fmt: skip
    return found


def _harms(row: Row, asking: Asking) -> list[Task]:
    """Reports that are due to the sponsor, for a site; to the authority, for the sponsor's safety
    officer; opinions that lack; severe laboratory values that nobody answered."""
    now = asking.trial.ask.now(row.site)
    officer = asking.role == "safety_officer"
    site = asking.role in ("investigator", "nurse")
    party = {"investigator": "investigator", "safety_officer": "sponsor"}.get(asking.role)
    found: list[Task] = []

    def add(what: str, each: Mapping[str, Any], due: datetime.date | None = None) -> None:
        name = each.get("adverse_event")
        over = due is not None and left_of(due, now, each.get("due_at")).days < 0
        urgency: Urgency = "waiting" if due is None else "overdue" if over else "due"
        link = (
            reverse("adverse_event", args=[row.subject, name])
            if name
            else reverse("adverse_events", args=[row.subject])
        )
        detail = " · ".join(str(part) for part in (name, each.get("term")) if part)
        found.append(Task(what, row.subject, detail, due, urgency, link))

    for each in row.awaited if site or officer else ():
        add("task.report.site_to_sponsor", each, each["due"])
    for each in row.reports if officer else ():
        if each["done"] is None:
            add(f"task.report.{each['report']}", each, each["due"])
    for each in row.serious if party else ():
        if each[f"related_{party}"] is None:
            add("task.opinion", each)
    for each in row.findings if site else ():
        add("task.finding", each)
    return found


def _queries(row: Row, today: datetime.date, asking: Asking) -> list[Task]:
    """Questions that wait for the hospital; for whoever asks questions, answers to read, and what
    nobody answered in time."""
    found = []
    for each in row.asked:
        late = overdue(each, today)
        if asking.role in ACTION_ROLES["QueryAnswered"] and each["status"] == OPEN:
            what, urgency = "task.query", "overdue" if late else "waiting"
        elif asking.role in ACTION_ROLES["QueryClosed"] and (late or each["status"] == ANSWERED):
            what, urgency = f"task.query.{'late' if late else 'answered'}", "waiting"
        else:
            continue
        due = each["raised"] + datetime.timedelta(days=ANSWER_WITHIN)
        link = reverse("query", args=[row.subject, each["query"]])
        found.append(
            Task(what, row.subject, each["query"], due if each["status"] == OPEN else None,
                 cast(Urgency, urgency), link)
        )  # fmt: skip
    return found


def _screening(row: Row, asking: Asking) -> list[Task]:
    if row.stage != "screening" or asking.role not in _SCREENING:
        return []
    link = reverse("subject", args=[row.subject])
    return [Task("task.screening", row.subject, "", None, "waiting", link)]
