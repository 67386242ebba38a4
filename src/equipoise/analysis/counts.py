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

from equipoise.analysis.estimates import side_of_test
from equipoise.analysis.grid import Grid, times_in_groups
from equipoise.analysis.models import REGRESSIONS, STRATIFIED, model_p
from equipoise.analysis.subjects import (
    denominator_rule,
    end_point_of,
    estimand_of,
    in_group,
    variable_of,
)
from equipoise.analysis.table_tests import TABLE_TESTS
from equipoise.statistics.log_rank import log_rank, log_rank_z_batch
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
        for part, expression in zip("nd", counted(plan, analysis, group), strict=True)
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


def counted(plan: AnalysisPlan, analysis: Analysis, group: int) -> tuple[pl.Expr, pl.Expr]:
    """Whether a row of `analysed_subjects` counts in numerator and denominator of one group."""
    inside = in_group(plan, analysis, analysis.groups[group])
    end_point = end_point_of(plan, analysis)
    if not isinstance(end_point, BinaryEndPoint):
        event = pl.col(f"event/{variable_of(plan, estimand_of(plan, analysis))}")
        return inside & event.fill_null(False), inside & event.is_not_null()
    value = pl.col(f"value/{variable_of(plan, estimand_of(plan, analysis))}")
    among = inside & value.fill_null(False)
    if denominator_rule(plan, analysis) == "evaluable":
        return among, inside & value.is_not_null()
    return among, inside


def p_values(
    plan: AnalysisPlan, subjects: pl.DataFrame, counts: GroupCounts, grid: Grid
) -> NDArray[np.float64]:
    """P of one analysis in each replicate; nan where nothing is tested or a group is empty."""
    analysis = counts.analysis
    p = np.full(grid.shape[0], np.nan)
    comparable = (counts.denominators > 0).all(axis=1)
    if analysis.method in TABLE_TESTS:
        x, n = counts.numerators, counts.denominators
        p = TABLE_TESTS[analysis.method](x[:, 0], n[:, 0], x[:, 1], n[:, 1], side_of_test(analysis))
    elif analysis.method == "log_rank":
        comparable &= counts.numerators.sum(axis=1) > 0
        p = _log_rank_p(plan, subjects, analysis, grid)
    elif analysis.method in (*REGRESSIONS, *STRATIFIED):
        if analysis.method == "cox":
            comparable &= counts.numerators.sum(axis=1) > 0
        p = model_p(plan, subjects, analysis, grid)
    return np.where(comparable, p, np.nan)


def _log_rank_p(
    plan: AnalysisPlan, subjects: pl.DataFrame, analysis: Analysis, grid: Grid
) -> NDArray[np.float64]:
    """Two groups for all replicates at once; more of them trial by trial."""
    time, event, groups = times_in_groups(plan, subjects, analysis, grid)
    if len(analysis.groups) == 2:
        return two_sided_p(log_rank_z_batch(time, event, groups))
    return np.array(
        [
            log_rank(days[inside], happened[inside], places[inside]).p
            for days, happened, places in zip(time, event, groups, strict=True)
            for inside in [places >= 0]
        ]
    )


def two_sided_p(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two-sided P value of standard normal statistics.

    >>> two_sided_p(np.array([0.0, -1.959963984540054])).round(6).tolist()
    [1.0, 0.05]
    """
    from scipy.special import erfc

    return np.asarray(erfc(np.abs(z) / np.sqrt(2)), dtype=np.float64)
