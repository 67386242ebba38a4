"""When the tumour progressed, and until when it was seen not to have."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.response.assessments import READER, at_rows, in_order, union_sources
from equipoise.response.criteria import criteria
from equipoise.response.plan import ResponsePlan

PROGRESSION: Columns = {
    **KEY,
    "evaluator": pl.String,
    "progressed": pl.Boolean,
    "progression": pl.Date,
    "progression_assessment": pl.String,
    "progression_order": pl.Int64,
    "last_adequate_assessment": pl.Date,
    **SOURCES,
}


def progression(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """The day of progression of every subject by every evaluator who assessed it.

    Progression is the first PD. If a new lesion made it PD that had been seen before and was
    equivocal then, progression dates back to the assessment at which the lesion was first seen.
    `last_adequate_assessment` is the last day with an evaluable response before progression, null
    if there was none after baseline. Progression counts whatever was missed or given before it:
    censoring belongs to the end point. `progression` is null also when that assessment has no
    complete date; `progressed` says so.

    Source: RECIST 1.1, sections 4.3.5 and 4.4.1 (recist_1_1.yaml). Sorted by replicate, subject,
    evaluator. `sources`: those of the PD, of the first sight and of the last adequate assessment;
    where there is none of them, the assessments of the subject.
    """
    assessments = in_order(tables["tumour_assessed"])
    responses = tables["time_point_response"].sort(*READER, "order")
    after = (
        assessments.filter(~pl.col("baseline"))
        .hstack(responses.select("overall_response", "sources"))
        .with_row_index("place")
    )
    place, response = pl.col("place"), pl.col("overall_response")
    shown = after.group_by("reader").agg(shown=place.filter(response == "PD").min())
    decided = shown.join(_first_seen(tables, plan, after), "reader", "left").with_columns(
        place=pl.min_horizontal("shown", "first_seen")
    )
    evaluable = after.filter(response != "NE").select("reader", evaluable="place")
    adequate = (
        evaluable.join(decided.select("reader", progressed="place"), "reader")
        .filter(pl.col("progressed").is_null() | (pl.col("evaluable") < pl.col("progressed")))
        .group_by("reader")
        .agg(adequate=pl.col("evaluable").max())
    )
    found = (
        assessments.group_by("reader", maintain_order=True)
        .agg(pl.col(READER).first(), seqs="seq")
        .join(decided, "reader", "left", maintain_order="left")
        .join(adequate, "reader", "left", maintain_order="left")
    )
    return found.with_columns(_dated(found, after)).select(list(PROGRESSION))


def _first_seen(tables: Tables, plan: ResponsePlan, after: pl.DataFrame) -> pl.DataFrame:
    """Per reader: where the first new lesion was first seen that turned out to be one.

    Before any baseline nothing can be told to be new.
    """
    compared = after.filter(pl.col("base").is_not_null())
    seen = at_rows(tables["new_lesion_observed"], compared, "certainty").join(
        compared.select("row", "place", "reader"), "row"
    )
    if not criteria(plan).conventions.equivocal_new_lesion_dates_back.value:
        seen = seen.filter(pl.col("certainty") == "unequivocal")
    return (
        seen.group_by("reader", "lesion")
        .agg(pl.col("place").min(), real=(pl.col("certainty") == "unequivocal").any())
        .filter("real")
        .group_by("reader")
        .agg(first_seen=pl.col("place").min())
    )


def _dated(found: pl.DataFrame, after: pl.DataFrame) -> list[pl.Series]:
    """The columns that are read off the assessments that decided."""
    at, adequate = found["place"], found["adequate"]
    neither = found.select(
        pl.when(pl.col("place").is_null() & pl.col("adequate").is_null()).then("seqs")
    ).to_series()
    sources = (after["sources"].gather(each) for each in (at, found["shown"], adequate))
    return [
        at.is_not_null().alias("progressed"),
        after["occurred"].gather(at).alias("progression"),
        after["assessment"].gather(at).alias("progression_assessment"),
        after["order"].gather(at).alias("progression_order"),
        after["occurred"].gather(adequate).alias("last_adequate_assessment"),
        union_sources(*sources, neither),
    ]
