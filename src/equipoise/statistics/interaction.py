"""Power and sample size of a treatment by marker interaction in a binary end point.

Rows are the marker's strata, columns the arms. The test is Wald's: the contrasts of every further
stratum and arm against the first, with the variance of the observed counts; on the scale of the
log odds it is that of a logistic model with strata, arms and their product. The power is that of
the noncentral chi-square distribution with the variance of the design's rates; for two by two it
is the normal power of the one contrast, both directions counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import inner_probability, one_of, target_power

FloatArray = NDArray[np.float64]
Scale = Literal["log_odds", "difference"]

_SCALES = ("log_odds", "difference")


@dataclass(frozen=True, slots=True)
class InteractionPower:
    """The power of the test of interaction, and what it follows from.

    `contrasts` are the interaction's terms: for each further stratum, and each further arm in it,
    (effect here) - (effect of that arm in the first stratum), an effect being arm minus first arm.
    With two strata and two arms `standard_error` is that of the one contrast, else None.
    """

    power: float
    contrasts: tuple[float, ...]
    standard_error: float | None
    noncentrality: float
    degrees_of_freedom: int


@dataclass(frozen=True, slots=True)
class InteractionSize:
    """All subjects that a power needs, not rounded, and those of each cell."""

    subjects: float
    cells: tuple[tuple[float, ...], ...]


def interaction_power(
    n: Sequence[Sequence[float]],
    p: Sequence[Sequence[float]],
    *,
    alpha: float = 0.05,
    scale: Scale = "log_odds",
) -> InteractionPower:
    """The power of the two-sided Wald test of interaction with n subjects and rates p in each cell.

    The variance of a cell is 1 / (n p (1 - p)) on the scale of the log odds, p (1 - p) / n on that
    of the difference. Reference: Demidenko 2008, Stat Med 27:36-46 (Wald power of interaction).

    >>> found = interaction_power([[40, 20], [22, 22]], [[0.50, 0.25], [0.15, 0.25]])
    >>> round(found.power, 4), round(found.contrasts[0], 4)
    (0.4229, 1.7346)
    """
    rates = _cells(p, "p")
    subjects = _cells(n, "n")
    if subjects.shape != rates.shape:
        raise BadInput("as many strata and arms as p", field="n", found=subjects.shape)
    if not ((subjects > 0) & np.isfinite(subjects)).all():
        raise BadInput("above 0 in every cell", field="n", found=subjects.tolist())
    contrasts, covariance = _contrasts(subjects, rates, scale)
    noncentrality = float(contrasts @ np.linalg.solve(covariance, contrasts))
    freedom = len(contrasts)
    return InteractionPower(
        _power(noncentrality, freedom, inner_probability(alpha, "alpha")),
        tuple(float(each) for each in contrasts),
        float(np.sqrt(covariance[0, 0])) if freedom == 1 else None,
        noncentrality,
        freedom,
    )


def interaction_size(
    p: Sequence[Sequence[float]],
    shares: Sequence[Sequence[float]],
    *,
    power: float,
    alpha: float = 0.05,
    scale: Scale = "log_odds",
) -> InteractionSize:
    """All subjects at which the test of interaction has this power, the cells having these shares.

    `shares` are in any unit (0.4 and 0.6, or 2 and 1): what counts is their proportions.

    >>> size = interaction_size([[0.50, 0.25], [0.15, 0.25]], [[40, 20], [22, 22]], power=0.80)
    >>> round(size.subjects, 1)
    262.0
    """
    target_power(power, inner_probability(alpha, "alpha"))
    weights = _cells(shares, "shares")
    if not ((weights > 0) & np.isfinite(weights)).all():
        raise BadInput("above 0 in every cell", field="shares", found=weights.tolist())
    weights = weights / weights.sum()
    one = interaction_power(weights.tolist(), p, alpha=alpha, scale=scale)
    if one.noncentrality <= 1e-20:
        raise BadInput("rates with an interaction", field="p", found=p)
    from scipy.optimize import brentq

    def excess(noncentrality: float) -> float:
        return _power(noncentrality, one.degrees_of_freedom, alpha) - power

    upper = 10.0
    while excess(upper) < 0:
        upper *= 2
    needed = float(brentq(excess, 0.0, upper, xtol=1e-12, rtol=1e-14))
    subjects = needed / one.noncentrality
    return InteractionSize(
        subjects, tuple(tuple(float(w) * subjects for w in row) for row in weights)
    )


def _cells(values: ArrayLike, field: str) -> FloatArray:
    try:
        cells = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        cells = np.empty(0)
    if cells.ndim != 2 or min(cells.shape) < 2:
        raise BadInput(
            "a list for each of two or more strata, with a number for each of two or more arms",
            field=field,
            found=values,
        )
    return cells


def _contrasts(n: FloatArray, p: FloatArray, scale: str) -> tuple[FloatArray, FloatArray]:
    """The terms of interaction, and their covariance."""
    one_of(scale, _SCALES, "scale")
    inside = (p > 0) & (p < 1)
    if not inside.all():
        raise BadInput("strictly between 0 and 1 in every cell", field="p", found=p.tolist())
    spread = p * (1 - p)
    values, variances = (
        (np.log(p / (1 - p)), 1 / (n * spread)) if scale == "log_odds" else (p, spread / n)
    )
    strata, arms = p.shape
    rows = np.eye(strata)[1:] - np.eye(strata)[0]
    columns = np.eye(arms)[1:] - np.eye(arms)[0]
    design = np.kron(rows, columns)
    return design @ values.ravel(), (design * variances.ravel()) @ design.T


def _power(noncentrality: float, freedom: int, alpha: float) -> float:
    from scipy.special import chdtri, chndtr, ndtr, ndtri

    if freedom == 1:
        drift, z = np.sqrt(noncentrality), -ndtri(alpha / 2)
        return float(ndtr(drift - z) + ndtr(-drift - z))
    return float(1 - chndtr(chdtri(freedom, alpha), freedom, noncentrality))
