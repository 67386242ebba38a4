"""Kaplan-Meier medians in every trial: the kernel finds them, here they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.endpoints import convention
from equipoise.simulation.endpoint_column import Column
from equipoise.simulation.endpoint_estimates import estimate_columns, estimate_values
from equipoise.statistics.proportion import normal_quantile
from equipoise.statistics.survival_quantile_batch import limit_bounds
from equipoise.statistics.trial_tables import CURVE, Medians
from equipoise.study.analysis_plan import Analysis

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Median:
    """An analysis of medians: the end point and status variable of the kernel, the group of status
    x arms + arm, and the first column among those of medians.

    `months`: times are told in months. `truths` are those of its groups.
    """

    analysis: Analysis
    end_point: int
    status: int
    group: IntArray
    column: int
    months: bool
    truths: tuple[float | None, ...] = ()

    @property
    def columns(self) -> int:
        """How many columns the kernel yields of it."""
        return CURVE * len(self.analysis.groups)


def median_table(medians: Sequence[Median]) -> Medians:
    """The kernel's table of medians."""
    width = max((len(each.group) for each in medians), default=1)
    group = np.full((len(medians), width), -1, dtype=np.int64)
    for row, each in enumerate(medians):
        group[row, : len(each.group)] = each.group
    month = float(convention("days_per_month"))
    whole = np.int64
    return Medians(
        end_point=np.array([each.end_point for each in medians], dtype=whole),
        status=np.array([each.status for each in medians], dtype=whole),
        group=group,
        groups=np.array([len(each.analysis.groups) for each in medians], dtype=whole),
        z=np.array([normal_quantile(float(each.analysis.level)) for each in medians], dtype=float),
        bounds=limit_bounds(0.5),
        unit=np.array([month if each.months else 1.0 for each in medians], dtype=float),
        base=np.array([each.column for each in medians], dtype=whole),
        columns=sum(each.columns for each in medians),
    )


def median_described(each: Median) -> list[Column]:
    """The columns of an analysis of medians."""
    name, label = each.analysis.id, each.analysis.label.en
    interval = each.analysis.interval != "none"
    found = []
    for group, truth in zip(each.analysis.groups, each.truths, strict=True):
        own, title = f"{name}/{group.label}", f"{label}: {group.label}"
        found += estimate_columns(own, own, title, truth, interval=interval)
    return found


def median_columns(each: Median, raw: FloatArray) -> list[FloatArray]:
    """The values of `median_described` in every trial; `raw` are the columns of all medians."""
    own = raw[:, each.column : each.column + each.columns].T.reshape(-1, CURVE, len(raw))
    interval = each.analysis.interval != "none"
    found = []
    for number, truth in enumerate(each.truths):
        found += estimate_values(own[number].T, truth, interval=interval)
    return found
