"""All that departures rest on, from events and the study file alone, each by its second program.

Progression, disposition, visits, cycles, dosing decisions and entry are programmed again elsewhere;
here they are put together, so that no table of the product stands between an event and a deviation.
What the stratum would be with what is known now is programmed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from equipoise.study.definition import Study
from tests.second_programming import (
    departures_again,
    doses_again,
    entry_again,
    exposure_again,
    harm_again,
    marker_compared,
    recist_compared,
    visits_again,
)
from tests.second_programming.patient_again import asked_of
from tests.second_programming.rows_by_subject import Row, Subject, rows_by_subject

DERIVED = (
    "stratum", "entry_eligibility", "visit_timeline", "treatment_cycle", "dose_decision",
    "disposition", "progression", "expedited_report", "exposure",
)  # fmt: skip
"""Tables of the product that are programmed again and not read."""

_PROGRAMS = (departures_again, visits_again, doses_again, exposure_again, entry_again, harm_again)
EVENTS = sorted(
    {name for each in _PROGRAMS for name in each.TABLES} - {*DERIVED, "planned_dose"}
    | {"randomised_factor"}
)


def subjects_from_events(
    tables: Mapping[str, pl.DataFrame], study: Study
) -> dict[Subject, dict[str, list[Row]]]:
    """The rows of every subject's events, and of the tables that follow from them."""
    found = rows_by_subject(tables, EVENTS)
    for subject in found.values():
        subject.update({name: [] for name in DERIVED})
    readings = recist_compared.programmed_again(tables, study.response)["progression"]
    _give(found, "progression", readings)
    markers = marker_compared.programmed_again(tables, study.biomarker)
    for name in ("marker_path", "marker_corrected"):
        _give(found, name, markers[name])
    asked = asked_of(study)
    for subject in found.values():
        _of_subject(subject, study, asked)
    return found


def _give(found: dict[Subject, dict[str, list[Row]]], name: str, rows: Iterable[Row]) -> None:
    for row in rows:
        mine = found[row["replicate"], row["subject"]]
        mine[name] = [*mine.get(name, []), row]


def _of_subject(subject: dict[str, list[Row]], study: Study, asked: Any) -> None:
    if subject["subject_screened"]:
        subject["disposition"] = [visits_again.disposition(subject, study.visits)]
        subject["visit_timeline"] = visits_again.timeline(subject, study.visits)
    doses = doses_again.doses_of(subject, study.treatment, asked)
    subject["dose_decision"] = [{**row["key"], **row["dose_decision"]} for row in doses]
    subject["planned_dose"] = [{**row["key"], **row["planned_dose"]} for row in doses]
    given = exposure_again.tables_of_subject(subject, study.treatment)
    subject["treatment_cycle"] = given["treatment_cycle"]
    zones = {each.code: each.time_zone for each in study.sites}
    for report in subject["adverse_event_reported"]:
        name = report["adverse_event"]
        serious = harm_again.serious(subject, name, study.safety)
        if serious is not None:
            sent = harm_again.of(subject["susar_submitted"], name)
            zone = zones.get(report["site"], "UTC")
            due = harm_again.reports(serious, sent, study.safety, zone)
            subject["expedited_report"] += [{"adverse_event": name, **row} for row in due]
    entry = entry_again.entry(subject, study.visits, study.eligibility)
    subject["entry_eligibility"] = [] if entry is None else [entry]
    subject["stratum"] = [_stratum(subject, row) for row in subject["randomised"]]


def _stratum(subject: dict[str, list[Row]], allocated: Row) -> Row:
    """The stratum of the allocation, and as it would be with what is known now (RN5)."""
    rule, status = allocated["status_rule"], allocated["marker_status"]
    known = {
        row["rule"]: row["status"]
        for name in ("marker_path", "marker_corrected")
        for row in subject.get(name, [])
    }
    now = known.get(rule)
    pairs = [(status, now)]
    text = now
    for row in sorted(subject["randomised_factor"], key=lambda row: int(row["position"])):
        level = allocated["site"] if row["factor"] == "site" else _answer(subject, row, allocated)
        pairs.append((row["level"], level))
        named = None if level is None else f"{row['factor']}={level}"
        text = None if text is None or named is None else f"{text}/{named}"
    differ = [None if after is None else before != after for before, after in pairs]
    return {
        "stratum": allocated["stratum"],
        "stratum_corrected": now if allocated["stratum"] == status else text,
        "differs": True if True in differ else None if None in differ else False,
    }


def _answer(subject: dict[str, list[Row]], factor: Row, allocated: Row) -> Any:
    """The answer about the latest day of those recorded before the allocation, as it stands."""
    days = {row["event"]: row["occurred"] for row in subject["form_saved"]}
    said = [
        (days[row["event"]] or allocated["occurred"].min, row["event"], row["value"])
        for row in subject["form_item"]
        if row["item"] == factor["factor"] and row["event"] < allocated["event"]
    ]
    return max(said, key=lambda each: each[:2])[2] if said else None
