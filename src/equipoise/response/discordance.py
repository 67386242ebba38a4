"""Where another evaluator reads what the primary evaluator does not."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.response.assessments import union_sources
from equipoise.response.plan import ResponsePlan

READER_DISCORDANCE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "about": pl.String,
    "occurred": pl.Date,
    "primary_value": pl.String,
    "other_value": pl.String,
    **SOURCES,
}


def reader_discordance(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """Every difference between the primary evaluator and each other evaluator of the plan.

    Each evaluator has time points, nadir and responses of its own; the primary evaluator's count.
    `about`: `time_point` (overall responses of the same day, `occurred`), `best_overall_response`,
    `progression` (its day, `none`, or `no date`), or the code of a window (`none`: not read there).
    Only of subjects whom both have assessed.

    Source: the study file (evaluators). Sorted by replicate, subject, evaluator, about, occurred.
    `sources`: those of both readings.
    """
    codes = [each.code for each in plan.evaluators]
    others = [code for code in codes if code != plan.primary_evaluator]
    if tables["progression"].filter(pl.col("evaluator").is_in(others)).is_empty():
        return no_rows(READER_DISCORDANCE)
    both = tables["progression"].select(*KEY, "evaluator")
    parts = []
    for about, table, value in _READ:
        readings = (
            tables[table]
            .join(both, [*KEY, "evaluator"], "semi")
            .select(
                *KEY,
                "evaluator",
                about=about,
                occurred=pl.col("occurred") if table == "time_point_response" else _NO_DAY,
                value=value,
                sources="sources",
            )
        )
        primary = readings.filter(evaluator=plan.primary_evaluator).drop("evaluator")
        parts.append(
            readings.filter(pl.col("evaluator").is_in(others))
            .join(primary, [*KEY, "about", "occurred"], suffix="_primary", nulls_equal=_NULL[table])
            .filter(pl.col("value") != pl.col("value_primary"))
        )
    found = pl.concat(parts)
    sources = union_sources(found["sources"], found["sources_primary"])
    return (
        found.with_columns(sources)
        .rename({"value": "other_value", "value_primary": "primary_value"})
        .select(list(READER_DISCORDANCE))
        .sort(*KEY, "evaluator", "about", "occurred", "primary_value", "other_value")
    )


_NO_DAY = pl.lit(None, pl.Date)
_PROGRESSION = (
    pl.when(~pl.col("progressed"))
    .then(pl.lit("none"))
    .otherwise(pl.col("progression").cast(pl.String).fill_null("no date"))
)
_READ = (
    (pl.lit("time_point"), "time_point_response", pl.col("overall_response")),
    (pl.lit("best_overall_response"), "best_overall_response", pl.col("response")),
    (pl.lit("progression"), "progression", _PROGRESSION),
    (pl.col("window"), "window_response", pl.col("response")),
)
"""What is compared: its name, its table, its value."""

_NULL = {table: table != "time_point_response" for _, table, _ in _READ}
"""Assessments without a complete date are not compared."""
