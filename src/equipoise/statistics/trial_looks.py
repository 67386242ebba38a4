"""Cores of the trial kernel that look at a trial before its end.

A look counts and compares what is known on its day by the cores of the analysis at the end. It
comes in any case, whether or not an earlier one would have stopped the trial: stopping is decided
afterwards, from the statistics of all looks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.trial_outcomes import (
    DAY_BITS,
    LAST,
    by_day,
    compare,
    in_order,
    watched_until,
)
from equipoise.statistics.trial_patients import find_rows
from equipoise.statistics.trial_tables import (
    ARM,
    CALENDAR,
    EVALUABLE,
    EVENTS,
    LAST_DAY,
    LOOK_DAY,
    LOOK_KNOWN,
    LOOK_RANDOMISED,
    LOOKED,
    RANDOMISED,
    TrialTables,
)
from equipoise.statistics.trial_workspace import Workspace

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def look_all(
    tables: TrialTables,
    work: Workspace,
    trial: np.uint64,
    screened: int,
    mine: FloatArray,
) -> None:
    """Core: every look before the end, each into its columns of `mine`."""
    number = int(mine[RANDOMISED])
    looks = tables.looks
    end = int(mine[LAST_DAY]) + tables.accrual.follow_up
    days = 0
    if looks.waits != CALENDAR:
        days = waited_for(tables, work, number, screened)
    for look in range(len(looks.counts)):
        out = mine[looks.base + look * (LOOKED + looks.each) :]
        out[LOOK_DAY] = -1.0
        day = looks.counts[look]
        if looks.waits != CALENDAR:
            day = work.waited[day - 1] if day <= days else end
        if day >= end:
            continue
        out[LOOK_DAY] = day
        there = 0
        for place in range(number):
            there += int(work.on[np.uintp(work.who[place])] <= day)
        out[LOOK_RANDOMISED] = there
        if looks.comparison >= 0:
            look_at_times(tables, work, trial, number, screened, day, out)
        else:
            look_at_counts(tables, work, number, screened, day, out)


def waited_for(tables: TrialTables, work: Workspace, number: int, screened: int) -> int:
    """Core: the days, in order, on which each of what is waited for comes; how many do.

    They are left in `work.waited`.
    """
    looks = tables.looks
    keys, spare = work.scratch[2], work.scratch[3]
    there = 0
    if looks.waits == EVENTS:
        which = tables.comparisons.end_point[looks.comparison]
        known = in_order(tables, work, which, number, screened, LAST)
        status = work.values[tables.comparisons.status[looks.comparison]]
        group = tables.comparisons.group[looks.comparison]
        for place in range(known):
            candidate = np.uintp(work.scratch[4, place])
            own = group[np.uintp(status[candidate] * tables.arms + work.values[ARM, candidate])]
            if work.events[0, place] and own >= 0:
                day = work.on[candidate] + work.scratch[5, place]
                keys[there] = day << DAY_BITS
                there += 1
    else:
        rows, after = work.scratch[0, :screened], 0
        if looks.waits == EVALUABLE:
            after = looks.known_after
            parents, strides = tables.tallies.parent, tables.tallies.stride
            find_rows(parents[looks.table], strides[looks.table], work.values, 0, rows)
        for place in range(number):
            candidate = np.uintp(work.who[place])
            if looks.waits != EVALUABLE or looks.member[np.uintp(rows[candidate])]:
                keys[there] = (work.on[candidate] + after) << DAY_BITS
                there += 1
    found = spare if by_day(there, keys, spare, work.starts) else keys
    for place in range(there):
        work.waited[place] = found[place] >> DAY_BITS
    return there


def look_at_counts(
    tables: TrialTables, work: Workspace, number: int, screened: int, day: int, out: FloatArray
) -> None:
    """Core: the counts of those whose outcome is known on this day."""
    looks, rows = tables.looks, work.scratch[0, :screened]
    parents, strides = tables.tallies.parent, tables.tallies.stride
    find_rows(parents[looks.table], strides[looks.table], work.values, 0, rows)
    known = 0
    for place in range(number):
        candidate = np.uintp(work.who[place])
        if work.on[candidate] + looks.known_after <= day:
            row = np.uintp(rows[candidate])
            out[np.uintp(LOOKED) + row] += 1.0
            known += int(looks.member[row])
    out[LOOK_KNOWN] = known


def look_at_times(
    tables: TrialTables,
    work: Workspace,
    trial: np.uint64,
    number: int,
    screened: int,
    day: int,
    out: FloatArray,
) -> None:
    """Core: the comparison of what was seen by this day."""
    comparisons, which = tables.comparisons, tables.looks.comparison
    scratch, arms = work.scratch, tables.arms
    watched_until(
        tables.watching, trial, screened, work.values, work.on, day, work.until[0], work.until[1]
    )
    there = in_order(tables, work, comparisons.end_point[which], number, screened, day)
    status = work.values[comparisons.status[which]]
    for place in range(there):
        candidate = np.uintp(scratch[4, place])
        scratch[1, place] = status[candidate] * arms + work.values[ARM, candidate]
    mine = out[LOOKED:]
    compare(
        comparisons, which, arms, there, work.values, scratch[4], scratch[5], work.events[0],
        scratch[1], scratch[0], work.events[1], scratch[6], scratch[7], work.risks, mine,
    )  # fmt: skip
    out[LOOK_KNOWN] = mine[2] + mine[3]
