"""The trial kernel: many trials, driven by tables, without medicine.

A trial: candidates arrive, their variables are made, those with a stratum are allocated, what
follows is drawn, counted and compared. A trial is a function of the tables, the seed's keys and its
own number: it is the same in every batch and on any number of threads. The cores of allocation,
minimisation, log-rank and Cox are those of the analysis.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.allocation import _block_size, _fill_block
from equipoise.statistics.compiled import compiled
from equipoise.statistics.cox_two_groups import cox_risk_sets, cox_two_groups, cox_two_groups_pass
from equipoise.statistics.log_rank_core import log_rank_sums, log_rank_weight
from equipoise.statistics.minimisation import _drawn_slot, _imbalances
from equipoise.statistics.random import uniform_integer
from equipoise.statistics.risk_table import two_group_log_rank, two_group_risks
from equipoise.statistics.survival_quantile_batch import CALLEES as QUANTILES
from equipoise.statistics.trial_allocation import (
    _filled,
    allocate_in_turn,
    block_number,
    minimise_in_turn,
)
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
from equipoise.statistics.trial_listings import list_patients
from equipoise.statistics.trial_looks import (
    look_all,
    look_at_counts,
    look_at_times,
    waited_for,
)
from equipoise.statistics.trial_medians import find_medians
from equipoise.statistics.trial_outcomes import (
    by_day,
    compare,
    compare_all,
    compare_many,
    end_point_days,
    in_order,
    latent_times,
    seen_days,
    tally,
    watched_until,
)
from equipoise.statistics.trial_patients import (
    arrive,
    find_rows,
    make_variables,
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
from equipoise.statistics.trial_workspace import Workspace, whole_lanes, workspace

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
    minimise_in_turn, block_number, whole_lanes,
    latent_times, seen_days, watched_until, end_point_days, by_day, tally, compare,
    log_rank_weight, log_rank_sums, compare_many, list_patients, find_medians, *QUANTILES,
    in_order, compare_all,
)  # fmt: skip
"""Every core that a trial runs."""
LOOKING = (waited_for, look_at_counts, look_at_times, look_all)
"""The cores of looks before the end."""


def run_trials(
    tables: TrialTables, seed: int, first: int, count: int, *, threads: int = 1
) -> FloatArray:
    """The raw columns of the trials `first` to `first + count - 1`, shape (count, tables.width).

    The same bits on any number of `threads`; column by column in memory, as analyses read them.
    Raises BadInput if a block's words ran out.
    """
    key = np.uint64(seed_key(seed))
    looked = len(tables.looks.counts) > 0
    trials, looking = (_looked_trials, LOOKING) if looked else (_trials, ())
    core = compiled(trials, *CALLEES, _patients, _trial, _keep, *looking, takes_memory=False)

    def part(begin: int, end: int) -> tuple[FloatArray, int]:
        out = np.zeros((end - begin, tables.width), order="F")
        return out, core(tables, key, first + begin, out, workspace(tables))

    if threads <= 1 or count < threads:
        found = [part(0, count)]
    else:
        limits = [count * each // threads for each in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(part, limits[:-1], limits[1:]))
    failed = min(made for _, made in found)
    if failed < 0:
        raise BadInput("words of chance that suffice for a block", found=f"stratum {-1 - failed}")
    return found[0][0] if len(found) == 1 else np.concatenate([out for out, _ in found])


def _trials(
    tables: TrialTables, seed: np.uint64, first: int, out: FloatArray, work: Workspace
) -> int:
    """Core: fill `out`, one row a trial; 0, or what `allocate_in_turn` says of a failure."""
    for row in range(len(out)):
        made = _trial(tables, trial_word(seed, first + row), work, work.mine)
        if made < 0:
            return made
        _keep(work.mine, row, out)
    return 0


def _looked_trials(
    tables: TrialTables, seed: np.uint64, first: int, out: FloatArray, work: Workspace
) -> int:
    """Core: as `_trials`, with looks before the end; apart, as it takes longer to compile."""
    for row in range(len(out)):
        trial = trial_word(seed, first + row)
        made = _trial(tables, trial, work, work.mine)
        if made < 0:
            return made
        look_all(tables, work, trial, made, work.mine)
        _keep(work.mine, row, out)
    return 0


def _keep(mine: FloatArray, row: int, out: FloatArray) -> None:
    """Core: the columns of one trial into its row of `out`; `mine` is then room for the next."""
    for column in range(len(mine)):
        out[row, column] = mine[column]
        mine[column] = 0.0


def _trial(tables: TrialTables, trial: np.uint64, work: Workspace, mine: FloatArray) -> int:
    """Core: one trial up to its end; how many candidates were made, negative for a failure."""
    accrual, nodes = tables.accrual, tables.nodes
    number = _patients(tables, trial, work, mine)
    if number < 0:
        return number
    screened = int(mine[SCREENED])
    made = whole_lanes(screened, len(work.who))
    rows, uniforms = work.scratch[0][:made], work.drawn[:made]
    make_variables(
        nodes, trial, nodes.before, len(nodes.width), 0, work.cumulative, work.values, rows,
        uniforms,
    )  # fmt: skip
    tally(tables.tallies, work.who, number, work.values, rows, mine)
    if len(tables.end_points.ended_by) > 0:
        latent_times(
            tables.times, nodes, trial, work.values, rows, uniforms, work.halves, work.latent
        )
        seen_days(tables.times, tables.watching, trial, made, work.latent, uniforms, work.days)
        watched_until(
            tables.watching, trial, made, work.values, work.on,
            int(mine[LAST_DAY]) + accrual.follow_up, work.until[0], work.until[1],
        )  # fmt: skip
        compare_all(tables, work, number, made, mine[RAW + tables.tallies.columns :])
    return made


def _patients(
    tables: TrialTables,
    trial: np.uint64,
    work: Workspace,
    mine: FloatArray,
) -> int:
    """Core: candidates until enough are randomised; how many are, negative for a failure."""
    accrual, nodes, plan = tables.accrual, tables.nodes, tables.randomisation
    values, who, drawn, gaps = work.values, work.who, work.drawn, work.risks[0]
    if tables.effects.node >= 0:
        shifted_weights(nodes, tables.effects, trial, work.cumulative, gaps, work.risks[1])
    work.state[:] = 0
    if plan.minimised:
        work.counts[:] = 0
    screened, randomised, reached = 0, 0, 0.0
    while randomised < accrual.wanted and screened < accrual.most:
        # A few more than are needed, as some are lost: one round is enough for most trials.
        short = accrual.wanted - randomised
        made = whole_lanes(screened + short + short // 8 + 2, len(who))
        end = min(accrual.most, made)
        uniforms = drawn[screened:made]
        reached = arrive(
            accrual, trial, screened, reached, values[PERIOD][screened:made],
            work.on[screened:made], uniforms, work.halves, gaps,
        )  # fmt: skip
        make_variables(
            nodes, trial, 0, nodes.before, screened, work.cumulative, values,
            work.scratch[0][screened:made], uniforms,
        )  # fmt: skip
        if plan.minimised:
            randomised = minimise_in_turn(
                plan, trial, screened, end, accrual.wanted, values, who, randomised,
                work.state, work.counts, work.imbalance, work.levels, work.words,
            )  # fmt: skip
        else:
            randomised = allocate_in_turn(
                plan, trial, screened, end, accrual.wanted, values, who, randomised,
                work.state, work.block_arms, work.words, work.blocks, work.begins,
            )  # fmt: skip
        if randomised < 0:
            return randomised
        screened = end
    if randomised == accrual.wanted:
        screened = who[randomised - 1] + 1
    last = 0
    for place in range(randomised):
        last = max(last, work.on[who[place]])
    mine[SCREENED], mine[RANDOMISED], mine[LAST_DAY] = screened, randomised, last
    return randomised
