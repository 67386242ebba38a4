"""Sample size and power of the comparison of two proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.proportion import Side, chi_square_p_batch, fisher_exact_p_batch

Test = Literal["fisher", "chi_square", "chi_square_corrected"]


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """The sizes of two groups as computed, not rounded; `whole` has them rounded up."""

    n1: float
    n2: float

    @property
    def whole(self) -> tuple[int, int]:
        """Whole subjects in each group."""
        return math.ceil(self.n1), math.ceil(self.n2)


def two_proportions_size(
    p1: float,
    p2: float,
    *,
    alpha: float,
    power: float,
    sides: Literal[1, 2] = 2,
    ratio: float = 1.0,
    continuity_correction: bool = False,
) -> GroupSizes:
    """Group sizes for the chi-square test of p1 against p2, `ratio` being n2 / n1.

    Normal approximation with the variance pooled under the null hypothesis (Fleiss, Levin and Paik
    2003, Statistical Methods for Rates and Proportions, section 4.2); the continuity correction is
    theirs as well.

    >>> two_proportions_size(0.15, 0.50, alpha=0.05, power=0.80).whole
    (27, 27)
    """
    _check_probability(p1, "p1")
    _check_probability(p2, "p2")
    for value, field in ((alpha, "alpha"), (power, "power")):
        if not 0 < value < 1:
            raise BadInput("a probability strictly between 0 and 1", field=field, found=value)
    if p1 == p2 or ratio <= 0:
        raise BadInput("two different proportions and a positive ratio", found=(p1, p2, ratio))
    normal = NormalDist()
    pooled = (p1 + ratio * p2) / (1 + ratio)
    under_null = math.sqrt((1 + 1 / ratio) * pooled * (1 - pooled))
    under_alternative = math.sqrt(p1 * (1 - p1) + p2 * (1 - p2) / ratio)
    reach = normal.inv_cdf(1 - alpha / sides) * under_null
    n1 = ((reach + normal.inv_cdf(power) * under_alternative) / (p1 - p2)) ** 2
    if continuity_correction:
        added = 2 * (1 + ratio) / (n1 * ratio * abs(p1 - p2))
        n1 = n1 / 4 * (1 + math.sqrt(1 + added)) ** 2
    return GroupSizes(n1, ratio * n1)


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
    """The probability that the test's P value is at most alpha, over every possible table.

    With p1 = p2 it is the exact size of the test. The chi-square tests are two-sided only.

    >>> round(exact_power(26, 26, 0.15, 0.50, alpha=0.05), 3)
    0.706
    """
    if n1 < 0 or n2 < 0:
        raise BadInput("group sizes of 0 or more", found=(n1, n2))
    first, second = _binomial(n1, p1, "p1"), _binomial(n2, p2, "p2")
    x1, x2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)[None, :]
    if test == "fisher":
        p = fisher_exact_p_batch(x1, n1, x2, n2, side=side)
    elif test in ("chi_square", "chi_square_corrected") and side == "two_sided":
        corrected = test == "chi_square_corrected"
        p = chi_square_p_batch(x1, n1, x2, n2, continuity_correction=corrected)
    else:
        raise BadInput("fisher, or chi_square[_corrected] two-sided", found=f"{test} {side}")
    return float(first @ (p <= alpha).astype(np.float64) @ second)


def _check_probability(value: float, field: str) -> None:
    if not 0 <= value <= 1:
        raise BadInput("a probability of 0 to 1", field=field, found=value)


def _binomial(n: int, p: float, field: str) -> NDArray[np.float64]:
    """The probabilities of 0 to n successes."""
    _check_probability(p, field)
    if p in (0, 1):
        certain = np.zeros(n + 1)
        certain[n * int(p)] = 1.0
        return certain
    log_ways = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)
    ]
    k = np.arange(n + 1)
    logs = np.array(log_ways) + k * math.log(p) + (n - k) * math.log1p(-p)
    return np.asarray(np.exp(logs), dtype=np.float64)
