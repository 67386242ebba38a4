"""What a date can mean of which the day, or day and month, is unknown.

A table holds the complete date in one column (`occurred`) and the text of an incomplete one
(YYYY or YYYY-MM) in another (`occurred_partial`). These expressions bound the true day without
imputing it. Both are null where nothing at all is known.
"""

from __future__ import annotations

import polars as pl


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


def _first(partial: pl.Expr) -> pl.Expr:
    """The first day of a partly known year or month; a complete text gives null."""
    length = partial.str.len_bytes()
    text = pl.when(length == 4).then(partial + "-01-01").when(length == 7).then(partial + "-01")
    return text.str.to_date("%Y-%m-%d")
