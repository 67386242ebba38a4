"""Where each query stands: open, answered or closed, with its days."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import polars as pl

from equipoise.oversight.events import (
    QueryAnswered,
    QueryClosed,
    QueryRaised,
    QueryReopened,
)
from equipoise.oversight.plan import OversightPlan
from equipoise.record.declaration import schema
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows

QUERY: Columns = {
    **KEY,
    "site": pl.String,
    "event": pl.Int64,
    "query": pl.String,
    "target": pl.Int64,
    "form": pl.String,
    "instance": pl.String,
    "item": pl.String,
    "raised": pl.Date,
    "answered": pl.Date,
    "closed": pl.Date,
    "status": pl.String,
    "days": pl.Int64,
    **SOURCES,
}
REQUIRES: Mapping[str, Columns] = {
    cls.TABLE: schema(cls) for cls in (QueryRaised, QueryAnswered, QueryClosed, QueryReopened)
}

OPEN, ANSWERED, CLOSED, OVERDUE = "open", "answered", "closed", "overdue"

_OF = (*KEY, "query")


def query(tables: Tables, plan: OversightPlan) -> pl.DataFrame:
    """A row for each query raised, sorted by replicate, subject, event; queries that concern no
    subject stand first.

    - `event`: the seq of the event that raised it, whose envelope says who did, in which role, at
      what hour. `target`, `form`, `instance`, `item`: what it asks about.
    - `raised`; `answered`: the day of the answer recorded last; `closed`: of the first closing.
      Once a query was opened again, only what was recorded after that counts.
    - `status`: `closed` once somebody found it settled, though an answer is recorded later;
      `answered` from the first answer on; else `open`. An answer closes nothing: whoever raised
      the query reads it first (ICH E6(R3) 4.2.4).
    - `days`: from `raised` to `closed`; null while it is not closed, for a rule knows no today
      (`days_open`).
    - `sources`: the query, its answers, its closings and openings.
    """
    raised = tables["query_raised"]
    if raised.is_empty():
        return no_rows(QUERY)
    again = _by_query(tables["query_reopened"], last=True, name="reopened")
    together = raised.join(again, on=_OF, how="left", nulls_equal=True)
    for name, last in (("answered", True), ("closed", False)):
        events = tables[f"query_{name}"]
        since = _since(events, tables["query_reopened"])
        together = together.join(
            _by_query(since, last=last, name=name), on=_OF, how="left", nulls_equal=True
        ).join(
            _by_query(events, last=last, name=f"ever_{name}").drop(f"ever_{name}"),
            on=_OF, how="left", nulls_equal=True,
        )  # fmt: skip
    closed, answered = (pl.col(f"{name}_seqs").is_not_null() for name in ("closed", "answered"))
    about = ("ever_answered", "ever_closed", "reopened")
    later = [pl.col(f"{name}_seqs").fill_null([]) for name in about]
    return (
        together.with_columns(
            pl.col("occurred").alias("raised"),
            pl.when(closed).then(pl.lit(CLOSED)).when(answered).then(pl.lit(ANSWERED))
            .otherwise(pl.lit(OPEN)).alias("status"),
            (pl.col("closed") - pl.col("occurred")).dt.total_days().alias("days"),
            pl.concat_list("seq", *later).list.unique().list.sort().alias("sources"),
        )
        .select([*QUERY])
        .sort("replicate", "subject", "event")
    )  # fmt: skip


def _since(events: pl.DataFrame, reopened: pl.DataFrame) -> pl.DataFrame:
    """Those of `events` that were recorded after the query was last opened again."""
    last = reopened.group_by(_OF).agg(pl.col("event").max().alias("again"))
    return events.join(last, on=_OF, how="left", nulls_equal=True).filter(
        pl.col("event") > pl.col("again").fill_null(0)
    )


def _by_query(events: pl.DataFrame, *, last: bool, name: str) -> pl.DataFrame:
    """The day of the last or the first event about each query, and the seqs of all."""
    ordered = events.sort("event")
    day = pl.col("occurred").last() if last else pl.col("occurred").first()
    return ordered.group_by(_OF).agg(day.alias(name), pl.col("seq").alias(f"{name}_seqs"))


ANSWER_WITHIN = 14
"""Days within which a query is answered: a convention of this project; the work list shows from
then on that it is overdue."""


def overdue(row: Mapping[str, Any], today: datetime.date) -> bool:
    """Whether a row of `query` is open, nobody having answered within ANSWER_WITHIN days.

    >>> row = {"status": "open", "raised": datetime.date(2026, 1, 5)}
    >>> [overdue(row, datetime.date(2026, 1, day)) for day in (19, 20)]
    [False, True]
    """
    return bool(row["status"] == OPEN) and days_open(row["raised"], None, today) > ANSWER_WITHIN


def days_open(raised: datetime.date, closed: datetime.date | None, today: datetime.date) -> int:
    """The days for which a query has waited, until it was closed or, where it is not, until today.

    >>> days_open(datetime.date(2026, 1, 5), None, datetime.date(2026, 1, 12))
    7
    """
    return ((closed or today) - raised).days


STATE_COUNT: Columns = {"site": pl.String, "state": pl.String, "number": pl.Int64}


def query_states(queries: pl.DataFrame, today: datetime.date) -> pl.DataFrame:
    """How many rows of `query` each site has by state, those without any left out.

    `state`: `open`, `answered`, `closed`; and once more as `overdue` those that nobody answered
    within ANSWER_WITHIN days. Sorted by site and state.
    """
    waited = (pl.lit(today) - pl.col("raised")).dt.total_days() > ANSWER_WITHIN
    late = queries.filter((pl.col("status") == OPEN) & waited).with_columns(status=pl.lit(OVERDUE))
    both = pl.concat([queries.select("site", "status"), late.select("site", "status")])
    found = both.group_by("site", pl.col("status").alias("state"))
    return found.agg(pl.len().cast(pl.Int64).alias("number")).sort("site", "state")
