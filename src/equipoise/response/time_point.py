"""The response at one time point: of target lesions, of non-target lesions, and overall."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.response.assessments import (
    READER,
    at_rows,
    followed,
    in_order,
    last_before,
    observed,
    own_seqs,
    union_sources,
)
from equipoise.response.criteria import NO_LESION, Criteria, criteria, overall_responses
from equipoise.response.local_treatment import treated_lesions, without_treated
from equipoise.response.plan import ResponsePlan

TIME_POINT_RESPONSE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "assessment": pl.String,
    "occurred": pl.Date,
    "order": pl.Int64,
    "target_response": pl.String,
    "non_target_response": pl.String,
    "new_lesion": pl.Boolean,
    "reappeared": pl.Boolean,
    "overall_response": pl.String,
    **SOURCES,
}

OBSERVATIONS = (
    "target_measured", "fragment_measured", "non_target_observed", "new_lesion_observed",
)  # fmt: skip


def time_point_response(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """The response at every assessment after baseline, by the codes of the standard.

    `target_response`, the first that holds: CR when no target is left; PD when the sum has risen
    from its nadir by the standard's percentage and by its absolute amount (what is known of the
    sum is enough); NE with a target not evaluated or without a baseline sum above 0; PR when the
    sum has fallen from baseline by the standard's percentage; else SD. So PR and PD together are
    PD, and nodes that stay below their normal limit are CR however their sum moves. Null where the
    baseline follows no target.

    `non_target_response`: PD with unequivocal progression of any; NE with any not evaluated; CR
    when all are absent, nodes of a known short axis below the normal limit included; else
    NON-CR/NON-PD. Null where the baseline follows none. Where the study says that markers count, CR
    and null become NON-CR/NON-PD with raised markers, NE with unknown ones. `new_lesion`: an
    unequivocal one. `reappeared`: disease is seen again after an overall CR. `overall_response`:
    PD if reappeared, else by the standard's table; NE before any baseline.

    Source: RECIST 1.1, sections 4.3, 4.4.1 and 4.4.2, tables 1 and 2 (recist_1_1.yaml). Sorted by
    replicate, subject, evaluator, order. `sources`: the events of the assessment, its baseline, its
    nadir and a complete response that came before, and the identification of the lesions.
    """
    found = criteria(plan)
    assessments = in_order(tables["tumour_assessed"], "markers")
    sums = tables["target_sum"].sort(*READER, "order").drop(*READER, "assessment", "occurred")
    readings = (
        assessments.hstack(sums.drop("baseline", "order"))
        .join(_non_targets(tables, plan, assessments), "row", "left", maintain_order="left")
        .join(_new_lesions(tables, assessments), "row", "left", maintain_order="left")
        .with_columns(
            pl.col("new_lesion", "present", "progressed").fill_null(False),
            pl.col("non_targets", "evaluated", "absent").fill_null(0),
        )
        .with_columns(
            target_response=_target_response(found), non_target_response=_non_target_response(found)
        )
    )
    overall = _overall(readings, found)
    return (
        overall.with_columns(_sources(tables, overall))
        .filter(~pl.col("baseline"))
        .select(list(TIME_POINT_RESPONSE))
    )


def _target_response(found: Criteria) -> pl.Expr:
    limits = found.limits
    complete, baseline, nadir = (pl.col(name) for name in ("diameter_sum", "baseline_sum", "nadir"))
    by_known_sum = found.conventions.known_sum_shows_progression.value
    rise = (pl.col("known_sum") if by_known_sum else complete) - nadir
    risen = (rise * 100 >= nadir * limits.progression_increase.value) & (
        rise >= limits.progression_absolute_increase.scaled
    )
    fallen = (baseline - complete) * 100 >= baseline * limits.partial_response_decrease.value
    return (
        pl.when(pl.col("base").is_null())
        .then(pl.lit("NE"))
        .when(pl.col("targets") == 0)
        .then(pl.lit(None, pl.String))
        .when(pl.col("all_gone"), baseline.ne_missing(0))
        .then(pl.lit("CR"))
        .when(risen)
        .then(pl.lit("PD"))
        .when(complete.is_null() | baseline.is_null() | (baseline == 0))
        .then(pl.lit("NE"))
        .when(fallen)
        .then(pl.lit("PR"))
        .otherwise(pl.lit("SD"))
    )


def _non_targets(tables: Tables, plan: ResponsePlan, assessments: pl.DataFrame) -> pl.DataFrame:
    """What each row shows of the non-target lesions that it follows."""
    observations = tables["non_target_observed"]
    lesions = followed(tables, assessments, observations, "non_target")
    state = pl.col("state")
    noted = observed(assessments, lesions, observations, "state", "diameter")
    treated = treated_lesions(tables, plan, assessments)
    normal = pl.col("node") & (
        pl.col("diameter") < criteria(plan).limits.normal_node_below.scaled
    ).fill_null(False)
    seen = (
        without_treated(noted, treated, but="unequivocal_progression")
        .with_columns(
            state=pl.when(normal & (state == "present")).then(pl.lit("absent")).otherwise(state)
        )
        .group_by("row")
        .agg(
            evaluated=(state != "not_evaluated").sum().cast(pl.Int64),
            absent=(state == "absent").sum().cast(pl.Int64),
            progressed=(state == "unequivocal_progression").any(),
            present=((state == "present") & ~pl.col("node")).any(),
        )
    )
    by_base = lesions.group_by("base").agg(
        non_targets=pl.len().cast(pl.Int64), non_target_identified="seq"
    )
    return (
        assessments.select("row", "base")
        .join(by_base, "base", "left")
        .join(seen, "row", "left")
        .drop("base")
    )


def _non_target_response(found: Criteria) -> pl.Expr:
    number = pl.col("non_targets")
    response = (
        pl.when("progressed")
        .then(pl.lit("PD"))
        .when(number == 0)
        .then(pl.lit(None, pl.String))
        .when(pl.col("evaluated") < number)
        .then(pl.lit("NE"))
        .when(pl.col("absent") == number)
        .then(pl.lit("CR"))
        .otherwise(pl.lit("NON-CR/NON-PD"))
    )
    if not found.conventions.markers_count_for_complete_response.value:
        return response
    complete = pl.when(number > 0).then(response == "CR").otherwise(pl.col("targets") > 0)
    return (
        pl.when(complete & (pl.col("markers") == "raised"))
        .then(pl.lit("NON-CR/NON-PD"))
        .when(complete & pl.col("markers").is_null())
        .then(pl.lit("NE"))
        .otherwise(response)
    )


def _new_lesions(tables: Tables, assessments: pl.DataFrame) -> pl.DataFrame:
    return (
        at_rows(tables["new_lesion_observed"], assessments, "certainty")
        .group_by("row")
        .agg(
            new_lesion=(pl.col("certainty") == "unequivocal").any(),
        )
    )


def _overall(readings: pl.DataFrame, found: Criteria) -> pl.DataFrame:
    """`overall_response` by the table, and `reappeared` with the complete response before it."""
    parts = ["target_response", "non_target_response", "new_lesion"]
    none = pl.col(parts[:2]).fill_null(NO_LESION)
    by_table = readings.select(none, "new_lesion").join(
        overall_responses(found.code), parts, "left", maintain_order="left"
    )
    overall = pl.col("overall_response")
    complete = last_before(overall == "CR", pl.coalesce("base", "row"))
    again = ~pl.col("all_gone") | pl.col("present") | pl.col("progressed")
    counts = pl.lit(found.conventions.reappearance_is_progression.value)
    return (
        readings.with_columns(by_table["overall_response"])
        .with_columns(
            overall_response=pl.when("baseline")
            .then(pl.lit(None, pl.String))
            .when(pl.col("base").is_null())
            .then(pl.lit("NE"))
            .otherwise(overall)
        )
        .with_columns(complete_row=complete)
        .with_columns(reappeared=again.fill_null(False) & pl.col("complete_row").is_not_null())
        .with_columns(
            overall_response=pl.when(counts & pl.col("reappeared"))
            .then(pl.lit("PD"))
            .otherwise(overall)
        )
    )


def _sources(tables: Tables, overall: pl.DataFrame) -> pl.Series:
    own = own_seqs(overall, *(tables[name] for name in OBSERVATIONS))
    nadir = overall["row"] + overall["nadir_order"] - overall["order"]
    complete = overall.select(pl.when("reappeared").then("complete_row")).to_series()
    return union_sources(
        own,
        own.gather(nadir.cast(pl.UInt32)),
        own.gather(complete),
        overall["sources"],
        overall["non_target_identified"],
    )
