"""The trial kernel: many trials, driven by tables, without medicine.

A trial: candidates arrive, their variables are made, those with a stratum are allocated, what
follows is drawn, counted and compared. A trial is a function of the tables, the seed's keys and its
own number: it is the same in every batch and on any number of threads. The cores of allocation,
minimisation, log-rank and Cox are those of the analysis.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.allocation import _block_size, _fill_block
from equipoise.statistics.compiled import compiled
from equipoise.statistics.cox_two_groups import cox_risk_sets, cox_two_groups, cox_two_groups_pass
from equipoise.statistics.log_rank import _log_rank
from equipoise.statistics.minimisation import _drawn_slot, _imbalances
from equipoise.statistics.random import uniform_integer
from equipoise.statistics.risk_table import two_group_log_rank, two_group_risks
from equipoise.statistics.trial_draws import (
    fill_uniforms,
    fill_words,
    minus_log,
    mixed,
    normal_quantile_core,
    normal_share,
    seed_key,
    trial_key,
    trial_word,
    uniform,
)
from equipoise.statistics.trial_outcomes import (
    by_day,
    compare,
    compare_all,
    compare_many,
    end_point_days,
    latent_times,
    seen_days,
    tally,
    watched_until,
)
from equipoise.statistics.trial_patients import (
    _filled,
    allocate_in_turn,
    arrive,
    find_rows,
    make_variables,
    minimise_in_turn,
    search,
    shifted_weights,
    tie,
)
from equipoise.statistics.trial_tables import (
    LAST_DAY,
    PERIOD,
    RANDOMISED,
    RAW,
    SCREENED,
    TrialTables,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
UInt64Array = NDArray[np.uint64]

CALLEES = (
    uniform_integer, _block_size, _fill_block, _imbalances, _drawn_slot,
    two_group_risks, two_group_log_rank, cox_risk_sets, cox_two_groups_pass, cox_two_groups,
    mixed, trial_word, trial_key, fill_words, uniform, fill_uniforms, minus_log,
    normal_quantile_core, normal_share,
    arrive, shifted_weights, tie, search, find_rows, make_variables, _filled, allocate_in_turn,
    minimise_in_turn,
    latent_times, seen_days, watched_until, end_point_days, by_day, tally, compare,
    _log_rank, compare_many, compare_all,
)  # fmt: skip
"""Every core that a trial runs."""
_RADIX = (1 << 11) + 2


def run_trials(
    tables: TrialTables, seed: int, first: int, count: int, *, threads: int = 1
) -> FloatArray:
    """The raw columns of the trials `first` to `first + count - 1`, shape (count, tables.width).

    The same bits on any number of `threads`. Raises BadInput if a block's words ran out.
    """
    out = np.zeros((count, tables.width))
    key = np.uint64(seed_key(seed))
    core = compiled(_trials, *(*CALLEES, _patients))
    if threads <= 1 or count < threads:
        failed = [core(tables, key, first, out)]
    else:
        limits = [count * part // threads for part in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            parts = itertools.pairwise(limits)
            jobs = [pool.submit(core, tables, key, first + a, out[a:b]) for a, b in parts]
            failed = [job.result() for job in jobs]
    if min(failed) < 0:
        raise BadInput(
            "words of chance that suffice for a block", found=f"stratum {-1 - min(failed)}"
        )
    return out


def _trials(tables: TrialTables, seed: np.uint64, first: int, out: FloatArray) -> int:
    """Core: fill `out`, one row a trial; 0, or what `allocate_in_turn` says of a failure.

    All memory is taken once.
    """
    plan, accrual = tables.randomisation, tables.accrual
    most, strata = accrual.most, len(plan.limits)
    values = np.zeros((tables.nodes.variables, most), np.int64)
    on, who = np.zeros(most, np.int64), np.zeros(most, np.int64)
    scratch = np.zeros((8, most), np.int64)
    drawn, halves, events = np.zeros(most), np.zeros(most), np.zeros((2, most), np.bool_)
    latent = np.zeros((len(tables.times.stream), most))
    days = np.zeros((len(tables.times.stream), most), np.int64)
    until = np.zeros((2, most), np.int64)
    starts = np.zeros(_RADIX, np.int64)
    risks = np.zeros((6, most))
    cumulative = tables.nodes.cumulative.copy()
    state = np.zeros((strata, 4), np.int64)
    block_arms = np.zeros((strata, most + max(1, plan.sizes.max())), np.int64)
    words = np.zeros(plan.limits.max(), np.uint64)
    counts = np.zeros((strata, len(plan.factors), plan.levels, max(1, plan.slots.max())), np.int64)
    imbalance = np.zeros(max(1, plan.slots.max()), np.int64)
    comparing = RAW + tables.tallies.columns
    for row in range(len(out)):
        trial = trial_word(seed, first + row)
        mine = out[row]
        number = _patients(
            tables, trial, cumulative, values, on, who, scratch[0], drawn, halves, risks[0],
            state, block_arms, words, counts, imbalance, mine,
        )  # fmt: skip
        if number < 0:
            return number
        screened = int(mine[SCREENED])
        nodes = tables.nodes
        rows, uniforms = scratch[0, :screened], drawn[:screened]
        make_variables(
            nodes, trial, nodes.before, len(nodes.width), 0, cumulative, values, rows, uniforms
        )
        tally(tables.tallies, who, number, values, rows, mine)
        if len(tables.comparisons.end_point) > 0:
            latent_times(tables.times, nodes, trial, values, rows, uniforms, halves, latent)
            seen_days(tables.times, tables.watching, trial, screened, latent, uniforms, days)
            watched_until(
                tables.watching, trial, screened, values, on,
                int(mine[LAST_DAY]) + accrual.follow_up, until[0], until[1],
            )  # fmt: skip
            compare_all(
                tables.comparisons, tables.end_points, tables.times, tables.watching, tables.arms,
                who, number, screened, values, days, until, scratch, events, starts, risks,
                mine[comparing:],
            )  # fmt: skip
    return 0


def _patients(
    tables: TrialTables,
    trial: np.uint64,
    cumulative: FloatArray,
    values: IntArray,
    on: IntArray,
    who: IntArray,
    rows: IntArray,
    drawn: FloatArray,
    halves: FloatArray,
    gaps: FloatArray,
    state: IntArray,
    block_arms: IntArray,
    words: UInt64Array,
    counts: IntArray,
    imbalance: IntArray,
    mine: FloatArray,
) -> int:
    """Core: candidates until enough are randomised; how many are, negative for a failure."""
    accrual, nodes, plan = tables.accrual, tables.nodes, tables.randomisation
    if tables.effects.node >= 0:
        shifted_weights(nodes, tables.effects, trial, cumulative, gaps)
    state[:] = 0
    if plan.minimised:
        counts[:] = 0
    screened, randomised, reached = 0, 0, 0.0
    while randomised < accrual.wanted and screened < accrual.most:
        # A few more than are needed, as some are lost: one round is enough for most trials.
        short = accrual.wanted - randomised
        end = min(accrual.most, screened + short + short // 8 + 2)
        uniforms = drawn[screened:end]
        reached = arrive(
            accrual, trial, screened, reached, values[PERIOD, screened:end], on[screened:end],
            uniforms, halves, gaps,
        )  # fmt: skip
        make_variables(
            nodes, trial, 0, nodes.before, screened, cumulative, values[:, screened:end],
            rows[screened:end], uniforms,
        )  # fmt: skip
        if plan.minimised:
            randomised = minimise_in_turn(
                plan, trial, screened, end, accrual.wanted, values, who, randomised, state,
                counts, imbalance, words,
            )  # fmt: skip
        else:
            randomised = allocate_in_turn(
                plan, trial, screened, end, accrual.wanted, values, who, randomised, state,
                block_arms, words,
            )  # fmt: skip
        if randomised < 0:
            return randomised
        screened = end
    if randomised == accrual.wanted:
        screened = who[randomised - 1] + 1
    last = 0
    for place in range(randomised):
        last = max(last, on[who[place]])
    mine[SCREENED], mine[RANDOMISED], mine[LAST_DAY] = screened, randomised, last
    return randomised
