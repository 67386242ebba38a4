"""Sample size and power of the comparison of two proportions: normal approximations, and exact.

`ratio` is n2 / n1 everywhere. Exact power needs the tests' rejection regions, which `rejection`
enumerates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from equipoise.errors import BadInput
from equipoise.statistics.binomial import binomial_probabilities
from equipoise.statistics.checked import (
    inner_probability,
    level_per_side,
    one_of,
    positive,
    probability,
    target_power,
)
from equipoise.statistics.proportion import Side
from equipoise.statistics.rejection import Test, rejection_region, size_of_region

Method = Literal["pooled", "unpooled", "arcsine", "log_odds_ratio"]

_METHODS = ("pooled", "unpooled", "arcsine", "log_odds_ratio")
_NORMAL = NormalDist()
_LARGEST_EXACT = 300
"""Subjects in a group up to which an exact size is searched."""


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """The sizes of two groups as computed, not rounded; `whole` has them rounded up."""

    n1: float
    n2: float

    @property
    def whole(self) -> tuple[int, int]:
        """Whole subjects in each group."""
        return math.ceil(self.n1), math.ceil(self.n2)


@dataclass(frozen=True, slots=True)
class ExactGroupSizes:
    """Whole sizes of two groups, with the test's exact power and its exact size at p1 = p2 = p."""

    n1: int
    n2: int
    power: float
    size: float


@dataclass(frozen=True, slots=True)
class ExactSize:
    """The greatest probability of rejecting a true hypothesis p1 = p2, and the p that has it."""

    size: float
    p: float


def two_proportions_size(
    p1: float,
    p2: float,
    *,
    alpha: float,
    power: float,
    sides: Literal[1, 2] = 2,
    ratio: float = 1.0,
    continuity_correction: bool = False,
    method: Method = "pooled",
) -> GroupSizes:
    """Group sizes at which p1 against p2 is significant with the given power; not rounded.

    - `pooled`: the chi-square test, its variance pooled under the null hypothesis (Fleiss, Levin
      and Paik 2003, Statistical Methods for Rates and Proportions, section 4.2); with
      `continuity_correction` theirs, for the corrected test (the name "Fleiss" elsewhere);
    - `unpooled`: one variance, that of p1 and p2, under both hypotheses;
    - `arcsine`: the difference of 2 asin sqrt(p) (Cohen 1988, Statistical Power Analysis, 6.4);
    - `log_odds_ratio`: the log odds ratio, its null variance at the pooled proportion.

    >>> two_proportions_size(0.15, 0.50, alpha=0.05, power=0.80).whole
    (27, 27)
    >>> two_proportions_size(0.15, 0.50, alpha=0.05, power=0.80, method="unpooled").whole
    (25, 25)
    """
    _check_rates(p1, p2, method, continuity_correction)
    level = level_per_side(alpha, sides)
    target_power(power, alpha)
    positive(ratio, "ratio")
    if p1 == p2:
        raise BadInput("two different proportions", found=(p1, p2))
    distance, under_null, under_alternative = _scale(p1, p2, ratio, method)
    reach = _NORMAL.inv_cdf(1 - level) * under_null
    n1 = ((reach + _NORMAL.inv_cdf(power) * under_alternative) / distance) ** 2
    if continuity_correction:
        added = 2 * (1 + ratio) / (n1 * ratio * abs(p1 - p2))
        n1 = n1 / 4 * (1 + math.sqrt(1 + added)) ** 2
    return GroupSizes(n1, ratio * n1)


def two_proportions_power(
    n1: float,
    n2: float,
    p1: float,
    p2: float,
    *,
    alpha: float,
    sides: Literal[1, 2] = 2,
    side: Literal["greater", "less"] | None = None,
    continuity_correction: bool = False,
    method: Method = "pooled",
) -> float:
    """The approximate power of p1 against p2 in groups of these sizes; methods as for the size.

    A two-sided test counts both directions, the wrong one as for a statistic of variance 1; with
    p1 = p2 the power is then alpha, or less if corrected. The sizes above neglect the wrong one,
    as is usual. A one-sided test looks in the direction of the difference, or as `side` says:
    `greater` for p1 above p2. Where the difference has the other sign its power is below alpha.

    >>> round(two_proportions_power(34, 26, 0.50, 0.15, alpha=0.05), 4)
    0.8325
    """
    _check_rates(p1, p2, method, continuity_correction)
    level = level_per_side(alpha, sides)
    ratio = positive(n2, "n2") / positive(n1, "n1")
    distance, under_null, under_alternative = _scale(p1, p2, ratio, method)
    if under_alternative == 0:
        return 1.0 if distance != 0 else 0.0
    if side is not None:
        one_of(side, ("greater", "less"), "side")
        if sides != 1:
            raise BadInput("no side of a two-sided test", field="side", found=side)
    if side is not None and p1 != p2 and (side == "greater") != (p1 > p2):
        distance = -distance
    z = _NORMAL.inv_cdf(1 - level)
    added = (1 + ratio) / (2 * ratio * math.sqrt(n1)) if continuity_correction else 0.0
    right = (math.sqrt(n1) * distance - z * under_null - added) / under_alternative
    if sides == 1:
        return _NORMAL.cdf(right)
    return _NORMAL.cdf(right) + _NORMAL.cdf(-right - 2 * (z + added / under_alternative))


def critical_difference(
    n1: float, n2: float, p1: float, *, alpha: float, sides: Literal[1, 2] = 2
) -> float:
    """The least observed p2 - p1 above 0 that is significant when p1 is observed in group 1.

    It solves d = z sqrt(p (1 - p) (1 / n1 + 1 / n2)), p being the pooled proportion. A result
    above 1 - p1 says that no difference could be significant.

    >>> round(critical_difference(27, 27, 0.15, alpha=0.05), 3)
    0.236
    """
    probability(p1, "p1")
    z = _NORMAL.inv_cdf(1 - level_per_side(alpha, sides))
    factor = z * z * (1 / positive(n1, "n1") + 1 / positive(n2, "n2"))
    weight = n2 / (n1 + n2)
    square = 1 + factor * weight * weight
    half = factor * weight * (1 - 2 * p1) / 2
    return (half + math.sqrt(half * half + square * factor * p1 * (1 - p1))) / square


def exact_power(
    n1: int,
    n2: int,
    p1: float,
    p2: float,
    *,
    alpha: float,
    test: Test = "fisher",
    side: Side = "two_sided",
) -> float:
    """The probability that the test rejects at level alpha, over every possible table.

    With p1 = p2 it is the test's exact size at that p; `exact_size` has the greatest. The tests
    and their sides are those of `rejection.rejection_region`.

    >>> round(exact_power(26, 26, 0.15, 0.50, alpha=0.05), 3)
    0.706
    """
    region = rejection_region(n1, n2, alpha=alpha, test=test, side=side)
    first = binomial_probabilities(n1, probability(p1, "p1"))
    second = binomial_probabilities(n2, probability(p2, "p2"))
    return float(first @ region.astype(float) @ second)


def exact_size(
    n1: int, n2: int, *, alpha: float, test: Test = "fisher", side: Side = "two_sided"
) -> ExactSize:
    """The test's exact size: the greatest probability of rejection over all common p1 = p2.

    An exact test has a size of at most alpha; the chi-square and Wald tests may exceed it.

    >>> round(exact_size(34, 26, alpha=0.05, test="z_unpooled").size, 3)
    0.062
    """
    region = rejection_region(n1, n2, alpha=alpha, test=test, side=side)
    return ExactSize(*size_of_region(region))


def exact_group_sizes(
    p1: float,
    p2: float,
    *,
    alpha: float,
    power: float,
    test: Test = "fisher",
    side: Side = "two_sided",
    ratio: float = 1.0,
    lasting: int = 3,
) -> ExactGroupSizes:
    """The least n1 whose exact power, and that of the next `lasting` sizes, reaches the target.

    Exact power rises in saw teeth, so one size alone may reach the target by luck. n2 is
    ratio * n1, rounded up. Looks at every size from 1 on, or, where the normal approximation asks
    for more than 20, from three fifths of it on.

    >>> exact_group_sizes(0.15, 0.50, alpha=0.05, power=0.80).n1
    32
    """
    if side != "two_sided" and (side == "greater") != (p1 > p2):
        raise BadInput("two_sided, or the direction of p1 from p2", field="side", found=side)
    if lasting < 0:
        raise BadInput("a number of sizes, 0 or more", field="lasting", found=lasting)
    sides: Literal[1, 2] = 2 if side == "two_sided" else 1
    near = two_proportions_size(p1, p2, alpha=alpha, power=power, sides=sides, ratio=ratio).n1
    if not 1 <= near * max(1.0, ratio) <= _LARGEST_EXACT:
        raise BadInput(f"rates that need 1 to {_LARGEST_EXACT} in a group", found=(p1, p2))
    powers: list[float] = []
    first = 1 if near <= 20 else math.floor(0.6 * near)
    for n1 in range(first, 2 * math.ceil(near) + 50):
        n2 = math.ceil(ratio * n1 - 1e-9)
        powers.append(exact_power(n1, n2, p1, p2, alpha=alpha, test=test, side=side))
        if len(powers) > lasting and min(powers[-1 - lasting :]) >= power:
            n1 -= lasting
            n2 = math.ceil(ratio * n1 - 1e-9)
            size = exact_size(n1, n2, alpha=alpha, test=test, side=side).size
            return ExactGroupSizes(n1, n2, powers[-1 - lasting], size)
    raise BadInput("a test that reaches this power", field="test", found=test)


def _check_rates(p1: float, p2: float, method: str, continuity_correction: bool) -> None:
    one_of(method, _METHODS, "method")
    if continuity_correction and method not in ("pooled", "unpooled"):
        raise BadInput("only pooled and unpooled take the correction", field="method", found=method)
    check = inner_probability if method == "log_odds_ratio" else probability
    check(p1, "p1")
    check(p2, "p2")


def _scale(p1: float, p2: float, ratio: float, method: Method) -> tuple[float, float, float]:
    """|difference|, and its standard errors times sqrt(n1) under the null and the alternative."""
    pooled = (p1 + ratio * p2) / (1 + ratio)
    if method == "arcsine":
        error = math.sqrt(1 + 1 / ratio)
        return abs(2 * math.asin(math.sqrt(p1)) - 2 * math.asin(math.sqrt(p2))), error, error
    if method == "log_odds_ratio":
        distance = math.log(p1 / (1 - p1)) - math.log(p2 / (1 - p2))
        under_null = math.sqrt((1 + 1 / ratio) / (pooled * (1 - pooled)))
        return abs(distance), under_null, math.hypot(_logit_error(p1), _logit_error(p2, ratio))
    under_alternative = math.sqrt(p1 * (1 - p1) + p2 * (1 - p2) / ratio)
    under_null = math.sqrt((1 + 1 / ratio) * pooled * (1 - pooled))
    return (
        abs(p1 - p2),
        under_null if method == "pooled" else under_alternative,
        under_alternative,
    )


def _logit_error(p: float, subjects: float = 1.0) -> float:
    return 1 / math.sqrt(subjects * p * (1 - p))
