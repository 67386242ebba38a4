"""How fast the tumour grows: the change of its volume in percent per month."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.response.assessments import READER, union_sources
from equipoise.response.criteria import criteria
from equipoise.response.plan import ResponsePlan

TUMOUR_GROWTH: Columns = {
    **KEY,
    "evaluator": pl.String,
    "assessment": pl.String,
    "occurred": pl.Date,
    "order": pl.Int64,
    "days": pl.Int64,
    "rate": pl.Int64,
    "interval_days": pl.Int64,
    "interval_rate": pl.Int64,
    **SOURCES,
}

_MOST = 10**9
"""The largest rate in the table: ten million percent a month."""


def tumour_growth(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """The tumour growth rate at every assessment after baseline with a complete sum of diameters.

    A tumour is taken as a sphere whose diameter is the sum: from D1 to D2 in a number of months,
    100 x (exp(3 x ln(D2 / D1) / months) - 1) percent a month. `rate`: from the baseline in force,
    `days` before; `interval_rate`: from the last complete sum since that baseline, which is one of
    the same lesions, `interval_days` earlier. In hundredths of a percent a month, rounded to the
    nearest, at most 10**9; -10000 when the tumour is gone. Null where the earlier sum is 0 or not
    complete, or no later day is known.

    Source: recist_1_1.yaml, tumour_growth (no part of RECIST). Sorted by replicate, subject,
    evaluator, order. `sources`: those of the three sums.

    >>> frame = pl.DataFrame({"days": [30], "now": [12600], "then": [10000]})
    >>> frame.select(_rate(pl.col("then"), pl.col("now"), pl.col("days"), 30.0)).item()
    10004
    """
    sums = tables["target_sum"]
    if sums.is_empty():
        return no_rows(TUMOUR_GROWTH)
    month = float(criteria(plan).tumour_growth.days_per_month)
    size, day = pl.col("diameter_sum"), pl.col("occurred")
    begins = pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in READER)
    ordered = (
        sums.sort(*READER, "order")
        .with_row_index("row")
        .with_columns(first=pl.when(begins.fill_null(True)).then("row").forward_fill())
        .with_columns(base=pl.when("baseline").then("row").forward_fill())
        .with_columns(before=pl.when(size.is_not_null()).then("row").forward_fill().shift())
    )
    found = (
        ordered.with_columns(base=pl.when(pl.col("base") >= pl.col("first")).then("base"))
        .with_columns(before=pl.when(pl.col("before") >= pl.col("base")).then("before"))
        .with_columns(
            days=(day - day.gather("base")).dt.total_days(),
            interval_days=(day - day.gather("before")).dt.total_days(),
            then=size.gather("base"),
            last=size.gather("before"),
        )
        .filter(~pl.col("baseline"), size.is_not_null())
        .with_columns(
            rate=_rate(pl.col("then"), size, pl.col("days"), month),
            interval_rate=_rate(pl.col("last"), size, pl.col("interval_days"), month),
        )
    )
    earlier = (ordered["sources"].gather(found[name]) for name in _EARLIER)
    return found.with_columns(union_sources(found["sources"], *earlier)).select(list(TUMOUR_GROWTH))


_EARLIER = ("base", "before")


def _rate(then: pl.Expr, now: pl.Expr, days: pl.Expr, month: float) -> pl.Expr:
    """Hundredths of a percent a month, from a sum to a later one."""
    start, elapsed = pl.when(then > 0).then(then), pl.when(days > 0).then(days)
    growth = ((3 * month) * (now / start).log() / elapsed).exp() - 1
    return (growth * 10_000).round().clip(upper_bound=_MOST).cast(pl.Int64)
