"""How each adverse event went: its grades and outcomes from day to day, and how it stands now."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import polars as pl

from equipoise.record.partial_date import latest_day
from equipoise.record.rule import KEY, Columns, Tables
from equipoise.safety.plan import SafetyPlan

EVENT = (*KEY, "adverse_event")

ENDED = ("recovered", "sequelae", "fatal")
"""Outcomes after which an adverse event is over."""

DEATH = 5
"""The grade of CTCAE 5 that is death."""

COURSE: Columns = {
    **KEY,
    "adverse_event": pl.String,
    "day": pl.Date,
    "day_text": pl.String,
    "grade": pl.Int64,
    "outcome": pl.String,
    "event": pl.Int64,
    "seq": pl.Int64,
}

STANDING: Columns = {
    **KEY,
    "adverse_event": pl.String,
    "present_grade": pl.Int64,
    "outcome": pl.String,
    "end": pl.String,
    "ended": pl.Date,
    "ongoing": pl.Boolean,
}

AWAITED: Columns = {
    **KEY,
    "adverse_event": pl.String,
    "term": pl.String,
    "grade": pl.Int64,
    "known": pl.Date,
    "due": pl.Date,
    "due_at": pl.Datetime("us"),
}


def adverse_event_course(tables: Tables) -> pl.DataFrame:
    """The report and the follow-ups of each adverse event, sorted by replicate, subject, adverse
    event, day, and of a day in the order of the record; a day that is not complete stands first.

    `day_text` is the day as recorded, perhaps partial. A follow-up of an event that was never
    reported is none.
    """
    reports, later = tables["adverse_event_reported"], tables["adverse_event_followed_up"]
    text = pl.col("occurred").dt.to_string("%Y-%m-%d")
    rest = ("grade", "outcome", "event", "seq")
    day = pl.col("occurred").alias("day")
    partial = pl.coalesce("occurred_partial", text)
    first = reports.select(*EVENT, day, partial.alias("day_text"), *rest)
    followed = later.join(reports.select(EVENT), EVENT, "semi")
    return (
        pl.concat([first, followed.select(*EVENT, day, text.alias("day_text"), *rest)])
        .select(*COURSE)
        .sort(*EVENT, "day", "seq", nulls_last=False)
    )


def adverse_event_standing(tables: Tables) -> pl.DataFrame:
    """One row per adverse event: how it stands, sorted by replicate, subject and adverse event.

    - `present_grade`, `outcome`: of the last entry of its course.
    - `ongoing`: it has no last day, and no outcome after which it is over (`ENDED`).
    - `end`: its last day as recorded, else the day of the entry that ended it; `ended` the same as
      a day, the latest that a partial one can mean (DT1). Both null while it goes on.
    """
    course = adverse_event_course(tables)
    over = pl.col("outcome").is_in(ENDED)
    now = course.group_by(EVENT, maintain_order=True).agg(
        pl.col("grade").last().alias("present_grade"),
        pl.col("outcome").last(),
        pl.when(over.last()).then(pl.col("day_text").last()).alias("over_on"),
        over.last().alias("over"),
    )
    ends = tables["adverse_event_reported"].select(*EVENT, pl.col("end").alias("told"))
    end = pl.coalesce("told", "over_on")
    complete = pl.col("end").str.to_date("%Y-%m-%d", strict=False)
    return (
        now.join(ends, EVENT, "left", maintain_order="left")
        .with_columns(
            end.alias("end"), (pl.col("told").is_null() & ~pl.col("over")).alias("ongoing")
        )
        .with_columns(latest_day(complete, pl.col("end")).alias("ended"))
        .select(*STANDING)
    )


def reports_awaited(
    events: pl.DataFrame,
    serious: pl.DataFrame,
    known: Mapping[tuple[str, str], datetime.datetime],
    plan: SafetyPlan,
) -> pl.DataFrame:
    """Serious adverse events of which the sponsor has no report yet, sorted by replicate, subject
    and adverse event.

    `events` and `serious` are the tables `adverse_event` and `serious_adverse_event`; serious is
    what was called so and what was fatal. `known` says for subject and event since when, in the
    zone of the hospital, the record itself calls it serious: the site knew by then, perhaps before.
    `due_at`: after the hours of the study file by the hospital's clock, on the day `due`. The
    report itself then says since when the site was aware, and that counts.

    Source: Regulation (EU) 536/2014, article 41(2); ICH E2A II.B (a death is serious).
    """
    hours = datetime.timedelta(hours=plan.clocks.site_to_sponsor_hours)
    waiting = events.filter(pl.col("serious") | (pl.col("grade") == DEATH)).join(
        serious.select(EVENT), EVENT, "anti"
    )
    since = [
        known.get((row["subject"], row["adverse_event"]))
        for row in waiting.select("subject", "adverse_event").iter_rows(named=True)
    ]
    return (
        waiting.with_columns(
            pl.Series("known", [at and at.date() for at in since], dtype=pl.Date),
            pl.Series("due_at", [at and _later(at, hours) for at in since], pl.Datetime("us")),
        )
        .with_columns(pl.col("due_at").dt.date().alias("due"))
        .select(*AWAITED)
        .sort(EVENT)
    )


def _later(at: datetime.datetime, passed: datetime.timedelta) -> datetime.datetime:
    """The clock of a place some time after a moment there."""
    if at.tzinfo is None:
        return at + passed
    return (at.astimezone(datetime.UTC) + passed).astimezone(at.tzinfo).replace(tzinfo=None)


def left_of(
    due: datetime.date, now: datetime.datetime, due_at: datetime.datetime | None = None
) -> datetime.timedelta:
    """What is left at the moment `now` until the hour `due_at` at the place of `now`, or without
    one of the last day in time; negative once that is over. What is done on the day `due` is then
    in time. Hours are counted as they pass, over a change of the clocks too.

    >>> at = datetime.datetime(2026, 1, 5, 15, 30)
    >>> str(left_of(datetime.date(2026, 1, 5), at)), left_of(datetime.date(2026, 1, 4), at).days
    ('8:30:00', -1)
    >>> str(left_of(datetime.date(2026, 1, 5), at, datetime.datetime(2026, 1, 5, 16)))
    '0:30:00'
    """
    if due_at is not None:
        over = due_at
    else:
        over = datetime.datetime.combine(due + datetime.timedelta(days=1), datetime.time())
    if now.tzinfo is None:
        return over - now
    return over.replace(tzinfo=now.tzinfo).astimezone(datetime.UTC) - now.astimezone(datetime.UTC)
