"""Cores of the trial kernel that make patients: arrivals and variables.

`values` has a row for each variable and a column for each candidate; draws are numbered by
candidate, so that a patient is the same whoever comes before. Loops run over patients inside, over
nodes outside: the inner ones are plain enough for the processor to take several at once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.trial_draws import (
    fill_uniforms,
    minus_log,
    normal_quantile_core,
    normal_share,
    trial_key,
    uniform,
)
from equipoise.statistics.trial_tables import Accrual, Effects, Nodes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_WIDE = 6
"""Categories from which they are sought rather than counted."""


def arrive(
    accrual: Accrual,
    trial: np.uint64,
    begin: int,
    reached: float,
    period: IntArray,
    days: IntArray,
    drawn: FloatArray,
    halves: FloatArray,
    gaps: FloatArray,
) -> float:
    """Core: days of randomisation and periods of candidates; the intensity used up.

    A Poisson process: unit exponential gaps on the scale of the accumulated rate.
    """
    fill_uniforms(trial_key(accrual.stream, trial), begin, drawn)
    minus_log(drawn, halves, gaps)
    place, start, used = 0, 0.0, 0.0
    last = len(accrual.rate) - 1
    rate, until = accrual.rate[0], accrual.until[0]
    for candidate in range(len(days)):
        reached += gaps[candidate]
        while place < last and used + (until - start) * rate < reached:
            used += (until - start) * rate
            start = until
            place += 1
            rate, until = accrual.rate[place], accrual.until[place]
        period[candidate] = place
        days[candidate] = int(start + (reached - used) / rate) + accrual.delay_low
    if accrual.delay_span > 0:
        fill_uniforms(trial_key(accrual.delay_stream, trial), begin, drawn)
        for candidate in range(len(days)):
            days[candidate] += int(drawn[candidate] * (accrual.delay_span + 1))
    return reached


def shifted_weights(
    nodes: Nodes,
    effects: Effects,
    trial: np.uint64,
    cumulative: FloatArray,
    factors: FloatArray,
    shifts: FloatArray,
) -> None:
    """Core: this trial's probabilities of the node whose probabilities differ between trials.

    `factors` and `shifts` are room for one number a category each.
    """
    width = nodes.width[effects.node]
    own = trial_key(effects.stream, trial)
    groups = trial_key(effects.group_stream, trial)
    place = nodes.first[effects.node]
    for category in range(width - 1):
        shifts[category] = 0.0
        if effects.between_trials > 0.0:
            drawn = normal_quantile_core(uniform(own, category))
            shifts[category] = effects.between_trials * drawn
    for group in range(effects.groups):
        for category in range(width - 1):
            shift = shifts[category]
            if effects.between_groups > 0.0:
                drawn = normal_quantile_core(uniform(groups, group * width + category))
                shift += effects.between_groups * drawn
            factors[category] = math.exp(shift)
        for row in range(group * effects.rows, (group + 1) * effects.rows):
            total = effects.weight[row, width - 1]
            for category in range(width - 1):
                total += effects.weight[row, category] * factors[category]
            below = 0.0
            for category in range(width - 1):
                below += effects.weight[row, category] * factors[category] / total
                cumulative[place] = below
                place += 1


def find_rows(
    parent: IntArray, stride: IntArray, values: IntArray, begin: int, rows: IntArray
) -> bool:
    """Core: the rows that the parents of patients from `begin` on point at; False if there are no
    parents."""
    end = begin + len(rows)
    if parent[0] < 0:
        for place in range(len(rows)):
            rows[place] = 0
        return False
    own, step = values[parent[0]][begin:end], stride[0]
    if parent[1] < 0:
        for place in range(len(rows)):
            rows[place] = own[place] * step
        return True
    other, stride_of_other = values[parent[1]][begin:end], stride[1]
    for place in range(len(rows)):
        rows[place] = own[place] * step + other[place] * stride_of_other
    for slot in range(2, len(parent)):
        if parent[slot] < 0:
            break
        more, step = values[parent[slot]][begin:end], stride[slot]
        for place in range(len(rows)):
            rows[place] += more[place] * step
    return True


def make_variables(
    nodes: Nodes,
    trial: np.uint64,
    begin_node: int,
    end_node: int,
    begin: int,
    cumulative: FloatArray,
    values: IntArray,
    rows: IntArray,
    drawn: FloatArray,
) -> None:
    """Core: the variables of some nodes for candidates from number `begin` on, as many as `rows`
    has room for."""
    for node in range(begin_node, end_node):
        width, first = nodes.width[node], nodes.first[node]
        made = values[nodes.variable[node]][begin : begin + len(rows)]
        found = find_rows(nodes.parent[node], nodes.stride[node], values, begin, rows)
        if width == 0:
            for place in range(len(rows)):
                made[place] = nodes.value[np.uintp(first + rows[place])]
            continue
        fill_uniforms(trial_key(nodes.stream[node], trial), begin, drawn)
        if nodes.loading[node] != 0.0:
            tie(nodes.factor_stream, trial, nodes.loading[node], begin, drawn)
        if width > _WIDE:
            search(width - 1, first, cumulative, rows, drawn, made)
            continue
        for step in range(first, first + width - 1):
            if not found:
                limit = cumulative[step]
                for place in range(len(rows)):
                    above = np.int64(drawn[place] >= limit)
                    made[place] = above if step == first else made[place] + above
            elif step == first:
                for place in range(len(rows)):
                    limit = cumulative[np.uintp(step + rows[place] * (width - 1))]
                    made[place] = np.int64(drawn[place] >= limit)
            else:
                for place in range(len(rows)):
                    limit = cumulative[np.uintp(step + rows[place] * (width - 1))]
                    made[place] += np.int64(drawn[place] >= limit)


def search(
    steps: int,
    first: int,
    cumulative: FloatArray,
    rows: IntArray,
    drawn: FloatArray,
    made: IntArray,
) -> None:
    """Core: the category of each patient where there are many, sought from a likely one."""
    for place in range(len(rows)):
        limits, u = first + rows[place] * steps, drawn[place]
        category = int(u * (steps + 1))
        while category > 0 and u < cumulative[np.uintp(limits + category - 1)]:
            category -= 1
        while category < steps and u >= cumulative[np.uintp(limits + category)]:
            category += 1
        made[place] = category


def tie(stream: np.uint64, trial: np.uint64, loading: float, begin: int, drawn: FloatArray) -> None:
    """Core: uniform numbers tied to the patient's factor, a Gaussian copula; still uniform.

    u becomes Phi(a W + sqrt(1 - a^2) z), where z = Phi^-1(u) and W is the patient's own normal
    number; two draws with loadings a and b are correlated by a b on the normal scale.
    """
    key = trial_key(stream, trial)
    rest = math.sqrt(1.0 - loading * loading)
    for place in range(len(drawn)):
        factor = normal_quantile_core(uniform(key, begin + place))
        drawn[place] = normal_share(loading * factor + rest * normal_quantile_core(drawn[place]))
