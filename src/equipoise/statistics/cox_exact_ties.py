"""Deaths of one time in a proportional hazards model, exactly: which subjects died, given how many.

With d deaths among those at risk the partial likelihood holds the product of the hazards of the
dead over the sum of such products of all groups of d (Cox 1972, section 6). The sum and its
derivatives are built up one subject after another (Gail, Lubin and Rubinstein 1981, Biometrika
68:703-707). In place of the sums, which no number holds, stand probabilities: that of d deaths
where each subject dies by itself with odds proportional to its hazard, such that d are expected.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def exact_tied(
    deaths: int,
    covariates: FloatArray,
    beta: FloatArray,
    mean: FloatArray,
    score: FloatArray,
    information: FloatArray,
) -> float:
    """Core: what the deaths of one time take off; `covariates` are those of all at risk."""
    number, width = len(covariates), len(beta)
    linear = np.zeros(number)
    for subject in range(number):
        for i in range(width):
            linear[subject] += covariates[subject, i] * beta[i]
    shift = expected_deaths(deaths, linear)
    sums, firsts = np.zeros(deaths + 1), np.zeros((deaths + 1, width))
    seconds = np.zeros((deaths + 1, width, width))
    sums[0] = 1.0
    value = -deaths * shift if deaths < number else 0.0
    for subject in range(number):
        x, odds = covariates[subject], linear[subject] + shift
        dies, lives = 1.0 / (1.0 + math.exp(-odds)), 1.0 / (1.0 + math.exp(odds))
        if deaths == number:
            dies, lives = 1.0, 0.0
            value += linear[subject]
        else:
            value += max(odds, 0.0) + math.log1p(math.exp(-abs(odds)))
        for j in range(min(subject + 1, deaths), 0, -1):
            for i in range(width):
                for k in range(width):
                    moved = seconds[j - 1, i, k] + x[i] * firsts[j - 1, k]
                    moved += x[k] * firsts[j - 1, i] + x[i] * x[k] * sums[j - 1]
                    seconds[j, i, k] = lives * seconds[j, i, k] + dies * moved
            for i in range(width):
                moved = firsts[j - 1, i] + x[i] * sums[j - 1]
                firsts[j, i] = lives * firsts[j, i] + dies * moved
            sums[j] = lives * sums[j] + dies * sums[j - 1]
        sums[0] *= lives
        for i in range(width):
            firsts[0, i] *= lives
    total = sums[deaths]
    for i in range(width):
        mean[i] = firsts[deaths, i] / total
        score[i] -= mean[i]
    for i in range(width):
        for k in range(width):
            information[i, k] += seconds[deaths, i, k] / total - mean[i] * mean[k]
    return value + math.log(total)


def expected_deaths(deaths: int, linear: FloatArray) -> float:
    """Core: what is added to the logarithms of the hazards so that, as logarithms of odds, they
    let so many deaths be expected but for one half."""
    number = len(linear)
    if deaths == number:
        return 0.0
    odds = math.log(deaths / (number - deaths))
    low, high = odds - float(linear.max()), odds - float(linear.min())
    middle = (low + high) / 2
    for _ in range(60):
        expected = 0.0
        for subject in range(number):
            expected += 1.0 / (1.0 + math.exp(-linear[subject] - middle))
        if abs(expected - deaths) < 0.5:
            break
        if expected < deaths:
            low = middle
        else:
            high = middle
        middle = (low + high) / 2
    return middle
