"""The response at a fixed time after randomisation, such as objective response at 3 months."""

from __future__ import annotations

import polars as pl

from equipoise.record.partial_date import latest_day
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.response.assessments import READER, union_sources
from equipoise.response.plan import ResponsePlan, ResponseWindow

WINDOW_RESPONSE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "window": pl.String,
    "response": pl.String,
    "responder": pl.Boolean,
    "assessment": pl.String,
    "day": pl.Int64,
    **SOURCES,
}

_RESPONSES = ("CR", "PR")


def window_response(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """The response of every randomised subject in every window of the plan, by every evaluator.

    A row for the primary evaluator even if it never assessed the subject, for the plan's other
    evaluators where they did. Days count from randomisation, which is day 0. In this order:

    1. the evaluable assessment nearest the target day within the window, on a tie the earlier; but
       PD if the subject had progressed before it;
    2. progression on or before the last day of the window: PD;
    3. death on or before that day (of a partly known date: if it cannot have been later): DEATH;
    4. NE.

    CR and PR are response (`responder`), NE is null, everything else is not. Where the plan says
    that progression or death without an evaluable assessment is not evaluable, 2 and 3 are NE.
    `assessment` and `day` are those of the assessment, the progression or the death that decided.

    Source: the study file (windows). Sorted by replicate, subject, evaluator, window. `sources`:
    randomisation, and the assessment, progression or death; for NE what was seen in the window.
    """
    readings = _readings(tables, plan)
    parts = [_in_window(tables, readings, window) for window in plan.windows]
    if not parts:
        return no_rows(WINDOW_RESPONSE)
    return pl.concat(parts).sort(*READER, "window")


def _readings(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """Every randomised subject by every evaluator, with days of progression and death."""
    randomised = tables["randomised"].select(*KEY, start="occurred", start_seq="seq")
    codes = [each.code for each in plan.evaluators if each.code != plan.primary_evaluator]
    progressions = tables["progression"].select(
        *READER,
        "progression",
        "progression_assessment",
        "progression_order",
        progression_sources="sources",
    )
    primary = randomised.with_columns(evaluator=pl.lit(plan.primary_evaluator))
    others = randomised.join(
        progressions.filter(pl.col("evaluator").is_in(codes)).select(READER), list(KEY)
    )
    death = latest_day(pl.col("occurred"), pl.col("occurred_partial"))
    deaths = tables["death_recorded"].select(*KEY, death=death, death_seq="seq")
    start = pl.col("start")
    return (
        pl.concat([primary, others])
        .join(progressions, READER, "left")
        .join(deaths, list(KEY), "left")
        .with_columns(
            progression_day=(pl.col("progression") - start).dt.total_days(),
            death_day=(pl.col("death") - start).dt.total_days(),
        )
        .sort(READER)
    )


def _in_window(tables: Tables, readings: pl.DataFrame, window: ResponseWindow) -> pl.DataFrame:
    day, response = pl.col("day"), pl.col("overall_response")
    inside = (
        tables["time_point_response"]
        .join(readings.select(*READER, "start"), READER)
        .with_columns(day=(pl.col("occurred") - pl.col("start")).dt.total_days())
        .filter(day.is_between(window.first_day, window.last_day))
        .select(*READER, "assessment", "order", "day", "overall_response", seen="sources")
    )
    chosen = (
        inside.filter(response != "NE")
        .sort(*READER, (day - window.target_day).abs(), "day", "order")
        .unique(READER, keep="first", maintain_order=True)
    )
    unreadable = inside.filter(response == "NE").group_by(READER).agg(pl.col("seen").explode())
    found = readings.join(chosen, READER, "left", maintain_order="left").join(
        unreadable.rename({"seen": "unreadable"}), READER, "left", maintain_order="left"
    )
    return _decided(found, window)


def _decided(found: pl.DataFrame, window: ResponseWindow) -> pl.DataFrame:
    """The columns of the table, by what was found in the window and before its end."""
    counts = pl.lit(window.progression_or_death_until_last_day == "non_response")
    scanned = pl.col("order").is_not_null()
    progressed = (
        pl.when(scanned)
        .then(pl.col("progression_order") <= pl.col("order"))
        .otherwise(counts & (pl.col("progression_day") <= window.last_day))
    )
    died = counts & (pl.col("death_day") <= window.last_day) & ~scanned
    decision = found.with_columns(progressed=progressed.fill_null(False)).with_columns(
        died=died.fill_null(False) & ~pl.col("progressed")
    )
    by_progression, by_death = pl.col("progressed"), pl.col("died")
    response = (
        pl.when(by_progression)
        .then(pl.lit("PD"))
        .when(by_death)
        .then(pl.lit("DEATH"))
        .otherwise(pl.col("overall_response").fill_null("NE"))
    )
    evaluable = pl.col("response") != "NE"
    decision = decision.with_columns(
        response=response,
        assessment=pl.when(by_progression).then("progression_assessment").otherwise("assessment"),
        day=pl.when(by_progression)
        .then("progression_day")
        .when(by_death)
        .then("death_day")
        .otherwise("day"),
    ).with_columns(
        window=pl.lit(window.code),
        responder=pl.when(evaluable).then(pl.col("response").is_in(_RESPONSES)),
    )
    return decision.with_columns(_sources(decision)).select(list(WINDOW_RESPONSE))


def _sources(decision: pl.DataFrame) -> pl.Series:
    by_progression = pl.col("progressed")
    parts = decision.select(
        "start_seq",
        "seen",
        pl.when(by_progression).then("progression_sources"),
        pl.when("died").then("death_seq"),
        pl.when(pl.col("response") == "NE").then("unreadable"),
    )
    return union_sources(*parts)
