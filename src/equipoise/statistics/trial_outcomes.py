"""Cores of the trial kernel after allocation: latent times, what is seen of them, comparisons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.cox_two_groups import FITTED, cox_risk_sets, cox_two_groups
from equipoise.statistics.risk_table import two_group_log_rank, two_group_risks
from equipoise.statistics.trial_draws import trial_key, uniform
from equipoise.statistics.trial_patients import tied
from equipoise.statistics.trial_tables import (
    ARM,
    COMPARED,
    NEVER,
    Comparisons,
    EndPoints,
    Nodes,
    Tallies,
    Times,
    Watching,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def latent_times(
    times: Times,
    nodes: Nodes,
    trial: np.uint64,
    who: IntArray,
    number: int,
    values: IntArray,
    rows: IntArray,
    drawn: FloatArray,
    latent: FloatArray,
) -> None:
    """Core: the latent times of the first `number` of `who`, times x patients."""
    for kind in range(len(times.stream)):
        for place in range(number):
            rows[place] = times.first[kind]
        for slot in range(times.parent.shape[1]):
            parent, stride = times.parent[kind, slot], times.stride[kind, slot]
            if parent >= 0:
                for place in range(number):
                    rows[place] += values[parent, who[place]] * stride
        key = trial_key(times.stream[kind], trial)
        for place in range(number):
            drawn[place] = uniform(key, who[place])
        if times.loading[kind] != 0.0:
            tied(nodes.factor_stream, trial, times.loading[kind], who, 0, number, drawn)
        other, delayed = times.after[kind], times.delayed_by[kind]
        for place in range(number):
            latent[kind, place] = -math.log(drawn[place]) * times.mean[rows[place]]
        if other >= 0:
            for place in range(number):
                change, time = latent[other, place], latent[kind, place]
                if time > change:
                    share = (time - change) / times.mean[rows[place]]
                    latent[kind, place] = change + share * times.mean_after[rows[place]]
        if delayed >= 0:
            for place in range(number):
                latent[kind, place] += times.delay[kind, values[delayed, who[place]]]


def seen_days(
    times: Times,
    watching: Watching,
    trial: np.uint64,
    who: IntArray,
    number: int,
    latent: FloatArray,
    days: IntArray,
) -> None:
    """Core: the whole day, from 1, on which each latent time would be seen."""
    missed = trial_key(watching.missed_stream, trial)
    for kind in range(len(times.stream)):
        if times.assessed[kind] and watching.every > 0:
            for place in range(number):
                day = math.ceil(latent[kind, place])
                scan = max(0, -((watching.first - day) // watching.every))
                if watching.missed > 0.0:
                    while (
                        scan < 4096 and uniform(missed, who[place] * 4096 + scan) < watching.missed
                    ):
                        scan += 1
                days[kind, place] = watching.first + scan * watching.every
        else:
            for place in range(number):
                days[kind, place] = max(1, math.ceil(latent[kind, place]))


def watched_until(
    watching: Watching,
    trial: np.uint64,
    who: IntArray,
    number: int,
    values: IntArray,
    randomised_on: IntArray,
    cut: int,
    assessed: IntArray,
    alive: IntArray,
) -> None:
    """Core: the last day of assessments, and that on which a death would be known."""
    for place in range(number):
        assessed[place] = alive[place] = cut - randomised_on[who[place]]
    if watching.leaving < 0:
        return
    key = trial_key(watching.leave_stream, trial)
    for place in range(number):
        kind = values[watching.leaving, who[place]]
        if kind > 0:
            span = watching.span[kind] + 1
            day = watching.low[kind] + int(uniform(key, who[place]) * span)
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
    day: IntArray,
    event: BoolArray,
) -> None:
    """Core: day and event of one end point for each patient."""
    ended = end_points.ended_by[which]
    for place in range(number):
        first = NEVER
        for kind in range(len(times.assessed)):
            if end_points.sources[which, kind]:
                last = assessed[place] if times.assessed[kind] else alive[place]
                if days[kind, place] <= last:
                    first = min(first, days[kind, place])
        limit = assessed[place] if end_points.at_assessment[which] else alive[place]
        if ended >= 0:
            limit = min(limit, days[ended, place])
        if end_points.at_assessment[which] and watching.every > 0:
            scans = (limit - watching.first) // watching.every
            limit = watching.first + scans * watching.every if scans >= 0 else 1
        event[place] = first < NEVER
        day[place] = first if first < NEVER else max(1, limit)


def by_day(day: IntArray, number: int, order: IntArray, spare: IntArray, starts: IntArray) -> None:
    """Core: the patients in order of `day`, those of one day in order of number (radix sort).

    The cost for a patient does not grow with their number.
    """
    most = 0
    for place in range(number):
        order[place] = place
        most = max(most, day[place])
    bits = 6 if number < 600 else 12
    mask = (1 << bits) - 1
    shift = 0
    while most >> shift > 0:
        for digit in range(mask + 2):
            starts[digit] = 0
        for place in range(number):
            starts[((day[place] >> shift) & mask) + 1] += 1
        for digit in range(mask + 1):
            starts[digit + 1] += starts[digit]
        for place in range(number):
            patient = order[place]
            digit = (day[patient] >> shift) & mask
            spare[starts[digit]] = patient
            starts[digit] += 1
        for place in range(number):
            order[place] = spare[place]
        shift += bits


def tally(
    tallies: Tallies, who: IntArray, number: int, values: IntArray, rows: IntArray, out: FloatArray
) -> None:
    """Core: count the randomised patients, each table into its columns of `out`."""
    for table in range(len(tallies.base)):
        for place in range(number):
            rows[place] = tallies.base[table]
        for slot in range(tallies.parent.shape[1]):
            parent, stride = tallies.parent[table, slot], tallies.stride[table, slot]
            if parent >= 0:
                for place in range(number):
                    rows[place] += values[parent, who[place]] * stride
        for place in range(number):
            out[rows[place]] += 1.0


def compare(
    comparisons: Comparisons,
    which: int,
    arms: int,
    who: IntArray,
    number: int,
    values: IntArray,
    order: IntArray,
    days: IntArray,
    events: BoolArray,
    groups: IntArray,
    layered: IntArray,
    risks: FloatArray,
    out: FloatArray,
) -> None:
    """Core: the columns of one comparison. `days`, `events` and `order` are sorted by day."""
    status, layer = comparisons.status[which], comparisons.layer[which]
    for place in range(number):
        candidate = who[order[place]]
        cell = values[status, candidate] * arms + values[ARM, candidate]
        group = comparisons.group[which, cell]
        layered[place] = group
        if group == 0 or group == 1:
            out[group] += 1.0
            if events[place]:
                out[2 + group] += 1.0
    rows = 0
    for level in range(comparisons.layers[which]):
        before = rows
        for place in range(number):
            inside = layer < 0 or values[layer, who[order[place]]] == level
            groups[place] = layered[place] if inside else -1
        rows = two_group_risks(
            days[:number], events[:number], groups, rows, risks[0], risks[1], risks[2], risks[3]
        )
        difference, variance = two_group_log_rank(
            before, rows, risks[0], risks[1], risks[2], risks[3]
        )
        out[4] += difference
        out[5] += variance
    out[6] = out[7] = np.nan
    if comparisons.cox[which]:
        count = cox_risk_sets(
            rows, True, risks[0], risks[1], risks[2], risks[3], risks[4], risks[5]
        )
        # The first group against the second, as in the plan of an analysis.
        beta, information, state = cox_two_groups(count, out[2], risks[5], risks[4])
        if state == FITTED:
            out[6], out[7] = beta, information


def compare_all(
    comparisons: Comparisons,
    end_points: EndPoints,
    times: Times,
    watching: Watching,
    arms: int,
    who: IntArray,
    number: int,
    values: IntArray,
    days: IntArray,
    assessed: IntArray,
    alive: IntArray,
    scratch: IntArray,
    flags: BoolArray,
    starts: IntArray,
    risks: FloatArray,
    out: FloatArray,
) -> None:
    """Core: every comparison, one end point after another; each end point is sorted once."""
    day, order, spare, sorted_ = scratch[0], scratch[1], scratch[2], scratch[3]
    for which in range(len(end_points.ended_by)):
        end_point_days(
            end_points, which, times, watching, number, days, assessed, alive, day, flags[0]
        )
        by_day(day, number, order, spare, starts)
        for place in range(number):
            sorted_[place] = day[order[place]]
            flags[1][place] = flags[0][order[place]]
        for comparison in range(len(comparisons.end_point)):
            if comparisons.end_point[comparison] == which:
                compare(
                    comparisons, comparison, arms, who, number, values, order, sorted_, flags[1],
                    scratch[4], scratch[5], risks,
                    out[COMPARED * comparison : COMPARED * (comparison + 1)],
                )  # fmt: skip
