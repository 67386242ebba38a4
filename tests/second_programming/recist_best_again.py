"""RECIST 1.1 programmed again: best overall response, and the response in a window of days.

Written from Eisenhauer 2009 (sections 4.4.3 and 4.6, table 3), the issue's and the study file's
wording of the window, and the public docstrings and columns of the rules; by somebody who has not
read the rules. One subject at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from equipoise.response.plan import ResponsePlan, ResponseWindow
from tests.second_programming.recist_sums_again import Conventions, Progression, Scan
from tests.second_programming.rows_by_subject import Row, latest_day

Best = tuple[str, Scan | None, bool | None]
"""Response, the assessment that first showed it, and whether it was confirmed."""

Counted = tuple[Scan, int | None, str]
"""An assessment that counts, its day from the reference day, and its response."""


def best_of(
    subject: dict[str, list[Row]],
    scans: Sequence[Scan],
    progressed: Progression,
    plan: ResponsePlan,
    conventions: Conventions,
) -> Best:
    counted = _that_count(subject, scans, progressed)
    apart = plan.confirmation_days or 28
    needed = plan.confirmation_days is not None
    for wanted, alike in (("CR", ("CR",)), ("PR", ("PR", "CR"))):
        shown = [at for at, (_, _, response) in enumerate(counted) if response == wanted]
        again = [
            at
            for at in shown
            if _seen_again(counted, at, alike, apart, conventions, stable=wanted == "PR")
        ]
        if again and needed:
            return wanted, counted[again[0]][0], True
        if shown and not needed:
            return wanted, counted[shown[0]][0], bool(again)
    least = plan.stable_disease_minimum_days
    lasted = [each for each in counted if each[1] is not None and each[1] >= least]
    for wanted, shown_by in (("SD", ("CR", "PR", "SD")), ("NON-CR/NON-PD", ("NON-CR/NON-PD",))):
        for scan, _, response in lasted:
            if response in shown_by:
                return wanted, scan, None
    for scan, _, response in counted:
        if response == "PD":
            return "PD", scan, None
    # what is left is not evaluable, or a response that stood for too short a time
    return "NE", counted[0][0] if counted else None, None


def _that_count(
    subject: dict[str, list[Row]], scans: Sequence[Scan], progressed: Progression
) -> list[Counted]:
    """Assessments from the reference day to progression or another therapy, with days.

    The reference day is that of randomisation, else that of the first baseline. An assessment
    without a day stands after the one before it; it counts, but neither lasts nor confirms.
    """
    days = [row["occurred"] for row in subject["randomised"]]
    if not days:
        days = [scan.day for scan in scans if scan.baseline and scan.day is not None][:1]
    if not days:  # neither randomised nor a baseline: nothing can be read
        return [(scan, -1, "NE") for scan in scans]
    therapies = [
        row["occurred"]
        for row in subject["subsequent_therapy_recorded"]
        if row["therapy"] is not None  # taken back
    ]
    therapy = min((day for day in therapies if day is not None), default=None)
    counted: list[Counted] = []
    latest = None
    for scan in scans:
        latest = scan.day or latest
        if scan.overall is None or (scan.day is not None and scan.day < days[0]):
            continue
        if therapy is not None and latest is not None and latest > therapy:
            continue
        at = progressed.scan
        if at is not None and scan.order > at.order:
            continue
        response = "PD" if at is not None and scan.order == at.order else scan.overall
        day = None if scan.day is None else (scan.day - days[0]).days
        counted.append((scan, day, response))
    return counted


def _seen_again(
    counted: Sequence[Counted],
    at: int,
    alike: tuple[str, ...],
    apart: int,
    conventions: Conventions,
    stable: bool,
) -> bool:
    """Whether the response stands again after the interval, with little else in between.

    Disease after a complete response is no longer the same response (table 3, its note).
    """
    unread = steady = 0
    complete = False
    for _, day, response in counted[at + 1 :]:
        if complete and response == "PR":
            return False
        complete = complete or response == "CR"
        if response in alike:
            first = counted[at][1]
            if day is not None and first is not None and day - first >= apart:
                return True
        elif response == "NE":
            unread += 1
        elif response == "SD" and stable:
            steady += 1
        else:
            return False
        if unread > conventions.not_evaluable_between or steady > conventions.stable_between:
            return False
    return False


def window_of(
    subject: dict[str, list[Row]],
    scans: Sequence[Scan],
    progressed: Progression,
    window: ResponseWindow,
) -> dict[str, Any]:
    """Response, whether it is one, and what decided, for one randomised subject."""
    zero = subject["randomised"][0]["occurred"]
    at = progressed.scan
    read = []
    for scan in scans:
        if scan.overall in (None, "NE") or scan.day is None:
            continue
        number = (scan.day - zero).days
        if window.first_day <= number <= window.last_day:
            read.append((abs(number - window.target_day), number, scan.order, scan))
    if read:
        day: int | None
        _, day, order, scan = min(read, key=lambda each: each[:3])
        if at is not None and order >= at.order:
            scan, day = at, None if at.day is None else (at.day - zero).days
        response = "PD" if scan is at else scan.overall
        found = {"response": response, "assessment": scan.name, "day": day}
        return {**found, "responder": response in ("CR", "PR")}
    if window.progression_or_death_until_last_day == "non_response":
        if at is not None and at.day is not None:
            day = (at.day - zero).days
            if day <= window.last_day:
                found = {"response": "PD", "assessment": at.name, "day": day}
                return {**found, "responder": False}
        for row in subject["death_recorded"]:
            died = row["occurred"]
            if died is None and row["occurred_partial"] is not None:
                died = latest_day(row["occurred_partial"])
            if died is not None and (died - zero).days <= window.last_day:
                found = {"response": "DEATH", "assessment": None, "day": (died - zero).days}
                return {**found, "responder": False}
    return {"response": "NE", "responder": None, "assessment": None, "day": None}
