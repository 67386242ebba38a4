"""Lesions that were treated locally during the study: from when on they are not evaluable."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import Tables
from equipoise.response.assessments import READER
from equipoise.response.criteria import criteria
from equipoise.response.plan import ResponsePlan

_TREATED = {"row": pl.UInt32, "lesion": pl.String, "treatment": pl.Int64}


def treated_lesions(
    tables: Tables, plan: ResponsePlan, assessments: pl.DataFrame
) -> pl.DataFrame | None:
    """The lesions that each assessment finds treated: row, lesion, treatment (seq); null: none.

    Treated by a procedure of the standard's list that names the lesion, on a day no earlier than
    the baseline in force and before the assessment: a scan of the same day shows it as it was. None
    where the study takes such lesions as evaluable.

    Source: recist_1_1.yaml, local_treatments and conventions. `assessments` as of `in_order`.
    """
    found = criteria(plan)
    procedures = tables["procedure_recorded"]
    if procedures.is_empty() or found.conventions.treated_lesion_is_evaluable.value:
        return None
    local = (
        procedures.filter(
            pl.col("lesion").is_not_null(),
            pl.col("procedure").str.to_lowercase().is_in(found.local_treatments.codes),
        )
        .select(*READER, "lesion", treated="occurred", treatment="seq")
        .drop_nulls("treated")
    )
    if local.is_empty():
        return None
    dated = assessments.with_columns(base_day=pl.col("occurred").gather("base"))
    return (
        local.join(dated.select(*READER, "row", "occurred", "base_day"), READER)
        .filter(
            pl.col("occurred") > pl.col("treated"),
            (pl.col("treated") >= pl.col("base_day")).fill_null(True),
        )
        .group_by("row", "lesion")
        .agg(pl.col("treatment").min())
        .cast(_TREATED)  # type: ignore[arg-type]
    )


def without_treated(
    observations: pl.DataFrame, treated: pl.DataFrame | None, *, but: str = ""
) -> pl.DataFrame:
    """`observations` (row, lesion, state) with those of treated lesions not evaluated.

    A state `but` stands.
    """
    if treated is None or treated.is_empty():
        return observations
    hit = pl.col("treatment").is_not_null() & (pl.col("state") != but)
    return (
        observations.join(treated, ["row", "lesion"], "left", maintain_order="left")
        .with_columns(state=pl.when(hit).then(pl.lit("not_evaluated")).otherwise("state"))
        .drop("treatment")
    )


def treatment_seqs(treated: pl.DataFrame, rows: int) -> pl.Series:
    """Per row of the assessments: the seqs of the procedures on lesions that it follows."""
    by_row = treated.group_by("row").agg("treatment")
    every = pl.select(row=pl.int_range(rows, dtype=pl.UInt32))
    return every.join(by_row, "row", "left", maintain_order="left")["treatment"]
