"""How often somebody who sees past allocations guesses the next one right.

Three ways to guess, each better informed than the one before:

- the best **constant** guess: always the arm with the largest share. Nobody needs to see anything;
- **convergence** (Blackwell and Hodges, Annals of Mathematical Statistics 1957;28:449-460): the
  arm that is furthest below its share among the allocations seen;
- the **practised** guess: somebody who knows the published rule has simulated it beforehand, noted
  which arm came most often after everything that can be seen, and guesses that one.

The difference from the constant guess is what the method of allocation gives away (selection bias:
Rosenberger and Lachin, Randomization in Clinical Trials, 2nd ed. 2016, chapter 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.allocation import IntArray
from equipoise.statistics.compiled import compiled

_COMPILE_FROM = 20_000
"""Arrivals in one call from which machine code repays the time that loading it takes."""

LIMIT_POINTS = 5
"""Points above the best constant guess from which a signature must accept the scheme (RN2)."""

SEEN_OFTEN = 30
"""How often the practised guesser has met a situation before they trust what they noted there."""


@dataclass(frozen=True, slots=True)
class Allocations:
    """Many simulated trials; arrays are replicates x arrivals, nobody is left out.

    `seer` is who would have to guess (the site), `group` what the guesser can tell apart of the
    arrivals, `levels` (replicates x arrivals x factors) what the rule balances, one factor with one
    level where it balances nothing. `share` has for each group and arm its weight in the ratio.
    """

    arms: IntArray
    seer: IntArray
    group: IntArray
    levels: IntArray
    weights: tuple[int, ...]
    share: IntArray


@dataclass(frozen=True, slots=True)
class GuessRate:
    """Shares of right guesses: constant, by convergence, practised; trials that were guessed.

    `standard_error` is that of `excess`, the better of the last two less the constant guess.
    """

    constant: float
    convergence: float
    practised: float
    standard_error: float
    trials: int

    @property
    def excess(self) -> float:
        """The better of both informed guesses less the best constant guess."""
        return max(self.convergence, self.practised) - self.constant


def guess_rate(found: Allocations, practice: int) -> GuessRate:
    """How often the next arm is guessed right, in all replicates but the first `practice`.

    The guesser notes in the first `practice` replicates what they may see and which arm follows,
    and guesses in the others. BadInput when one of the two parts is empty.

    >>> arms = np.tile([0, 1, 1, 0], (100, 1))
    >>> same = np.zeros((100, 4), dtype=np.int64)
    >>> found = Allocations(arms, same, same, same[..., None], (1,), np.array([[1, 1]]))
    >>> rate = guess_rate(found, 50)
    >>> rate.constant, rate.convergence, rate.practised
    (0.5, 0.75, 1.0)
    """
    trials = len(found.arms) - practice
    if practice < 1 or trials < 1:
        raise BadInput("some replicates to practise and some to guess", found=(practice, trials))
    seen = _seen(found)
    share = found.share[found.group]
    constant = share.argmax(axis=2)
    converging = _converging(found, seen, share)
    practised = _practised(found, seen, constant, practice)
    right = [
        (guess == found.arms)[practice:].mean(axis=1) for guess in (constant, converging, practised)
    ]
    rates = [float(each.mean()) for each in right]
    better = right[1] if rates[1] >= rates[2] else right[2]
    error = float((better - right[0]).std() / np.sqrt(trials))
    return GuessRate(rates[0], rates[1], rates[2], error, trials)


def _seen(found: Allocations) -> IntArray:
    """Earlier allocations that the guesser saw at this arrival's group and level of each factor.

    Shape (replicates, arrivals, factors, arms).
    """
    replicates, arrivals, factors = found.levels.shape
    arms = found.share.shape[1]
    seen = np.zeros((replicates, arrivals, factors, arms), dtype=np.int64)
    size = int(found.seer.max()) + 1, len(found.share), factors, int(found.levels.max()) + 1, arms
    core = compiled(_count_seen, worth_it=found.arms.size >= _COMPILE_FROM)
    core(
        found.arms, found.seer, found.group, found.levels, np.zeros(size, dtype=np.int64), seen
    )  # fmt: skip
    return seen


def _converging(found: Allocations, seen: IntArray, share: IntArray) -> IntArray:
    """The arm furthest below its share: over the factors, the weighted sum of n r - R n(arm)."""
    total = share.sum(axis=2)
    lag = np.zeros(share.shape, dtype=np.int64)
    for factor, weight in enumerate(found.weights):
        here = seen[:, :, factor]
        lag += weight * (here.sum(axis=2)[..., None] * share - total[..., None] * here)
    tied = lag == lag.max(axis=2)[..., None]
    guess: IntArray = np.where(tied, share, -1).argmax(axis=2)
    return guess


def _practised(found: Allocations, seen: IntArray, constant: IntArray, practice: int) -> IntArray:
    """The arm that followed most often what is seen now; the constant guess where that is rare."""
    situation = _situation(found, seen)
    arms, number = found.share.shape[1], int(situation.max()) + 1
    noted = situation[:practice] * arms + found.arms[:practice]
    followed = np.bincount(noted.ravel(), minlength=number * arms).reshape(number, arms)
    often = followed.sum(axis=1) >= SEEN_OFTEN
    best = followed.argmax(axis=1)
    guess: IntArray = np.where(often[situation], best[situation], constant)
    return guess


def _situation(found: Allocations, seen: IntArray) -> IntArray:
    """A number for everything that the guesser tells apart: the group, and the counts of the arms.

    With several factors, the counts of each are too many to have been met before: there it is how
    far each arm is below or above the others, weighted over the factors, as the rule weighs it.
    """
    if len(found.weights) == 1:
        parts = [seen[:, :, 0, arm] for arm in range(seen.shape[3])]
    else:
        parts = list(_leads(found, seen))
    number = found.group
    for part in parts:
        number = number * (int(part.max()) - int(part.min()) + 1) + (part - part.min())
        number = np.unique(number, return_inverse=True)[1].reshape(found.group.shape)
    return number


def _leads(found: Allocations, seen: IntArray) -> Sequence[IntArray]:
    """For every arm but the last, weighted over the factors, n r - R n(arm), within -R and R."""
    share = found.share[found.group]
    total = share.sum(axis=2)
    leads = []
    for arm in range(seen.shape[3] - 1):
        lead = np.zeros(found.group.shape, dtype=np.int64)
        for factor, weight in enumerate(found.weights):
            here = seen[:, :, factor]
            exact = here.sum(axis=2) * share[..., arm] - total * here[..., arm]
            lead += weight * np.clip(exact, -total, total)
        leads.append(lead)
    return leads


def _count_seen(
    arms: IntArray,
    seer: IntArray,
    group: IntArray,
    levels: IntArray,
    counts: NDArray[np.int64],
    seen: NDArray[np.int64],
) -> None:
    """Core: fill `seen`; `counts` has shape (seers, groups, factors, levels, arms)."""
    for replicate in range(arms.shape[0]):
        counts[:] = 0
        for arrival in range(arms.shape[1]):
            who, which = seer[replicate, arrival], group[replicate, arrival]
            for factor in range(levels.shape[2]):
                here = counts[who, which, factor, levels[replicate, arrival, factor]]
                for arm in range(counts.shape[4]):
                    seen[replicate, arrival, factor, arm] = here[arm]
                here[arms[replicate, arrival]] += 1
