"""The numerics of logistic regression: likelihood, score, information, and Newton's method.

Cells and trials are as in `equipoise.statistics.logistic`: every function answers for all trials
along the first axis at once. With `penalised` the likelihood is Firth's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_RANK = 1e-10
"""Directions with less than this share of the largest information count as not determined."""
_DECREMENT = {False: 1e-18, True: 1e-14}
"""Of Newton's decrement, without and with the penalty, where the steps converge more slowly."""
_STEPS = 200
_LONGEST = 5.0


def newton(
    x: FloatArray,
    y: FloatArray,
    n: FloatArray,
    start: FloatArray,
    free: BoolArray,
    penalised: bool,
) -> tuple[FloatArray, FloatArray]:
    """Coefficients and log-likelihood of every trial; those that are not `free` stay at `start`,
    which is one for all or has a row for each."""
    found = np.broadcast_to(start, (len(y), x.shape[1])).copy()
    value = likelihood(x, y, n, found, penalised)
    active = np.arange(len(y))
    taken = np.zeros((len(y), int(free.sum())))
    for _ in range(_STEPS if free.any() else 0):
        beta, events, subjects = found[active], y[active], n[active]
        score, information = gradient(x, events, subjects, beta, penalised)
        score = score[:, free]
        step = np.einsum("rij,rj->ri", pseudo_inverse(information[:, free][:, :, free]), score)
        decrement = np.einsum("ri,ri->r", step, score)
        if penalised:
            step /= 1 + _overshot(step, taken[active])
        length = np.abs(step).max(axis=1, keepdims=True)
        step *= np.minimum(1.0, _LONGEST / np.maximum(length, 1e-300))
        size = np.ones(len(active))
        for _ in range(12):
            trial = beta.copy()
            trial[:, free] += size[:, None] * step
            reached = likelihood(x, events, subjects, trial, penalised)
            worse = reached < value[active] - 1e-12 * (1 + np.abs(value[active]))
            if not worse.any():
                break
            size[worse] /= 2
        found[active], value[active] = trial, reached
        taken[active] = size[:, None] * step
        active = active[decrement > _DECREMENT[penalised]]
        if not len(active):
            break
    return found, value


def _overshot(step: FloatArray, before: FloatArray) -> FloatArray:
    """By how much of itself the step before went too far, as `step` leads back; else 0.

    The information has no share of the penalty, so that steps overshoot; between the two points
    the score is taken to be straight.
    """
    back = -np.einsum("ri,ri->r", step, before)
    length = np.einsum("ri,ri->r", before, before)
    return np.asarray(np.maximum(0.0, back / np.where(length > 0, length, 1.0)))[:, None]


def gradient(
    x: FloatArray, y: FloatArray, n: FloatArray, beta: FloatArray, penalised: bool
) -> tuple[FloatArray, FloatArray]:
    """The score of every coefficient of every trial, and their information."""
    probability = expit(beta @ x.T)
    weight = n * probability * (1 - probability)
    information = information_matrix(x, weight)
    residual = y - n * probability
    if penalised:
        residual = residual + leverages(x, n, probability) * (0.5 - probability)
    return residual @ x, information


def leverages(x: FloatArray, n: FloatArray, probability: FloatArray) -> FloatArray:
    """The sum of the leverages of the subjects of each cell: what Firth's penalty adds to it."""
    weight = n * probability * (1 - probability)
    inverse = pseudo_inverse(information_matrix(x, weight))
    return np.asarray(weight * np.einsum("ci,rij,cj->rc", x, inverse, x))


def likelihood(
    x: FloatArray, y: FloatArray, n: FloatArray, beta: FloatArray, penalised: bool
) -> FloatArray:
    """The log-likelihood without its constant; penalised with half the log-determinant."""
    linear = beta @ x.T
    value = (y * linear - n * np.logaddexp(0.0, linear)).sum(axis=1)
    if penalised:
        probability = expit(linear)
        values = np.linalg.eigvalsh(information_matrix(x, n * probability * (1 - probability)))
        kept = values > _RANK * np.maximum(values.max(axis=1, keepdims=True), 1e-300)
        value = value + 0.5 * np.log(np.where(kept, values, 1.0)).sum(axis=1)
    return np.asarray(value, dtype=np.float64)


def information_matrix(x: FloatArray, weight: FloatArray) -> FloatArray:
    """The information of each trial, from the weights of its cells."""
    return np.asarray(np.einsum("rc,ci,cj->rij", weight, x, x))


def pseudo_inverse(symmetric: FloatArray) -> FloatArray:
    """The pseudo-inverse of each matrix, without the directions that are not determined."""
    values, vectors = np.linalg.eigh(symmetric)
    kept = np.abs(values) > _RANK * np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    inverted = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    return np.asarray((vectors * inverted[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def expit(linear: FloatArray) -> FloatArray:
    """The probability of each linear predictor."""
    return np.asarray(0.5 * (1 + np.tanh(linear / 2)))
