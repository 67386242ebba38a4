"""Best responses from dated overall responses alone, as a reader or another system gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import polars as pl

from equipoise.record.rule import KEY, Columns
from equipoise.response.assessments import READER
from equipoise.response.best_response import COURSE, Terms, best_of

DATED_RESPONSE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "order": pl.Int64,
    "occurred": pl.Date,
    "response": pl.String,
}
"""Overall responses in order of time from 0; `occurred` is null where the day is not known."""

SUBJECT_DATES: Columns = {**KEY, "reference": pl.Date, "progression": pl.Date}
"""From which day a subject's assessments count, and on which day it progressed, as given."""

CourseEnd = Literal["first-pd", "given"]
"""What ends a course: its first PD, or a progression date that is given, and nothing else."""

BEST_DATED_RESPONSE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "confirmation_required": pl.Boolean,
    "response": pl.String,
    "order": pl.Int64,
    "confirmed": pl.Boolean,
    "confirmation_order": pl.Int64,
}


def dated_course(dated: pl.DataFrame, subjects: pl.DataFrame, end: CourseEnd) -> pl.DataFrame:
    """The dated responses that count, with their day from the reference date (COURSE).

    Those before the reference date do not count. With `end` first-pd those after the first PD do
    not either; with given those after the progression date of `subjects`, and a PD by itself ends
    nothing. A response without a day stands where its order puts it, and is taken as not before
    the reference date. `day` is 0 where a subject has no reference date.

    Source: RECIST 1.1, section 4.6 (the best response is that recorded from the start of treatment
    until progression). Columns of `dated` and `subjects`: DATED_RESPONSE and SUBJECT_DATES.
    """
    order, known = pl.col("order"), pl.col("occurred").forward_fill().over(READER)
    if end == "first-pd":
        pds = pl.col("order").filter(pl.col("response") == "PD").min().over(READER)
        counts = (order <= pds).fill_null(True)
    else:
        counts = (known <= pl.col("progression")).fill_null(True)
    day = (pl.col("occurred") - pl.col("reference")).dt.total_days()
    return (
        dated.sort(*READER, "order")
        .join(subjects, list(KEY), "left", maintain_order="left")
        .with_columns(day=pl.when(pl.col("reference").is_null()).then(0).otherwise(day))
        .filter(counts & (pl.col("day") >= 0).fill_null(True))
        .select(list(COURSE))
    )


def best_dated_response(
    dated: pl.DataFrame, subjects: pl.DataFrame, asked: Terms, end: CourseEnd
) -> pl.DataFrame:
    """The best response of every course twice: without and with confirmation.

    Both, because a study whose end point compares response within one arm has a weak claim to the
    exemption of randomised studies from confirmation. Columns of BEST_DATED_RESPONSE; no row where
    nothing counts. Sorted by READER, confirmation_required.

    Source: RECIST 1.1, sections 4.4.3 and 4.6, table 3.

    >>> import datetime
    >>> days = [datetime.date(2024, 2, 12), datetime.date(2024, 3, 25)]
    >>> dated = pl.DataFrame(
    ...     {"replicate": 0, "subject": "1", "evaluator": "A", "order": [0, 1], "occurred": days,
    ...      "response": ["PR", "SD"]}, schema=dict(DATED_RESPONSE))
    >>> subjects = pl.DataFrame([(0, "1", datetime.date(2024, 1, 1), None)],
    ...                         schema=dict(SUBJECT_DATES), orient="row")
    >>> asked = Terms(True, 28, 42, 1, 0)
    >>> best_dated_response(dated, subjects, asked, "first-pd")["response"].to_list()
    ['PR', 'SD']
    """
    course = dated_course(dated, subjects, end)
    return (
        pl.concat(
            best_of(course, replace(asked, confirmation_required=required)).select(
                *READER,
                "response",
                "order",
                "confirmed",
                "confirmation_order",
                confirmation_required=pl.lit(required),
            )
            for required in (False, True)
        )
        .sort(*READER, "confirmation_required")
        .select(list(BEST_DATED_RESPONSE))
    )
