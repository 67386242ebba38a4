"""A core of the trial kernel: patients one by one, for analyses that no sum answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.trial_patients import find_rows
from equipoise.statistics.trial_tables import TrialTables
from equipoise.statistics.trial_workspace import Workspace

FloatArray = NDArray[np.float64]


def list_patients(
    tables: TrialTables, work: Workspace, which: int, number: int, screened: int, out: FloatArray
) -> None:
    """Core: the listings of one end point, by which `work` has the patients in order.

    `out` begins with the comparisons, which the listings follow.
    """
    listings, scratch, events = tables.listings, work.scratch, work.events
    order, days = scratch[4], scratch[5]
    for listing in range(len(listings.end_point)):
        if listings.end_point[listing] != which:
            continue
        rows, cells = scratch[0][:screened], listings.cells[listing]
        find_rows(listings.parent[listing], listings.stride[listing], work.values, 0, rows)
        base = tables.comparisons.columns + listing * listings.each
        for place in range(number):
            told = (days[place] << 1) | np.int64(events[0, place])
            out[base + place] = float(told * cells + rows[np.uintp(order[place])])
        for place in range(number, listings.each):
            out[base + place] = -1.0
