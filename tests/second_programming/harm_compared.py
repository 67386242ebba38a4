"""Adverse events and their clocks from the second programming, beside those of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from equipoise.safety.plan import SafetyPlan
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from tests.second_programming import harm_again as again
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

KEYS = {
    "adverse_event": ("replicate", "subject", "adverse_event"),
    "serious_adverse_event": ("replicate", "subject", "adverse_event"),
    "expedited_report": ("replicate", "subject", "adverse_event", "report"),
}


def derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    """`tables` with those of the product that are compared."""
    found = dict(tables)
    for table in KEYS:
        found = derive(found, study, upto=table)
    return found


def programmed_again(
    tables: Mapping[str, pl.DataFrame], plan: SafetyPlan, zones: Mapping[str, str]
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in KEYS}
    for (replicate, name), subject in rows_by_subject(tables, again.TABLES).items():
        who = {"replicate": replicate, "subject": name}
        for report in subject["adverse_event_reported"]:
            found["adverse_event"].append({**who, **again.adverse_event(subject, report, plan)})
            event = again.serious(subject, report["adverse_event"], plan)
            if event is None:
                continue
            found["serious_adverse_event"].append({**who, **event})
            sent = again.of(subject["susar_submitted"], report["adverse_event"])
            of_it = {**who, "adverse_event": report["adverse_event"]}
            found["expedited_report"] += [
                {**of_it, **row}
                for row in again.reports(event, sent, plan, zones.get(report["site"], "UTC"))
            ]
    return found


def differences(
    tables: Mapping[str, pl.DataFrame], product: Mapping[str, pl.DataFrame], study: Study
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every difference."""
    zones = {each.code: each.time_zone for each in study.sites}
    said = []
    rows: Counter[str] = Counter()
    for table, expected in programmed_again(tables, study.safety, zones).items():
        rows[table] += len(expected)
        said += [f"{table} {each}" for each in told_apart(expected, product[table], KEYS[table])]
    return rows, said
