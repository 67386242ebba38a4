"""Grade and differentiation of the tumour, as the hospital says and as central review reads it."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.biomarker.controls import SCALE, within
from equipoise.biomarker.events import PATHOLOGY_PLACES, PathologyReviewed
from equipoise.biomarker.plan import BiomarkerPlan, Classification, PathologyPlan
from equipoise.biomarker.steps import frozen_at
from equipoise.record.columns import named, present
from equipoise.record.past import addressed, as_it_stood
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.sources import row_sources
from equipoise.record.subject_rows import whole

TUMOUR_GRADE: Columns = {
    **KEY,
    "classification": pl.String,
    "stated": pl.String,
    "stated_differs": pl.Boolean,
    "local": pl.String,
    "central": pl.String,
    "discordant": pl.Boolean,
    "local_differentiation": pl.String,
    "central_differentiation": pl.String,
    "differentiation_discordant": pl.Boolean,
    "local_ki67": pl.Int64,
    "central_ki67": pl.Int64,
    "grade": pl.String,
    "grade_reader": pl.String,
    "differentiation": pl.String,
    "differentiation_reader": pl.String,
    "ki67": pl.Int64,
    "ki67_reader": pl.String,
    **SOURCES,
}

_CENTRAL = ("ki67", "mitoses", "differentiation")

_READERS = {
    "grade": ("local", "central"),
    "differentiation": ("local_differentiation", "central_differentiation"),
    "ki67": ("local_ki67", "central_ki67"),
}
"""By what analyses use: the columns of the hospital and of central review."""


def tumour_grade(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """Grade by each version of the classification, of every subject of whom somebody read it.

    A version gives a grade to a Ki-67 index (per cent of cells) and one to the mitoses in 2 mm2;
    the higher one counts, the one that is known where the other is not (WHO classification of
    neuroendocrine neoplasms, general knowledge).

    - `stated` is the grade on the form, by the version in force, and `local` is that, else the one
      derived from the form's Ki-67 and mitoses; `stated_differs`: both are known and differ, null
      while one is not known. By another version nobody stated a grade. `local_differentiation` is
      that of the form, whatever the version.
    - `central` is derived from the last central review (day, then order of entry), never stated.
      That review alone counts, also where it left something out. Once the re-determined status is
      frozen, it is the last of those that stood in the record at the position of the freeze, as it
      read then. Ki-67 and mitoses are counts, and speak to every version;
      `central_differentiation` is known only by the version of the review.
    - `discordant`: local and central are known and differ; null while one is not known.
    - `grade`, `differentiation` and `ki67` are what analyses use, each beside its reader: by the
      study local, central, or central and where that review is silent on this very column local.
      A grade is derived only from values that may go together: a Ki-67 and mitoses of one reader,
      centrally of one review. A count of one reader never joins one of the other, and neither a
      differentiation nor a grade that is stated has a part in it.

    Ki-67 indices (`local_ki67`, `central_ki67`, `ki67`) are in 1/10,000 per cent.

    Sorted by replicate, subject and classification. Nothing where the study reads no grade.
    """
    pathology = plan.pathology
    if pathology is None or tables["subject_item"].is_empty():
        return no_rows(TUMOUR_GRADE)
    reviews, frozen = tables["pathology_reviewed"], tables["redetermination_frozen"]
    if not frozen.is_empty():
        at = frozen_at(frozen, reviews)
        reviews = as_it_stood(reviews, tables["corrected"], at, _REVIEW)
    reviewed = counted_review(reviews, frozen)
    read = _local(tables["subject_item"], pathology).join(reviewed, on=[*KEY], how="left")
    said = [
        name
        for name in read.columns
        if name not in (*KEY, "judged_by") and not name.endswith("_seq")
    ]
    read = read.filter(pl.any_horizontal(pl.col(said).is_not_null())).sort(*KEY)
    sources = row_sources(*(read[name] for name in read.columns if name.endswith("_seq")))
    versions = sorted(pathology.classifications, key=lambda each: each.version)
    found = [_graded(read, each, pathology).with_columns(sources) for each in versions]
    return pl.concat(found).select(*TUMOUR_GRADE).sort(*KEY, "classification")


def _local(items: pl.DataFrame, plan: PathologyPlan) -> pl.DataFrame:
    """What the form says, numbers scaled by SCALE, with the seq of each answer."""
    named = {
        "stated": plan.local.grade,
        "local_differentiation": plan.local.differentiation,
        "local_ki67": plan.local.ki67,
        "local_mitoses": plan.local.mitoses,
    }
    values = []
    for name, item in named.items():
        if item is None:
            values += [
                pl.lit(None, pl.Int64).alias(name),
                pl.lit(None, pl.Int64).alias(f"{name}_seq"),
            ]
            continue
        value = pl.col(item)
        if name in ("local_ki67", "local_mitoses"):
            value = value.cast(pl.Decimal(38, _PLACES)).to_physical().cast(pl.Int64)
        values += [
            value.alias(name),
            pl.col("item_sources").struct.field(item).cast(pl.Int64).alias(f"{name}_seq"),
        ]
    return items.select(*KEY, *values)


_PLACES = len(str(SCALE)) - 1
_REVIEW = dict(addressed(PathologyReviewed))[PathologyReviewed.TABLE]


def counted_review(reviews: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    """The last central review of each subject, numbers scaled by SCALE; once central readings are
    `frozen`, the last that stood in the record then."""
    for replicate, as_of in frozen.select("replicate", "as_of").iter_rows():
        later = (pl.col("replicate") == replicate) & (pl.col("event") > as_of)
        reviews = reviews.filter(~later)
    last = reviews.sort(*KEY, "occurred", "event").unique([*KEY], keep="last", maintain_order=True)
    up = SCALE // 10**PATHOLOGY_PLACES
    return last.select(
        *KEY,
        pl.col("ki67") * up,
        pl.col("mitoses") * up,
        "differentiation",
        pl.col("classification").alias("judged_by"),
        pl.col("seq").alias("review_seq"),
    ).rename({name: f"central_{name}" for name in _CENTRAL})


def _graded(
    read: pl.DataFrame, classification: Classification, plan: PathologyPlan
) -> pl.DataFrame:
    """The columns of TUMOUR_GRADE by one version, but for the sources."""
    in_force = pl.lit(classification.version == plan.in_force)
    by_this = pl.col("judged_by") == classification.version
    frame = (
        read.with_columns(
            stated=pl.when(in_force).then("stated"),
            central_differentiation=pl.when(by_this).then("central_differentiation"),
        )
        .with_columns(
            _grade(classification, read, "local").alias("derived"),
            _grade(classification, read, "central").alias("central"),
        )
        .with_columns(local=pl.coalesce("stated", "derived"))
    )
    return frame.with_columns(
        pl.lit(classification.version).alias("classification"),
        (pl.col("stated") != pl.col("derived")).alias("stated_differs"),
        (pl.col("local") != pl.col("central")).alias("discordant"),
        (pl.col("local_differentiation") != pl.col("central_differentiation")).alias(
            "differentiation_discordant"
        ),
        *(each for name in _READERS for each in _analysed(name, plan)),
    )


def _analysed(name: str, plan: PathologyPlan) -> tuple[pl.Expr, pl.Expr]:
    """What analyses use for one column, and who read it."""
    local, central = _READERS[name]
    by_central = {
        "local": pl.lit(False),
        "central": pl.lit(True),
        "central_else_local": pl.col(central).is_not_null(),
    }[plan.analysed]
    reader = pl.when(by_central).then(pl.lit("central")).otherwise(pl.lit("local"))
    return (
        pl.when(by_central).then(central).otherwise(local).alias(name),
        reader.alias(f"{name}_reader"),
    )


def _grade(classification: Classification, read: pl.DataFrame, reader: str) -> pl.Series:
    """The higher of the grades of Ki-67 and mitoses, null where neither is known."""
    place = np.full((2, len(read)), -1, dtype=np.int64)
    for row, name in enumerate(("ki67", "mitoses")):
        known = present(read[f"{reader}_{name}"])
        value = whole(read[f"{reader}_{name}"], 0)
        for number, each in enumerate(classification.grades):
            place[row, known & within(getattr(each, name), value, np.ones_like(value))] = number
    return named("grade", [each.code for each in classification.grades], place.max(axis=0))
