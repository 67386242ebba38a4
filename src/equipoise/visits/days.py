"""The first and the last day of something, per subject, with the event that says so."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY

_DAY = 2**40
"""One day in a packed integer, which holds a day and a `seq`: every seq is smaller."""


def first_day(events: pl.DataFrame, name: str = "occurred") -> pl.DataFrame:
    """Per subject the first complete day of `events`: columns replicate, subject, `name`, seq.

    On a tie the lowest seq. Where no day is complete, `name` is null and seq the lowest of all.

    >>> import datetime
    >>> day = datetime.date(2024, 2, 29)
    >>> events = pl.DataFrame({"replicate": 0, "subject": ["a", "a"], "occurred": [None, day],
    ...                        "seq": [4, 7]})
    >>> first_day(events).row(0)
    (0, 'a', datetime.date(2024, 2, 29), 7)
    """
    return _extreme(events, name, latest=False)


def last_day(events: pl.DataFrame, name: str = "occurred") -> pl.DataFrame:
    """Per subject the last complete day of `events`, on a tie with the highest seq."""
    return _extreme(events, name, latest=True)


def given_dose() -> pl.Expr:
    """Whether a row of `dose_given` says that something was given."""
    return (pl.col("amount") > 0) & (pl.col("administrations") > 0)


def _extreme(events: pl.DataFrame, name: str, *, latest: bool) -> pl.DataFrame:
    packed = pl.col("occurred").to_physical().cast(pl.Int64) * _DAY + pl.col("seq")
    chosen, lone = (
        (packed.max(), pl.col("seq").max()) if latest else (packed.min(), pl.col("seq").min())
    )
    day = (pl.col("packed") // _DAY).cast(pl.Int32).cast(pl.Date)
    return (
        events.lazy()
        .group_by(*KEY)
        .agg(chosen.alias("packed"), lone.alias("lone"))
        .select(*KEY, day.alias(name), pl.coalesce(pl.col("packed") % _DAY, "lone").alias("seq"))
        .collect()
    )
