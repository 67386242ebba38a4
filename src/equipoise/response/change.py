"""How far the sum of diameters, and each target lesion, has moved."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Columns
from equipoise.response.assessments import READER
from equipoise.response.criteria import criteria
from equipoise.response.plan import ResponsePlan

SUM_CHANGE: Columns = {
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
    "from_baseline": pl.Int64,
    "from_nadir": pl.Int64,
    "rise": pl.Int64,
}
SUM_LIMITS: Columns = {**SUM_CHANGE, "partial_at": pl.Int64, "progression_at": pl.Int64}

LESION_CHANGE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "lesion": pl.String,
    "assessment": pl.String,
    "occurred": pl.Date,
    "size": pl.Int64,
    "from_baseline": pl.Int64,
}


def sum_change(target_sum: pl.DataFrame) -> pl.DataFrame:
    """The change of the sum of diameters at every assessment.

    `from_baseline`, `from_nadir`: in tenths of a percent of the baseline in force and of the
    smallest sum before, cut off towards 0, so that no limit seems to be reached that was not;
    `rise`: from that smallest sum in hundredths of a millimetre. Null without a complete sum here
    or there, at a baseline, and in percent of 0. The other columns are those of `target_sum`.

    Sorted by replicate, subject, evaluator, order.

    >>> sums = pl.DataFrame({"baseline": [False], "diameter_sum": [7004], "baseline_sum": [10000],
    ...                      "nadir": [6000]})
    >>> sums.select(*_changes()).row(0)
    (-299, 167, 1004)
    """
    return target_sum.with_columns(*_changes()).sort(*READER, "order").select(list(SUM_CHANGE))


def _changes() -> tuple[pl.Expr, ...]:
    now = pl.when(~pl.col("baseline")).then("diameter_sum")
    return (
        tenths_of_percent(now, pl.col("baseline_sum")).alias("from_baseline"),
        tenths_of_percent(now, pl.col("nadir")).alias("from_nadir"),
        (now - pl.col("nadir")).alias("rise"),
    )


def sum_limits(changes: pl.DataFrame, plan: ResponsePlan) -> pl.DataFrame:
    """The changes of the sum of diameters with the sums at which the response would turn.

    `changes`: as `sum_change` makes them. `partial_at`: the largest sum that is a partial response;
    `progression_at`: the smallest that is progression, both in hundredths of a millimetre and
    whatever was found of other lesions. Null at a baseline, and without the sum that each is
    compared with; a baseline of 0 has no partial response.

    Source: RECIST 1.1, section 4.3.1 (recist_1_1.yaml). Columns: SUM_LIMITS, order unchanged.
    """
    limits = criteria(plan).limits
    baseline, nadir = pl.col("baseline_sum"), pl.col("nadir")
    left = 100 - limits.partial_response_decrease.value
    rise = -((-nadir * limits.progression_increase.value) // 100)
    least = limits.progression_absolute_increase.scaled
    return changes.with_columns(
        partial_at=pl.when(~pl.col("baseline"), baseline > 0).then(baseline * left // 100),
        progression_at=pl.when(~pl.col("baseline")).then(
            nadir + pl.when(rise > least).then(rise).otherwise(least)
        ),
    ).select(list(SUM_LIMITS))


def tenths_of_percent(now: pl.Expr, then: pl.Expr) -> pl.Expr:
    """The change from `then` to `now` in tenths of a percent, cut off towards 0; null from 0."""
    change = (now - then) * 1000
    start = pl.when(then > 0).then(then)
    return change.sign() * (change.abs() // start)


def lesion_change(sizes: pl.DataFrame) -> pl.DataFrame:
    """The size of every target lesion at every assessment, and its change from its first size.

    `sizes`: READER, lesion, assessment, occurred, order and size (hundredths of a millimetre as it
    counts in the sum, null where it was not evaluated). `from_baseline`: tenths of a percent of the
    first size that is known, cut off towards 0. Sorted by subject, evaluator, lesion, order.
    """
    first = pl.col("size").drop_nulls().first().over(*READER, "lesion")
    return (
        sizes.sort(*READER, "lesion", "order")
        .with_columns(from_baseline=tenths_of_percent(pl.col("size"), first))
        .select(list(LESION_CHANGE))
    )
