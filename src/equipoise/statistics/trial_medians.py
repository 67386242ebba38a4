"""A core of the trial kernel: median times, found while the patients are in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.survival_quantile_batch import quantiles_of_groups
from equipoise.statistics.trial_tables import ARM, TrialTables
from equipoise.statistics.trial_workspace import Workspace

FloatArray = NDArray[np.float64]


def find_medians(
    tables: TrialTables, work: Workspace, which: int, number: int, out: FloatArray
) -> None:
    """Core: the medians of one end point, by which `work` has the patients in order.

    `out` begins with the comparisons, which listings and medians follow.
    """
    medians, listings, scratch = tables.medians, tables.listings, work.scratch
    order, groups = scratch[4], scratch[0]
    begin = tables.comparisons.columns + len(listings.end_point) * listings.each
    for one in range(len(medians.end_point)):
        if medians.end_point[one] != which:
            continue
        status, arm, arms = work.values[medians.status[one]], work.values[ARM], tables.arms
        group = medians.group[one]
        for place in range(number):
            candidate = np.uintp(order[place])
            groups[place] = group[np.uintp(status[candidate] * arms + arm[candidate])]
        quantiles_of_groups(
            scratch[5, :number], work.events[0, :number], groups, medians.groups[one],
            medians.unit[one], 0.5, medians.z[one], medians.bounds, scratch[6], scratch[7],
            work.ends, work.begun, out[begin + medians.base[one] :],
        )  # fmt: skip
