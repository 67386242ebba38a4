"""One arm against a fixed response rate, in two stages: Simon's designs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.binomial import binomial_probabilities
from equipoise.statistics.checked import inner_probability, probability, target_power
from equipoise.statistics.single_arm import ROUNDING, check_rates, single_stage_rule

FloatArray = NDArray[np.float64]

_TIE = 1e-12
"""Expected sizes this close are the same but for rounding."""
_LARGEST = 300


@dataclass(frozen=True, slots=True)
class TwoStage:
    """A design: stop for futility with at most `r1` responses of `n1`, else go on to `n` in all.

    p <= p0 is rejected with more than `r` responses of n. `size` and `power` are exact, at p0 and
    at p1; `expected_size` and `early_stop` are at p0.
    """

    r1: int
    n1: int
    r: int
    n: int
    size: float
    power: float
    expected_size: float
    early_stop: float


@dataclass(frozen=True, slots=True)
class SimonDesigns:
    """The design of least expected size at p0, and that of least greatest size."""

    optimal: TwoStage
    minimax: TwoStage


@dataclass(frozen=True, slots=True)
class TwoStageCharacteristics:
    """What a two-stage design does at one response rate."""

    rejected: float
    early_stop: float
    expected_size: float


def two_stage_characteristics(
    r1: int, n1: int, r: int, n: int, p: float
) -> TwoStageCharacteristics:
    """The probabilities of rejection and of the early stop, and the expected size, at rate p.

    >>> found = two_stage_characteristics(1, 10, 5, 29, 0.1)
    >>> round(found.rejected, 3), round(found.early_stop, 3), round(found.expected_size, 1)
    (0.047, 0.736, 15.0)
    """
    probability(p, "p")
    if not 0 < n1 < n:
        raise BadInput("a first stage above 0 and below n", field="n1", found=n1)
    if not -1 <= r1 <= n1:
        raise BadInput("-1 to n1", field="r1", found=r1)
    if not r1 <= r <= n:
        raise BadInput("r1 to n", field="r", found=r)
    first = binomial_probabilities(n1, p)
    stop = float(first[: r1 + 1].sum())
    rejected = float(_rejections(first, binomial_probabilities(n - n1, p))[r1 + 1, r])
    return TwoStageCharacteristics(rejected, stop, n1 + (1 - stop) * (n - n1))


def simon_designs(
    p0: float, p1: float, *, alpha: float, power: float, largest: int = 100
) -> SimonDesigns:
    """Simon's optimal and minimax designs of at most this level and at least this power.

    By enumeration of all designs up to `largest` subjects; of designs with the same n the minimax
    is the one of least expected size (Simon 1989, Control Clin Trials 10:1-10).

    >>> found = simon_designs(0.1, 0.3, alpha=0.05, power=0.80, largest=40)
    >>> [(each.r1, each.n1, each.r, each.n) for each in (found.optimal, found.minimax)]
    [(1, 10, 5, 29), (1, 15, 5, 25)]
    """
    check_rates(p0, p1)
    target_power(power, inner_probability(alpha, "alpha"))
    if not 2 <= largest <= _LARGEST:
        raise BadInput(f"2 to {_LARGEST}", field="largest", found=largest)
    optimal: TwoStage | None = None
    minimax: TwoStage | None = None
    for n in range(2, largest + 1):
        if _greatest_power(n, p0, p1, alpha) < power:
            continue
        for n1 in range(1, n):
            if optimal is not None and minimax is not None and n1 > optimal.expected_size:
                break
            found = _best(n1, n, p0, p1, alpha, power)
            if found is None:
                continue
            if optimal is None or found.expected_size < optimal.expected_size - _TIE:
                optimal = found
            if minimax is None or (
                n == minimax.n and found.expected_size < minimax.expected_size - _TIE
            ):
                minimax = found
    if optimal is None or minimax is None:
        raise BadInput(
            "at least one more: no design of this level and power has so few subjects",
            field="largest",
            found=largest,
        )
    return SimonDesigns(optimal, minimax)


def _greatest_power(n: int, p0: float, p1: float, alpha: float) -> float:
    """The power of the most powerful test with n subjects, randomised so as to be exactly at alpha.

    No design that looks at some of the same n subjects earlier has more (Neyman and Pearson).
    """
    rule = single_stage_rule(n, p0, p1, alpha=alpha)
    at_null, at_effect = binomial_probabilities(n, p0), binomial_probabilities(n, p1)
    if at_null[rule.r] == 0:
        return 1.0
    return rule.power + (alpha - rule.size) / float(at_null[rule.r]) * float(at_effect[rule.r])


def _best(n1: int, n: int, p0: float, p1: float, alpha: float, power: float) -> TwoStage | None:
    """The design with these sizes that stops early most often at p0, if there is one."""
    first0, first1 = binomial_probabilities(n1, p0), binomial_probabilities(n1, p1)
    size = _rejections(first0, binomial_probabilities(n - n1, p0))[1 : n1 + 1]
    reached = _rejections(first1, binomial_probabilities(n - n1, p1))[1 : n1 + 1]
    within = size <= alpha * (1 + ROUNDING)
    r = within.argmax(axis=1)
    rows = np.arange(n1)
    good = within[rows, r] & (reached[rows, r] >= power) & (r >= rows)
    if not good.any():
        return None
    r1 = int(np.flatnonzero(good)[-1])
    stop = float(first0[: r1 + 1].sum())
    last = int(r[r1])
    expected = n1 + (1 - stop) * (n - n1)
    return TwoStage(
        r1, n1, last, n, float(size[r1, last]), float(reached[r1, last]), expected, stop
    )


def _rejections(first: FloatArray, second: FloatArray) -> FloatArray:
    """The probability of more than r in all (columns), by the least first stage that goes on."""
    n1, n2 = len(first) - 1, len(second) - 1
    tail = np.concatenate([np.cumsum(second[::-1])[::-1], [0.0]])
    needed = np.arange(n1 + n2 + 1)[None, :] + 1 - np.arange(n1 + 1)[:, None]
    joint = first[:, None] * tail[np.clip(needed, 0, n2 + 1)]
    from_row = np.cumsum(joint[::-1], axis=0)[::-1]
    return np.concatenate([from_row, np.zeros((1, n1 + n2 + 1))])
