"""The variables of a study's estimands from the second programming, beside those of the product."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from equipoise.analysis.subjects import end_point_tables
from equipoise.study.analysis_plan import BinaryEndPoint, Estimand, TimeToEventEndPoint
from equipoise.study.definition import Study
from tests.second_programming.binary_again import first_response, value_of
from tests.second_programming.observed_again import TABLES, Observation, observation
from tests.second_programming.recist_compared import conventions_of
from tests.second_programming.rows_by_subject import Row, Subject, rows_by_subject, told_apart
from tests.second_programming.times_again import time_of

KEY = ("replicate", "subject")


def observations(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[Subject, Observation]:
    """Every randomised subject as the primary evaluator saw it."""
    found = {}
    for who, subject in rows_by_subject(tables, TABLES).items():
        seen = observation(subject, study.response.primary_evaluator)
        if seen is not None:
            found[who] = seen
    return found


def programmed_again(
    subjects: Mapping[Subject, Observation],
    study: Study,
    estimand: Estimand,
    cut: datetime.date | None = None,
) -> list[Row]:
    """The rows of the estimand's variable, in the columns that the specification settles."""
    end_point = next(each for each in study.analysis.end_points if each.code == estimand.end_point)
    strategies = {str(each.event): str(each.strategy) for each in estimand.intercurrent_events}
    rows = []
    for (replicate, subject), seen in subjects.items():
        if isinstance(end_point, BinaryEndPoint):
            row: dict[str, Any] | None = value_of(
                seen, end_point, strategies, study.analysis, study.response,
                conventions_of(study.response),
            )  # fmt: skip
        else:
            start = _start(seen, end_point, strategies, study)
            row = time_of(seen, end_point, strategies, start, cut, study.analysis, study.visits)
        if row is not None:
            rows.append({"replicate": replicate, "subject": subject, **row})
    return rows


def _start(
    seen: Observation, end_point: TimeToEventEndPoint, strategies: dict[str, str], study: Study
) -> datetime.date | None:
    if end_point.start == "randomisation":
        return seen.randomised
    if end_point.start == "first_dose":
        return seen.first_dose
    return first_response(
        seen, strategies, study.analysis, study.response, conventions_of(study.response),
        confirmed=end_point.confirmed,
    )  # fmt: skip


def differences(
    tables: Mapping[str, pl.DataFrame], study: Study, cut: datetime.date | None = None
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """How many rows had each outcome (variable, and reason or value), and every difference.

    `tables` are event and derived tables.
    """
    subjects = observations(tables, study)
    estimands = {each.code: each for each in study.analysis.estimands}
    rows: Counter[tuple[str, str]] = Counter()
    said = []
    for code, found in end_point_tables(dict(tables), study, cut=cut).items():
        expected = programmed_again(subjects, study, estimands[code], cut)
        rows.update((code, str(row.get("reason", row.get("value")))) for row in expected)
        said += [f"{code} {each}" for each in told_apart(expected, found, KEY)]
    return rows, said
