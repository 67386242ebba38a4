"""The tables at which a test of two proportions rejects, and how often that happens by chance.

Every table of x1 of n1 and x2 of n2 is looked at, so sizes and powers that are computed from the
region are exact. An unconditional exact test (Barnard 1947, Biometrika 34:123-138; Boschloo 1970,
Statistica Neerlandica 24:1-9) orders the tables by another test's P value and rejects as many of
the most extreme as keep the size, for every common proportion, at alpha or below.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.binomial import binomial_table
from equipoise.statistics.checked import one_of, probability
from equipoise.statistics.logistic import Test as ModelTest
from equipoise.statistics.logistic import logistic_p_batch
from equipoise.statistics.proportion import (
    Side,
    check_table,
    chi_square_p_batch,
    fisher_exact_p_batch,
)

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Test = Literal[
    "fisher",
    "fisher_mid_p",
    "chi_square",
    "chi_square_corrected",
    "z_pooled",
    "z_unpooled",
    "boschloo",
    "barnard",
    "logistic_wald",
    "logistic_likelihood_ratio",
    "logistic_score",
    "firth_wald",
    "firth_likelihood_ratio",
]

_TESTS: tuple[Test, ...] = get_args(Test)
_MODELS: dict[Test, tuple[ModelTest, bool]] = {
    "logistic_wald": ("wald", False),
    "logistic_likelihood_ratio": ("likelihood_ratio", False),
    "logistic_score": ("score", False),
    "firth_wald": ("wald", True),
    "firth_likelihood_ratio": ("likelihood_ratio", True),
}
"""Tests of the coefficient of a logistic model of the two groups, some with Firth's penalty."""
_SIDES: tuple[Side, ...] = get_args(Side)
_ORDERING: dict[str, Test] = {"boschloo": "fisher", "barnard": "z_pooled"}
_GRID = np.sin(np.linspace(0, math.pi / 2, 501)[1:-1]) ** 2
"""Common proportions at which a size is computed first: dense near 0 and 1, where it may peak."""
_TIE = 1e-9
"""P values that differ by a smaller share are equal but for rounding."""
_LARGEST = 400_000
"""Tables up to which an unconditional test is enumerated."""


def rejection_region(
    n1: int, n2: int, *, alpha: float, test: Test = "fisher", side: Side = "two_sided"
) -> BoolArray:
    """Whether the test rejects p1 = p2 at level alpha, by x1 (rows, 0 to n1) and x2 (columns).

    - `fisher`: exact, conditional; `fisher_mid_p`: the same with half of the ties;
    - `boschloo` and `barnard`: exact, unconditional, ordered by Fisher's P value and by `z_pooled`;
    - `chi_square`, `chi_square_corrected`: two-sided only; `z_pooled` is the first's signed root;
    - `z_unpooled`: Wald's test, with the variance of the observed proportions. Without any
      variance two different proportions are as different as can be;
    - `logistic_wald` (of the log odds ratio), `logistic_likelihood_ratio`, `logistic_score`, and
      with Firth's penalty `firth_wald`, `firth_likelihood_ratio`: two-sided only. A table without a
      P value, as Wald's where the odds ratio is 0 or infinite, is not rejected.

    `greater` means that p1 is the greater.

    >>> rejection_region(3, 3, alpha=0.1)[3].tolist()
    [True, False, False, False]
    """
    _check_sizes(n1, n2)
    one_of(test, _TESTS, "test")
    one_of(side, _SIDES, "side")
    probability(alpha, "alpha")
    if test not in _ORDERING:
        return np.asarray(_p_values(n1, n2, test, side) <= alpha)
    _check_enumerable(n1, n2)
    return _unconditional(_p_values(n1, n2, _ORDERING[test], side), alpha)


def boschloo_p(x1: int, n1: int, x2: int, n2: int, *, side: Side = "two_sided") -> float:
    """The P value of Boschloo's exact unconditional test (1970, Statistica Neerlandica 24:1-9).

    The greatest probability, over the common proportion, of a P value of Fisher's test that is no
    greater than the observed one; two-sided from Fisher's two-sided P value, as R Exact.

    >>> round(boschloo_p(10, 34, 2, 25), 4)
    0.0404
    """
    return _unconditional_p(x1, n1, x2, n2, "fisher", side)


def barnard_p(
    x1: int, n1: int, x2: int, n2: int, *, side: Side = "two_sided", pooled: bool = True
) -> float:
    """The P value of Barnard's exact unconditional test, tables ordered by a Z statistic.

    The greatest probability, over the common proportion, of a Z as far out as the observed one; Z
    has the pooled variance, or not (Suissa and Shuster 1985, J R Stat Soc A 148:317-327).

    >>> round(barnard_p(10, 34, 2, 25), 4), round(barnard_p(10, 34, 2, 25, pooled=False), 4)
    (0.0472, 0.0355)
    """
    return _unconditional_p(x1, n1, x2, n2, "z_pooled" if pooled else "z_unpooled", side)


def size_of_region(region: BoolArray) -> tuple[float, float]:
    """The greatest probability of a region over all common proportions, and that proportion.

    The greatest of 499 proportions, refined between its neighbours by golden sections.

    >>> size, p = size_of_region(np.array([[False, True], [True, False]]))
    >>> round(size, 9), round(p, 4)
    (0.5, 0.5)
    """
    cells = region.astype(np.float64)

    def at(p: FloatArray) -> FloatArray:
        first = binomial_table(region.shape[0] - 1, p)
        second = binomial_table(region.shape[1] - 1, p)
        return np.asarray(np.einsum("ip,ij,jp->p", first, cells, second, optimize=True))

    ends = float(region[0, 0]), float(region[-1, -1])
    if max(ends) == 1.0:
        return 1.0, float(ends[1])
    sizes = at(_GRID)
    best, place = 0.0, 0.5
    for peak in np.argsort(sizes)[-5:]:
        low = _GRID[peak - 1] if peak > 0 else 0.0
        high = _GRID[peak + 1] if peak + 1 < len(_GRID) else 1.0
        for _ in range(12):
            inner = low + (high - low) * np.arange(1, 8) / 8
            values = at(inner)
            top = int(values.argmax())
            if values[top] > best:
                best, place = float(values[top]), float(inner[top])
            low, high = inner[top] - (high - low) / 8, inner[top] + (high - low) / 8
    return best, place


def _unconditional_p(x1: int, n1: int, x2: int, n2: int, ordering: Test, side: Side) -> float:
    check_table(x1, n1, x2, n2)
    one_of(side, _SIDES, "side")
    _check_enumerable(n1, n2)
    p = _p_values(n1, n2, ordering, side)
    return size_of_region(p <= p[x1, x2] * (1 + _TIE))[0]


def _check_sizes(n1: int, n2: int) -> None:
    for n, field in ((n1, "n1"), (n2, "n2")):
        if n < 0:
            raise BadInput("group sizes of 0 or more", field=field, found=n)


def _check_enumerable(n1: int, n2: int) -> None:
    if (n1 + 1) * (n2 + 1) > _LARGEST:
        raise BadInput(f"at most {_LARGEST} tables", field="n1, n2", found=(n1, n2))


def _p_values(n1: int, n2: int, test: Test, side: Side) -> FloatArray:
    x1, x2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)[None, :]
    if test in ("fisher", "fisher_mid_p"):
        return fisher_exact_p_batch(x1, n1, x2, n2, side=side, mid_p=test == "fisher_mid_p")
    if test in ("chi_square", "chi_square_corrected") or test in _MODELS:
        if side != "two_sided":
            raise BadInput(
                "two_sided; the one-sided test is z_pooled", field="side", found=f"{test} {side}"
            )
        if test in _MODELS:
            return _model_p(n1, n2, *_MODELS[test])
        corrected = test == "chi_square_corrected"
        return chi_square_p_batch(x1, n1, x2, n2, continuity_correction=corrected)
    return _normal_p(_z(n1, n2, pooled=test == "z_pooled"), side)


def _model_p(n1: int, n2: int, test: ModelTest, penalised: bool) -> FloatArray:
    """P of every table, 1 where the model has none."""
    events = np.indices((n1 + 1, n2 + 1)).reshape(2, -1).T
    sizes = np.broadcast_to([n1, n2], events.shape)
    groups = [[1, 1], [1, 0]]
    p = logistic_p_batch(groups, events, sizes, [1], test=test, penalised=penalised)
    return np.where(np.isnan(p), 1.0, p).reshape(n1 + 1, n2 + 1)


def _z(n1: int, n2: int, *, pooled: bool) -> FloatArray:
    if n1 == 0 or n2 == 0:
        return np.zeros((n1 + 1, n2 + 1))
    p1, p2 = np.arange(n1 + 1)[:, None] / n1, np.arange(n2 + 1)[None, :] / n2
    common = (n1 * p1 + n2 * p2) / (n1 + n2)
    if pooled:
        variance = common * (1 - common) * (1 / n1 + 1 / n2)
    else:
        variance = p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2
    difference = p1 - p2
    z = np.where(difference == 0, 0.0, np.copysign(math.inf, difference))
    np.divide(difference, np.sqrt(variance), out=z, where=variance > 0)
    return z


def _normal_p(z: FloatArray, side: Side) -> FloatArray:
    from scipy.special import ndtr

    if side == "two_sided":
        return np.asarray(2 * ndtr(-np.abs(z)))
    return np.asarray(ndtr(-z if side == "greater" else z))


def _unconditional(p: FloatArray, alpha: float) -> BoolArray:
    """The most extreme tables by p, as many as keep the size at alpha or below."""
    levels = np.unique(p)
    levels = levels[np.append(np.diff(levels) > _TIE * levels[:-1], True)]
    reach, found = levels * (1 + _TIE), 0
    low, high = 0, len(levels)
    while low < high:
        middle = (low + high) // 2
        if size_of_region(p <= reach[middle])[0] <= alpha:
            found = low = middle + 1
        else:
            high = middle
    return np.asarray(p <= reach[found - 1]) if found else np.zeros(p.shape, dtype=np.bool_)
