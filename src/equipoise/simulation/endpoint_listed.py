"""Analyses that read patients one by one: Cox models with covariates.

The kernel lists the randomised patients of each trial, sorted by time; the functions of the
analysis read the list.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.model_data import design_of
from equipoise.simulation.endpoint_column import Column
from equipoise.simulation.endpoint_estimates import (
    comparison_columns,
    estimate_values,
    wald_limits,
)
from equipoise.statistics.cox import cox_effect_batch
from equipoise.statistics.trial_tables import Listings
from equipoise.study.analysis_plan import Analysis

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """An analysis of listed patients: the number of its listing, and by the cell of a patient the
    group, the combination of adjusting codes and the stratum (-1: not in the analysis).

    `truth` is that of its comparison.
    """

    analysis: Analysis
    listing: int
    group: IntArray
    combination: IntArray
    stratum: IntArray
    adjusting: tuple[tuple[str, ...], ...]
    truth: float | None = None

    @property
    def combinations(self) -> tuple[tuple[str, ...], ...]:
        """Every combination of the codes of the adjusting covariates, in order."""
        return tuple(itertools.product(*self.adjusting))


def listed_described(each: Listed, null: bool) -> list[Column]:
    """The columns of an analysis of listed patients; `null`: whether what it tests is true."""
    analysis = each.analysis
    name, label = analysis.id, analysis.label.en
    limit = 1 - float(analysis.level)
    found = [Column(f"{name}/p", "p", name, label, null=null, limit=limit)]
    if analysis.estimate != "none":
        found += comparison_columns(analysis, each.truth)
    return found


def listed_columns(each: Listed, listings: Listings, raw: FloatArray) -> list[FloatArray]:
    """The values of `listed_described` in every trial; `raw` are the columns of all listings."""
    begin = each.listing * listings.each
    packed = raw[:, begin : begin + listings.each].astype(np.int64)
    inside, cells = packed >= 0, int(listings.cells[each.listing])
    cell, rest = np.where(inside, packed % cells, 0), packed // cells
    event, day = inside & (rest % 2 == 1), np.where(inside, rest // 2, 0)
    group = np.where(inside, each.group[cell], -1)
    analysis = each.analysis
    design = design_of(each, analysis)
    place, stratum = each.combination[cell], each.stratum[cell]
    known = (group >= 0) & (place >= 0) & (stratum >= 0)
    rows = np.where(known, group * len(each.combinations) + place, 0)
    effects = cox_effect_batch(
        day.astype(np.float64),
        event,
        design.rows[rows][:, :, 1:],
        np.where(known, stratum, -1),
        [column - 1 for column in design.tested],
        test=analysis.test or "wald",
    )
    present = [(group == number).any(axis=1) for number in range(len(analysis.groups))]
    comparable = np.all(present, axis=0) & (event & (group >= 0)).any(axis=1)
    found = [np.where(comparable, effects.p, np.nan)]
    if analysis.estimate != "none":
        limits = wald_limits(effects, float(analysis.level))
        limits[~comparable] = np.nan
        interval = analysis.interval != "none"
        found += estimate_values(limits, each.truth, interval=interval)
    return found
