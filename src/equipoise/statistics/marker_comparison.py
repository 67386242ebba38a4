"""Two groups of those who are randomised, where chance decides how many belong to each class.

A marker splits the subjects of a trial into classes, and nobody chooses how many there are of each.
So the sizes of the groups that a trial compares are random, and its power is an expectation over
them. Sizes and powers here are exact, but for a remainder of probability that is named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.binomial import binomial_probabilities
from equipoise.statistics.checked import probability
from equipoise.statistics.power import Method, two_proportions_size
from equipoise.statistics.proportion import Side
from equipoise.statistics.rejection import Test, rejection_region, size_of_region

REMAINDER = 1e-9
"""The probability of splits that are so unlikely that they are left out, at most."""

_COMMON = tuple(each / 20 for each in range(1, 20))
"""Common rates at which the greatest error is looked for, beside the likeliest sizes' own."""

Sizes = Mapping[tuple[int, int], float]
"""The probability of each pair of group sizes."""


@dataclass(frozen=True, slots=True)
class Group:
    """Those randomised subjects who are of one class and get one treatment.

    `chance`: the probability that a randomised subject is of the class, 1 if all are. `share`: the
    part of the class that is in the group. `rate`: the probability that one of them responds.
    """

    chance: float
    share: float
    rate: float

    def __post_init__(self) -> None:
        for value, field in ((self.chance, "chance"), (self.share, "share")):
            if not 0 < value <= 1:
                raise BadInput("a probability above 0", field=field, found=value)
        probability(self.rate, "rate")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The first group against the second; `together`: both are parts of the same class."""

    first: Group
    second: Group
    together: bool

    def __post_init__(self) -> None:
        one, two = self.first, self.second
        if self.together and (one.chance != two.chance or one.share + two.share > 1 + 1e-9):
            raise BadInput("two parts of one class", field="share", found=(one.share, two.share))
        if not self.together and one.chance + two.chance > 1 + 1e-9:
            raise BadInput("a sum of 1 at most", field="chance", found=(one.chance, two.chance))


@dataclass(frozen=True, slots=True)
class Planned:
    """The power of a comparison with the numbers of subjects that are planned.

    `sizes` are the expected sizes of the groups. `power` is the expectation over the random split,
    `error` likewise with both groups at the second one's rate; `greatest_error` is that of the
    common rate at which it is greatest.
    """

    subjects: int
    sizes: tuple[float, float]
    power: float
    error: float
    greatest_error: float


def random_sizes(compared: Comparison, subjects: int) -> Sizes:
    """The pairs of group sizes that `subjects` may give, with their probabilities.

    The number of each class is binomial (multinomial for two classes); its parts are the shares of
    the allocation, rounded, as blocks keep them.

    >>> both = Comparison(Group(1.0, 2 / 3, 0.5), Group(1.0, 1 / 3, 0.25), together=True)
    >>> random_sizes(both, 30)
    {(20, 10): 1.0}
    >>> apart = Comparison(Group(0.5, 1.0, 0.5), Group(0.5, 1.0, 0.25), together=False)
    >>> random_sizes(apart, 2)
    {(0, 2): 0.25, (1, 1): 0.5, (2, 0): 0.25}
    """
    if subjects < 0:
        raise BadInput("a number of subjects, 0 or more", field="subjects", found=subjects)
    one, two = compared.first, compared.second
    found: dict[tuple[int, int], float] = {}
    for count, chance in enumerate(binomial_probabilities(subjects, one.chance)):
        if chance == 0:
            continue
        if compared.together:
            pair = _parted(count, one.share, two.share)
            found[pair] = found.get(pair, 0.0) + float(chance)
            continue
        left = subjects - count
        among = min(1.0, two.chance / (1 - one.chance)) if one.chance < 1 else 0.0
        for other, given in enumerate(binomial_probabilities(left, among)):
            if given > 0:
                pair = _rounded(count * one.share), _rounded(other * two.share)
                found[pair] = found.get(pair, 0.0) + float(chance * given)
    return _likely(found)


def expected_power(
    sizes: Sizes,
    p1: float,
    p2: float,
    *,
    alpha: float,
    test: Test = "fisher",
    side: Side = "two_sided",
) -> float:
    """The expectation of the test's exact power over group sizes that are random.

    >>> round(expected_power({(26, 26): 0.5, (26, 34): 0.5}, 0.15, 0.50, alpha=0.05), 3)
    0.751
    """
    probability(p1, "p1")
    probability(p2, "p2")
    first = {n: binomial_probabilities(n, p1) for n in {pair[0] for pair in sizes}}
    second = {n: binomial_probabilities(n, p2) for n in {pair[1] for pair in sizes}}
    total = math.fsum(
        chance * float(first[n1] @ _region(n1, n2, alpha, test, side) @ second[n2])
        for (n1, n2), chance in sizes.items()
    )
    return min(1.0, total / math.fsum(sizes.values()))


def planned_power(
    compared: Comparison,
    subjects: int,
    *,
    alpha: float,
    test: Test = "fisher",
    side: Side = "two_sided",
) -> Planned:
    """What the comparison achieves with so many subjects, whose classes are random.

    >>> primary = Comparison(Group(0.5, 2 / 3, 0.50), Group(0.5, 0.5, 0.15), together=False)
    >>> round(planned_power(primary, 104, alpha=0.05).power, 3)
    0.798
    """
    sizes = random_sizes(compared, subjects)
    whole = math.fsum(sizes.values())
    means = tuple(math.fsum(c * pair[i] for pair, c in sizes.items()) / whole for i in (0, 1))
    null, p1 = compared.second.rate, compared.first.rate
    likeliest = max(sizes, key=lambda pair: sizes[pair])
    worst = size_of_region(_region(*likeliest, alpha, test, side) > 0)[1]

    def at(first: float, second: float) -> float:
        return expected_power(sizes, first, second, alpha=alpha, test=test, side=side)

    greatest = max(at(rate, rate) for rate in (null, worst, *_COMMON))
    return Planned(subjects, (means[0], means[1]), at(p1, null), at(null, null), greatest)


def subjects_needed(
    compared: Comparison,
    *,
    alpha: float,
    power: float,
    sides: int = 2,
    method: Method = "pooled",
    continuity_correction: bool = False,
) -> float | None:
    """How many subjects give both groups the sizes of this power, in expectation; not rounded.

    None where both groups are expected to respond alike: no number would do.

    >>> two = Comparison(Group(1.0, 0.5, 0.15), Group(1.0, 0.5, 0.50), together=True)
    >>> round(subjects_needed(two, alpha=0.05, power=0.80), 1)
    53.8
    """
    one, two = compared.first, compared.second
    if one.rate == two.rate:
        return None
    parts = one.chance * one.share, two.chance * two.share
    sizes = two_proportions_size(
        one.rate,
        two.rate,
        alpha=alpha,
        power=power,
        sides=1 if sides == 1 else 2,
        ratio=parts[1] / parts[0],
        method=method,
        continuity_correction=continuity_correction,
    )
    return sizes.n1 / parts[0]


@lru_cache(maxsize=4096)
def _region(n1: int, n2: int, alpha: float, test: Test, side: Side) -> NDArray[np.float64]:
    """1 where the test rejects, else 0."""
    return rejection_region(n1, n2, alpha=alpha, test=test, side=side).astype(np.float64)


def _parted(count: int, first: float, second: float) -> tuple[int, int]:
    """A class's parts; where they are the whole of it, every subject is in one of them."""
    one = _rounded(count * first)
    return one, count - one if first + second > 1 - 1e-9 else _rounded(count * second)


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


def _likely(found: dict[tuple[int, int], float]) -> Sizes:
    """The pairs without those whose probabilities together are at most the remainder."""
    left, kept = 0.0, dict(found)
    for pair in sorted(found, key=lambda each: found[each]):
        left += found[pair]
        if left > REMAINDER:
            break
        del kept[pair]
    return kept
