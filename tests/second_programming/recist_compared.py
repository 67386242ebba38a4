"""The tables of RECIST 1.1 from the second programming, beside those of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import polars as pl

from equipoise.response.plan import ResponsePlan
from tests.second_programming.recist_best_again import best_of, window_of
from tests.second_programming.recist_sums_again import (
    TABLES,
    Conventions,
    Progression,
    evaluators,
    progression_of,
    read_scans,
    rows_of,
)
from tests.second_programming.rows_by_subject import Row, rows_by_subject, told_apart

KEYS = {
    "target_sum": ("replicate", "subject", "evaluator", "assessment"),
    "time_point_response": ("replicate", "subject", "evaluator", "assessment"),
    "progression": ("replicate", "subject", "evaluator"),
    "best_overall_response": ("replicate", "subject", "evaluator"),
    "window_response": ("replicate", "subject", "evaluator", "window"),
}


def conventions_of(plan: ResponsePlan) -> Conventions:
    """The standard's conventions, with what the plan sets in their place."""
    chosen = {} if plan.conventions is None else plan.conventions.model_dump(exclude_none=True)
    names = {each.name for each in fields(Conventions)}
    return Conventions(**{name: value for name, value in chosen.items() if name in names})


def programmed_again(
    tables: Mapping[str, pl.DataFrame], plan: ResponsePlan
) -> dict[str, list[Row]]:
    """The five tables, in the columns that the specification settles.

    With a table `time_point_response` among `tables`, its overall responses stand.
    """
    found: dict[str, list[Row]] = {name: [] for name in KEYS}
    given = "time_point_response"
    names = (*TABLES, given) if given in tables else TABLES
    for (replicate, name), subject in rows_by_subject(tables, names).items():
        for table, row in _of_subject(subject, plan, subject.get(given, [])):
            found[table].append({"replicate": replicate, "subject": name, **row})
    return found


def _of_subject(
    subject: dict[str, list[Row]], plan: ResponsePlan, given: list[Row]
) -> Iterator[tuple[str, dict[str, Any]]]:
    conventions = conventions_of(plan)
    known = {each.code for each in plan.evaluators}
    readers = evaluators(subject)
    if subject["randomised"] and plan.primary_evaluator not in readers:
        readers.append(plan.primary_evaluator)
    for evaluator in readers:
        who = {"evaluator": evaluator}
        scans = read_scans(subject, evaluator, conventions)
        for row in given:
            scans[row["order"]].overall = row["overall_response"]
        for scan in scans:
            which = {**who, "assessment": scan.name}
            yield "target_sum", {**which, **rows_of(scan)}
            if not scan.baseline:
                yield (
                    "time_point_response",
                    {
                        **which,
                        "occurred": scan.day,
                        "order": scan.order,
                        "target_response": scan.target_response,
                        "non_target_response": scan.other_response,
                        "new_lesion": "unequivocal" in scan.new.values(),
                        "reappeared": scan.reappeared,
                        "overall_response": scan.overall,
                    },
                )
        progressed = progression_of(scans, conventions)
        if scans:
            yield "progression", {**who, **_progression_row(progressed)}
        response, shown, confirmed = best_of(subject, scans, progressed, plan, conventions)
        yield (
            "best_overall_response",
            {
                **who,
                "response": response,
                "occurred": shown and shown.day,
                "assessment": shown and shown.name,
                "confirmed": confirmed,
            },
        )
        if subject["randomised"] and evaluator in known:
            for window in plan.windows:
                judged = window_of(subject, scans, progressed, window)
                yield "window_response", {**who, "window": window.code, **judged}


def _progression_row(progressed: Progression) -> dict[str, Any]:
    at = progressed.scan
    return {
        "progressed": at is not None,
        "progression": at and at.day,
        "progression_assessment": at and at.name,
        "progression_order": at and at.order,
        "last_adequate_assessment": progressed.last_adequate,
    }


def differences(
    tables: Mapping[str, pl.DataFrame], derived: Mapping[str, pl.DataFrame], plan: ResponsePlan
) -> tuple[Counter[str], list[str]]:
    """How many rows of each table were compared, and every difference."""
    rows: Counter[str] = Counter()
    said = []
    for table, expected in programmed_again(tables, plan).items():
        rows[table] += len(expected)
        said += [f"{table} {each}" for each in told_apart(expected, derived[table], KEYS[table])]
    return rows, said
