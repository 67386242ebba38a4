"""Trials as arrays of shape (replicates, subjects), from one pass over the analysed subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.analysis.subjects import estimand_of, in_group, variable_of
from equipoise.study.analysis_plan import Analysis, AnalysisPlan


class Grid:
    """Where each row of `analysed_subjects` stands in arrays of shape (replicates, subjects)."""

    def __init__(self, subjects: pl.DataFrame, replicates: Sequence[int]) -> None:
        """`subjects` are sorted by replicate; every replicate in them is one of `replicates`."""
        order = {replicate: row for row, replicate in enumerate(replicates)}
        places = subjects["replicate"].replace_strict(order, return_dtype=pl.Int64)
        self.row = places.to_numpy()
        starts = np.flatnonzero(np.diff(self.row, prepend=-1))
        lengths = np.diff(starts, append=len(self.row))
        self.column = np.arange(len(self.row)) - np.repeat(starts, lengths)
        self.shape = (len(replicates), int(lengths.max(initial=0)))

    def spread(self, values: NDArray[Any], filler: int) -> NDArray[Any]:
        """A column as an array of the grid's shape; `filler` where there is no subject."""
        spread = np.full(self.shape, filler, dtype=values.dtype)
        spread[self.row, self.column] = values
        return spread


def place_in_groups(plan: AnalysisPlan, analysis: Analysis, present: str) -> pl.Expr:
    """The place of each subject's group in the analysis; -1 outside, or where `present` is null."""
    return pl.coalesce(
        *(
            pl.when(in_group(plan, analysis, each) & pl.col(present).is_not_null()).then(
                pl.lit(place, dtype=pl.Int64)
            )
            for place, each in enumerate(analysis.groups)
        ),
        pl.lit(-1, dtype=pl.Int64),
    )


def times_in_groups(
    plan: AnalysisPlan, subjects: pl.DataFrame, analysis: Analysis, grid: Grid
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Days, events and places in the groups (-1: none) of every trial, in the grid's shape."""
    code = variable_of(plan, estimand_of(plan, analysis))
    columns = subjects.select(
        pl.col(f"time_days/{code}").fill_null(0).alias("time"),
        pl.col(f"event/{code}").fill_null(False).alias("event"),
        place_in_groups(plan, analysis, f"time_days/{code}").alias("group"),
    )
    time, event = (grid.spread(columns[name].to_numpy(), 0) for name in ("time", "event"))
    return time, event, grid.spread(columns["group"].to_numpy(), -1)
