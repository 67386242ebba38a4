"""How well two readings of the same subjects agree, beyond what chance would give.

Readings are categories in the order given; the first reader's are the rows of a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import one_of
from equipoise.statistics.proportion import normal_quantile

FloatArray = NDArray[np.float64]
Weights = Literal["none", "linear", "quadratic"]
_WEIGHTS = ("none", "linear", "quadratic")


@dataclass(frozen=True, slots=True)
class Kappa:
    """Observed and expected (weighted) agreement, kappa with its standard error and limits.

    `z` and `p` test that there is no agreement beyond chance, with the standard error that holds
    then. All but `observed` and `expected` are None where chance alone gives full agreement.
    """

    subjects: int
    observed: float
    expected: float
    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    z: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class SpecificAgreement:
    """Of two readings of a property: the share of agreement on its presence, and on its absence.

    None where neither reader ever says so.
    """

    positive: float | None
    negative: float | None


def kappa(
    counts: Sequence[Sequence[int]], *, weights: Weights = "none", level: float = 0.95
) -> Kappa:
    """Cohen's kappa of a square table of counts, with large-sample standard errors.

    Cohen 1960, Educ Psychol Meas 20:37-46; weighted with 1 - |i - j| / (k - 1) (`linear`) or 1 -
    (i - j)^2 / (k - 1)^2 (`quadratic`), Cohen 1968, Psychol Bull 70:213-220; standard errors of
    Fleiss, Cohen and Everitt 1969, Psychol Bull 72:323-327.

    >>> found = kappa([[20, 5], [10, 15]])
    >>> found.observed, found.expected, round(found.estimate, 4)
    (0.7, 0.5, 0.4)
    """
    shares, total = _square(counts)
    one_of(weights, _WEIGHTS, "weights")
    reach = normal_quantile(level)
    size = len(shares)
    apart = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :]) / max(1, size - 1)
    power = 1 if weights == "linear" else 2
    weight = np.eye(size) if weights == "none" else 1 - apart**power
    first, second = shares.sum(axis=1), shares.sum(axis=0)
    chance = np.outer(first, second)
    observed, expected = float((weight * shares).sum()), float((weight * chance).sum())
    if expected >= 1 - 1e-12:
        return Kappa(total, observed, expected, None, None, None, None, None, None)
    estimate = (observed - expected) / (1 - expected)
    mean = (weight @ second)[:, None] + (first @ weight)[None, :]
    within = (shares * (weight - mean * (1 - estimate)) ** 2).sum()
    spread = within - (estimate - expected * (1 - estimate)) ** 2
    error = math.sqrt(max(0.0, float(spread)) / total) / (1 - expected)
    none = float((chance * (weight - mean) ** 2).sum()) - expected**2
    error_of_none = math.sqrt(max(0.0, none) / total) / (1 - expected)
    z = estimate / error_of_none if error_of_none > 0 else None
    return Kappa(
        total,
        observed,
        expected,
        estimate,
        error,
        estimate - reach * error,
        min(1.0, estimate + reach * error),
        z,
        None if z is None else math.erfc(abs(z) / math.sqrt(2)),
    )


def specific_agreement(counts: Sequence[Sequence[int]]) -> SpecificAgreement:
    """Positive and negative agreement of a 2 x 2 table of counts.

    The table is [[both, first only], [second only, neither]]; the shares are 2a / (2a + b + c) and
    2d / (2d + b + c) (Cicchetti and Feinstein 1990, J Clin Epidemiol 43:551-558).

    >>> specific_agreement([[20, 5], [10, 15]]).positive.__round__(4)
    0.7273
    """
    shares, _ = _square(counts)
    if len(shares) != 2:
        raise BadInput("a table of 2 x 2", field="counts", found=shares.shape)
    apart = float(shares[0, 1] + shares[1, 0])

    def of(both: float) -> float | None:
        return 2 * both / (2 * both + apart) if both + apart > 0 else None

    return SpecificAgreement(of(float(shares[0, 0])), of(float(shares[1, 1])))


def _square(counts: Sequence[Sequence[int]]) -> tuple[FloatArray, int]:
    """The shares of a square table of whole counts, and how many there are."""
    table = np.array(counts, dtype=np.float64) if len({len(row) for row in counts}) == 1 else None
    if table is None or table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < 2:
        raise BadInput("a square table of counts, of two categories or more", field="counts")
    if not np.isfinite(table).all() or (table < 0).any() or table.sum() == 0:
        raise BadInput("counts of 0 or more, of one subject at least", field="counts")
    return table / table.sum(), int(table.sum())
