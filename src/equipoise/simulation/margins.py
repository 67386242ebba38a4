"""What each draw of each subject adds to the margins of a cohort, and draws that meet them.

Every subject has some draws to choose from (axis 0 of all arrays; axis 1 are subjects). A margin
counts subjects, so that what a draw adds to it does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.simulation.cohort_plan import Limits
from equipoise.simulation.nature import Bools, Ints

Small = NDArray[np.int16]

_FORGOTTEN = 7
"""Moves after which a subject may move again."""

_MOST_MOVES = 4_000


@dataclass(frozen=True, slots=True)
class Margin:
    """A count from `low` to `high`; `counted` says of each draw of each subject whether it counts.

    `name` is what a message calls it.
    """

    name: str
    counted: Bools
    low: int
    high: int


def met(where: Mapping[str, str | Limits]) -> pl.Expr:
    """Whether a row has all these codes and numbers; one without an answer has not."""
    found = [pl.lit(value=True)]
    for column, wanted in where.items():
        value = pl.col(column)
        if isinstance(wanted, str):
            found.append(value == wanted)
            continue
        number = value.cast(pl.Float64)
        for limit, inside in (
            (wanted.at_least, number.ge), (wanted.at_most, number.le),
            (wanted.above, number.gt), (wanted.below, number.lt),
        ):  # fmt: skip
            if limit is not None:
                found.append(inside(float(limit)))
    return pl.all_horizontal(found).fill_null(value=False)


def limits_in_words(limits: Limits) -> str:
    """The limits that are given.

    >>> limits_in_words(Limits(at_least=3, below=9))
    'at least 3, below 9'
    """
    names = ("at_least", "at_most", "above", "below")
    given = [(name, getattr(limits, name)) for name in names]
    return ", ".join(
        f"{name.replace('_', ' ')} {limit}" for name, limit in given if limit is not None
    )


def chosen(margins: Sequence[Margin], allowed: Bools, random: np.random.Generator) -> Ints:
    """A draw for each subject, of those `allowed`, such that every margin is met.

    The number by which counts miss their margins falls move by move, each the best there is of a
    subject that has not just moved (tabu search); equal ones are taken by chance. Raises BadInput
    naming what is missed when no such choice was found.
    """
    if not allowed.any(axis=0).all():
        raise BadInput(
            f"more draws to choose from: none of {len(allowed)} fits subject "
            f"{int(np.argmin(allowed.any(axis=0))) + 1}",
            where="cohort",
        )
    adds = np.stack([each.counted for each in margins], axis=-1).astype(np.int16)
    low, high = (np.array([getattr(each, name) for each in margins]) for name in ("low", "high"))
    every = np.arange(allowed.shape[1])
    pick: Ints = np.argmax(random.random(allowed.shape) * allowed, axis=0)
    best, fewest = pick.copy(), np.inf
    rested = np.full(len(every), -_FORGOTTEN)
    for move in range(_MOST_MOVES):
        sums = adds[pick, every].sum(axis=0, dtype=np.int64)
        missed = _missed(sums, low, high).sum()
        if missed < fewest:
            best, fewest = pick.copy(), missed
        if missed == 0:
            return best
        after = _missed(sums - adds[pick, every] + adds, low, high).sum(axis=-1).astype(np.float64)
        after[~allowed] = np.inf
        after[(adds == adds[pick, every]).all(axis=-1)] = np.inf
        after[:, move - rested < _FORGOTTEN] = np.inf
        if np.isinf(after).all():
            break
        places = np.flatnonzero(after == after.min())
        draw, subject = np.divmod(int(random.choice(places)), len(every))
        pick[subject], rested[subject] = draw, move
    sums = adds[best, every].sum(axis=0, dtype=np.int64)
    raise BadInput(
        "a choice of draws that meets every margin; nearest: " + "; ".join(
            f"{each.name}: {count} instead of {_limits(each)}"
            for each, count in zip(margins, sums.tolist(), strict=True)
            if not each.low <= count <= each.high
        ),
        where="cohort",
    )  # fmt: skip


def _missed(sums: NDArray[np.integer], low: Ints, high: Ints) -> Ints:
    found: Ints = np.maximum(low - sums, 0) + np.maximum(sums - high, 0)
    return found


def _limits(margin: Margin) -> str:
    return str(margin.low) if margin.low == margin.high else f"{margin.low} to {margin.high}"


def alike(margins: Sequence[Margin], allowed: Bools, pick: Ints) -> Bools:
    """Which draws of each subject add to every margin what the chosen one adds."""
    every = np.arange(allowed.shape[1])
    same = allowed.copy()
    for each in margins:
        same &= each.counted == each.counted[pick, every]
    return same
