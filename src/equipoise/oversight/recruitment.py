"""How recruitment goes: the steps of each subject, by month and site, beside what was planned.

Screened, failed and randomised are those of CONSORT 2025 (items 21 and 22a). Nothing here knows an
arm. What is planned is a straight line, as a registry states it: a number of people over a number
of months.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from equipoise.record.rule import KEY, Columns

SCREENED, FAILED, RANDOMISED = "screened", "failed", "randomised"
STEPS: Final = (SCREENED, FAILED, RANDOMISED)

RECRUITMENT_STEP: Columns = {**KEY, "site": pl.String, "step": pl.String, "day": pl.Date}
SCREENING_FAILURE: Columns = {
    **KEY, "site": pl.String, "day": pl.Date, "cause": pl.String, "criterion": pl.String,
}  # fmt: skip
BY_MONTH: Columns = {
    "month": pl.Date,
    **dict.fromkeys(STEPS, pl.Int64),
    "in_all": pl.Int64,
    "planned": pl.Int64,
}

_DAYS_A_MONTH: Final = 30.4375
"""A planned month is a twelfth of 365.25 days."""


def recruitment_steps(disposition: pl.DataFrame) -> pl.DataFrame:
    """One row per step that a subject took (RECRUITMENT_STEP), by day, then subject.

    `step`: `screened`, `failed` (screening), `randomised`. Nothing of a day that is not known.
    """
    days = {SCREENED: "screened", FAILED: "screening_failed", RANDOMISED: "randomised"}
    parts = [
        disposition.filter(pl.col(column).is_not_null()).select(
            *KEY, "site", pl.lit(step).alias("step"), pl.col(column).alias("day")
        )
        for step, column in days.items()
    ]
    return pl.concat(parts).sort("replicate", "day", "subject", "step")


def screening_failures(disposition: pl.DataFrame) -> pl.DataFrame:
    """One row per subject who failed screening and criterion not met (SCREENING_FAILURE).

    Of whom no criterion is named there is one row without; `cause` is that of the failure. By
    subject, then criterion.
    """
    failed = disposition.filter(pl.col("screening_failed").is_not_null())
    none = pl.col("failed_criteria").list.len().fill_null(0) == 0
    named = pl.when(none).then(pl.lit([None], dtype=pl.List(pl.String)))
    return (
        failed.with_columns(named.otherwise("failed_criteria").alias("criterion"))
        .explode("criterion")
        .select(
            *KEY, "site", pl.col("screening_failed").alias("day"),
            pl.col("failure_cause").alias("cause"), "criterion",
        )
        .sort("replicate", "subject", "criterion", nulls_last=True)
    )  # fmt: skip


def counted(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Subjects by the columns `by`: these, and `number`, each subject once; the most first.

    >>> rows = pl.DataFrame({"subject": ["a", "a", "b"], "cause": ["x", "x", "y"]})
    >>> counted(rows, "cause").rows()
    [('x', 1), ('y', 1)]
    """
    number = pl.col("subject").n_unique().cast(pl.Int64).alias("number")
    return rows.group_by(by).agg(number).sort("number", *by, descending=[True, *[False] * len(by)])


def planned_by(
    day: datetime.date, *, start: datetime.date | None, months: int | None, planned: int | None
) -> int | None:
    """People planned to be in by the evening of a day, on a straight line; None without a plan.

    >>> how = {"start": datetime.date(2026, 1, 1), "months": 12, "planned": 120}
    >>> [planned_by(datetime.date(2026, m, 1), **how) for m in (1, 7)]
    [0, 60]
    >>> planned_by(datetime.date(2028, 1, 1), **how)
    120
    """
    if start is None or not months or not planned:
        return None
    share = max(((day - start).days + 1) / (months * _DAYS_A_MONTH), 0.0)
    return min(round(planned * share), planned)


def planned_end(start: datetime.date | None, months: int | None) -> datetime.date | None:
    """The day by whose evening everybody is planned to be in (`planned_by`); None without a plan.

    >>> planned_end(datetime.date(2026, 1, 1), 12)
    datetime.date(2027, 1, 1)
    """
    if start is None or not months:
        return None
    return start + datetime.timedelta(math.ceil(months * _DAYS_A_MONTH) - 1)


def recruitment_by_month(
    steps: pl.DataFrame, until: datetime.date, plan: Mapping[str, Any]
) -> pl.DataFrame:
    """One row per month from the first step, or the planned start, to the month of `until`.

    Of RECRUITMENT_STEP the subjects by step; `in_all`: randomised since the beginning; `planned`:
    people planned to be in by the end of the month (`planned_by`), null without a plan. `plan` has
    start, months and planned. Months without a step are there, with 0. No row before anything.
    """
    first = steps["day"].min() if len(steps) else plan["start"]
    if not isinstance(first, datetime.date) or first > until:
        return pl.DataFrame(schema=BY_MONTH)
    first = min(first, plan["start"] or first)
    month = pl.date_range(first.replace(day=1), until, "1mo", eager=True).alias("month")
    dated = steps.with_columns(month=pl.col("day").dt.truncate("1mo"))
    found = month.to_frame()
    for step in STEPS:
        number = counted(dated.filter(step=step), "month").rename({"number": step})
        found = found.join(number, on="month", how="left")
    planned = [planned_by(_last_day(each), **plan) for each in found["month"].to_list()]
    return found.with_columns(
        *(pl.col(step).fill_null(0) for step in STEPS),
        in_all=pl.col(RANDOMISED).fill_null(0).cum_sum(),
        planned=pl.Series(planned, dtype=pl.Int64),
    ).select(*BY_MONTH)


def _last_day(month: datetime.date) -> datetime.date:
    later = (month.replace(day=28) + datetime.timedelta(4)).replace(day=1)
    return later - datetime.timedelta(1)


def recruitment_by_site(steps: pl.DataFrame, until: datetime.date) -> pl.DataFrame:
    """One row per site: subjects by step, and `days` since the last was randomised there (null if
    nobody was). By those randomised, the most first, then by site."""
    found = steps.select("site").unique()
    for step in STEPS:
        number = counted(steps.filter(step=step), "site").rename({"number": step})
        found = found.join(number, on="site", how="left")
    last = steps.filter(step=RANDOMISED).group_by("site").agg(pl.col("day").max().alias("last"))
    return (
        found.join(last, on="site", how="left")
        .with_columns(
            *(pl.col(step).fill_null(0) for step in STEPS),
            days=(pl.lit(until) - pl.col("last")).dt.total_days(),
        )
        .drop("last")
        .sort(RANDOMISED, "site", descending=[True, False])
    )


def cumulated(steps: pl.DataFrame) -> pl.DataFrame:
    """The days on which somebody was randomised, and `number`: how many had been by their evening.

    >>> steps = pl.DataFrame({"subject": ["a", "b"], "step": ["randomised"] * 2, "day": [2, 1]})
    >>> cumulated(steps).rows()
    [(1, 1), (2, 2)]
    """
    found = counted(steps.filter(step=RANDOMISED), "day").sort("day")
    return found.with_columns(pl.col("number").cum_sum())
