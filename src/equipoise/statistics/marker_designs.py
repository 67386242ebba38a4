"""Designs that ask with a marker whether a treatment helps, and whom: who enters, what is compared.

A design is data: the probability that a screened patient is randomised, and two groups of those
who are. `equipoise.statistics.marker_comparison` says what such a comparison can show.

References: Freidlin, McShane and Korn 2010, J Natl Cancer Inst 102:152-160 (marker-stratified,
enrichment, marker-strategy); Mandrekar and Sargent 2009, J Clin Oncol 27:4027-4034; Simon and
Maitournam 2004, Clin Cancer Res 10:6759-6763 (enrichment against all comers); Sargent, Conley,
Allegra and Collette 2005, J Clin Oncol 23:2020-2027 (marker-strategy).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.errors import BadInput
from equipoise.statistics.checked import probability
from equipoise.statistics.marker_comparison import Comparison, Group


@dataclass(frozen=True, slots=True)
class Population:
    """What is assumed of the patients who are screened.

    `prevalence` of each class among those of whom the marker says it, which is the part `answered`
    of all; `rates`: the probability of response by class (rows) and treatment (columns). A patient
    without an answer is of the classes as the others are.
    """

    prevalence: tuple[float, ...]
    answered: float
    rates: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len(self.prevalence) < 2 or abs(math.fsum(self.prevalence) - 1) > 1e-9:
            raise BadInput(
                "two or more proportions whose sum is 1", field="prevalence", found=self.prevalence
            )
        if not 0 < self.answered <= 1:
            raise BadInput("a probability above 0", field="answered", found=self.answered)
        if len(self.rates) != len(self.prevalence) or len({len(row) for row in self.rates}) != 1:
            raise BadInput("a row for each class, all of one length", field="rates")
        for value in (*self.prevalence, *(rate for row in self.rates for rate in row)):
            probability(value, "prevalence, rates")

    def mixed(self, treatments: Sequence[int]) -> float:
        """The probability that somebody responds when each class gets its treatment.

        >>> Population((0.5, 0.5), 1.0, ((0.5, 0.25), (0.15, 0.25))).mixed([0, 1])
        0.375
        """
        pairs = zip(self.prevalence, self.rates, treatments, strict=True)
        return math.fsum(q * row[treatment] for q, row, treatment in pairs)


@dataclass(frozen=True, slots=True)
class Design:
    """Who is randomised and what is compared; `entering`: the part of those who are screened."""

    entering: float
    compared: Comparison


def class_in_arm(
    population: Population, classes: tuple[int, int], arm: int, shares: tuple[float, float]
) -> Design:
    """Marker-stratified: everybody with an answer is randomised; two classes within one arm.

    `shares`: the part of each class that gets the arm. The classes are not assigned at random, so
    a difference is an association.

    >>> patients = Population((0.57, 0.43), 0.94, ((0.5, 0.25), (0.15, 0.25)))
    >>> class_in_arm(patients, (0, 1), 0, (2 / 3, 1 / 2)).entering
    0.94
    """
    one, two = (
        Group(population.prevalence[each], share, population.rates[each][arm])
        for each, share in zip(classes, shares, strict=True)
    )
    return Design(population.answered, Comparison(one, two, together=False))


def arms_in_class(
    population: Population, of: int, arms: tuple[int, int], shares: tuple[float, float]
) -> Design:
    """Marker-stratified: everybody with an answer is randomised; two arms within one class."""
    return Design(
        population.answered,
        _arms(population.prevalence[of], shares, [population.rates[of][arm] for arm in arms]),
    )


def enrichment(
    population: Population, of: int, arms: tuple[int, int], shares: tuple[float, float]
) -> Design:
    """Only one class is randomised (Simon and Maitournam's targeted design); two arms.

    >>> patients = Population((0.57, 0.43), 0.94, ((0.5, 0.25), (0.15, 0.25)))
    >>> round(enrichment(patients, 0, (0, 1), (2 / 3, 1 / 3)).entering, 4)
    0.5358
    """
    rates = [population.rates[of][arm] for arm in arms]
    return Design(population.answered * population.prevalence[of], _arms(1.0, shares, rates))


def all_comers(
    population: Population, arms: tuple[int, int], shares: tuple[float, float]
) -> Design:
    """Everybody is randomised and nobody's marker is read; two arms over all classes.

    >>> patients = Population((0.5, 0.5), 0.94, ((0.5, 0.25), (0.15, 0.25)))
    >>> all_comers(patients, (0, 1), (0.5, 0.5)).compared.first.rate
    0.325
    """
    rates = [population.mixed([arm] * len(population.prevalence)) for arm in arms]
    return Design(1.0, _arms(1.0, shares, rates))


def marker_strategy(
    population: Population,
    guided: Sequence[int],
    otherwise: int,
    shares: tuple[float, float] = (0.5, 0.5),
) -> Design:
    """Everybody with an answer is randomised to be treated by it, or all alike.

    `guided`: the treatment of each class where the marker decides; `otherwise`: that of the others.
    Where both agree for a class its patients tell nothing and dilute the difference.

    >>> patients = Population((0.5, 0.5), 0.94, ((0.5, 0.25), (0.15, 0.25)))
    >>> design = marker_strategy(patients, [0, 1], 1)
    >>> design.compared.first.rate, design.compared.second.rate
    (0.375, 0.25)
    """
    rates = [population.mixed(guided), population.mixed([otherwise] * len(guided))]
    return Design(population.answered, _arms(1.0, shares, rates))


def screened(subjects: float, entering: float) -> int:
    """How many are screened, in expectation, until so many are randomised; rounded up.

    >>> screened(104, 0.94)
    111
    """
    if not 0 < entering <= 1:
        raise BadInput("a probability above 0", field="entering", found=entering)
    return math.ceil(subjects / entering - 1e-9)


def _arms(chance: float, shares: tuple[float, float], rates: Sequence[float]) -> Comparison:
    one, two = (Group(chance, share, rate) for share, rate in zip(shares, rates, strict=True))
    return Comparison(one, two, together=True)
