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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.proportion import normal_quantile

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Test = Literal["wald", "likelihood_ratio", "score"]
TESTS: tuple[Test, ...] = ("wald", "likelihood_ratio", "score")

_RANK = 1e-10
"""Directions with less than this share of the largest information count as not determined."""
_EXTREME = 1e-7
"""A fitted probability this close to 0 or 1 is one that goes there: the steps end far below it."""
_DECREMENT = {False: 1e-18, True: 1e-14}
"""Of Newton's decrement, without and with the penalty, where the steps converge more slowly."""
_STEPS = 200
_LONGEST = 5.0
_FURTHEST = 40.0


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

    >>> fit = logistic_fit([[1, 1], [1, 0]], [10, 2], [20, 9])
    >>> round(float(np.exp(fit.coefficients[0, 1])), 6)
    3.5
    """
    x, y, n = _checked(design, events, subjects)
    found, value = _newton(x, y, n, np.zeros(x.shape[1]), np.ones(x.shape[1], bool), penalised)
    probability = _expit(found @ x.T)
    separated = (n > 0) & (np.minimum(probability, 1 - probability) < _EXTREME)
    kept = np.where(separated, 0.0, n * probability * (1 - probability))
    return LogisticFit(found, _inverse(_information(x, kept)), value, separated)


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
    if test not in TESTS or (penalised and test == "score"):
        raise BadInput(f"one of {', '.join(TESTS)}", field="test", found=test)
    freedom = _degrees(x, n > 0, columns)
    if test == "wald":
        fit = logistic_fit(x, y, n, penalised=penalised)
        known = _degrees(x, (n > 0) & ~fit.separated, columns)
        part = fit.coefficients[:, columns]
        block = fit.covariance[:, columns][:, :, columns]
        statistic = np.einsum("ri,rij,rj->r", part, _inverse(block), part)
        freedom = np.where(known == len(columns), known, 0)
    else:
        statistic = _against_null(x, y, n, columns, test, penalised)
    return _tail(statistic, freedom)


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
    fit = logistic_fit(x, y, n, penalised=penalised)
    p = float(logistic_p_batch(x, y, n, columns, test=test, penalised=penalised)[0])
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
        lower, upper = _profile(x, y, n, column, estimate, level, penalised)
    shown = estimate if finite else None
    return Effect(shown, error, lower, upper, answer, freedom, separated)


def _against_null(
    x: FloatArray, y: FloatArray, n: FloatArray, columns: list[int], test: Test, penalised: bool
) -> FloatArray:
    """The likelihood-ratio or the score statistic; a penalty stays that of the whole model."""
    free = np.ones(x.shape[1], dtype=bool)
    free[columns] = False
    null, below = _newton(x, y, n, np.zeros(x.shape[1]), free, penalised)
    if test == "likelihood_ratio":
        _, above = _newton(x, y, n, np.zeros(x.shape[1]), ~np.zeros_like(free), penalised)
        return np.maximum(0.0, 2 * (above - below))
    probability = _expit(null @ x.T)
    score = (y - n * probability) @ x
    inverse = _inverse(_information(x, n * probability * (1 - probability)))
    return np.asarray(np.einsum("ri,rij,rj->r", score, inverse, score))


def _profile(
    x: FloatArray,
    y: FloatArray,
    n: FloatArray,
    column: int,
    estimate: float,
    level: float,
    penalised: bool,
) -> tuple[float, float]:
    """Where twice the fall of the log-likelihood reaches the quantile; infinite if never.

    Where coefficients go to infinity together, steps that begin at 0 may not get there, and the
    likelihood would seem to fall: then they begin at the estimates as well.
    """
    from scipy.optimize import brentq

    free = np.arange(x.shape[1]) != column
    starts = [np.zeros(x.shape[1])]
    found, best = _newton(x, y, n, starts[0], np.ones_like(free), penalised)
    allowed = normal_quantile(level) ** 2

    def excess(value: float) -> float:
        reached = [
            _newton(x, y, n, np.where(free, start, value), free, penalised)[1][0]
            for start in starts
        ]
        return float(2 * (best[0] - max(reached)) - allowed)

    probability = _expit(found[0] @ x.T)
    if (np.minimum(probability, 1 - probability) < _EXTREME).any():
        starts.append(found[0])
    centre = max(-_FURTHEST, min(_FURTHEST, estimate))
    return _crossed(excess, centre, -1.0, brentq), _crossed(excess, centre, 1.0, brentq)


def _crossed(
    excess: Callable[[float], float],
    centre: float,
    direction: float,
    root: Callable[..., float],
) -> float:
    reach = 0.5
    while abs(centre + direction * reach) <= _FURTHEST:
        if excess(centre + direction * reach) > 0:
            inner = centre + direction * reach / 2 if reach > 0.5 else centre
            return float(root(excess, inner, centre + direction * reach, xtol=1e-10, rtol=1e-12))
        reach *= 2
    return direction * math.inf


def _newton(
    x: FloatArray,
    y: FloatArray,
    n: FloatArray,
    start: FloatArray,
    free: BoolArray,
    penalised: bool,
) -> tuple[FloatArray, FloatArray]:
    """Coefficients and log-likelihood of every trial; those that are not `free` stay at `start`."""
    found = np.tile(start, (len(y), 1))
    value = _likelihood(x, y, n, found, penalised)
    active = np.arange(len(y))
    for _ in range(_STEPS if free.any() else 0):
        beta, events, subjects = found[active], y[active], n[active]
        probability = _expit(beta @ x.T)
        weight = subjects * probability * (1 - probability)
        information = _information(x, weight)
        residual = events - subjects * probability
        if penalised:
            inverse = _inverse(information)
            leverage = weight * np.einsum("ci,rij,cj->rc", x, inverse, x)
            residual = residual + leverage * (0.5 - probability)
        score = residual @ x[:, free]
        step = np.einsum("rij,rj->ri", _inverse(information[:, free][:, :, free]), score)
        decrement = np.einsum("ri,ri->r", step, score)
        length = np.abs(step).max(axis=1, keepdims=True)
        step *= np.minimum(1.0, _LONGEST / np.maximum(length, 1e-300))
        size = np.ones(len(active))
        for _ in range(12):
            trial = beta.copy()
            trial[:, free] += size[:, None] * step
            reached = _likelihood(x, events, subjects, trial, penalised)
            worse = reached < value[active] - 1e-12 * (1 + np.abs(value[active]))
            if not worse.any():
                break
            size[worse] /= 2
        found[active], value[active] = trial, reached
        active = active[decrement > _DECREMENT[penalised]]
        if not len(active):
            break
    return found, value


def _likelihood(
    x: FloatArray, y: FloatArray, n: FloatArray, beta: FloatArray, penalised: bool
) -> FloatArray:
    """The log-likelihood without its constant; penalised with half the log-determinant."""
    linear = beta @ x.T
    value = (y * linear - n * np.logaddexp(0.0, linear)).sum(axis=1)
    if penalised:
        probability = _expit(linear)
        values = np.linalg.eigvalsh(_information(x, n * probability * (1 - probability)))
        kept = values > _RANK * np.maximum(values.max(axis=1, keepdims=True), 1e-300)
        value = value + 0.5 * np.log(np.where(kept, values, 1.0)).sum(axis=1)
    return np.asarray(value, dtype=np.float64)


def _information(x: FloatArray, weight: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("rc,ci,cj->rij", weight, x, x))


def _inverse(symmetric: FloatArray) -> FloatArray:
    """The pseudo-inverse of each matrix, without the directions that are not determined."""
    values, vectors = np.linalg.eigh(symmetric)
    kept = np.abs(values) > _RANK * np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    inverted = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    return np.asarray((vectors * inverted[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def _expit(linear: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(linear / 2)))


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
