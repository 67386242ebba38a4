"""End points: one engine turns the tables of responses, progression and death into values.

An end point is a value of the study file: what counts, from when, censored where. A protocol that
changes a rule changes the study file, and nothing here.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files

import polars as pl
from ruamel.yaml import YAML

from equipoise.analysis.populations import KEY, NO_SOURCES
from equipoise.record.partial_date import earliest_day
from equipoise.record.rule import Tables
from equipoise.record.sources import group_sources
from equipoise.response.best_response import best_overall_response, terms
from equipoise.response.plan import ResponsePlan
from equipoise.study.analysis_plan import BinaryEndPoint, TimeToEventEndPoint


def convention(name: str) -> Decimal:
    """A number of conventions.yaml, such as the days of a month.

    >>> convention("days_per_month")
    Decimal('30.4375')
    """
    return Decimal(_conventions()[name]["value"])


def conventions() -> list[str]:
    """The wording of every convention, for reports."""
    return [each["wording"] for each in _conventions().values()]


@cache
def _conventions() -> dict[str, dict[str, str]]:
    text = files("equipoise.analysis").joinpath("conventions.yaml").read_text("utf-8")
    return {name: dict(each) for name, each in YAML(typ="safe").load(text).items()}


def binary_value(tables: Tables, end_point: BinaryEndPoint, evaluator: str) -> pl.DataFrame:
    """The value of a yes/no end point for every randomised subject.

    Columns replicate, subject, value (null: not evaluable), response (the code that decided),
    sources. Whether a null leaves the denominator or counts as no is the analysis's business.
    """
    if end_point.read == "response_window":
        found = tables["window_response"].filter(
            pl.col("evaluator") == evaluator, pl.col("window") == end_point.window
        )
        evaluable = pl.col("responder").is_not_null()
    else:
        found = tables["best_overall_response"].filter(pl.col("evaluator") == evaluator)
        evaluable = pl.col("response") != "NE"
    counted = pl.col("response").is_in(end_point.responses)
    if end_point.confirmed:
        counted &= pl.col("confirmed").fill_null(False)
    values = found.select(
        *KEY, pl.when(evaluable).then(counted).alias("value"), "response", "sources"
    )
    return (
        tables["allocation"]
        .select(KEY)
        .join(values, on=KEY, how="left")
        .with_columns(pl.col("sources").fill_null(NO_SOURCES))
        .sort(KEY)
    )


def confirmed_responses(tables: Tables, plan: ResponsePlan) -> dict[str, pl.DataFrame]:
    """`tables` with best overall response judged again, confirmation required.

    The interval is that of the plan, else of its standard. The rule is the same one: a best CR that
    was not confirmed may hide a PR that was, so the column `confirmed` alone cannot say.
    """
    required = plan.model_copy(update={"confirmation_days": terms(plan).confirmation_days})
    return {**tables, "best_overall_response": best_overall_response(tables, required)}


def time_to_event(
    tables: Tables,
    end_point: TimeToEventEndPoint,
    evaluator: str,
    *,
    cut: datetime.date | None = None,
    with_sources: bool = True,
) -> pl.DataFrame:
    """The time of every randomised subject who started, to the first event or to censoring.

    Columns replicate, subject, time_days (the day of the start is day 1), event, reason, occurred
    (day of the event or of censoring), sources. Reasons: `progression`, `death`, `death_imputed`
    (the day is partly known: its earliest possible day, not before the subject was last known to
    be alive), `last_adequate_assessment`, `last_known_alive`, `not_assessed` (censored on day 1
    because nothing was seen after the start). Death is an event however early, and whatever was
    missed or given before it. Events after `cut` have not happened, and nobody is observed longer.
    A simulation of many trials does without sources.

    Source: EMA, Appendix 1 to the guideline on the evaluation of anticancer medicinal products
    (2012): treatment policy; FDA, Clinical trial endpoints for the approval of cancer drugs
    (2018): censoring on day 1 without a baseline or an assessment, while alive.
    """
    frame = _dated(tables, end_point, evaluator, cut, with_sources)
    happened = pl.min_horizontal([f"{event}_day" for event in end_point.events])
    seen = pl.col(end_point.censor_at)
    event_first = pl.coalesce(
        pl.when(pl.col(f"{event}_day") == pl.col("happened")).then(pl.lit(event))
        for event in end_point.events
    )
    imputed = (pl.col("kind") == "death") & pl.col("death").is_null()
    censored = pl.when(seen >= pl.col("start")).then(pl.lit(end_point.censor_at))
    reason = (
        pl.when(imputed)
        .then(pl.lit("death_imputed"))
        .otherwise(pl.coalesce("kind", censored, pl.lit("not_assessed")))
    )
    until = pl.coalesce("happened", pl.when(seen >= pl.col("start")).then(seen), "start")
    time = (pl.max_horizontal("occurred", "start") - pl.col("start")).dt.total_days()
    return (
        frame.with_columns(happened.alias("happened"))
        .with_columns(event_first.alias("kind"), until.alias("occurred"))
        .with_columns(reason.alias("reason"))
        .select(
            *KEY,
            (time + int(convention("first_day"))).cast(pl.Int64).alias("time_days"),
            pl.col("kind").is_not_null().alias("event"),
            "reason",
            "occurred",
            *([_deciding().alias("sources")] if with_sources else []),
        )
        .sort(KEY)
    )


def _deciding() -> pl.Expr:
    """The events behind the start, and behind what ended the time."""
    ended = (
        pl.when(pl.col("kind") == "progression").then("progression_sources")
        .when(pl.col("kind") == "death").then("death_sources")
        .when(pl.col("reason") == "last_known_alive").then("alive_sources")
        .when(pl.col("reason") == "last_adequate_assessment").then("progression_sources")
        .otherwise(NO_SOURCES)
    )  # fmt: skip
    return pl.concat_list("start_sources", ended.fill_null(NO_SOURCES)).list.unique().list.sort()


def _dated(
    tables: Tables,
    end_point: TimeToEventEndPoint,
    evaluator: str,
    cut: datetime.date | None,
    with_sources: bool,
) -> pl.DataFrame:
    """Start, events and last observation of each subject, nothing later than the cut."""
    start = "randomised" if end_point.start == "randomisation" else "first_dose"
    fates = tables["disposition"].select(
        *KEY, "first_dose", "death", "death_text", "last_known_alive",
        pl.col("sources").alias("alive_sources"),
    )  # fmt: skip
    readings = (
        tables["progression"]
        .filter(pl.col("evaluator") == evaluator)
        .select(
            *KEY, pl.col("progression").alias("progression_day"), "last_adequate_assessment",
            pl.col("sources").alias("progression_sources"),
        )
    )  # fmt: skip
    earliest = earliest_day(pl.col("death"), pl.col("death_text"))
    imputed = pl.max_horizontal(earliest, "last_known_alive")
    frame = (
        tables["allocation"]
        .select(*KEY, "randomised", pl.col("sources").alias("start_sources"))
        .join(fates, on=KEY, how="left")
        .join(readings, on=KEY, how="left")
        .with_columns(
            pl.col(start).alias("start"),
            pl.coalesce("death", pl.when(pl.col("death_text").is_not_null()).then(imputed)).alias(
                "death_day"
            ),
        )
        .filter(pl.col("start").is_not_null())
    )
    if with_sources:
        deaths = group_sources(tables["death_recorded"], KEY).rename({"sources": "death_sources"})
        frame = frame.join(deaths, on=KEY, how="left")
    if cut is None:
        return frame
    events = [pl.when(pl.col(day) <= cut).then(day).alias(day) for day in _EVENT_DAYS]
    last = [pl.min_horizontal(day, pl.lit(cut)) for day in _LAST_DAYS]
    capped = [
        pl.when(pl.col(day).is_not_null()).then(limit).alias(day)
        for day, limit in zip(_LAST_DAYS, last, strict=True)
    ]
    return frame.filter(pl.col("start") <= cut).with_columns(*events, *capped)


_EVENT_DAYS = ("progression_day", "death_day")
_LAST_DAYS = ("last_adequate_assessment", "last_known_alive")
