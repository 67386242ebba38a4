"""Who was treated, and the events that say so."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.record.sources import group_sources


def first_doses(tables: Tables) -> pl.DataFrame:
    """A row for each subject with a first dose: replicate, subject, and as `sources` the doses of
    that day."""
    doses = tables["dose_given"].filter((pl.col("amount") > 0) & (pl.col("administrations") > 0))
    days = tables["disposition"].select(*KEY, "first_dose")
    first = doses.join(days, on=[*KEY]).filter(pl.col("occurred") == pl.col("first_dose"))
    return group_sources(first, [*KEY])
