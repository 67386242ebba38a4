"""Cores of the trial kernel after allocation: latent times, what is seen of them, comparisons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.cox_two_groups import FITTED, cox_risk_sets, cox_two_groups
from equipoise.statistics.log_rank_core import UNWEIGHTED, log_rank_sums
from equipoise.statistics.risk_table import two_group_log_rank, two_group_risks
from equipoise.statistics.trial_draws import fill_uniforms, minus_log, trial_key, uniform
from equipoise.statistics.trial_listings import list_patients
from equipoise.statistics.trial_medians import find_medians
from equipoise.statistics.trial_patients import find_rows, tie
from equipoise.statistics.trial_tables import (
    ARM,
    NEVER,
    Comparisons,
    EndPoints,
    Nodes,
    Tallies,
    Times,
    TrialTables,
    Watching,
)
from equipoise.statistics.trial_workspace import Workspace

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

DAY_BITS = 24
"""Bits of a sorting key below the day: the candidate's number, and whether it is an event."""
MANY, SCANS = 1 << 40, 4096
"""Where the numbers of chance for second missed assessments begin, and how many a candidate has."""
LAST = 1 << 38
"""A day after every other."""
LATE = 1e9
"""Days after which nothing is told apart."""


def latent_times(
    times: Times,
    nodes: Nodes,
    trial: np.uint64,
    values: IntArray,
    rows: IntArray,
    drawn: FloatArray,
    halves: FloatArray,
    latent: FloatArray,
) -> None:
    """Core: the latent times of candidates, times x candidates."""
    for kind in range(len(times.stream)):
        mine, first = latent[kind], times.first[kind]
        find_rows(times.parent[kind], times.stride[kind], values, 0, rows)
        fill_uniforms(trial_key(times.stream[kind], trial), 0, drawn)
        if times.loading[kind] != 0.0:
            tie(nodes.factor_stream, trial, times.loading[kind], 0, drawn)
        minus_log(drawn, halves, mine)
        other, delayed = times.after[kind], times.delayed_by[kind]
        if other < 0:
            for place in range(len(drawn)):
                mine[place] *= times.mean[np.uintp(first + rows[place])]
        else:
            # A unit of hazard is used up at one rate before the change, at another one after it.
            change = latent[other]
            for place in range(len(drawn)):
                before = times.mean[np.uintp(first + rows[place])]
                rest = mine[place] - change[place] / before
                later = change[place] + rest * times.mean_after[np.uintp(first + rows[place])]
                mine[place] = mine[place] * before if rest <= 0.0 else later
        if delayed >= 0:
            delays, by = times.delay[kind], values[delayed]
            for place in range(len(drawn)):
                mine[place] += delays[np.uintp(by[place])]


def seen_days(
    times: Times,
    watching: Watching,
    trial: np.uint64,
    number: int,
    latent: FloatArray,
    drawn: FloatArray,
    days: IntArray,
) -> None:
    """Core: the whole day, from 1, on which each latent time would be seen."""
    missed = trial_key(watching.missed_stream, trial)
    first, every = float(watching.first), float(max(1, watching.every))
    for kind in range(len(times.stream)):
        mine, day = latent[kind], days[kind]
        if not times.assessed[kind] or watching.every == 0:
            for place in range(number):
                day[place] = max(1, math.ceil(min(mine[place], LATE)))
            continue
        for place in range(number):
            scan = max(0.0, np.ceil((min(mine[place], LATE) - first) / every))
            day[place] = watching.first + int(scan) * watching.every
        if watching.missed > 0.0:
            fill_uniforms(missed, 0, drawn)
            for place in range(number):
                if drawn[place] < watching.missed:
                    day[place] += watching.every
                    scan = (kind + 1) * MANY + place * SCANS
                    while uniform(missed, scan) < watching.missed:
                        day[place] += watching.every
                        scan += 1


def watched_until(
    watching: Watching,
    trial: np.uint64,
    number: int,
    values: IntArray,
    randomised_on: IntArray,
    cut: int,
    assessed: IntArray,
    alive: IntArray,
) -> None:
    """Core: the last day of assessments, and that on which a death would be known."""
    for place in range(number):
        assessed[place] = cut - randomised_on[place]
        alive[place] = cut - randomised_on[place]
    if watching.leaving < 0:
        return
    key = trial_key(watching.leave_stream, trial)
    left = values[watching.leaving]
    for place in range(number):
        kind = left[place]
        if kind > 0:
            span = watching.span[kind] + 1
            day = watching.low[kind] + int(uniform(key, place) * span)
            assessed[place] = min(assessed[place], day)
            if watching.silent[kind]:
                alive[place] = min(alive[place], day)


def end_point_days(
    end_points: EndPoints,
    which: int,
    times: Times,
    watching: Watching,
    number: int,
    days: IntArray,
    assessed: IntArray,
    alive: IntArray,
    first: IntArray,
    limit: IntArray,
) -> None:
    """Core: day of one end point of each candidate, and where it would be censored.

    `first` is NEVER where there is no event in time.
    """
    last = assessed if end_points.at_assessment[which] else alive
    for place in range(number):
        first[place] = NEVER
        limit[place] = last[place]
    for kind in range(len(times.assessed)):
        if end_points.sources[which, kind]:
            until, day = assessed if times.assessed[kind] else alive, days[kind]
            for place in range(number):
                if day[place] <= until[place]:
                    first[place] = min(first[place], day[place])
    if end_points.ended_by[which] >= 0:
        ends = days[end_points.ended_by[which]]
        for place in range(number):
            limit[place] = min(limit[place], ends[place])
    if end_points.at_assessment[which] and watching.every > 0:
        every = float(watching.every)
        for place in range(number):
            scans = math.floor((limit[place] - watching.first) / every)
            limit[place] = watching.first + scans * watching.every if scans >= 0 else 1


def by_day(number: int, keys: IntArray, spare: IntArray, starts: IntArray) -> bool:
    """Core: sort `keys` by their day (radix sort); True if the result is in `spare`.

    The cost for a patient does not grow with the number of patients.
    """
    most = 0
    for place in range(number):
        most = max(most, keys[place])
    bits = 6 if number < 600 else 11
    mask = (1 << bits) - 1
    shift, swapped = DAY_BITS, False
    while most >> shift > 0:
        one, two = (spare, keys) if swapped else (keys, spare)
        for digit in range(mask + 2):
            starts[digit] = 0
        for place in range(number):
            starts[np.uintp(((one[place] >> shift) & mask) + 1)] += 1
        below = 0
        for digit in range(mask + 1):
            below += starts[digit]
            starts[digit] = below
        for place in range(number):
            own = np.uintp((one[place] >> shift) & mask)
            two[np.uintp(starts[own])] = one[place]
            starts[own] += 1
        shift += bits
        swapped = not swapped
    return swapped


def tally(
    tallies: Tallies,
    who: IntArray,
    number: int,
    values: IntArray,
    rows: IntArray,
    out: FloatArray,
) -> None:
    """Core: count the randomised patients, each table into its columns of `out`."""
    for table in range(len(tallies.base)):
        find_rows(tallies.parent[table], tallies.stride[table], values, 0, rows)
        base = tallies.base[table]
        for place in range(number):
            out[np.uintp(base + rows[np.uintp(who[place])])] += 1.0


def compare(
    comparisons: Comparisons,
    which: int,
    arms: int,
    number: int,
    values: IntArray,
    order: IntArray,
    days: IntArray,
    events: BoolArray,
    cells: IntArray,
    times: IntArray,
    happened: BoolArray,
    groups: IntArray,
    layered: IntArray,
    risks: FloatArray,
    out: FloatArray,
) -> None:
    """Core: the columns of one comparison. `days`, `events`, `order` and `cells` are sorted by day;
    a cell is status x arms + arm."""
    group = comparisons.group[which]
    inside = at_second = 0
    for place in range(number):
        mine = group[np.uintp(cells[place])]
        groups[inside] = mine
        times[inside], happened[inside] = days[place], events[place]
        inside += int(mine == 0 or mine == 1)
        at_second += int(mine == 1)
    rows, died, died_second = 0, 0.0, 0.0
    for level in range(comparisons.layers[which]):
        before, chosen = rows, groups
        if comparisons.layer[which] >= 0:
            layer, chosen = values[comparisons.layer[which]], layered
            member = 0
            for place in range(number):
                mine = group[np.uintp(cells[place])]
                layered[member] = mine if layer[np.uintp(order[place])] == level else -1
                member += int(mine == 0 or mine == 1)
        rows = two_group_risks(
            times[:inside], happened[:inside], chosen, rows, risks[0], risks[1], risks[2],
            risks[3],
        )  # fmt: skip
        difference, variance = two_group_log_rank(
            before, rows, risks[0], risks[1], risks[2], risks[3]
        )
        out[4] += difference
        out[5] += variance
    for row in range(rows):
        died += risks[0, row]
        died_second += risks[1, row]
    out[0], out[1] = inside - at_second, at_second
    out[2], out[3] = died - died_second, died_second
    out[6] = out[7] = np.nan
    if comparisons.cox[which]:
        count = cox_risk_sets(
            rows, True, risks[0], risks[1], risks[2], risks[3], risks[4], risks[5]
        )
        # The first group against the second, as in the plan of an analysis.
        beta, information, state = cox_two_groups(count, out[2], risks[5], risks[4], risks[0])
        if state == FITTED:
            out[6], out[7] = beta, information


def compare_many(
    comparisons: Comparisons,
    which: int,
    arms: int,
    number: int,
    values: IntArray,
    order: IntArray,
    days: IntArray,
    events: BoolArray,
    groups: IntArray,
    room: FloatArray,
    out: FloatArray,
) -> None:
    """Core: the columns of a comparison of more than two groups, by the log-rank test."""
    many = comparisons.groups[which]
    status, arm = values[comparisons.status[which]], values[ARM]
    for place in range(number):
        group = comparisons.group[which, status[order[place]] * arms + arm[order[place]]]
        groups[place] = group
        if group >= 0:
            out[group] += 1.0
            out[many + group] += 1.0 if events[place] else 0.0
    room[:, :] = 0.0
    observed, expected, variance = room[3, :many], room[4, :many], room[5:, :many]
    log_rank_sums(
        days[:number], events[:number], groups[:number], UNWEIGHTED, 0.0, 0.0,
        observed, expected, variance, room,
    )  # fmt: skip
    for one in range(many):
        out[2 * many + one] = observed[one] - expected[one]
        for other in range(many):
            out[(3 + one) * many + other] = variance[one, other]


def in_order(
    tables: TrialTables, work: Workspace, which: int, number: int, screened: int, day: int
) -> int:
    """Core: those who were randomised by a day, sorted by their days of an end point; how many.

    `work.scratch` then has the candidates in row 4, their days in row 5, and `work.events` whether
    each is an event in row 0.
    """
    scratch, who, on, events = work.scratch, work.who, work.on, work.events
    keys, spare = scratch[2], scratch[3]
    end_point_days(
        tables.end_points, which, tables.times, tables.watching, screened, work.days,
        work.until[0], work.until[1], scratch[0], scratch[1],
    )  # fmt: skip
    there = 0
    for place in range(number):
        candidate = np.uintp(who[place])
        if on[candidate] <= day:
            first, limit = scratch[0, candidate], scratch[1, candidate]
            event = first < NEVER
            own = first if event else max(1, limit)
            keys[there] = (own << DAY_BITS) | (who[place] << 1) | np.int64(event)
            there += 1
    found = spare if by_day(there, keys, spare, work.starts) else keys
    for place in range(there):
        scratch[5, place] = found[place] >> DAY_BITS
        scratch[4, place] = (found[place] >> 1) & ((1 << (DAY_BITS - 1)) - 1)
        events[0, place] = (found[place] & 1) == 1
    return there


def compare_all(
    tables: TrialTables, work: Workspace, number: int, screened: int, out: FloatArray
) -> None:
    """Core: all comparisons, listings and medians, end point by end point; each sorted once."""
    end_points, comparisons, arms = tables.end_points, tables.comparisons, tables.arms
    scratch, events = work.scratch, work.events
    order, sorted_ = scratch[4], scratch[5]
    for which in range(len(end_points.ended_by)):
        in_order(tables, work, which, number, screened, LAST)
        told = -1
        for comparison in range(len(comparisons.end_point)):
            if comparisons.end_point[comparison] != which:
                continue
            if comparisons.status[comparison] != told:
                told = comparisons.status[comparison]
                status, arm = work.values[told], work.values[ARM]
                for place in range(number):
                    candidate = np.uintp(order[place])
                    scratch[1, place] = status[candidate] * arms + arm[candidate]
            mine = out[comparisons.base[comparison] :]
            if comparisons.groups[comparison] > 2:
                compare_many(
                    comparisons, comparison, arms, number, work.values, order, sorted_, events[0],
                    scratch[6], work.many, mine,
                )  # fmt: skip
            else:
                compare(
                    comparisons, comparison, arms, number, work.values, order, sorted_, events[0],
                    scratch[1], scratch[0], events[1], scratch[6], scratch[7], work.risks, mine,
                )  # fmt: skip
        list_patients(tables, work, which, number, screened, out)
        find_medians(tables, work, which, number, out)
