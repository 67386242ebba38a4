"""From tissue to status: how long each leg takes, what failed, who needed another sample."""

from __future__ import annotations

import datetime
from typing import Final

import polars as pl

from equipoise.biomarker.path import DETERMINED, ENDED, PAST, standing_on
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.steps import BASES, declared_path
from equipoise.record.rule import KEY, Columns, Tables

LEGS: Final = ("days_to_laboratory", "days_to_result", "days_to_status")
WAITING, REPORTED, FAILED, LEFT = "waiting", "reported", "failed", "left"
TURNAROUND_STATES: Final = (REPORTED, WAITING, FAILED, LEFT)

MARKER_TURNAROUND: Columns = {
    **KEY,
    "state": pl.String,
    "step": pl.String,
    "fallback": pl.Boolean,
    "collected": pl.Date,
    "received": pl.Date,
    "first_result": pl.Date,
    "decided": pl.Date,
    "failed_runs": pl.Int64,
    **dict.fromkeys(LEGS, pl.Int64),
}
NO_STATUS = "no_marker_status"
"""The cause of a failure of screening for want of a status."""

TURNAROUND_SUMMARY: Columns = {
    "leg": pl.String,
    "number": pl.Int64,
    **dict.fromkeys(("least", "lower", "median", "upper", "most"), pl.Float64),
}


def marker_turnaround(tables: Tables, plan: BiomarkerPlan, today: datetime.date) -> pl.DataFrame:
    """One row per subject with a sample (MARKER_TURNAROUND), by replicate and subject.

    - `collected`: the day of the first sample; `received`: the first reception of one in the
      laboratory; `first_result`: the first run for randomisation on one; `decided`: the day of the
      result that gave the status by the rule in force.
    - `state`: `reported` with a status; `left` if screening failed for another reason; `failed` if
      it failed for want of a status, or the declared path ended or its days had passed by `today`;
      else `waiting`. `step`: of the path, on which the status was found or is open;
      `fallback`: it is not the first (a re-cut, a re-biopsy).
    - `failed_runs`: runs for randomisation that cannot be interpreted and were not invalidated.
    - `days_to_laboratory` from collection to reception, `days_to_result` on to the first run,
      `days_to_status` from collection to the status. Null where an end is not known.
    """
    if tables["sample_state"].is_empty():
        return pl.DataFrame(schema=MARKER_TURNAROUND)
    samples = tables["sample_state"].group_by(*KEY).agg(
        pl.col("taken").filter(pl.col("parent").is_null()).min().alias("collected"),
        pl.col("received").min(),
    )  # fmt: skip
    runs = (
        tables["assay_value"]
        .filter(pl.col("purpose") == BASES[0], ~pl.col("invalidated"))
        .group_by(*KEY)
        .agg(
            pl.col("occurred").min().alias("first_result"),
            (~pl.col("interpretable")).sum().cast(pl.Int64).alias("failed_runs"),
        )
    )
    first = declared_path(plan).steps[0].code
    path = tables["marker_path"].filter(rule=plan.marker.rule_in_force)
    path = standing_on(path, pl.Series([today], dtype=pl.Date).new_from_index(0, len(path)), plan)
    left = tables["screening_failed"].select(*KEY, pl.col("cause") != NO_STATUS)
    state = (
        pl.when(pl.col("place") == DETERMINED).then(pl.lit(REPORTED))
        .when("cause").then(pl.lit(LEFT))
        .when(pl.col("place").is_in([PAST, ENDED]) | ~pl.col("cause")).then(pl.lit(FAILED))
        .otherwise(pl.lit(WAITING))
    )  # fmt: skip
    ends = (("collected", "received"), ("received", "first_result"), ("collected", "decided"))
    return (
        samples.join(path.select(*KEY, "place", "step", "decided"), on=[*KEY], how="inner")
        .join(runs, on=[*KEY], how="left")
        .join(left, on=[*KEY], how="left")
        .with_columns(
            state.alias("state"),
            pl.col("failed_runs").fill_null(0),
            (pl.col("step").fill_null(first) != first).alias("fallback"),
            *((pl.col(end) - pl.col(begin)).dt.total_days().alias(leg)
              for leg, (begin, end) in zip(LEGS, ends, strict=True)),
        )
        .sort(*KEY)
        .select(*MARKER_TURNAROUND)
    )  # fmt: skip


def turnaround_summary(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each leg of MARKER_TURNAROUND how many subjects have it, and its days: least, quartiles
    (by linear interpolation, R's type 7), most. Null where nobody has it (TURNAROUND_SUMMARY)."""
    found = []
    for leg in LEGS:
        days = rows[leg].drop_nulls()
        quartiles = [days.quantile(each, "linear") for each in (0.0, 0.25, 0.5, 0.75, 1.0)]
        found.append((leg, len(days), *quartiles))
    return pl.DataFrame(found, schema=TURNAROUND_SUMMARY, orient="row")
