"""Cores of the trial kernel that make patients: arrivals, variables, allocation.

`values` has a row for each variable and a column for each candidate; draws are numbered by
candidate, so that a patient is the same whoever comes before. Loops run over patients inside, over
nodes outside: the inner ones are plain enough for the processor to take several at once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.allocation import _fill_block
from equipoise.statistics.minimisation import _drawn_slot, _imbalances
from equipoise.statistics.trial_draws import (
    fill_words,
    normal_quantile_core,
    normal_share,
    trial_key,
    uniform,
)
from equipoise.statistics.trial_tables import (
    ARM,
    FIRST_NODE,
    PERIOD,
    Accrual,
    Effects,
    Nodes,
    Randomisation,
)

UInt64Array = NDArray[np.uint64]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def arrive(
    accrual: Accrual,
    trial: np.uint64,
    begin: int,
    end: int,
    reached: float,
    values: IntArray,
    days: IntArray,
) -> float:
    """Core: days of randomisation and periods of candidates; the intensity used up.

    A Poisson process: unit exponential gaps on the scale of the accumulated rate.
    """
    key = trial_key(accrual.stream, trial)
    late = trial_key(accrual.delay_stream, trial)
    period, start, used = 0, 0.0, 0.0
    last = len(accrual.rate) - 1
    for candidate in range(begin, end):
        reached -= math.log(uniform(key, candidate))
        while (
            period < last
            and used + (accrual.until[period] - start) * accrual.rate[period] < reached
        ):
            used += (accrual.until[period] - start) * accrual.rate[period]
            start = accrual.until[period]
            period += 1
        day = int(start + (reached - used) / accrual.rate[period]) + accrual.delay_low
        if accrual.delay_span > 0:
            day += int(uniform(late, candidate) * (accrual.delay_span + 1))
        values[PERIOD, candidate] = period
        days[candidate] = day
    return reached


def shifted_weights(
    nodes: Nodes, effects: Effects, trial: np.uint64, cumulative: FloatArray
) -> None:
    """Core: this trial's probabilities of the node whose probabilities differ between trials."""
    width = nodes.width[effects.node]
    own = trial_key(effects.stream, trial)
    groups = trial_key(effects.group_stream, trial)
    place = nodes.first[effects.node]
    row = 0
    for group in range(effects.groups):
        for _ in range(effects.rows):
            total = 0.0
            for category in range(width):
                weight = effects.weight[row, category]
                if category < width - 1:
                    shift = 0.0
                    if effects.between_trials > 0.0:
                        shift += effects.between_trials * normal_quantile_core(
                            uniform(own, category)
                        )
                    if effects.between_groups > 0.0:
                        number = group * width + category
                        shift += effects.between_groups * normal_quantile_core(
                            uniform(groups, number)
                        )
                    weight *= math.exp(shift)
                    cumulative[place + category] = weight
                total += weight
            below = 0.0
            for category in range(width - 1):
                below += cumulative[place + category] / total
                cumulative[place + category] = below
            place += width - 1
            row += 1


def make_variables(
    nodes: Nodes,
    trial: np.uint64,
    begin_node: int,
    end_node: int,
    who: IntArray,
    begin: int,
    end: int,
    cumulative: FloatArray,
    values: IntArray,
    rows: IntArray,
    drawn: FloatArray,
) -> None:
    """Core: the variables of some nodes for the candidates `who[begin:end]`."""
    for node in range(begin_node, end_node):
        variable, width, first = FIRST_NODE + node, nodes.width[node], nodes.first[node]
        for place in range(begin, end):
            rows[place] = 0
        for slot in range(nodes.parent.shape[1]):
            parent, stride = nodes.parent[node, slot], nodes.stride[node, slot]
            if parent >= 0:
                for place in range(begin, end):
                    rows[place] += values[parent, who[place]] * stride
        if width == 0:
            for place in range(begin, end):
                values[variable, who[place]] = nodes.value[first + rows[place]]
            continue
        key = trial_key(nodes.stream[node], trial)
        if width == 1:
            for place in range(begin, end):
                values[variable, who[place]] = 0
            continue
        for place in range(begin, end):
            drawn[place] = uniform(key, who[place])
        if nodes.loading[node] != 0.0:
            tied(nodes.factor_stream, trial, nodes.loading[node], who, begin, end, drawn)
        for place in range(begin, end):
            limit = first + rows[place] * (width - 1)
            category = 0
            for step in range(width - 1):
                category += 1 if drawn[place] >= cumulative[limit + step] else 0
            values[variable, who[place]] = category


def tied(
    stream: np.uint64,
    trial: np.uint64,
    loading: float,
    who: IntArray,
    begin: int,
    end: int,
    drawn: FloatArray,
) -> None:
    """Core: uniform numbers tied to the patient's factor, a Gaussian copula; still uniform.

    u becomes Phi(a W + sqrt(1 - a^2) z), where z = Phi^-1(u) and W is the patient's own normal
    number; two draws with loadings a and b are correlated by a b on the normal scale.
    """
    key = trial_key(stream, trial)
    rest = math.sqrt(1.0 - loading * loading)
    for place in range(begin, end):
        factor = normal_quantile_core(uniform(key, who[place]))
        drawn[place] = normal_share(loading * factor + rest * normal_quantile_core(drawn[place]))


def allocate_in_turn(
    plan: Randomisation,
    trial: np.uint64,
    begin: int,
    end: int,
    values: IntArray,
    who: IntArray,
    randomised: int,
    place_in_block: IntArray,
    block_arms: IntArray,
    words: UInt64Array,
) -> int:
    """Core: arms of the candidates from `begin` that have a stratum; `who` lists them.

    `place_in_block` has for each stratum the next block, the size of the present one, and the place
    in it. Returns how many are randomised then, or -1 - stratum if a block's words ran out.
    """
    for candidate in range(begin, end):
        stratum = values[plan.stratum, candidate]
        if stratum < 0:
            continue
        state = place_in_block[stratum]
        if state[2] == state[1]:
            limit = plan.limits[stratum]
            fill_words(trial_key(plan.stream[stratum], trial), state[0] * limit, words[:limit])
            size, _ = _fill_block(
                words[:limit],
                plan.kinds[stratum],
                plan.ratios[stratum],
                plan.sizes[stratum, : plan.choices[stratum]],
                block_arms[stratum],
            )
            if size < 0:
                return int(-1 - stratum)
            state[0], state[1], state[2] = state[0] + 1, size, 0
        values[ARM, candidate] = block_arms[stratum, state[2]]
        state[2] += 1
        who[randomised] = candidate
        randomised += 1
    return randomised


def minimise_in_turn(
    plan: Randomisation,
    trial: np.uint64,
    begin: int,
    end: int,
    values: IntArray,
    who: IntArray,
    randomised: int,
    numbers: IntArray,
    counts: IntArray,
    imbalance: IntArray,
    words: UInt64Array,
) -> int:
    """Core: as `allocate_in_turn`, by minimisation; `counts`: strata x factors x levels x arms."""
    mine = np.empty(len(plan.factors), np.int64)
    for candidate in range(begin, end):
        stratum = values[plan.stratum, candidate]
        if stratum < 0:
            continue
        for factor in range(len(mine)):
            mine[factor] = values[plan.factors[factor], candidate]
        width, limit = plan.slots[stratum], plan.limits[stratum]
        here, wanted = counts[stratum, :, :, :width], imbalance[:width]
        _imbalances(here, mine, plan.weights[stratum], plan.codes[stratum], wanted)
        number = numbers[stratum, 0]
        fill_words(trial_key(plan.stream[stratum], trial), number * limit, words[:limit])
        slot, _, _ = _drawn_slot(
            wanted, plan.coins[stratum, 0], plan.coins[stratum, 1], words[:limit]
        )
        if slot < 0:
            return int(-1 - stratum)
        for factor in range(len(mine)):
            here[factor, mine[factor], slot] += 1
        numbers[stratum, 0] += 1
        values[ARM, candidate] = plan.arm_of[stratum, slot]
        who[randomised] = candidate
        randomised += 1
    return randomised
