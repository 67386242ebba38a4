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
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics import divergence
from equipoise.statistics.chi_square import chi_square_tails
from equipoise.statistics.cox_core import BRESLOW, EFRON, EXACT, newton_core, pass_core
from equipoise.statistics.cox_two_groups import two_groups_core
from equipoise.statistics.effects import Effects, effects
from equipoise.statistics.proportion import normal_quantile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Ties = Literal["efron", "breslow", "exact"]
Test = Literal["wald", "likelihood_ratio", "score"]
TESTS: tuple[Test, ...] = get_args(Test)

_RULES: dict[Ties, int] = {"efron": EFRON, "breslow": BRESLOW, "exact": EXACT}
_RANK = 1e-10
_ROUNDING = 1e-9
_FAR = 8.0
"""Only where linear predictors differ this much may a likelihood be greatest at infinity."""


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
    """The tested coefficient with its limits, on the scale of the logarithm, and the test: its
    chi-square statistic and P.

    `estimate` and limits are None where more than one coefficient is tested, or where the data do
    not determine it or the likelihood is monotone in it. `statistic` and `p` are None where nothing
    can be tested.
    `diverging` are all coefficients without a finite estimate.
    """

    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    statistic: float | None
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

    Ties by Efron's approximation (1977, J Am Stat Assoc 72:557-565), Breslow's, or `exact`: the
    conditional likelihood of which subjects had the events of one time (as R's ties = "exact").

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
    return chi_square_tails(
        *_tested(_Trials.many(time, event, covariates, stratum), tested, test, ties)
    )


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
    statistics, degrees = _tested(trial, columns, test, ties, fit)
    p, freedom = (
        float(chi_square_tails(statistics, degrees)[0]),
        int(_degrees(trial, columns, ties)[0]),
    )
    statistic = None if math.isnan(p) else float(statistics[0])
    answer = None if math.isnan(p) else p
    diverging = tuple(np.flatnonzero(fit.diverging[0]).tolist())
    if len(columns) != 1 or freedom != 1 or columns[0] in diverging:
        return HazardEffect(None, None, None, None, statistic, answer, freedom, diverging)
    estimate = float(fit.coefficients[0, columns[0]])
    error = math.sqrt(fit.covariance[0, columns[0], columns[0]])
    half = normal_quantile(level) * error
    return HazardEffect(
        estimate, error, estimate - half, estimate + half, statistic, answer, freedom, diverging
    )


def cox_effect_batch(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    stratum: ArrayLike,
    tested: Sequence[int],
    *,
    test: Test = "wald",
    ties: Ties = "efron",
) -> Effects:
    """`cox_effect` of many trials, which are given as to `cox_p_batch`.

    >>> found = cox_effect_batch([[1, 2, 3, 4]], [[1] * 4], [[[0], [1], [0], [1]]], [[0] * 4], [0])
    >>> found.estimate.round(4).tolist(), found.p.round(3).tolist()
    ([-0.9406], [0.448])
    """
    trials = _Trials.many(time, event, covariates, stratum)
    columns, every = _columns(tested, trials.width), np.ones(trials.width, dtype=bool)
    fit = _fitted(trials, every, ties)
    p = chi_square_tails(*_tested(trials, columns, test, ties, fit))
    column = columns[0]
    known = (_degrees(trials, columns, ties) == 1) & ~fit.diverging[:, column]
    known &= len(columns) == 1
    return effects(fit.coefficients[:, column], fit.covariance[:, column, column], known, p)


def wald_p(coefficient: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Two-sided P of Wald's test that a single coefficient is 0; nan where it has no estimate.

    >>> wald_p([0.0, 1.0], [0.25, 1 / 3.841458820694124]).round(4).tolist()
    [1.0, 0.05]
    """
    beta = np.asarray(coefficient, dtype=np.float64)
    statistic = beta * (1 / np.asarray(variance, dtype=np.float64)) * beta
    return chi_square_tails(statistic, np.ones(beta.shape, dtype=np.int64))


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
    rest = np.ones(number, dtype=bool)
    rule = _rule(ties)
    if width == 1 and free.all() and rule != EXACT:
        rest = ~_two_groups(trials, rule == EFRON, found, information, value)
    if rest.any():
        parts = found[rest], information[rest], value[rest], diverging[rest]
        newton_core(trials.time[rest].size)(
            trials.time[rest], trials.event[rest], trials.covariates[rest], trials.stratum[rest],
            rule, free, *parts,
        )  # fmt: skip
        found[rest], information[rest], value[rest], diverging[rest] = parts
        diverging[rest] |= _together(trials, free, ties, found, information)[rest]
    covariance = np.linalg.pinv(information, rcond=_RANK, hermitian=True)
    return CoxFit(found, np.asarray(covariance, dtype=np.float64), value, diverging)


def _together(
    trials: _Trials, free: BoolArray, ties: Ties, found: FloatArray, information: FloatArray
) -> BoolArray:
    """Coefficients that go to infinity together, in trials whose hazards have come far apart."""
    gone = np.zeros(found.shape, dtype=bool)
    linear = np.einsum("rsi,ri->rs", trials.covariates, found)
    for trial in np.flatnonzero(np.ptp(linear, axis=1) > _FAR) if linear.size else ():
        one = slice(trial, trial + 1)
        alone = _Trials(
            trials.time[one], trials.event[one], trials.covariates[one], trials.stratum[one]
        )
        at_0 = _at(alone, np.zeros((1, trials.width)), ties)[1][0]
        block = np.ix_(free, free)
        gone[trial, free] = divergence.diverging(at_0[block], information[trial][block])
    return gone


def _two_groups(
    trials: _Trials,
    efron: bool,
    found: FloatArray,
    information: FloatArray,
    value: FloatArray,
) -> BoolArray:
    """Fit the trials whose single covariate has two values and a finite coefficient; which these
    are. The others are for the method that knows any covariate."""
    covariate, inside = trials.covariates[:, :, 0], trials.stratum >= 0
    high = np.where(inside, covariate, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(inside, covariate, np.inf).min(axis=1, initial=np.inf)
    first, second = covariate == high[:, None], covariate == low[:, None]
    two = (high > low) & (first | second | ~inside).all(axis=1)
    group = np.where(inside, np.where(first, 0, 1), -1)
    fitted = np.zeros(len(two), dtype=bool)
    beta, known = np.zeros(len(two)), np.zeros(len(two))
    two_groups_core(int(trials.time[two].size))(
        trials.time, trials.event, group, trials.stratum, two, efron, beta, known, value, fitted
    )
    # Values are taken off their mean, which may have cost the last bit of the distance.
    gap = np.where(np.abs(high - low - 1) < _ROUNDING, 1.0, high - low)
    found[fitted, 0] = beta[fitted] / gap[fitted]
    information[fitted, 0, 0] = known[fitted] * gap[fitted] ** 2
    return fitted


def _tested(
    trials: _Trials, tested: Sequence[int], test: Test, ties: Ties, fit: CoxFit | None = None
) -> tuple[FloatArray, IntArray]:
    """Statistic and degrees of freedom of every trial; `fit` is that of the whole model, where it
    was made before."""
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
        fit = fit or _fitted(trials, every, ties)
        if test == "wald":
            part = fit.coefficients[:, columns]
            block = fit.covariance[:, columns][:, :, columns]
            inverse = np.linalg.pinv(block, rcond=_RANK, hermitian=True)
            statistic = np.einsum("ri,rij,rj->r", part, inverse, part)
            freedom = np.where(fit.diverging[:, columns].any(axis=1), 0, freedom)
        else:
            below = _fitted(trials, others, ties).log_likelihood
            statistic = 2 * (fit.log_likelihood - below)
    return statistic, freedom


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
    pass_core(trials.time.size)(
        trials.time, trials.event, trials.covariates, trials.stratum, _rule(ties), beta,
        score, information,
    )  # fmt: skip
    return score, information


def _rule(ties: Ties) -> int:
    if ties not in _RULES:
        raise BadInput(f"one of {', '.join(_RULES)}", field="ties", found=ties)
    return _RULES[ties]


def _columns(tested: Sequence[int], width: int) -> list[int]:
    columns = sorted(set(tested))
    if not columns or columns[0] < 0 or columns[-1] >= width:
        raise BadInput(f"columns from 0 to {width - 1}", field="tested", found=tested)
    return columns
