"""Target lesions: the sum of their diameters at every assessment, and what it is compared with."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.response.assessments import (
    READER,
    at_rows,
    followed,
    in_order,
    observed,
    own_seqs,
    smallest_before,
    union_sources,
)
from equipoise.response.criteria import criteria
from equipoise.response.local_treatment import (
    treated_lesions,
    treatment_seqs,
    without_treated,
)
from equipoise.response.plan import ResponsePlan

TARGET_SUM: Columns = {
    **KEY,
    "evaluator": pl.String,
    "assessment": pl.String,
    "occurred": pl.Date,
    "baseline": pl.Boolean,
    "order": pl.Int64,
    "targets": pl.Int64,
    "not_evaluated": pl.Int64,
    "diameter_sum": pl.Int64,
    "known_sum": pl.Int64,
    "baseline_sum": pl.Int64,
    "nadir": pl.Int64,
    "nadir_order": pl.Int64,
    "all_gone": pl.Boolean,
    **SOURCES,
}


_ORDER_BITS = 14
"""The assessments of one subject by one evaluator are fewer than 2 ** 14."""

_SUM_BITS = 24
"""A sum of diameters is below 2 ** 24 hundredths of a millimetre (168 m)."""


def target_sum(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """The sum of diameters of the target lesions at every assessment, in hundredths of a mm.

    A node counts with its short axis, every other lesion with its longest diameter; a lesion that
    is gone counts 0, one seen but too small to measure the standard's default, or its size where
    one was recorded. A lesion that has split adds its pieces; one that has merged with another adds
    nothing, since the other's diameter is that of both. A lesion that was treated locally since its
    baseline is not evaluated, unless the study says that it is. `targets`: lesions that the
    baseline in force follows; `not_evaluated`: those among them without a value here.
    `diameter_sum` is null unless all were evaluated; `known_sum` adds those that were.
    `baseline_sum`: the complete sum of the baseline in force; `nadir`: the smallest complete sum
    from that baseline to the assessment before this one, and `nadir_order` which it was.
    `all_gone`: no target is left, nodes being back to normal size; null while lesions not evaluated
    leave it open, and without targets. `order` counts the assessments of a subject by an evaluator
    in time from 0.

    Source: RECIST 1.1, sections 3.1, 4.2, 4.3.1, 4.3.2 (recist_1_1.yaml). Sorted by replicate,
    subject, evaluator, order. `sources`: the assessment, its baseline, the lesions' identification,
    the procedures on lesions that it finds treated.
    """
    assessments = in_order(tables["tumour_assessed"])
    measured = tables["target_measured"]
    lesions = followed(tables, assessments, measured, "target")
    treated = treated_lesions(tables, plan, assessments)
    values = _diameters(tables, plan, assessments, lesions, treated)
    by_row = values.group_by("row").agg(
        evaluated=pl.col("value").count().cast(pl.Int64),
        known_sum=pl.col("value").sum(),
        left=pl.col("is_left").any(),
    )
    by_base = lesions.group_by("base").agg(targets=pl.len().cast(pl.Int64))
    missing = pl.col("targets") - pl.col("evaluated")
    known = pl.col("known_sum")
    sums = (
        assessments.join(by_row, "row", "left", maintain_order="left")
        .join(by_base, "base", "left", maintain_order="left")
        .with_columns(pl.col("evaluated", "known_sum", "targets").fill_null(0))
        .with_columns(
            not_evaluated=missing,
            diameter_sum=pl.when(missing == 0, pl.col("targets") > 0).then(known),
            all_gone=pl.when(pl.col("left"))
            .then(pl.lit(False))
            .when(missing == 0, pl.col("targets") > 0)
            .then(pl.lit(True)),
        )
        .with_columns(baseline_sum=pl.col("diameter_sum").gather("base"))
    )
    return (
        _with_nadir(sums)
        .with_columns(_sources(tables, assessments, lesions, treated))
        .select(list(TARGET_SUM))
    )


def target_sizes(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """Every target lesion at every assessment as it counts in the sum of diameters.

    Columns: READER, lesion, assessment, occurred, order, size (hundredths of a mm; null: not
    evaluated, as is a lesion from its local treatment on). What `target_sum` adds up.
    """
    assessments = in_order(tables["tumour_assessed"])
    lesions = followed(tables, assessments, tables["target_measured"], "target")
    treated = treated_lesions(tables, plan, assessments)
    sizes = _diameters(tables, plan, assessments, lesions, treated)
    at = assessments.select("row", *READER, "assessment", "occurred", "order")
    return sizes.join(at, "row").select(
        *READER, "lesion", "assessment", "occurred", "order", size="value"
    )


def _diameters(
    tables: Tables,
    plan: ResponsePlan,
    assessments: pl.DataFrame,
    lesions: pl.DataFrame,
    treated: pl.DataFrame | None,
) -> pl.DataFrame:
    """Each followed lesion at each assessment: its value in the sum, and whether it is left."""
    limits = criteria(plan).limits
    small, normal_below = limits.too_small_to_measure.scaled, limits.normal_node_below.scaled
    found = observed(assessments, lesions, tables["target_measured"], "state", "diameter")
    found = without_treated(found, treated)
    found = found.with_columns(value=_value(small), largest=_value(small))
    pieces = tables["fragment_measured"]
    if not pieces.is_empty():
        found = _with_pieces(found, pieces, assessments, small)
    size, largest = pl.col("value"), pl.col("largest")
    normal = pl.when("node").then(largest < normal_below).otherwise(size == 0)
    return found.with_columns(is_left=~normal)


def _value(small: int) -> pl.Expr:
    """What a lesion or a piece of one adds to the sum, by its state; null: not evaluated."""
    state, diameter = pl.col("state"), pl.col("diameter")
    return (
        pl.when(state == "measured")
        .then(diameter)
        .when(state == "too_small")
        .then(pl.coalesce(diameter, pl.lit(small, dtype=pl.Int64)))
        .when(state.is_in(["absent", "merged"]))
        .then(pl.lit(0, dtype=pl.Int64))
    )


def _with_pieces(
    found: pl.DataFrame, pieces: pl.DataFrame, assessments: pl.DataFrame, small: int
) -> pl.DataFrame:
    """Lesions that have split: `value` adds their pieces, `largest` is the largest of them.

    Null while a piece was not evaluated.
    """
    at = at_rows(pieces, assessments, "state", "diameter").with_columns(piece=_value(small))
    piece = pl.col("piece")
    by_lesion = at.group_by("row", "lesion").agg(
        whole=pl.when(piece.null_count() == 0).then(piece.sum()),
        piece=pl.when(piece.null_count() == 0).then(piece.max()),
    )
    split = pl.col("state") == "split"
    return found.join(by_lesion, ["row", "lesion"], "left", maintain_order="left").with_columns(
        value=pl.when(split).then("whole").otherwise("value"),
        largest=pl.when(split).then("piece").otherwise("largest"),
    )


def _with_nadir(sums: pl.DataFrame) -> pl.DataFrame:
    """`nadir` and `nadir_order`: the smallest sum before, and the first assessment that had it.

    Sum and order travel as one number, so that the smallest one is both.
    """
    both = pl.col("diameter_sum") * 2**_ORDER_BITS + pl.col("order")
    before = smallest_before(both, pl.coalesce("base", "row"), _SUM_BITS + _ORDER_BITS)
    return sums.with_columns(before=before).with_columns(
        nadir=pl.col("before") // 2**_ORDER_BITS, nadir_order=pl.col("before") % 2**_ORDER_BITS
    )


def _sources(
    tables: Tables,
    assessments: pl.DataFrame,
    lesions: pl.DataFrame,
    treated: pl.DataFrame | None,
) -> pl.Series:
    """Per row: its own events, those of the baseline in force, and the lesions' identification."""
    own = own_seqs(assessments, tables["target_measured"], tables["fragment_measured"])
    identified = assessments.select("base").join(
        lesions.group_by("base").agg("seq"), "base", "left", maintain_order="left"
    )
    parts = [own, own.gather(assessments["base"]), identified["seq"]]
    if treated is not None:
        parts.append(treatment_seqs(treated, len(assessments)))
    return union_sources(*parts)
