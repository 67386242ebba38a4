"""Logistic regression on counts: Wald, likelihood-ratio and score tests, intervals, separation.

The data are cells: `design` has a row for each cell and a column for each coefficient, `events` of
`subjects` in each cell responded. With a leading axis of trials every function answers for all of
them at once, one trial like many. `tested` are the columns whose coefficients are asked for.

**Separation is diagnosed, never shown as a huge standard error.** Where a combination of covariates
predicts the outcome without exception, the likelihood is greatest at infinity (Albert and Anderson
1984, Biometrika 71:1-10). Its cells are named. What the other cells still determine is estimated
from them, as in the limit; a coefficient that they do not determine has no estimate. Firth's
penalised likelihood (1993, Biometrika 80:27-38) has none of this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.effects import Effects, effects
from equipoise.statistics.logistic_core import (
    BoolArray,
    FloatArray,
    expit,
    gradient,
    information_matrix,
    leverages,
    newton,
    pseudo_inverse,
)
from equipoise.statistics.profile_limits import FURTHEST, crossed
from equipoise.statistics.proportion import normal_quantile

Test = Literal["wald", "likelihood_ratio", "score"]
TESTS: tuple[Test, ...] = get_args(Test)

_EXTREME = 1e-7
"""A fitted probability this close to 0 or 1 is one that goes there: the steps end far below it."""
_PROFILE_STEPS = 30
_PROFILE_PRECISION = 1e-10
"""The last step of a profile limit: Newton's method is by then exact to far more digits."""


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """Fits of one model in each trial, as arrays whose first axis is the trial.

    `separated` says of each cell whether its outcome is predicted without exception (a fitted
    probability of 0 or 1). `covariance` is that of the coefficients that the other cells determine.
    """

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: FloatArray
    separated: BoolArray


@dataclass(frozen=True, slots=True)
class Effect:
    """The tested coefficient with its limits, on the scale of the logarithm, and P of the test.

    `estimate` is None where more than one coefficient is tested, or where the data do not determine
    it or separation leaves it no finite value; a profile limit may be infinite, or the only finite
    figure. `p` is None where nothing
    can be tested, on `degrees_of_freedom`. `separated` are the cells whose outcome is predicted
    without exception.
    """

    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    p: float | None
    degrees_of_freedom: int
    separated: tuple[int, ...]


def logistic_fit(
    design: ArrayLike, events: ArrayLike, subjects: ArrayLike, *, penalised: bool = False
) -> LogisticFit:
    """Maximum likelihood, or with `penalised` Firth's, by Newton's method from 0.

    The covariance is the inverse of the information; Firth's counts with each cell the subjects
    that the penalty adds to it, its leverage (as R's logistf from 1.24 on): of two groups the log
    odds ratio has the error of Haldane and Anscombe, with 1/2 added to each count.

    >>> fit = logistic_fit([[1, 1], [1, 0]], [10, 2], [20, 9])
    >>> round(float(np.exp(fit.coefficients[0, 1])), 6)
    3.5
    """
    return _fitted(*_checked(design, events, subjects), penalised)


def _fitted(x: FloatArray, y: FloatArray, n: FloatArray, penalised: bool) -> LogisticFit:
    found, value = newton(x, y, n, np.zeros(x.shape[1]), np.ones(x.shape[1], bool), penalised)
    probability = expit(found @ x.T)
    separated = (n > 0) & (np.minimum(probability, 1 - probability) < _EXTREME)
    counted = n + leverages(x, n, probability) if penalised else n
    kept = np.where(separated, 0.0, counted * probability * (1 - probability))
    return LogisticFit(found, pseudo_inverse(information_matrix(x, kept)), value, separated)


def logistic_p_batch(
    design: ArrayLike,
    events: ArrayLike,
    subjects: ArrayLike,
    tested: Sequence[int],
    *,
    test: Test = "likelihood_ratio",
    penalised: bool = False,
) -> FloatArray:
    """P of the hypothesis that all `tested` coefficients are 0, in each trial; two-sided.

    nan where the cells with subjects do not determine them; for `wald` also where separation
    leaves one without a finite estimate. `score` is not for the penalised likelihood.

    >>> logistic_p_batch([[1, 1], [1, 0]], [[10, 2]], [[20, 9]], [1], test="wald").round(4).tolist()
    [0.1724]
    """
    x, y, n = _checked(design, events, subjects)
    columns = _columns(tested, x)
    _check_test(test, penalised)
    return _p(x, y, n, columns, test, penalised)


def _p(
    x: FloatArray,
    y: FloatArray,
    n: FloatArray,
    columns: list[int],
    test: Test,
    penalised: bool,
    fit: LogisticFit | None = None,
) -> FloatArray:
    """P of every trial; `fit` is that of the whole model, where it was made before."""
    freedom = _degrees(x, n > 0, columns)
    if test == "score":
        return _tail(_score_statistic(x, y, n, columns), freedom)
    fit = fit or _fitted(x, y, n, penalised)
    if test == "likelihood_ratio":
        _, below = _against_null(x, y, n, columns, penalised)
        return _tail(np.maximum(0.0, 2 * (fit.log_likelihood - below)), freedom)
    known = _degrees(x, (n > 0) & ~fit.separated, columns)
    part = fit.coefficients[:, columns]
    block = fit.covariance[:, columns][:, :, columns]
    statistic = np.einsum("ri,rij,rj->r", part, pseudo_inverse(block), part)
    return _tail(statistic, np.where(known == len(columns), known, 0))


def logistic_effect(
    design: ArrayLike,
    events: ArrayLike,
    subjects: ArrayLike,
    tested: Sequence[int],
    *,
    test: Test = "wald",
    interval: Literal["wald", "profile", "none"] = "wald",
    level: float = 0.95,
    penalised: bool = False,
) -> Effect:
    """The effect of one trial: the coefficient of a single `tested` column, its limits, and P.

    `profile` limits are the values that the likelihood-ratio test does not reject (Venzon and
    Moolgavkar 1988, Appl Stat 37:87-94).

    >>> found = logistic_effect([[1, 1], [1, 0]], [10, 2], [20, 9], [1])
    >>> [round(math.exp(each), 2) for each in (found.estimate, found.lower, found.upper)]
    [3.5, 0.58, 21.16]
    """
    x, y, n = _checked(design, events, subjects)
    columns = _columns(tested, x)
    _check_test(test, penalised)
    fit = _fitted(x, y, n, penalised)
    p = float(_p(x, y, n, columns, test, penalised, fit)[0])
    present = n > 0
    freedom = int(_degrees(x, present, columns)[0])
    separated = tuple(np.flatnonzero(fit.separated[0]).tolist())
    answer = None if math.isnan(p) else p
    if len(columns) != 1 or freedom != 1:
        return Effect(None, None, None, None, answer, freedom, separated)
    column = columns[0]
    finite = _degrees(x, present & ~fit.separated, columns)[0] == 1
    estimate = float(fit.coefficients[0, column])
    error = math.sqrt(fit.covariance[0, column, column]) if finite else None
    lower = upper = None
    if interval == "wald" and error is not None:
        half = normal_quantile(level) * error
        lower, upper = estimate - half, estimate + half
    elif interval == "profile":
        lower, upper = _profile(x, y, n, column, fit, level, penalised)
    shown = estimate if finite else None
    return Effect(shown, error, lower, upper, answer, freedom, separated)


def logistic_effect_batch(
    design: ArrayLike,
    events: ArrayLike,
    subjects: ArrayLike,
    tested: Sequence[int],
    *,
    test: Test = "wald",
    penalised: bool = False,
) -> Effects:
    """`logistic_effect` of many trials without limits; those of Wald follow from its errors.

    >>> found = logistic_effect_batch([[1, 1], [1, 0]], [[10, 2], [9, 9]], [[20, 9]] * 2, [1])
    >>> np.exp(found.estimate).round(2).tolist(), found.p.round(4).tolist()
    ([3.5, nan], [0.1724, nan])
    """
    x, y, n = _checked(design, events, subjects)
    columns, column = _columns(tested, x), min(tested)
    _check_test(test, penalised)
    fit = _fitted(x, y, n, penalised)
    p = _p(x, y, n, columns, test, penalised, fit)
    known = np.full(len(p), len(columns) == 1)
    for cells in (n > 0, (n > 0) & ~fit.separated):
        known &= _degrees(x, cells, columns) == 1
    return effects(fit.coefficients[:, column], fit.covariance[:, column, column], known, p)


def _against_null(
    x: FloatArray, y: FloatArray, n: FloatArray, columns: list[int], penalised: bool
) -> tuple[FloatArray, FloatArray]:
    """Coefficients and log-likelihood where those tested are 0; a penalty stays that of the whole
    model."""
    free = np.ones(x.shape[1], dtype=bool)
    free[columns] = False
    return newton(x, y, n, np.zeros(x.shape[1]), free, penalised)


def _score_statistic(x: FloatArray, y: FloatArray, n: FloatArray, columns: list[int]) -> FloatArray:
    null, _ = _against_null(x, y, n, columns, penalised=False)
    score, information = gradient(x, y, n, null, penalised=False)
    return np.asarray(np.einsum("ri,rij,rj->r", score, pseudo_inverse(information), score))


def _profile(
    x: FloatArray,
    y: FloatArray,
    n: FloatArray,
    column: int,
    fit: LogisticFit,
    level: float,
    penalised: bool,
) -> tuple[float, float]:
    """Where twice the fall of the log-likelihood reaches the quantile; infinite if never.

    Where a coefficient goes to infinity, limits are looked for one by one, further and further
    out. Where coefficients do so together, steps that begin at 0 may not get there, and the
    likelihood would seem to fall: then they begin at the estimates as well.
    """
    free = np.arange(x.shape[1]) != column
    found, best, allowed = fit.coefficients[0], fit.log_likelihood[0], normal_quantile(level) ** 2
    probability = expit(found @ x.T)
    extreme = bool((np.minimum(probability, 1 - probability) < _EXTREME).any())
    if not extreme and (limits := _stepped(x, y, n, column, fit, allowed, penalised)):
        return limits
    starts = np.array([np.zeros(x.shape[1]), found][: 1 + extreme])
    events, subjects = (np.repeat(each, len(starts), axis=0) for each in (y, n))

    def excess(value: float) -> float:
        at = np.where(free, starts, value)
        _, reached = newton(x, events, subjects, at, free, penalised)
        return float(2 * (best - reached.max()) - allowed)

    centre = max(-FURTHEST, min(FURTHEST, float(found[column])))
    return crossed(excess, centre, -1.0), crossed(excess, centre, 1.0)


def _stepped(
    x: FloatArray,
    y: FloatArray,
    n: FloatArray,
    column: int,
    fit: LogisticFit,
    allowed: float,
    penalised: bool,
) -> tuple[float, float] | None:
    """Both limits by Newton's method, from those of Wald; None where it does not arrive.

    The slope of the greatest likelihood along a coefficient is its score there. Each step begins
    with the other coefficients of the last.
    """
    free = np.arange(x.shape[1]) != column
    y, n = np.repeat(y, 2, axis=0), np.repeat(n, 2, axis=0)
    sides = np.array([-1.0, 1.0])
    at = np.repeat(fit.coefficients, 2, axis=0)
    at[:, column] += sides * math.sqrt(allowed * fit.covariance[0, column, column])
    for _ in range(_PROFILE_STEPS):
        at, reached = newton(x, y, n, at, free, penalised)
        fall = -2 * sides * gradient(x, y, n, at, penalised)[0][:, column]
        if not (fall > 0).all():
            return None
        step = (2 * (fit.log_likelihood - reached) - allowed) / fall
        at[:, column] -= sides * step
        if (np.abs(at[:, column]) > FURTHEST).any():
            return None
        if (np.abs(step) <= _PROFILE_PRECISION).all():
            return float(at[0, column]), float(at[1, column])
    return None


def _degrees(x: FloatArray, cells: BoolArray, columns: list[int]) -> NDArray[np.int64]:
    """How many of the columns the given cells of each trial determine beside the others."""
    patterns, place = np.unique(cells, axis=0, return_inverse=True)
    others = np.delete(x, columns, axis=1)
    found = [
        int(np.linalg.matrix_rank(x[kept])) - int(np.linalg.matrix_rank(others[kept]))
        if kept.any()
        else 0
        for kept in patterns
    ]
    return np.array(found, dtype=np.int64)[place.reshape(-1)]


def _tail(statistic: FloatArray, freedom: NDArray[np.int64]) -> FloatArray:
    from scipy.special import chdtrc

    tested = freedom > 0
    p = np.full(len(statistic), np.nan)
    p[tested] = chdtrc(freedom[tested], np.maximum(0.0, statistic[tested]))
    return p


def _check_test(test: Test, penalised: bool) -> None:
    if test not in TESTS or (penalised and test == "score"):
        raise BadInput(f"one of {', '.join(TESTS)}", field="test", found=test)


def _columns(tested: Sequence[int], x: FloatArray) -> list[int]:
    columns = sorted(set(tested))
    if not columns or columns[0] < 0 or columns[-1] >= x.shape[1]:
        raise BadInput(f"columns from 0 to {x.shape[1] - 1}", field="tested", found=tested)
    return columns


def _checked(
    design: ArrayLike, events: ArrayLike, subjects: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x = np.asarray(design, dtype=np.float64)
    y = np.atleast_2d(np.asarray(events, dtype=np.float64))
    n = np.atleast_2d(np.asarray(subjects, dtype=np.float64))
    if x.ndim != 2 or y.shape != n.shape or y.shape[1:] != x.shape[:1]:
        raise BadInput(
            "events and subjects for each row of the design", found=(x.shape, y.shape, n.shape)
        )
    if ((y < 0) | (y > n)).any():
        raise BadInput("counts of 0 to the number of subjects", field="events", found=y.tolist())
    return x, y, n
