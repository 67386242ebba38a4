"""Yes/no end points: response in a window or best response, by the estimand's strategies."""

from __future__ import annotations

import polars as pl

from equipoise.analysis.observed import SOURCES
from equipoise.analysis.populations import KEY, NO_SOURCES
from equipoise.record.partial_date import latest_day
from equipoise.record.rule import Tables
from equipoise.response.best_response import best_overall_response, terms
from equipoise.response.plan import ResponsePlan
from equipoise.response.window import window_response
from equipoise.study.analysis_plan import (
    AnalysisPlan,
    BinaryEndPoint,
    IntercurrentName,
    TimeToEventEndPoint,
)
from equipoise.study.censoring import Handling
from equipoise.study.definition import Study

TREATMENTS: tuple[IntercurrentName, ...] = (
    "switch_of_therapy",
    "prrt",
    "surgery_on_tumour",
    "treatment_discontinuation",
)
"""Intercurrent events after which a response may mean something else."""

_CAUSES = TimeToEventEndPoint.model_fields["discontinuation_causes"].default
_ENDED = {"replicate": pl.Int32, "subject": pl.String, "occurred": pl.Date, "seq": pl.Int64}


def binary_value(
    tables: Tables, study: Study, end_point: BinaryEndPoint, handling: Handling
) -> pl.DataFrame:
    """The value of a yes/no end point for every randomised subject, by the primary evaluator.

    Assessments after the day of an intercurrent event do not count, unless its strategy is
    treatment policy; the first such event ends them. If it is `composite` and nothing evaluable
    came before it (in a window: before it and before the window's end), the subject did not
    respond. If it is `hypothetical` and the best response before it was none, without progression,
    the subject is not evaluable. Of who is not evaluable then, `composite` makes a non-responder:
    for `missing_scan` everybody, for `death` the dead.

    Columns replicate, subject, value (null: not evaluable), response (the code that decided),
    sources. Whether a null leaves the denominator or counts as no is the analysis's business.
    """
    evaluator = study.response.primary_evaluator
    ended = ending_events(tables, study.analysis, handling)
    counted = pl.col("response").is_in(end_point.responses)
    if end_point.read == "response_window":
        found = _in_window(tables, study.response, handling, ended).filter(window=end_point.window)
    else:
        found = best_response(tables, study.response, ended, confirmed=end_point.confirmed)
    values = found.filter(evaluator=evaluator).select(
        *KEY,
        pl.when(pl.col("response") != "NE").then(counted).alias("value"),
        "response",
        "sources",
    )
    values = (
        tables["allocation"]
        .select(*KEY, "randomised")
        .join(values, on=KEY, how="left")
        .with_columns(pl.col("sources").fill_null(NO_SOURCES))
    )
    judged = _by_strategy(values, tables, study, end_point, handling, ended)
    return judged.select(*KEY, "value", "response", "sources").sort(KEY)


def ending_events(tables: Tables, plan: AnalysisPlan, handling: Handling) -> pl.DataFrame:
    """Every event since randomisation after which, by its strategy, no assessment counts.

    Columns replicate, subject, occurred, seq, event (the seq of the original event), name.
    """
    parts = []
    for name in TREATMENTS:
        if handling.strategy(name) == "treatment_policy":
            continue
        for table, counts in SOURCES[name]:
            rows = tables[table]
            if not rows.is_empty():
                rows = rows.filter(counts(plan, name, _CAUSES))
                parts.append(rows.select(*_ENDED, "event", pl.lit(name).alias("name")))
    if not parts:
        return pl.DataFrame(schema={**_ENDED, "event": pl.Int64, "name": pl.String})
    start = tables["allocation"].select(*KEY, "randomised")
    found = pl.concat(parts).join(start, on=KEY)
    return found.filter(pl.col("occurred") >= pl.col("randomised")).drop("randomised")


def confirming(plan: ResponsePlan) -> ResponsePlan:
    """`plan` with confirmation required, after its own interval or else that of its standard."""
    return plan.model_copy(update={"confirmation_days": terms(plan).confirmation_days})


def best_response(
    tables: Tables, plan: ResponsePlan, ended: pl.DataFrame, *, confirmed: bool = False
) -> pl.DataFrame:
    """The table best_overall_response of assessments up to the first of the events `ended`.

    Where `confirmed`, it is judged again with confirmation required: a best CR that was not
    confirmed may hide a PR that was, so the column `confirmed` alone cannot say.
    """
    recorded = tables["subsequent_therapy_recorded"].filter(pl.col("therapy").is_not_null())
    shared = ended.join(recorded, ["replicate", "event"], "semi")
    same = len(ended) == len(shared) == len(recorded)
    if same and not confirmed:
        return tables["best_overall_response"]
    read = tables if same else {**tables, "subsequent_therapy_recorded": _as_therapies(ended)}
    return best_overall_response(read, confirming(plan) if confirmed else plan)


def _as_therapies(ended: pl.DataFrame) -> pl.DataFrame:
    """Events after which no assessment counts, as the rule of best response reads therapies."""
    return ended.with_columns(pl.col("name").alias("therapy"))


def first_response(
    tables: Tables, study: Study, handling: Handling, *, confirmed: bool = False
) -> pl.DataFrame:
    """The first CR or PR that counts, of all who have one: replicate, subject, occurred, sources.

    The rule of best response decides, with CR read as PR: so a PR that was followed by CR starts
    at the PR (RECIST 1.1, section 4.6: duration from when CR or PR, whichever was first, was met).
    """
    shown = pl.col("overall_response")
    either = tables["time_point_response"].with_columns(
        pl.when(shown == "CR").then(pl.lit("PR")).otherwise(shown).alias("overall_response")
    )
    ended = ending_events(tables, study.analysis, handling)
    read = {
        **tables,
        "time_point_response": either,
        "subsequent_therapy_recorded": _as_therapies(ended),
    }
    plan = confirming(study.response) if confirmed else study.response
    return (
        best_overall_response(read, plan)
        .filter(evaluator=study.response.primary_evaluator, response="PR")
        .select(*KEY, "occurred", "sources")
    )


def _in_window(
    tables: Tables, plan: ResponsePlan, handling: Handling, ended: pl.DataFrame
) -> pl.DataFrame:
    """The table window_response of what happened up to the first of the events `ended`.

    A death with the strategy `composite` counts whatever came before it.
    """
    if ended.is_empty():
        return tables["window_response"]
    ends = ended.group_by(KEY).agg(ended=pl.col("occurred").min())
    day, end = pl.col("occurred"), pl.col("ended")
    later = (pl.col("progression") > end).fill_null(False)
    death = latest_day(day, pl.col("occurred_partial"))
    readings, responses, deaths = (
        tables[name].join(ends, on=KEY, how="left", maintain_order="left")
        for name in ("progression", "time_point_response", "death_recorded")
    )
    if handling.strategy("death") != "composite":
        deaths = deaths.filter((death <= end).fill_null(True))
    undone = [
        pl.when(~later).then(name).alias(name)
        for name in ("progression", "progression_assessment", "progression_order")
    ]
    read = {
        **tables,
        "time_point_response": responses.filter((day <= end).fill_null(True)).drop("ended"),
        "progression": readings.with_columns(undone).drop("ended"),
        "death_recorded": deaths.drop("ended"),
    }
    return window_response(read, plan)


def _by_strategy(
    values: pl.DataFrame,
    tables: Tables,
    study: Study,
    end_point: BinaryEndPoint,
    handling: Handling,
    ended: pl.DataFrame,
) -> pl.DataFrame:
    """`values` as the strategies have them for those to whom an intercurrent event happened."""
    if not ended.is_empty():
        values = _by_end(values, tables, study, end_point, handling, ended)
    nothing = pl.col("value").is_null()
    if handling.strategy("death") == "composite" and end_point.read == "best_overall_response":
        deaths = tables["death_recorded"].select(*KEY, died="seq")
        values = values.join(deaths, on=KEY, how="left")
        values = _changed(values, nothing & pl.col("died").is_not_null(), False, "died")
    if handling.strategy("missing_scan") == "composite":
        values = values.with_columns(pl.col("value").fill_null(False))
    return values


def _by_end(
    values: pl.DataFrame,
    tables: Tables,
    study: Study,
    end_point: BinaryEndPoint,
    handling: Handling,
    ended: pl.DataFrame,
) -> pl.DataFrame:
    """`values` by the strategy of the first event after which no assessment counts."""
    first = ended.sort("occurred", "event").unique(KEY, keep="first", maintain_order=True)
    first = first.select(*KEY, "name", end="occurred", end_seq="seq")
    readings = tables["progression"].filter(evaluator=study.response.primary_evaluator)
    values = values.join(first, on=KEY, how="left").join(
        readings.select(*KEY, "progression"), on=KEY, how="left"
    )
    nothing, end = pl.col("value").is_null(), pl.col("end")
    before = pl.lit(True)
    for window in study.response.windows:
        if window.code == end_point.window:
            before = end <= pl.col("randomised").dt.offset_by(f"{window.last_day}d")
    composite = pl.col("name").is_in(handling.events("composite"))
    values = _changed(values, composite & before & nothing, False, "end_seq")
    if end_point.read == "response_window":
        return values
    hypothetical = pl.col("name").is_in(handling.events("hypothetical"))
    progressed = (pl.col("progression") <= end).fill_null(False)
    return _changed(values, hypothetical & ~pl.col("value") & ~progressed, None, "end_seq")


def _changed(values: pl.DataFrame, those: pl.Expr, value: bool | None, source: str) -> pl.DataFrame:
    """`values` with another value for `those`, and the event behind it among their sources."""
    those = those.fill_null(False)
    behind = pl.concat_list("sources", source).list.unique().list.sort()
    return values.with_columns(
        pl.when(those).then(pl.lit(value, dtype=pl.Boolean)).otherwise("value").alias("value"),
        pl.when(those).then(behind).otherwise("sources").alias("sources"),
    )
