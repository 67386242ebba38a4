"""At an interim look: its critical value, the power that is left, and whether the trial stops.

`look` counts from 1. `drift` is the mean of Z at full information, as in `group_sequential`; the
data's own estimate of it after Z at information t is Z / sqrt(t).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import level_per_side, not_negative, one_of
from equipoise.statistics.compiled import compiled
from equipoise.statistics.group_sequential import given_limits
from equipoise.statistics.recursive_integration import crossing_probabilities
from equipoise.statistics.sequential_limits import Limits, spending_limits
from equipoise.statistics.spending import (
    MOST_OBSERVED,
    SPENDING,
    Spending,
    checked_information,
    error_spent,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_COMPILE_FROM = 20_000
"""Trials in one call from which machine code repays the time that loading it takes."""
_POSTERIOR_NODES = 64
_POSTERIOR_REACH = 8.0


def monitored_critical_values(
    information: Sequence[float],
    *,
    alpha: float,
    sides: Literal[1, 2] = 1,
    efficacy: Spending = "obrien_fleming_like",
    parameter: float | None = None,
    last: bool = False,
) -> tuple[float, ...]:
    """The critical values of the looks so far, at the information that they really had.

    Information is a share of the planned greatest one. Alpha is spent as planned at whatever
    information a look has; the `last` look spends what is left, and may have less or more
    information than was planned (Lan and DeMets 1983; Jennison and Turnbull 2000, section 7.2).

    >>> [round(c, 4) for c in monitored_critical_values([0.46], alpha=0.025)]
    [3.1053]
    >>> [round(c, 4) for c in monitored_critical_values([0.46, 1.05], alpha=0.025, last=True)]
    [3.1053, 1.9659]
    """
    one_of(efficacy, SPENDING, "efficacy")
    looks = checked_information(information, most=MOST_OBSERVED if last else 1.0)
    level = level_per_side(alpha, sides)
    planned = looks[:-1] if last else looks
    spent = error_spent(efficacy, planned, total=level, parameter=parameter) if planned else ()
    if last:
        if planned and planned[-1] >= 1:
            raise BadInput("looks before the last with less than 1", field="information")
        spent = (*spent, level)
    return spending_limits(looks, spent, sides).upper


def conditional_power(
    z: float,
    look: int,
    information: Sequence[float],
    critical: Sequence[float],
    *,
    drift: float | None = None,
    sides: Literal[1, 2] = 1,
    futility: Sequence[float] | None = None,
) -> float:
    """The probability, after Z = z at this look, of reaching a critical value at a later one.

    Under `drift`, or under the trend of the data if none is given. Only rejections in the
    direction of the effect count. Lan, Simon and Halperin 1982, Commun Stat C 1:207-219; Jennison
    and Turnbull 2000, section 10.2.

    >>> round(conditional_power(1.5, 1, [0.5, 1], [2.7965, 1.9774], drift=3.0), 3)
    0.795
    """
    looks, limits = given_limits(information, critical, sides, futility)
    _check_interim(z, look, looks)
    assumed = z / math.sqrt(looks[look - 1]) if drift is None else drift
    if not math.isfinite(assumed):
        raise BadInput("a finite number", field="drift", found=drift)
    return _conditional(z, look, looks, limits, assumed)


def predictive_power(
    z: float,
    look: int,
    information: Sequence[float],
    critical: Sequence[float],
    *,
    prior_drift: float = 0.0,
    prior_information: float = 0.0,
    sides: Literal[1, 2] = 1,
    futility: Sequence[float] | None = None,
) -> float:
    """The conditional power, averaged over what the data and the prior say of the drift.

    The prior is normal with mean `prior_drift` and variance 1 / `prior_information` (a share of
    the greatest information); 0 is the flat prior. Spiegelhalter, Freedman and Blackburn 1986,
    Control Clin Trials 7:8-17.

    >>> round(predictive_power(1.5, 1, [0.5, 1], [2.7965, 1.9774]), 4)
    0.5572
    """
    looks, limits = given_limits(information, critical, sides, futility)
    _check_interim(z, look, looks)
    if not math.isfinite(prior_drift):
        raise BadInput("a finite number", field="prior_drift", found=prior_drift)
    known = looks[look - 1] + not_negative(prior_information, "prior_information")
    mean = (z * math.sqrt(looks[look - 1]) + prior_drift * prior_information) / known
    nodes, weights = np.polynomial.legendre.leggauss(_POSTERIOR_NODES)
    places = nodes * _POSTERIOR_REACH
    shares = weights * np.exp(-places * places / 2)
    powers = [
        _conditional(z, look, looks, limits, mean + place / math.sqrt(known)) for place in places
    ]
    return float(np.dot(shares, powers) / shares.sum())


def stopping_look(
    z: Sequence[float], critical: Sequence[float], *, futility: Sequence[float] | None = None
) -> int:
    """The look at which a one-sided trial stops: k for efficacy, -k for futility, 0 for neither.

    `z` holds the statistics of the looks in order; `futility` has a limit for each look but the
    last. A statistic that equals a limit has reached it.

    >>> [stopping_look(z, [2.80, 1.98], futility=[0.3]) for z in ([2.9, 0], [0.1, 3], [1, 1.99])]
    [1, -1, 2]
    """
    return int(stopping_look_batch(np.asarray(z)[None, :], critical, futility=futility)[0])


def stopping_look_batch(
    z: ArrayLike, critical: Sequence[float], *, futility: Sequence[float] | None = None
) -> IntArray:
    """`stopping_look` of many trials: `z` has a row for each of them, a column for each look.

    >>> stopping_look_batch([[2.9, 0.0], [0.1, 3.0], [1.0, 1.9]], [2.80, 1.98]).tolist()
    [1, 2, 0]
    """
    statistics = np.ascontiguousarray(z, dtype=np.float64)
    looks = len(critical)
    if statistics.ndim != 2 or statistics.shape[1] != looks or np.isnan(statistics).any():
        raise BadInput(f"a number for each of {looks} looks", field="z", found=statistics.shape)
    lower = [-math.inf] * looks if futility is None else [*futility, -math.inf]
    if len(lower) != looks or not looks or any(map(math.isnan, [*critical, *lower])):
        raise BadInput("a number for each look but the last", field="futility", found=futility)
    stopped = np.empty(len(statistics), dtype=np.int64)
    core = compiled(_stopped, first_stop, worth_it=statistics.size >= _COMPILE_FROM)
    core(statistics, np.array(critical, dtype=np.float64), np.array(lower), stopped)
    return stopped


def first_stop(z: FloatArray, upper: FloatArray, lower: FloatArray) -> int:
    """Core: the look, from 1, whose z first reaches `upper`; minus the look for `lower`; else 0."""
    for look in range(len(upper)):
        if z[look] >= upper[look]:
            return look + 1
        if z[look] <= lower[look]:
            return -look - 1
    return 0


def _stopped(z: FloatArray, upper: FloatArray, lower: FloatArray, stopped: IntArray) -> None:
    for trial in range(len(stopped)):
        stopped[trial] = first_stop(z[trial], upper, lower)


def _check_interim(z: float, look: int, looks: tuple[float, ...]) -> None:
    if not math.isfinite(z):
        raise BadInput("a finite number", field="z", found=z)
    if not 1 <= look < len(looks):
        raise BadInput(f"a look before the last of {len(looks)}", field="look", found=look)


def _conditional(
    z: float, look: int, looks: tuple[float, ...], limits: Limits, drift: float
) -> float:
    """What is to come is a trial of its own, whose score starts where this one stands."""
    now, score = looks[look - 1], z * math.sqrt(looks[look - 1])
    rest = tuple(t - now for t in looks[look:])

    def moved(bounds: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(
            (bound * math.sqrt(t) - score) / math.sqrt(t - now)
            for bound, t in zip(bounds[look:], looks[look:], strict=True)
        )

    lower, upper = moved(limits.lower), moved(limits.upper)
    return sum(crossing_probabilities(rest, lower, upper, drift)[1])
