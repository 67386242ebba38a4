"""From the overview to tasks: what, about whom, due when, and on which page it is done.

What is due is what the rules derived (visit windows, clocks of serious events, queries). Nothing
here decides that something is due.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.urls import reverse

from equipoise.study.access import BLINDED_ROLES
from equipoise.web.asking import Asking
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


def tasks(rows: Iterable[Row], asking: Asking) -> list[Task]:
    """The tasks of a position, the most urgent first, then by day, then by subject."""
    found: list[Task] = []
    for row in rows:
        today = asking.trial.ask.today(row.site)
        if asking.role in BLINDED_ROLES:
            continue
        found += _visits(row, today, asking)
        found += _reports(row, today)
        found += _queries(row)
        found += _screening(row)
    far = datetime.date.max
    return sorted(found, key=lambda each: (_ORDER[each.urgency], each.due or far, each.subject))


def _visits(row: Row, today: datetime.date, asking: Asking) -> list[Task]:
    if asking.role not in ("investigator", "nurse", "data_manager", "monitor"):
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


def _reports(row: Row, today: datetime.date) -> list[Task]:
    return [
        Task(
            f"task.report.{each['report']}", row.subject, str(each["adverse_event"]), each["due"],
            "overdue" if each["due"] and each["due"] < today else "due",
            reverse("subject", args=[row.subject]),
        )
        for each in row.reports
    ]  # fmt: skip


def _queries(row: Row) -> list[Task]:
    link = reverse("subject", args=[row.subject])
    return [Task("task.query", row.subject, each, None, "waiting", link) for each in row.queries]


def _screening(row: Row) -> list[Task]:
    if row.stage != "screening":
        return []
    link = reverse("subject", args=[row.subject])
    return [Task("task.screening", row.subject, "", None, "waiting", link)]
