"""The memory that the trial kernel works in: taken once for a batch, so that a core takes none.

A core that takes no memory needs no counts of who still refers to it. Such counts cost a quarter of
a trial, and threads that share the tables would wait for one another to change them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.trial_allocation import AHEAD, PACKED, arrangements
from equipoise.statistics.trial_tables import TrialTables

UInt64Array = NDArray[np.uint64]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

RADIX = (1 << 11) + 2


LANES = 8
"""How many candidates a processor takes at once. Candidates are made in so many: some more than are
screened, whom nobody sees, are cheaper than a few one by one."""


class Workspace(NamedTuple):
    """Room for one trial at a time. Most have a number for each candidate.

    `values` are the variables, `on` the days of randomisation, `who` the randomised candidates,
    `latent` and `days` times and the days on which they are seen, `until` the last days watched.
    `cumulative` are this trial's probabilities. `blocks` and `begins` are the `arrangements` of
    blocks, `state`, `block_arms`, `words`, `counts`,
    `imbalance` and `levels` are what allocation and minimisation keep; `many` is a comparison of
    more than two groups, `ends` and `begun` are of medians, `waited` the days of what looks wait
    for, `mine` the columns of the trial. The rest is scratch.
    """

    values: IntArray
    on: IntArray
    who: IntArray
    scratch: IntArray
    drawn: FloatArray
    halves: FloatArray
    events: BoolArray
    latent: FloatArray
    days: IntArray
    until: IntArray
    starts: IntArray
    risks: FloatArray
    cumulative: FloatArray
    state: IntArray
    block_arms: IntArray
    words: UInt64Array
    blocks: UInt64Array
    begins: IntArray
    counts: IntArray
    imbalance: IntArray
    levels: IntArray
    many: FloatArray
    ends: IntArray
    begun: FloatArray
    waited: IntArray
    mine: FloatArray


def workspace(tables: TrialTables) -> Workspace:
    """New memory for trials of these tables; each thread has its own."""
    plan, kinds = tables.randomisation, len(tables.times.stream)
    most = -(-tables.accrual.most // LANES) * LANES
    strata, slots = len(plan.limits), max(1, int(plan.slots.max()))
    groups = int(tables.comparisons.groups.max(initial=2))
    blocks, begins = arrangements(plan)
    whole = np.int64
    return Workspace(
        values=np.zeros((tables.nodes.variables, most), whole),
        on=np.zeros(most, whole),
        who=np.zeros(most, whole),
        scratch=np.zeros((8, most), whole),
        drawn=np.zeros(most),
        halves=np.zeros(most),
        events=np.zeros((2, most), np.bool_),
        latent=np.zeros((kinds, most)),
        days=np.zeros((kinds, most), whole),
        until=np.zeros((2, most), whole),
        starts=np.zeros(RADIX, whole),
        risks=np.zeros((6, most)),
        cumulative=tables.nodes.cumulative.copy(),
        state=np.zeros((strata, 4), whole),
        block_arms=np.zeros((strata, most + PACKED + int(plan.sizes.max())), whole),
        words=np.zeros(AHEAD * int(plan.limits.max()), np.uint64),
        blocks=blocks,
        begins=begins,
        counts=np.zeros((strata, len(plan.factors), plan.levels, slots), whole),
        imbalance=np.zeros(slots, whole),
        levels=np.zeros(len(plan.factors), whole),
        many=np.zeros((groups + 5, groups)),
        ends=np.zeros(int(tables.medians.groups.max(initial=0)) + 1, whole),
        begun=np.zeros(3),
        waited=np.zeros(most, whole),
        mine=np.zeros(tables.width),
    )


def whole_lanes(candidates: int, room: int) -> int:
    """Core: as many candidates as are made, where so many are needed."""
    return min(room, (candidates + LANES - 1) // LANES * LANES)
