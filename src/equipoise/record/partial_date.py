"""What a date can mean of which the day, or day and month, is unknown, and which day stands for it.

A table holds the complete date in one column (`occurred`) and the text of an incomplete one
(YYYY or YYYY-MM) in another (`occurred_partial`). `earliest_day` and `latest_day` bound the true
day without imputing it; both are null where nothing at all is known. `imputed_day` is the one
place where a day is put in for a date that is not complete, by the rule that an end point of the
study file declares (`Imputation`); `imputation_flag` says in every output which days were.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from equipoise.record.plan import Plan


class Imputation(Plan):
    """The day that stands for a partly known date: the first, the middle or the last it can mean.

    `none` leaves it open. Declared where the date is used, so that two end points may differ.
    """

    method: Literal["earliest", "middle", "latest", "none"]


def imputed_day(
    complete: pl.Expr,
    partial: pl.Expr,
    imputation: Imputation,
    *,
    not_before: pl.Expr | None = None,
    not_after: pl.Expr | None = None,
) -> pl.Expr:
    """The complete date, else the day that `imputation` puts in for it; never a changed full date.

    The middle of the possible days is the earlier one where there are two. A day put in is moved
    to `not_before` and `not_after` (the last day known to be alive, a data cut), as far as the
    known year or month allows; where not even the year is known but `partial` is not null (it
    happened), it is `not_before`. `none`, or a date of which nothing is recorded, gives null.

    The three methods are general practice: which one a protocol chose is for its study file to
    say, as source or as assumption (DT1).

    >>> frame = pl.DataFrame({"text": ["2024-02", "2023"]}).with_columns(day=pl.lit(None, pl.Date))
    >>> middle = imputed_day(pl.col("day"), pl.col("text"), Imputation(method="middle"))
    >>> frame.select(middle.dt.to_string("%Y-%m-%d")).to_series().to_list()
    ['2024-02-15', '2023-07-02']
    """
    if imputation.method == "none":
        return complete
    open_day = pl.lit(None, pl.Date)
    first, last = earliest_day(open_day, partial), latest_day(open_day, partial)
    halfway = (first.to_physical() + last.to_physical()).floordiv(2).cast(pl.Int32).cast(pl.Date)
    day = {"earliest": first, "middle": halfway, "latest": last}[imputation.method]
    if not_before is not None:
        day = pl.max_horizontal(day, pl.when(partial.is_not_null()).then(not_before))
    if not_after is not None:
        day = pl.when(day > not_after).then(not_after).otherwise(day)
    day = pl.when(day < first).then(first).when(day > last).then(last).otherwise(day)
    return pl.coalesce(complete, day)


def imputation_flag(complete: pl.Expr, partial: pl.Expr) -> pl.Expr:
    """What had to be put in: D the day, M day and month, Y the whole date; null for a full date.

    Source: the date imputation flags (*DTF) of CDISC ADaM, from general knowledge.

    >>> frame = pl.DataFrame({"text": ["2024-02", "2023", "date unknown", None]})
    >>> flag = imputation_flag(pl.lit(None, pl.Date), pl.col("text"))
    >>> frame.select(flag.alias("flag")).to_series().to_list()
    ['D', 'M', 'Y', None]
    """
    length = partial.str.len_bytes()
    return (
        pl.when(complete.is_not_null() | partial.is_null()).then(None)
        .when(length == 7).then(pl.lit("D"))
        .when(length == 4).then(pl.lit("M"))
        .otherwise(pl.lit("Y"))
    )  # fmt: skip


def earliest_day(complete: pl.Expr, partial: pl.Expr) -> pl.Expr:
    """The first day that the date can mean.

    >>> frame = pl.DataFrame({"text": ["2024-02"]}).with_columns(day=pl.lit(None, pl.Date))
    >>> str(frame.select(earliest_day(pl.col("day"), pl.col("text"))).item())
    '2024-02-01'
    """
    return pl.coalesce(complete, _first(partial))


def latest_day(complete: pl.Expr, partial: pl.Expr) -> pl.Expr:
    """The last day that the date can mean.

    >>> frame = pl.DataFrame({"text": ["2024-02"]}).with_columns(day=pl.lit(None, pl.Date))
    >>> str(frame.select(latest_day(pl.col("day"), pl.col("text"))).item())
    '2024-02-29'
    """
    first = _first(partial)
    year = partial.str.len_bytes() == 4
    return pl.coalesce(
        complete,
        pl.when(year).then(first.dt.offset_by("11mo").dt.month_end()),
        first.dt.month_end(),
    )


def stretch(start: str, end: str, ongoing: str, recorded: str) -> tuple[pl.Expr, pl.Expr]:
    """The first and the last day of what goes on from one day to another, as far as it can mean.

    The arguments name columns: two texts of dates, whole or partial, whether it is `ongoing`, and
    the day on which that was `recorded`. The first day is the first that `start` can mean, null
    where nothing is known of it. The last is the last that `end` can mean; null while it goes on;
    of what has ended on a day that is not known the day recorded, by which it had ended, or the
    first day where that is later: it was there on the day on which it began (DT1).

    >>> rows = [("2024-02", "2024-03", False, "2024-06-01"), (None, None, False, "2024-06-01")]
    >>> frame = pl.DataFrame(rows, schema=["start", "end", "ongoing", "recorded"], orient="row")
    >>> frame = frame.with_columns(pl.col("recorded").str.to_date())
    >>> first, last = stretch("start", "end", "ongoing", "recorded")
    >>> frame.select(first.alias("first"), last.alias("last")).cast(pl.String).rows()
    [('2024-02-01', '2024-03-31'), (None, '2024-06-01')]
    """
    first = earliest_day(_complete(start), pl.col(start))
    by_then = pl.max_horizontal(pl.col(recorded), first)
    ended = pl.coalesce(latest_day(_complete(end), pl.col(end)), by_then)
    return first, pl.when(~pl.col(ongoing)).then(ended)


def _complete(name: str) -> pl.Expr:
    return pl.col(name).str.to_date("%Y-%m-%d", strict=False)


def _first(partial: pl.Expr) -> pl.Expr:
    """The first day of a partly known year or month; a complete text gives null."""
    length = partial.str.len_bytes()
    text = pl.when(length == 4).then(partial + "-01-01").when(length == 7).then(partial + "-01")
    return text.str.to_date("%Y-%m-%d")
