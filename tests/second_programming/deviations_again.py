"""Deviations programmed again, one subject after another, from their description in words.

A randomised subject departs from the protocol where:

- the stratum of the allocation differs from the one by what is known now;
- entry was decided as randomised, the verdict differs now, and it is not yes: no (the criteria not
  met) or not known (the criteria open);
- a consent that randomisation requires was first signed after the day of randomisation, or never;
- a visit is early, late or missed, told as a scan where the visit has imaging; a missed one stands
  under the last day of its window;
- a cycle began more days before it was due than the visit of a cycle may be early;
- a cycle began although the dosing rule delays a drug of it or cannot decide; or, where it delays
  none, omits or stops every drug;
- a dose (with an amount and an administration) lies outside what the rule allows;
- a drug was given in a cycle more often than its regimen has it; day of the last of these doses;
- a lot was dispensed after its last day, or of a drug that the rule omits or stops in that cycle;
- a medicine, later therapy or procedure was given on a day on which the study file prohibits it.

What somebody recorded counts beside, of anybody.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from equipoise.record.rule import Tables
from equipoise.study.definition import Study
from equipoise.visits.plan import ProhibitedTherapy

Who = tuple[int, str]
Row = tuple[Any, ...]
"""Who, day, category, kind, what it concerns, number, sources."""


def by_subject(tables: Tables, name: str) -> dict[Who, list[dict[str, Any]]]:
    found: dict[Who, list[dict[str, Any]]] = defaultdict(list)
    for row in tables[name].iter_rows(named=True):
        found[row["replicate"], row["subject"]].append(row)
    return found


def deviations_again(tables: Tables, study: Study) -> set[Row]:
    """Every deviation, as rows without order."""
    found: set[Row] = set()
    events = {name: by_subject(tables, name) for name in _READ}
    for who, (allocated,) in events["randomised"].items():
        mine = {name: rows.get(who, []) for name, rows in events.items()}
        for part in (_entry, _consents, _visits, _cycles, _doses, _lots, _prohibited):
            for row in part(mine, study, allocated):
                found.add((*who, *row[:-1], tuple(sorted(set(row[-1])))))
    for who, rows in events["deviation_recorded"].items():
        for row in rows:
            told = (row["occurred"], row["category"], "recorded", None, None, (row["seq"],))
            found.add((*who, *told))
    return found


_READ = (
    "randomised", "consent_signed", "deviation_recorded", "stratum", "entry_eligibility",
    "visit_timeline", "treatment_cycle", "dose_decision", "dose_given", "drug_dispensed",
    "concomitant_medication_recorded", "subsequent_therapy_recorded", "procedure_recorded",
    "cycle_started", "treatment_discontinued", "progression",
)  # fmt: skip
Mine = dict[str, list[dict[str, Any]]]


def _entry(mine: Mine, study: Study, allocated: dict[str, Any]) -> Iterator[Row]:
    for row in mine["stratum"]:
        if row["differs"]:
            yield (
                allocated["occurred"],
                "wrong_stratum",
                "wrong_stratum",
                None,
                None,
                row["sources"],
            )
    for row in mine["entry_eligibility"]:
        if row["decision"] != "randomised" or not row["differs"] or row["eligible_now"]:
            continue
        known = row["eligible_now"] is False
        criteria = ", ".join(row["unmet_now" if known else "pending_now"] or ())
        kind = "not_eligible" if known else "eligibility_unknown"
        yield row["decided"], "not_eligible", kind, criteria, None, row["sources"]


def _consents(mine: Mine, study: Study, allocated: dict[str, Any]) -> Iterator[Row]:
    for consent in study.visits.consents:
        signed = [row for row in mine["consent_signed"] if row["consent"] == consent.code]
        in_time = any(row["occurred"] <= allocated["occurred"] for row in signed)
        if consent.required_for_randomisation and not in_time:
            by = [allocated["seq"], *(row["seq"] for row in signed)]
            yield allocated["occurred"], "consent", "consent_missing", consent.code, None, by


def _visits(mine: Mine, study: Study, allocated: dict[str, Any]) -> Iterator[Row]:
    imaging = {visit.code: visit.imaging for visit in study.visits.visits}
    for row in mine["visit_timeline"]:
        if row["state"] in ("early", "late", "missed"):
            day = row["actual"] or row["latest"]
            kind = ("scan_" if imaging[row["visit"]] else "visit_") + row["state"]
            yield day, "visit_window", kind, row["visit"], row["instance"], row["sources"]


def _cycles(mine: Mine, study: Study, allocated: dict[str, Any]) -> Iterator[Row]:
    early = max((v.window_before for v in study.visits.visits if v.anchor == "cycle"), default=0)
    for row in mine["treatment_cycle"]:
        if row["due"] and row["started"] + datetime.timedelta(days=early) < row["due"]:
            yield row["started"], "dose", "cycle_early", None, row["cycle"], row["sources"]
    decided: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in mine["dose_decision"]:
        decided[row["cycle"]].append(row)
    for cycle, rows in decided.items():
        against = [row for row in rows if row["decision"] in ("delay", "undecided")]
        if not against and {row["decision"] for row in rows} <= {"omit", "stop"}:
            against = rows
        if against:
            drugs = ", ".join(sorted(row["drug"] for row in against))
            day = rows[0]["occurred"]
            yield day, "dose", "cycle_put_off", drugs, cycle, rows[0]["sources"]


def _doses(mine: Mine, study: Study, allocated: dict[str, Any]) -> Iterator[Row]:
    planned = {
        (regimen.code, dose.drug): len(dose.days) * dose.times_per_day
        for regimen in study.treatment.regimens
        for dose in regimen.doses
    }
    for rule in mine["dose_decision"]:
        cycle, drug = rule["cycle"], rule["drug"]
        doses = [
            row
            for row in mine["dose_given"]
            if (row["cycle"], row["drug"]) == (cycle, drug)
            and row["amount"]
            and row["administrations"]
        ]
        for row in doses:
            if not rule["least"] <= row["amount"] <= rule["most"]:
                by = [row["seq"], *rule["sources"]]
                yield row["occurred"], "dose", "dose_amount", drug, cycle, by
        if sum(row["administrations"] for row in doses) > planned[rule["regimen"], drug]:
            day = max(row["occurred"] for row in doses)
            by = [*(row["seq"] for row in doses), *rule["sources"]]
            yield day, "dose", "dose_times", drug, cycle, by


def _prohibited(mine: Mine, study: Study, allocated: dict[str, Any]) -> Iterator[Row]:
    """Day by day: the first day after randomisation that is both in the period and in the course
    of what was given. Nothing in these trials goes on for longer than some years."""
    for each in study.visits.prohibited:
        if each.arms and allocated["arm"] not in each.arms:
            continue
        allowed_again = _allowed_again(mine, study, each)
        begins = [allocated["occurred"] + datetime.timedelta(days=1)]
        if each.since == "first_dose":
            begins = [min(_doses_given(mine), default=NEVER)]
        if each.regimens:
            days = [r["occurred"] for r in mine["cycle_started"] if r["regimen"] in each.regimens]
            begins.append(min(days, default=NEVER))
        for _, row, course in _courses(mine, each):
            day = max(begins)
            while day < NEVER and day <= max(begins) + datetime.timedelta(days=3000):
                if allowed_again is not None and day >= allowed_again:
                    break
                if course(day):
                    by = (row["seq"], allocated["seq"])
                    yield day, "prohibited_therapy", "prohibited_therapy", each.code, None, by
                    break
                day += datetime.timedelta(days=1)


NEVER = datetime.date.max


def _doses_given(mine: Mine) -> list[datetime.date]:
    return [
        row["occurred"]
        for row in mine["dose_given"]
        if row["amount"] and row["administrations"] and row["occurred"]
    ]


def _allowed_again(mine: Mine, study: Study, each: ProhibitedTherapy) -> datetime.date | None:
    """The first day on which it is allowed again, None while the period goes on."""
    if each.until == "progression":
        for row in mine["progression"]:
            if row["evaluator"] == study.response.primary_evaluator and row["progressed"]:
                seen = row["last_adequate_assessment"]
                after = datetime.date.min if seen is None else seen + datetime.timedelta(days=1)
                return row["progression"] or after
        return None
    stopped = [row["occurred"] for row in mine["treatment_discontinued"]]
    if not stopped:
        return None
    days = [min(stopped)]
    if doses := _doses_given(mine):
        days.append(max(doses) + datetime.timedelta(days=each.days_after + 1))
    return max(days)


def _courses(
    mine: Mine, each: ProhibitedTherapy
) -> Iterator[tuple[str, dict[str, Any], Callable[[datetime.date], bool]]]:
    """What was given, of the codes, and whether it was, or may have been, on a day."""
    for row in mine["concomitant_medication_recorded"]:
        if row["drug_class"] in each.medication_classes:
            yield row["drug_class"], row, partial(_taken, row)
    for table, name, codes in (
        ("subsequent_therapy_recorded", "therapy", each.therapies),
        ("procedure_recorded", "procedure", each.procedures),
    ):
        for row in mine[table]:
            if row[name] in codes and row["occurred"] is not None:
                yield row[name], row, row["occurred"].__eq__


def _taken(row: dict[str, Any], day: datetime.date) -> bool:
    """Whether the texts of start and end leave it open that it was taken on the day."""
    iso = day.isoformat()
    start, end = row["start"], row["end"]
    if start is not None and iso[: len(start)] < start:
        return False
    if row["ongoing"]:
        return True
    if end is None:
        return bool(day <= row["occurred"])
    return bool(iso[: len(end)] <= end)


def _lots(mine: Mine, study: Study, allocated: dict[str, Any]) -> Iterator[Row]:
    rules = {(row["cycle"], row["drug"]): row for row in mine["dose_decision"]}
    for row in mine["drug_dispensed"]:
        head = row["drug"], row["cycle"]
        if row["expiry"] < row["occurred"]:
            yield row["occurred"], "dose", "dispensed_expired", *head, [row["seq"]]
        rule = rules.get((row["cycle"], row["drug"]))
        if rule and rule["decision"] in ("omit", "stop"):
            by = [row["seq"], *rule["sources"]]
            yield row["occurred"], "dose", "dispensed_omitted", *head, by
