"""The ratio of two proportions, p1 / p2, with its intervals.

x1 of n1 subjects in group 1 have the property, x2 of n2 in group 2. Where both proportions are 0,
or a group is empty, the ratio cannot be estimated: the estimate is `None`, with limits 0 and
infinity. Of 0 and something it is 0, of something and 0 infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from equipoise.statistics.proportion import (
    Estimate,
    check_table,
    normal_quantile,
    score_limits,
)


def risk_ratio_katz(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """p1 / p2 with the interval that is normal on the scale of the logarithm.

    Katz, Baptista, Azen and Pike 1978, Biometrics 34:469-474. Where x1 or x2 is 0 it has no
    standard error: the limits are 0 and infinity, and nothing is added to the counts. Of two
    proportions of 1 the interval has no width.

    >>> round(risk_ratio_katz(10, 34, 2, 25).lower, 4)
    0.8819
    """
    check_table(x1, n1, x2, n2)
    z = normal_quantile(level)
    if x1 == 0 or x2 == 0:
        return Estimate(_ratio(x1, n1, x2, n2), 0.0, math.inf)
    ratio = x1 * n2 / (x2 * n1)
    factor = math.exp(z * math.sqrt(1 / x1 - 1 / n1 + 1 / x2 - 1 / n2))
    return Estimate(ratio, ratio / factor, ratio * factor)


def risk_ratio_miettinen_nurminen(
    x1: int, n1: int, x2: int, n2: int, level: float = 0.95
) -> Estimate:
    """p1 / p2 with the score interval of Miettinen and Nurminen (1985, Stat Med 4:213-226).

    The limits are the ratios R at which the score statistic of p1 - R p2, with variance from the
    maximum-likelihood proportions at that ratio times N / (N - 1), is the normal quantile.

    >>> round(risk_ratio_miettinen_nurminen(10, 34, 2, 25).lower, 3)
    1.023
    """
    return _by_score(x1, n1, x2, n2, level, corrected=True)


def risk_ratio_koopman(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Estimate:
    """p1 / p2 with the score interval of Koopman (1984, Biometrics 40:513-517).

    That of Miettinen and Nurminen without N / (N - 1).

    >>> round(risk_ratio_koopman(36, 40, 16, 80).lower, 2)
    2.94
    """
    return _by_score(x1, n1, x2, n2, level, corrected=False)


RISK_RATIO_INTERVALS: Mapping[str, Callable[[int, int, int, int, float], Estimate]] = (
    MappingProxyType(
        {
            "katz": risk_ratio_katz,
            "miettinen_nurminen": risk_ratio_miettinen_nurminen,
            "koopman": risk_ratio_koopman,
        }
    )
)


def _ratio(x1: int, n1: int, x2: int, n2: int) -> float | None:
    if n1 == 0 or n2 == 0 or x1 == x2 == 0:
        return None
    return x1 * n2 / (x2 * n1) if x2 > 0 else math.inf


def _by_score(x1: int, n1: int, x2: int, n2: int, level: float, *, corrected: bool) -> Estimate:
    check_table(x1, n1, x2, n2)
    z, ratio = normal_quantile(level), _ratio(x1, n1, x2, n2)
    if ratio is None:
        return Estimate(None, 0.0, math.inf)
    factor = (n1 + n2) / (n1 + n2 - 1) if corrected else 1.0
    return score_limits(ratio, z, lambda each: _score(x1, n1, x2, n2, each, factor))


def _score(x1: int, n1: int, x2: int, n2: int, ratio: float, factor: float) -> float:
    """The score statistic of p1 - ratio p2; the restricted p2 solves a quadratic equation."""
    total, events = n1 + n2, x1 + x2
    linear = n1 * ratio + x1 + n2 + x2 * ratio
    root = math.sqrt(max(0.0, linear * linear - 4 * total * ratio * events))
    p2 = min(1.0, 1 / ratio, 2 * events / (linear + root))
    p1 = min(1.0, ratio * p2)
    variance = (p1 * (1 - p1) / n1 + ratio * ratio * p2 * (1 - p2) / n2) * factor
    distance = x1 / n1 - ratio * x2 / n2
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance != 0 else 0.0
    return distance / math.sqrt(variance)
