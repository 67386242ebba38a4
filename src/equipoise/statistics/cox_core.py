"""The scalar cores of proportional hazards: one pass over a sorted trial, and Newton's method.

Trials are sorted by stratum and time; subjects with a negative stratum come first and are left
out. Results are written into the arrays that are given.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.statistics.compiled import compiled
from equipoise.statistics.cox_exact_ties import exact_tied, expected_deaths

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

BRESLOW, EFRON, EXACT = 0, 1, 2
"""How ties are dealt with."""

_PIVOT = 1e-12
_STEPS = 100
_EQUAL = 1e-12
_DIVERGING = 1e-2
"""A coefficient that still moves this far when the likelihood no longer rises goes to infinity."""
_LOST = 1e-6
"""A coefficient of whose information at 0 less is left: where another one goes to infinity, nothing
may be left that determines it."""
_NOTHING = 1e-12
"""Information that is rounding beside the square of the largest covariate: none at all."""
_LONGEST = 5.0
"""No step moves a linear predictor further, so that none leaps past where a likelihood rises."""
_COMPILE_FROM = 2000
"""Subjects in one call from which machine code repays the time that loading it takes."""


def newton_core(subjects: int) -> Any:
    """`cox_trials`, as machine code where so many subjects are worth it."""
    callees = (exact_tied, expected_deaths, cox_tied, _cox_pass, _cox_step, _cox_reach, _cox_newton)
    return compiled(cox_trials, *callees, worth_it=subjects >= _COMPILE_FROM)


def pass_core(subjects: int) -> Any:
    """`cox_passes`, as machine code where so many subjects are worth it."""
    callees = (exact_tied, expected_deaths, cox_tied, _cox_pass)
    return compiled(cox_passes, *callees, worth_it=subjects >= _COMPILE_FROM)


def cox_tied(
    deaths: int,
    efron: bool,
    s0: float,
    s1: FloatArray,
    s2: FloatArray,
    d0: float,
    d1: FloatArray,
    d2: FloatArray,
    mean: FloatArray,
    score: FloatArray,
    information: FloatArray,
) -> float:
    """Core: what the deaths of one time take off; `s` are sums over those at risk, `d` over the
    dead, of which Efron's approximation leaves a growing share out."""
    width, value = len(score), 0.0
    for place in range(deaths):
        share = place / deaths if efron else 0.0
        total = s0 - share * d0
        value += math.log(total)
        for i in range(width):
            mean[i] = (s1[i] - share * d1[i]) / total
            score[i] -= mean[i]
        for i in range(width):
            for j in range(width):
                spread = (s2[i, j] - share * d2[i, j]) / total
                information[i, j] += spread - mean[i] * mean[j]
    return value


def _cox_pass(
    time: FloatArray, event: BoolArray, covariates: FloatArray, stratum: IntArray, ties: int,
    beta: FloatArray, score: FloatArray, information: FloatArray,
) -> float:  # fmt: skip
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
    end = len(time)
    while subject >= 0 and stratum[subject] >= 0:
        if stratum[subject] != layer:
            layer = stratum[subject]
            end = subject + 1
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
        if ties == EXACT and deaths > 1:
            first = subject + 1
            value -= exact_tied(deaths, covariates[first:end], beta, mean, score, information)
        else:
            efron = ties == EFRON
            value -= cox_tied(deaths, efron, s0, s1, s2, d0, d1, d2, mean, score, information)
    return value


def cox_passes(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    stratum: IntArray,
    ties: int,
    beta: FloatArray,
    score: FloatArray,
    information: FloatArray,
) -> None:
    """Core: score and information of every trial at the coefficients `beta`."""
    for t in range(len(time)):
        _cox_pass(
            time[t], event[t], covariates[t], stratum[t], ties, beta[t], score[t], information[t]
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


def _cox_reach(covariates: FloatArray, stratum: IntArray, reach: FloatArray) -> None:
    """Core: the largest size of each covariate among the subjects of one trial."""
    for subject in range(len(stratum)):
        if stratum[subject] >= 0:
            for i in range(len(reach)):
                reach[i] = max(reach[i], abs(covariates[subject, i]))


def _cox_newton(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    stratum: IntArray,
    ties: int,
    free: BoolArray,
    beta: FloatArray,
    information: FloatArray,
    diverging: BoolArray,
) -> float:
    """Core: Newton's method from 0 with bounded, halved steps; the log-likelihood reached."""
    width = len(beta)
    score, step, trial = np.zeros(width), np.zeros(width), np.zeros(width)
    first, reach = np.zeros(width), np.zeros(width)
    _cox_reach(covariates, stratum, reach)
    value = _cox_pass(time, event, covariates, stratum, ties, beta, score, information)
    for i in range(width):
        first[i] = information[i, i]
        if first[i] <= _NOTHING * reach[i] * reach[i]:
            first[i] = np.inf
    for _ in range(_STEPS):
        _cox_step(information, score, first, free, step)
        length = 0.0
        for i in range(width):
            length += abs(step[i]) * reach[i]
        size, reached = min(1.0, _LONGEST / max(length, _LONGEST)), value
        for _ in range(20):
            for i in range(width):
                trial[i] = beta[i] + size * step[i]
            reached = _cox_pass(time, event, covariates, stratum, ties, trial, score, information)
            if reached >= value - _EQUAL * (1.0 + abs(value)):
                break
            size /= 2
        beta[:] = trial
        rise = reached - value
        value = reached
        if abs(rise) <= _EQUAL * (1.0 + abs(value)):
            break
    for i in range(width):
        lost = first[i] < np.inf and information[i, i] < _LOST * first[i]
        diverging[i] = free[i] and (abs(step[i]) > _DIVERGING or lost)
    return value


def cox_trials(
    time: FloatArray,
    event: BoolArray,
    covariates: FloatArray,
    stratum: IntArray,
    ties: int,
    free: BoolArray,
    beta: FloatArray,
    information: FloatArray,
    value: FloatArray,
    diverging: BoolArray,
) -> None:
    """Core: coefficients, information, log partial likelihood and divergence of every trial."""
    for t in range(len(time)):
        value[t] = _cox_newton(
            time[t], event[t], covariates[t], stratum[t], ties, free, beta[t], information[t],
            diverging[t],
        )  # fmt: skip
