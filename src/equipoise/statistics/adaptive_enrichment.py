"""A trial in two stages that may go on with one class of its patients alone.

Everybody with an answer of the marker is randomised to two arms. At one interim look the classes
other than the favoured one are dropped if the treatment seems to do nothing for them, and the
trial stops if it seems to do nothing for the favoured one either. At the end two hypotheses stand,
no effect in anybody and no effect in the favoured class, tested by the adaptive closed test of
`adaptive_test` (Wang, O'Neill and Hung 2007, Pharm Stat 6:227-244; Brannath et al. 2009, Stat Med
28:1445-1463). What such a trial does is found by simulation, from counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.adaptive_test import adaptive_test_batch
from equipoise.statistics.checked import inner_probability, level_per_side
from equipoise.statistics.marker_designs import Population
from equipoise.statistics.random import stream

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Enrichment:
    """The design: `first` and `second` evaluable subjects, who are randomised in either stage.

    `of` is the favoured class; `arms` the treatment and its control, among the treatments of the
    population; `shares` the part of each class that gets the first of them. Everybody goes on if Z
    of the other classes, in the direction of an effect, is at least `threshold` at the look; else
    the class alone, if its own Z is; else nobody. `alpha` is one-sided.
    """

    first: int
    second: int
    of: int
    arms: tuple[int, int]
    shares: tuple[float, ...]
    alpha: float
    threshold: float = 0.0

    def __post_init__(self) -> None:
        for number, field in ((self.first, "first"), (self.second, "second")):
            if number < 1:
                raise BadInput("at least one subject", field=field, found=number)
        for share in self.shares:
            inner_probability(share, "shares")
        level_per_side(self.alpha, 1)
        if not math.isfinite(self.threshold):
            raise BadInput("a finite number", field="threshold", found=self.threshold)


@dataclass(frozen=True, slots=True)
class EnrichmentCharacteristics:
    """What the trial does: probabilities, and means over the trials.

    `in_class` and `in_all` are the probabilities of rejecting either hypothesis, `either` of one of
    them at least; `enriched` and `stopped` those of the interim look. `subjects` and `screened`
    are expected. `error` is `either` when the treatment does what the control does. What ends in
    `_se` is the Monte-Carlo standard error of the number of that name.
    """

    in_class: float
    in_all: float
    either: float
    enriched: float
    stopped: float
    subjects: float
    screened: float
    error: float
    in_class_se: float
    in_all_se: float
    either_se: float
    subjects_se: float
    screened_se: float
    error_se: float
    trials: int


def enrichment_characteristics(
    design: Enrichment, population: Population, *, trials: int = 100_000, seed: int = 1
) -> EnrichmentCharacteristics:
    """What the design does with these patients, and what it does when there is no effect.

    >>> patients = Population((0.5, 0.5), 1.0, ((0.6, 0.2), (0.2, 0.2)))
    >>> design = Enrichment(60, 60, 0, (0, 1), (0.5, 0.5), alpha=0.025)
    >>> found = enrichment_characteristics(design, patients, trials=2000)
    >>> found.in_class > found.in_all > 0.2 > found.error
    True
    """
    _check(design, population, trials)
    control = tuple(tuple(row[design.arms[1]] for _ in row) for row in population.rates)
    effect, others = _run(design, population, trials, seed)
    null, _ = _run(design, replace(population, rates=control), trials, seed)
    in_class, in_all = float(effect[:, 1].mean()), float(effect[:, 0].mean())
    either, error = float(effect.any(axis=1).mean()), float(null.any(axis=1).mean())
    second = design.second * (others != _NOBODY)
    sought = np.where(others == _CLASS, 1 / population.prevalence[design.of], 1.0)
    found = (design.first + second * sought) / population.answered
    return EnrichmentCharacteristics(
        in_class,
        in_all,
        either,
        float((others == _CLASS).mean()),
        float((others == _NOBODY).mean()),
        design.first + float(second.mean()),
        float(found.mean()),
        error,
        _share_se(in_class, trials),
        _share_se(in_all, trials),
        _share_se(either, trials),
        float(second.std()) / math.sqrt(trials),
        float(found.std()) / math.sqrt(trials),
        _share_se(error, trials),
        trials,
    )


def _share_se(share: float, trials: int) -> float:
    """The standard error of a share of so many trials."""
    return math.sqrt(share * (1 - share) / trials)


def enrichment_power(
    design: Enrichment, population: Population, *, trials: int = 100_000, seed: int = 1
) -> float:
    """The `either` of `enrichment_characteristics` alone, in the same trials.

    >>> patients = Population((0.5, 0.5), 1.0, ((0.6, 0.2), (0.2, 0.2)))
    >>> design = Enrichment(60, 60, 0, (0, 1), (0.5, 0.5), alpha=0.025)
    >>> found = enrichment_characteristics(design, patients, trials=2000)
    >>> enrichment_power(design, patients, trials=2000) == found.either
    True
    """
    _check(design, population, trials)
    return float(_run(design, population, trials, seed)[0].any(axis=1).mean())


_EVERYBODY, _CLASS, _NOBODY = 0, 1, 2


def _run(
    design: Enrichment, population: Population, trials: int, seed: int
) -> tuple[NDArray[np.bool_], IntArray]:
    """Rejections (everybody, class) and who went on, in each trial."""
    prevalence = np.asarray(population.prevalence)
    rates = np.asarray(population.rates)[:, list(design.arms)]
    shares, of = np.asarray(design.shares), design.of
    kept = np.arange(len(prevalence)) == of
    draws = stream(seed, "adaptive enrichment, first stage", 0)
    numbers = draws.multinomial(design.first, prevalence / prevalence.sum(), size=trials)
    score, variance = _scores(draws, numbers, shares, rates)
    early = np.column_stack([_z(score, variance), _z(score[:, kept], variance[:, kept])])
    hopeful = _z(score[:, ~kept], variance[:, ~kept]) >= design.threshold
    onwards = np.where(
        hopeful, _EVERYBODY, np.where(early[:, 1] >= design.threshold, _CLASS, _NOBODY)
    )
    draws = stream(seed, "adaptive enrichment, second stage", 0)
    numbers = draws.multinomial(design.second, prevalence / prevalence.sum(), size=trials)
    numbers[onwards == _CLASS] = design.second * kept
    score, variance = _scores(draws, numbers, shares, rates)
    late = np.column_stack([_z(score, variance), _z(score[:, kept], variance[:, kept])])
    from scipy.special import ndtr, ndtri

    second = ndtr(-late)
    second[onwards != _EVERYBODY, 0] = np.nan
    second[onwards == _NOBODY, 1] = np.nan
    rejected = adaptive_test_batch(
        ndtr(-early),
        second,
        information=design.first / (design.first + design.second),
        critical=[math.inf, -float(ndtri(design.alpha))],
    )
    return rejected, onwards


def _scores(
    draws: np.random.Generator, numbers: IntArray, shares: FloatArray, rates: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The score of each class (Cochran's: the weighted difference) and its variance."""
    treated = np.floor(numbers * shares + 0.5).astype(np.int64)
    untreated = numbers - treated
    one, two = draws.binomial(treated, rates[:, 0]), draws.binomial(untreated, rates[:, 1])
    total = np.maximum(numbers, 1)
    score = (one * untreated - two * treated) / total
    common = (one + two) / total
    return score, treated * untreated / total * common * (1 - common)


def _z(score: FloatArray, variance: FloatArray) -> FloatArray:
    """The stratified statistic over these classes; 0 where they say nothing."""
    total = variance.sum(axis=1)
    z = np.zeros(len(score))
    np.divide(score.sum(axis=1), np.sqrt(total), out=z, where=total > 0)
    return z


def _check(design: Enrichment, population: Population, trials: int) -> None:
    classes, treatments = len(population.prevalence), len(population.rates[0])
    if len(design.shares) != classes:
        raise BadInput(f"one for each of {classes} classes", field="shares", found=design.shares)
    if not 0 <= design.of < classes:
        raise BadInput(f"a class, 0 to {classes - 1}", field="of", found=design.of)
    if not all(0 <= arm < treatments for arm in design.arms):
        raise BadInput(f"treatments, 0 to {treatments - 1}", field="arms", found=design.arms)
    if trials < 1:
        raise BadInput("at least one", field="trials", found=trials)
