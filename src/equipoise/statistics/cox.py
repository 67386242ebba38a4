"""Proportional hazards: Cox regression on a few covariates, ties as in life, strata if wanted.

`covariates` has a row for each subject and a column for each coefficient. Subjects censored at the
time of an event are at risk for it. `tested` are the columns whose coefficients are asked for.
Where every event is on one side of a covariate the likelihood is greatest at infinity (monotone;
Bryson and Johnson 1981): that coefficient is named and has no estimate, never a huge one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.compiled import compiled
from equipoise.statistics.proportion import normal_quantile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Ties = Literal["efron", "breslow"]
Test = Literal["wald", "likelihood_ratio", "score"]
TESTS: tuple[Test, ...] = ("wald", "likelihood_ratio", "score")

_RANK = 1e-10
_PIVOT = 1e-12
_STEPS = 100
_EQUAL = 1e-12
_DIVERGING = 1e-2
"""A coefficient that still moves this far when the likelihood no longer rises goes to infinity."""
_COMPILE_FROM = 2000
"""Subjects in one call from which machine code repays the time that loading it takes."""


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """Fits of one model in each trial: arrays whose first axis is the trial.

    `diverging` are the coefficients without a finite estimate.
    """

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: FloatArray
    diverging: BoolArray


@dataclass(frozen=True, slots=True)
class HazardEffect:
    """The tested coefficient with its limits, on the scale of the logarithm, and P of the test.

    `estimate` and limits are None where more than one coefficient is tested, or where the data do
    not determine it or the likelihood is monotone in it. `p` is None where nothing can be tested.
    `diverging` are all coefficients without a finite estimate.
    """

    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    p: float | None
    degrees_of_freedom: int
    diverging: tuple[int, ...]


def cox_fit(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: Ties = "efron",
) -> CoxFit:
    """The maximum partial likelihood of one trial (Cox 1972, J R Stat Soc B 34:187-220).

    Ties by Efron's approximation (1977, J Am Stat Assoc 72:557-565) or Breslow's.

    >>> fit = cox_fit([1, 2, 3, 4], [1, 1, 1, 1], [[0], [1], [0], [1]])
    >>> round(float(fit.coefficients[0, 0]), 4)
    -0.9406
    """
    trial = _Trials.of(time, event, covariates, strata)
    return _fitted(trial, np.ones(trial.width, dtype=bool), ties)


def cox_p_batch(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    stratum: ArrayLike,
    tested: Sequence[int],
    *,
    test: Test = "wald",
    ties: Ties = "efron",
) -> FloatArray:
    """P of the hypothesis that all `tested` coefficients are 0, for trials of shape (trials,
    subjects); `covariates` have a third axis. A negative `stratum` leaves a subject out.

    nan where the events do not determine the coefficients; for `wald` also where one has no finite
    estimate.

    >>> cox_p_batch([[1, 2, 3, 4]], [[1] * 4], [[[0], [1], [0], [1]]], [[0] * 4], [0]).round(3)
    array([0.448])
    """
    return _p(_Trials.many(time, event, covariates, stratum), tested, test, ties)


def cox_effect(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    tested: Sequence[int],
    *,
    strata: ArrayLike | None = None,
    test: Test = "wald",
    ties: Ties = "efron",
    level: float = 0.95,
) -> HazardEffect:
    """The effect of one trial: the coefficient of a single `tested` column, Wald limits, and P.

    >>> found = cox_effect([1, 2, 3, 4], [1, 1, 1, 1], [[0], [1], [0], [1]], [0])
    >>> round(math.exp(found.estimate), 3), round(found.p, 3)
    (0.39, 0.448)
    """
    trial = _Trials.of(time, event, covariates, strata)
    columns = _columns(tested, trial.width)
    fit = _fitted(trial, np.ones(trial.width, dtype=bool), ties)
    p = float(_p(trial, columns, test, ties)[0])
    answer = None if math.isnan(p) else p
    freedom = int(_degrees(trial, columns, ties)[0])
    diverging = tuple(np.flatnonzero(fit.diverging[0]).tolist())
    if len(columns) != 1 or freedom != 1:
        return HazardEffect(None, None, None, None, answer, freedom, diverging)
    estimate = float(fit.coefficients[0, columns[0]])
    if columns[0] in diverging:
        return HazardEffect(None, None, None, None, answer, freedom, diverging)
    error = math.sqrt(fit.covariance[0, columns[0], columns[0]])
    half = normal_quantile(level) * error
    return HazardEffect(
        estimate, error, estimate - half, estimate + half, answer, freedom, diverging
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Trials:
    """Trials with their subjects sorted by stratum and time; those who are left out come first."""

    time: FloatArray
    event: BoolArray
    covariates: FloatArray
    stratum: IntArray

    @property
    def width(self) -> int:
        return int(self.covariates.shape[2])

    @classmethod
    def of(
        cls, time: ArrayLike, event: ArrayLike, covariates: ArrayLike, strata: ArrayLike | None
    ) -> _Trials:
        layers = np.zeros(np.shape(time)) if strata is None else np.asarray(strata)
        stratum = np.unique(layers, return_inverse=True)[1].reshape(-1)
        one = (np.asarray(each)[None] for each in (time, event, covariates, stratum))
        return cls.many(*one)

    @classmethod
    def many(
        cls, time: ArrayLike, event: ArrayLike, covariates: ArrayLike, stratum: ArrayLike
    ) -> _Trials:
        times, events = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.bool_)
        values = np.asarray(covariates, dtype=np.float64)
        strata = np.asarray(stratum, dtype=np.int64)
        shapes = (times.shape, events.shape, values.shape, strata.shape)
        fits = times.ndim == 2 and times.shape == events.shape == strata.shape
        if not fits or values.ndim != 3 or values.shape[:2] != times.shape or not values.shape[2]:
            raise BadInput("time, event, covariates and stratum of each subject", found=shapes)
        inside = strata >= 0
        if not (np.isfinite(times[inside]).all() and (times[inside] >= 0).all()):
            raise BadInput("finite times of 0 or more", field="time", found=times[inside].min())
        if not np.isfinite(values[inside]).all():
            raise BadInput("finite numbers", field="covariates", found="one that is not")
        values = np.where(inside[:, :, None], values, 0.0)
        count = np.maximum(inside.sum(axis=1), 1)
        values = values - (values.sum(axis=1) / count[:, None])[:, None, :]
        order = np.lexsort((times, strata), axis=1)
        return cls(
            np.take_along_axis(times, order, axis=1),
            np.take_along_axis(events, order, axis=1),
            np.take_along_axis(values, order[:, :, None], axis=1),
            np.take_along_axis(strata, order, axis=1),
        )


def _fitted(trials: _Trials, free: BoolArray, ties: Ties) -> CoxFit:
    number, width = len(trials.time), trials.width
    found = np.zeros((number, width))
    information = np.zeros((number, width, width))
    value, diverging = np.zeros(number), np.zeros((number, width), dtype=bool)
    core = _core(_cox_trials, trials)
    core(
        trials.time, trials.event, trials.covariates, trials.stratum, _efron(ties), free,
        found, information, value, diverging,
    )  # fmt: skip
    covariance = np.linalg.pinv(information, rcond=_RANK, hermitian=True)
    return CoxFit(found, np.asarray(covariance, dtype=np.float64), value, diverging)


def _core(core: Any, trials: _Trials) -> Any:
    worth_it = trials.time.size >= _COMPILE_FROM
    return compiled(core, _cox_pass, _cox_step, _cox_newton, worth_it=worth_it)


def _p(trials: _Trials, tested: Sequence[int], test: Test, ties: Ties) -> FloatArray:
    from scipy.special import chdtrc

    if test not in TESTS:
        raise BadInput(f"one of {', '.join(TESTS)}", field="test", found=test)
    columns = _columns(tested, trials.width)
    freedom = _degrees(trials, columns, ties)
    every = np.ones(trials.width, dtype=bool)
    others = every.copy()
    others[columns] = False
    if test == "score":
        statistic = _score_statistic(trials, _fitted(trials, others, ties), ties)
    else:
        fit = _fitted(trials, every, ties)
        if test == "wald":
            part = fit.coefficients[:, columns]
            block = fit.covariance[:, columns][:, :, columns]
            inverse = np.linalg.pinv(block, rcond=_RANK, hermitian=True)
            statistic = np.einsum("ri,rij,rj->r", part, inverse, part)
            freedom = np.where(fit.diverging[:, columns].any(axis=1), 0, freedom)
        else:
            below = _fitted(trials, others, ties).log_likelihood
            statistic = 2 * (fit.log_likelihood - below)
    p = np.full(len(statistic), np.nan)
    tried = freedom > 0
    p[tried] = chdtrc(freedom[tried], np.maximum(0.0, statistic[tried]))
    return p


def _score_statistic(trials: _Trials, null: CoxFit, ties: Ties) -> FloatArray:
    score, information = _at(trials, null.coefficients, ties)
    inverse = np.linalg.pinv(information, rcond=_RANK, hermitian=True)
    return np.asarray(np.einsum("ri,rij,rj->r", score, inverse, score))


def _degrees(trials: _Trials, columns: list[int], ties: Ties) -> IntArray:
    """How many of the columns the events of each trial determine beside the others."""
    _, information = _at(trials, np.zeros((len(trials.time), trials.width)), ties)
    others = np.delete(np.delete(information, columns, axis=1), columns, axis=2)
    ranks = []
    for matrix in (information, others):
        values = np.linalg.eigvalsh(matrix) if matrix.shape[1] else np.zeros((len(matrix), 1))
        limit = _RANK * np.maximum(1.0, values.max(axis=1, keepdims=True))
        ranks.append((values > limit).sum(axis=1))
    return np.asarray(ranks[0] - ranks[1], dtype=np.int64)


def _at(trials: _Trials, beta: FloatArray, ties: Ties) -> tuple[FloatArray, FloatArray]:
    """Score and information of every trial at the given coefficients."""
    score = np.zeros(beta.shape)
    information = np.zeros((*beta.shape, beta.shape[1]))
    core = compiled(_cox_passes, _cox_pass, worth_it=trials.time.size >= _COMPILE_FROM)
    core(
        trials.time, trials.event, trials.covariates, trials.stratum, _efron(ties), beta,
        score, information,
    )  # fmt: skip
    return score, information


def _efron(ties: Ties) -> bool:
    if ties not in ("efron", "breslow"):
        raise BadInput("efron or breslow", field="ties", found=ties)
    return ties == "efron"


def _columns(tested: Sequence[int], width: int) -> list[int]:
    columns = sorted(set(tested))
    if not columns or columns[0] < 0 or columns[-1] >= width:
        raise BadInput(f"columns from 0 to {width - 1}", field="tested", found=tested)
    return columns


def _cox_pass(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    stratum: IntArray,
    efron: bool,
    beta: FloatArray,
    score: FloatArray,
    information: FloatArray,
) -> float:
    """Core: the log partial likelihood of one trial; score and information are written.

    From the last time to the first, so that the sums over those at risk only grow.
    """
    width = len(beta)
    score[:] = 0.0
    information[:] = 0.0
    value = 0.0
    s0, d0 = 0.0, 0.0
    s1, d1, mean = np.zeros(width), np.zeros(width), np.zeros(width)
    s2, d2 = np.zeros((width, width)), np.zeros((width, width))
    subject = len(time) - 1
    layer = -1
    while subject >= 0 and stratum[subject] >= 0:
        if stratum[subject] != layer:
            layer = stratum[subject]
            s0 = 0.0
            s1[:] = 0.0
            s2[:] = 0.0
        now, deaths = time[subject], 0
        d0 = 0.0
        d1[:] = 0.0
        d2[:] = 0.0
        while subject >= 0 and stratum[subject] == layer and time[subject] == now:
            linear = 0.0
            for i in range(width):
                linear += covariates[subject, i] * beta[i]
            risk = math.exp(linear)
            died = event[subject]
            s0 += risk
            if died:
                deaths += 1
                value += linear
                d0 += risk
            for i in range(width):
                x = covariates[subject, i]
                s1[i] += risk * x
                if died:
                    score[i] += x
                    d1[i] += risk * x
                for j in range(width):
                    s2[i, j] += risk * x * covariates[subject, j]
                    if died:
                        d2[i, j] += risk * x * covariates[subject, j]
            subject -= 1
        for place in range(deaths):
            share = place / deaths if efron else 0.0
            total = s0 - share * d0
            value -= math.log(total)
            for i in range(width):
                mean[i] = (s1[i] - share * d1[i]) / total
                score[i] -= mean[i]
            for i in range(width):
                for j in range(width):
                    spread = (s2[i, j] - share * d2[i, j]) / total
                    information[i, j] += spread - mean[i] * mean[j]
    return value


def _cox_passes(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    stratum: IntArray,
    efron: bool,
    beta: FloatArray,
    score: FloatArray,
    information: FloatArray,
) -> None:
    for t in range(len(time)):
        _cox_pass(
            time[t], event[t], covariates[t], stratum[t], efron, beta[t], score[t], information[t]
        )


def _cox_step(
    information: FloatArray, score: FloatArray, first: FloatArray, free: BoolArray, step: FloatArray
) -> None:
    """Core: solve information step = score in the free columns by elimination.

    A column whose pivot has fallen to nothing beside its `first` information stays where it is.
    """
    width = len(score)
    matrix, right = information.copy(), score.copy()
    used = free.copy()
    for k in range(width):
        used[k] = free[k] and matrix[k, k] > _PIVOT * first[k] and matrix[k, k] > 0.0
        if used[k]:
            for i in range(k + 1, width):
                factor = matrix[i, k] / matrix[k, k]
                for j in range(k, width):
                    matrix[i, j] -= factor * matrix[k, j]
                right[i] -= factor * right[k]
    for k in range(width - 1, -1, -1):
        step[k] = 0.0
        if used[k]:
            rest = right[k]
            for j in range(k + 1, width):
                rest -= matrix[k, j] * step[j]
            step[k] = rest / matrix[k, k]


def _cox_newton(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    stratum: IntArray,
    efron: bool,
    free: BoolArray,
    beta: FloatArray,
    information: FloatArray,
    diverging: BoolArray,
) -> float:
    """Core: Newton's method from 0 with halved steps; the log partial likelihood reached."""
    width = len(beta)
    score, step, trial = np.zeros(width), np.zeros(width), np.zeros(width)
    first = np.zeros(width)
    value = _cox_pass(time, event, covariates, stratum, efron, beta, score, information)
    for i in range(width):
        first[i] = information[i, i]
    for _ in range(_STEPS):
        _cox_step(information, score, first, free, step)
        size, reached = 1.0, value
        for _ in range(20):
            for i in range(width):
                trial[i] = beta[i] + size * step[i]
            reached = _cox_pass(time, event, covariates, stratum, efron, trial, score, information)
            if reached >= value - _EQUAL * (1.0 + abs(value)):
                break
            size /= 2
        beta[:] = trial
        rise = reached - value
        value = reached
        if abs(rise) <= _EQUAL * (1.0 + abs(value)):
            break
    for i in range(width):
        diverging[i] = free[i] and abs(step[i]) > _DIVERGING
    return value


def _cox_trials(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    stratum: IntArray,
    efron: bool,
    free: BoolArray,
    beta: FloatArray,
    information: FloatArray,
    value: FloatArray,
    diverging: BoolArray,
) -> None:
    for t in range(len(time)):
        value[t] = _cox_newton(
            time[t], event[t], covariates[t], stratum[t], efron, free, beta[t], information[t],
            diverging[t],
        )  # fmt: skip
