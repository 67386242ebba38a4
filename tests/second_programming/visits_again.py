"""Visits programmed again: where a subject stands, and which visit was due, done, or missed when.

Written from the plan of the study file, the events and the descriptions in words of `disposition`
and `visit_timeline`, by somebody who has not read them. One subject at a time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

from equipoise.visits.plan import Visit, VisitsPlan
from tests.second_programming.rows_by_subject import Row, latest_day

TABLES = (
    "subject_screened", "screening_failed", "consent_signed", "consent_withdrawn", "form_saved",
    "visit_recorded", "vital_status_recorded", "treatment_discontinued", "visits_discontinued",
    "lost_to_follow_up", "subsequent_therapy_recorded", "death_recorded", "randomised",
    "tumour_assessed", "cycle_started", "dose_given", "progression", "laboratory_reported",
    "laboratory_result",
)  # fmt: skip

Subject = dict[str, list[Row]]
Day = datetime.date


def days(rows: Iterable[Row]) -> list[Day]:
    return [row["occurred"] for row in rows if row["occurred"] is not None]


def first(rows: Iterable[Row]) -> Day | None:
    return min(days(rows), default=None)


def earliest_day(text: str) -> Day:
    """The first day that a perhaps partly known date can stand for."""
    parts = [int(part) for part in text.split("-")]
    month, day, *_ = *parts[1:], 1, 1
    return Day(parts[0], month, day)


def took_place(row: Row) -> bool:
    return row["not_done"] is None


def given(row: Row) -> bool:
    """Whether a record of a dose says that something was given."""
    return row["amount"] is not None and row["amount"] > 0 and row["administrations"] > 0


def disposition(subject: Subject, plan: VisitsPlan) -> Row:
    """Where a screened subject stands."""
    screened = subject["subject_screened"][0]
    failure = (subject["screening_failed"] or [{}])[0]
    doses = [row for row in subject["dose_given"] if given(row)]
    required = [each.code for each in plan.consents if each.required_for_randomisation]
    withdrawn = [row for row in subject["consent_withdrawn"] if row["consent"] in required]
    death = (subject["death_recorded"] or [None])[0]
    day, text = _death(death)
    return {
        "site": screened["site"],
        "rescreening_of": screened["rescreening_of"],
        "screened": first(subject["subject_screened"]),
        "screening_failed": first(subject["screening_failed"]),
        "failure_cause": failure.get("cause"),
        "failed_criteria": failure.get("criteria"),
        "consented": _consented(subject, required),
        "randomised": first(subject["randomised"]),
        "first_dose": first(doses),
        "last_dose": max(days(doses), default=None),
        "treatment_discontinued": first(subject["treatment_discontinued"]),
        "visits_discontinued": first(subject["visits_discontinued"]),
        "consent_withdrawn": first(withdrawn),
        "lost": first(subject["lost_to_follow_up"]),
        "death": day,
        "death_text": text,
        "subsequent_therapy": first(
            [row for row in subject["subsequent_therapy_recorded"] if row["therapy"] is not None]
        ),
        "last_known_alive": _last_known_alive(subject, doses, text),
    }


def _death(death: Row | None) -> tuple[Day | None, str | None]:
    if death is None:
        return None, None
    if death["occurred"] is not None:
        return death["occurred"], str(death["occurred"])
    return None, death["occurred_partial"]


def _consented(subject: Subject, required: list[str]) -> Day | None:
    """The day on which the last consent that is required was first signed; of none, the first."""
    signed = subject["consent_signed"]
    if not required:
        return first(signed)
    found = [first(row for row in signed if row["consent"] == code) for code in required]
    known = [day for day in found if day is not None]
    return max(known) if len(known) == len(required) else None


def _last_known_alive(subject: Subject, doses: list[Row], death: str | None) -> Day | None:
    signs = (
        *subject["subject_screened"], *subject["consent_signed"], *subject["randomised"],
        *filter(took_place, subject["visit_recorded"]), *subject["form_saved"],
        *subject["tumour_assessed"], *subject["cycle_started"], *doses,
        *subject["vital_status_recorded"],
        *(report for report in subject["laboratory_reported"] if drawn(report, subject)),
    )  # fmt: skip
    limit = Day.max if death is None else latest_day(death)
    return max((day for day in days(signs) if day <= limit), default=None)


def drawn(report: Row, subject: Subject) -> bool:
    """Whether a report of a laboratory gives the value of anything."""
    results = (row for row in subject["laboratory_result"] if row["event"] == report["event"])
    return any(row["value"] is not None for row in results)


def timeline(subject: Subject, plan: VisitsPlan) -> list[Row]:
    """The visits that were due, with what was recorded of them, and those beside the schedule."""
    required = [each.code for each in plan.consents if each.required_for_randomisation]
    withdrawn = [row for row in subject["consent_withdrawn"] if row["consent"] in required]
    stands = {**disposition(subject, plan), "withdrawals": withdrawn}
    used: list[int] = []
    found = []
    for visit in plan.visits:
        for instance, target in _targets(visit, subject, stands):
            if visit.contact:
                found.append(_contact(visit, instance, target, subject, stands))
                used += [row["event"] for row in _own(visit, instance, subject)]
                continue
            records = [
                row
                for row in subject["visit_recorded"]
                if not row["unscheduled"]
                and row["visit"] == visit.code
                and row["instance"] == instance
            ]
            record = min(records, key=_order, default=None)
            used += [row["event"] for row in records if row is record or not took_place(row)]
            found.append(_planned(visit, instance, target, record, subject, stands))
    beside = [row for row in subject["visit_recorded"] if row["event"] not in used]
    return found + [_beside(row) for row in beside]


def _own(visit: Visit, instance: int, subject: Subject) -> list[Row]:
    """The records of a contact as a visit; those that took place after the first are beside."""
    records = [
        row
        for row in subject["visit_recorded"]
        if not row["unscheduled"] and (row["visit"], row["instance"]) == (visit.code, instance)
    ]
    first = min(records, key=_order, default=None)
    return [row for row in records if row is first or not took_place(row)]


def _contact(visit: Visit, instance: int, target: Day, subject: Subject, stands: Row) -> Row:
    """A contact that asks whether the subject lives: its own record, else the first day since its
    window opened, and before that of the next, on which somebody heard of the subject."""
    own = min(_own(visit, instance, subject), key=_order, default=None)
    if own is None or not took_place(own):
        opened = target - datetime.timedelta(days=visit.window_before)
        heard = [
            day
            for day in days(_heard(subject))
            if opened <= day
            and (
                visit.repeat_every is None
                or day < opened + datetime.timedelta(days=visit.repeat_every)
            )
        ]
        if heard:
            own = {"occurred": min(heard), "not_done": None}
    return _planned(visit, instance, target, own, subject, stands)


def _heard(subject: Subject) -> list[Row]:
    return [*subject["vital_status_recorded"], *filter(took_place, subject["visit_recorded"])]


def _beside(record: Row) -> Row:
    """A record of no visit that was due, or a second one of a visit that took place."""
    state = "not_placed"
    if record["unscheduled"]:
        state = "unscheduled"
    elif not took_place(record):
        state = "not_applicable" if record["not_done"] == "not_applicable" else "missed"
    return {
        "visit": record["visit"], "instance": record["instance"], "target": None,
        "earliest": None, "latest": None,
        "actual": record["occurred"] if took_place(record) else None,
        "state": state, "reason": record["not_done"],
    }  # fmt: skip


def _order(record: Row) -> tuple[bool, Day, int]:
    """Those that took place go first, by day and then by order of entry."""
    return not took_place(record), record["occurred"] or Day.max, record["event"]


def _targets(visit: Visit, subject: Subject, stands: Row) -> Iterator[tuple[int, Day]]:
    """The repetitions of a visit, and the days on which they are due."""
    after = datetime.timedelta(days=visit.day)
    if visit.anchor == "cycle":
        for row in sorted(subject["cycle_started"], key=lambda row: row["cycle"]):
            if row["cycle"] >= visit.first_cycle and row["occurred"] is not None:
                yield row["cycle"], row["occurred"] + after
        return
    anchor = {
        "screening": stands["screened"],
        "randomisation": stands["randomised"],
        "first_dose": stands["first_dose"],
        "last_dose": stands["treatment_discontinued"] and stands["last_dose"],
    }[visit.anchor]
    if anchor is None:
        return
    yield 1, anchor + after
    if visit.repeat_every is None:
        return
    number, target = 1, anchor + after
    ends = [*_ends(visit, subject, stands), stands["last_known_alive"] or Day.min]
    while target <= min(ends):
        number, target = number + 1, target + datetime.timedelta(days=visit.repeat_every)
        yield number, target


def _planned(
    visit: Visit, instance: int, target: Day, record: Row | None, subject: Subject, stands: Row
) -> Row:
    earliest = target - datetime.timedelta(days=visit.window_before)
    latest = target + datetime.timedelta(days=visit.window_after)
    actual = record["occurred"] if record is not None and took_place(record) else None
    reason = None if record is None else record["not_done"]
    if actual is not None:
        state = "early" if actual < earliest else "late" if actual > latest else "done"
    elif reason is not None:
        state = "not_applicable" if reason == "not_applicable" else "missed"
    else:
        state = _not_recorded(visit, latest, subject, stands)
    return {
        "visit": visit.code, "instance": instance, "target": target, "earliest": earliest,
        "latest": latest, "actual": actual, "state": state, "reason": reason,
    }  # fmt: skip


def _not_recorded(visit: Visit, latest: Day, subject: Subject, stands: Row) -> str:
    """What the whole window says, of a visit of which nothing was recorded."""
    end = min(_ends(visit, subject, stands), default=None)
    alive = stands["last_known_alive"]
    if end is not None:
        return "missed" if end >= latest else "not_applicable"
    return "missed" if alive is not None and alive > latest else "not_yet_due"


def _ends(visit: Visit, subject: Subject, stands: Row) -> list[Any]:
    """The days after which the visit is not due: of leaving (of a loss, the last one and only if no
    visit took place later), and of progression by anybody where the visit is due until then."""
    if visit.contact:
        return _asking_ends(subject, stands)
    names = ("visits_discontinued", "consent_withdrawn", "screening_failed")
    found = [stands[name] for name in names if stands[name] is not None]
    visited = max(days(filter(took_place, subject["visit_recorded"])), default=Day.min)
    lost = max(days(subject["lost_to_follow_up"]), default=Day.min)
    found += [lost] if lost > Day.min and lost >= visited else []
    found += _died(stands)
    if visit.until == "progression":
        found += [row["progression"] for row in subject["progression"] if row["progression"]]
    return found


def _died(stands: Row) -> list[Day]:
    if stands["death_text"] is None:
        return []
    day, alive = earliest_day(stands["death_text"]), stands["last_known_alive"]
    whole = stands["death"] is not None
    return [day if whole or alive is None else max(day, alive)]


def _asking_ends(subject: Subject, stands: Row) -> list[Day]:
    """Nobody asks after death, a failed screening, a refusal to be asked for, or a loss since which
    nobody has heard of the subject; who comes to no visits is still asked for."""
    found = _died(stands)
    if not found and stands["screening_failed"] is not None:
        found.append(stands["screening_failed"])
    refused = [row for row in stands["withdrawals"] if not row["vital_status_allowed"]]
    found += days(refused)
    lost = max(days(subject["lost_to_follow_up"]), default=None)
    heard = max(days(_heard(subject)), default=Day.min)
    return found + ([lost] if lost is not None and lost >= heard else [])
