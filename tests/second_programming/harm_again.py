"""Harm programmed again: adverse events under treatment, serious ones, and what is due about them.

Written from the plan of the study file, the events, ICH E2A and Regulation (EU) 536/2014 as the
descriptions in words of the rules cite them, by somebody who has not read the rules. One adverse
event at a time.
"""

from __future__ import annotations

import csv
import datetime
import zoneinfo
from collections.abc import Iterable
from functools import cache
from importlib import resources

from equipoise.safety.plan import SafetyPlan
from tests.second_programming import partial_dates_again as dates
from tests.second_programming.rows_by_subject import Row

TABLES = (
    "adverse_event_reported", "adverse_event_followed_up", "serious_adverse_event_reported",
    "causality_assessed", "adverse_event_coded", "susar_submitted", "exposure",
)  # fmt: skip

Subject = dict[str, list[Row]]
Day = datetime.date
SEVERITIES = ("serious", "life_threatening", "fatal")
SAYS = {"death": "fatal", "life_threatening": "life_threatening"}


@cache
def organ_classes() -> dict[str, str]:
    with (resources.files("equipoise.safety") / "ctcae_5.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        return {row["term"]: row["system_organ_class"] for row in csv.DictReader(file)}


def of(rows: Iterable[Row], event: str) -> list[Row]:
    return [row for row in rows if row["adverse_event"] == event]


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


def adverse_event(subject: Subject, report: Row, plan: SafetyPlan) -> Row:
    """One adverse event: the worst grade, whether under treatment, its code."""
    name = report["adverse_event"]
    later = of(subject["adverse_event_followed_up"], name)
    opinions = of(subject["causality_assessed"], name)
    doses = [row for row in subject["exposure"] if row["first_dose"] is not None]
    start = min((row["first_dose"] for row in doses), default=None)
    code = max(of(subject["adverse_event_coded"], name), key=lambda row: row["event"], default=None)
    whole, text = report["occurred"], report["occurred_partial"]
    first, last = dates.earliest(whole, text), dates.latest(whole, text)
    moved = start if start is not None and (last is None or last >= start) else None
    worse = emergent = False
    if start is not None:
        end = max(row["last_dose"] for row in doses) + days(plan.days_after_last_dose)
        worse = last is not None and last < start and _worse(report, later, start, end)
        new = first is None or last is None or (last >= start and first <= end)
        emergent = worse or new
    return {
        "adverse_event": name,
        "term": report["term"],
        "system_organ_class": organ_classes().get(report["term"]),
        "grade": max(row["grade"] for row in [report, *later]),
        "serious": report["serious"] or bool(of(subject["serious_adverse_event_reported"], name)),
        "onset": dates.imputed(whole, text, plan.partial_onset.method, moved),
        "onset_flag": dates.flag(whole, text),
        "worsened": worse,
        "treatment_emergent": emergent,
        "related": any(row["related"] == "related" for row in opinions),
        "dictionary": code and f"{code['dictionary']} {code['version']}",
        "code": code and code["code"],
        "preferred_term": code and code["preferred_term"],
        "preferred_class": code and code["system_organ_class"],
    }


def _worse(report: Row, later: list[Row], start: Day, end: Day) -> bool:
    """Whether it was found worse under treatment than ever before; a day may be unknown."""
    before = [row["grade"] for row in later if row["occurred"] and row["occurred"] < start]
    worst = max([report["grade"], *before])
    return any(
        row["grade"] > worst and (row["occurred"] is None or start <= row["occurred"] <= end)
        for row in later
    )


def serious(subject: Subject, name: str, plan: SafetyPlan) -> Row | None:
    """One adverse event that was reported to the sponsor as serious; None where it was not."""
    reports = of(subject["serious_adverse_event_reported"], name)
    if not reports:
        return None
    said = [(row, SAYS[each]) for row in reports for each in row["criteria"] if each in SAYS]
    severity = max(["serious", *(each for _, each in said)], key=SEVERITIES.index)
    opinions = of(subject["causality_assessed"], name)
    seen = [row for row in opinions if row["related"] == "related"]
    parties = {
        party: any(row["related"] == "related" for row in opinions if row["opinion_of"] == party)
        for party in {row["opinion_of"] for row in opinions}
    }
    related: bool | None = bool(seen)
    if not seen and "investigator" not in parties:
        related = None
    term = of(subject["adverse_event_reported"], name)[0]["term"]
    expected = _expected({row["drug"] for row in seen}, term, severity, plan) if seen else None
    return {
        "adverse_event": name,
        "term": term,
        "severity": severity,
        "aware": min(row["aware"] for row in reports),
        "aware_at": _knew(reports),
        "received": min(row["occurred"] for row in reports),
        "received_at": _told(reports),
        "severe_since": min((row["occurred"] for row, _ in said), default=None),
        "related_investigator": parties.get("investigator"),
        "related_sponsor": parties.get("sponsor"),
        "related": related,
        "related_since": min((row["occurred"] for row in seen), default=None),
        "expected": expected,
        "susar": not expected if seen else related,
    }


def moment(day: Day, time: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(f"{day} {time}")


def _knew(reports: list[Row]) -> datetime.datetime | None:
    """The earliest time that a report tells of the first day on which the site knew."""
    day = min(row["aware"] for row in reports)
    times = [row["aware_time"] for row in reports if row["aware"] == day and row["aware_time"]]
    return moment(day, min(times)) if times else None


def _told(reports: list[Row]) -> datetime.datetime | None:
    """The time of the first report; unknown where one of that day does not tell it."""
    day = min(row["occurred"] for row in reports)
    times = [row["received_time"] for row in reports if row["occurred"] == day]
    return None if None in times else moment(day, min(times))


def _expected(drugs: set[str], term: str, severity: str, plan: SafetyPlan) -> bool:
    """Whether it is listed, up to its severity, for every drug to which somebody relates it."""
    listed = plan.reference_safety_information
    reactions = () if listed is None else listed.reactions
    return all(
        any(
            each.drug == drug
            and each.term == term
            and SEVERITIES.index(each.up_to) >= SEVERITIES.index(severity)
            for each in reactions
        )
        for drug in drugs
    )


def reports(event: Row, submitted: list[Row], plan: SafetyPlan, zone: str) -> list[Row]:
    """What is due about one serious adverse event of a hospital in `zone`, and since when done."""
    clocks = plan.clocks
    found = [_notice(event, clocks.site_to_sponsor_hours, zone)]
    if event["susar"] is False:
        return found
    certain = event["susar"] is True
    known = max(event["received"], event["related_since"] or event["received"])
    severe = event["severe_since"]
    if severe is None or severe > known:
        done = _first(submitted, event["received"])
        found.append(_report("other", known, clocks.other_days, done, certain))
    if severe is not None:
        start = max(known, severe)
        done = _first(submitted, severe)
        found.append(_report("fatal_or_life_threatening", start, clocks.fatal_days, done, certain))
        since = [row for row in submitted if row["occurred"] >= severe]
        after = sorted(since, key=lambda row: (row["occurred"], row["event"]))[1:]
        followed = _first([row for row in after if row["kind"] == "follow_up"], severe)
        both = clocks.fatal_days + clocks.fatal_follow_up_days
        found.append(_report("fatal_follow_up", start, both, followed, certain))
    return found


def _notice(event: Row, hours: int, zone: str) -> Row:
    """What the sponsor is told: by the hour where the site knows it, else in begun days."""
    found = _report("site_to_sponsor", event["aware"], -(-hours // 24), event["received"], True)
    knew, told = event["aware_at"], event["received_at"]
    if knew is not None:
        passed = knew.replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp() + hours * 3600
        there = datetime.datetime.fromtimestamp(passed, zoneinfo.ZoneInfo(zone))
        found["due_at"] = there.replace(tzinfo=None)
        found["due"] = found["due_at"].date()
    found["done_at"] = told
    hour_over = knew is not None and told is not None and told > found["due_at"]
    found["late"] = event["received"] > found["due"] or hour_over
    return found


def _report(name: str, start: Day, number: int, done: Day | None, certain: bool) -> Row:
    return {
        "report": name, "start": start, "due": start + days(number), "done": done,
        "certain": certain, "due_at": None, "done_at": None,
        "late": None if done is None else done > start + days(number),
    }  # fmt: skip


def _first(submitted: list[Row], since: Day) -> Day | None:
    return min((row["occurred"] for row in submitted if row["occurred"] >= since), default=None)
