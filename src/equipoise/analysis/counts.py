"""Numerators and denominators of every analysis, for one trial or for many at once.

A trial of the record is one replicate: its counts come from the same pass as those of a batch of
simulated trials, and its P value from the same core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.analysis.subjects import end_point_of, in_group
from equipoise.study.analysis_plan import Analysis, AnalysisPlan, BinaryEndPoint

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """Counts of one analysis: arrays of shape (replicates, groups).

    Binary end points: responders and those counted. Times: events and those at risk on day 1.
    """

    analysis: Analysis
    numerators: Counts
    denominators: Counts


def group_counts(
    subjects: pl.DataFrame, plan: AnalysisPlan, replicates: Sequence[int]
) -> list[GroupCounts]:
    """Counts of every analysis of `plan`, in its order, in one pass over `subjects`.

    `subjects` is the table `analysed_subjects`. Row i of the arrays belongs to `replicates[i]`; a
    replicate without any subject has zeros.
    """
    sums = [
        expression.sum().cast(pl.Int64).alias(f"{place}/{group}/{part}")
        for place, analysis in enumerate(plan.analyses)
        for group in range(len(analysis.groups))
        for part, expression in zip("nd", _counted(plan, analysis, group), strict=True)
    ]
    rows = pl.DataFrame({"replicate": list(replicates)}, schema={"replicate": pl.Int32})
    found = subjects.group_by("replicate").agg(sums)
    dense = rows.join(found, on="replicate", how="left", maintain_order="left").fill_null(0)
    return [
        GroupCounts(
            analysis,
            *(
                dense.select(f"{place}/{group}/{part}" for group in range(len(analysis.groups)))
                .to_numpy()
                .astype(np.int64)
                .reshape(len(rows), len(analysis.groups))
                for part in "nd"
            ),
        )
        for place, analysis in enumerate(plan.analyses)
    ]


def denominator_rule(plan: AnalysisPlan, analysis: Analysis) -> str:
    """`evaluable` or `all`: the analysis's own rule, else that of its end point."""
    end_point = end_point_of(plan, analysis)
    own = end_point.denominator if isinstance(end_point, BinaryEndPoint) else "all"
    return analysis.denominator or own


def _counted(plan: AnalysisPlan, analysis: Analysis, group: int) -> tuple[pl.Expr, pl.Expr]:
    """Who counts in numerator and denominator of one group."""
    inside = in_group(plan, analysis, analysis.groups[group])
    end_point = end_point_of(plan, analysis)
    if not isinstance(end_point, BinaryEndPoint):
        event = pl.col(f"event/{end_point.code}")
        return inside & event.fill_null(False), inside & event.is_not_null()
    value = pl.col(f"value/{end_point.code}")
    counted = inside & value.fill_null(False)
    if denominator_rule(plan, analysis) == "evaluable":
        return counted, inside & value.is_not_null()
    return counted, inside
