"""Group-sequential designs: critical values, what they spend, and what they cost.

A design looks at a test statistic Z at shares of the greatest information (subjects, or events)
and stops when Z reaches a critical value, or falls to a futility limit. `drift` is the mean of Z
at full information: the effect divided by its standard error there. `inflation` is the greatest
information over that of a fixed design of the same error and power.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from equipoise.errors import BadInput
from equipoise.statistics.checked import level_per_side, one_of, target_power
from equipoise.statistics.recursive_integration import crossing_probabilities
from equipoise.statistics.sequential_limits import (
    EFFICACY,
    Efficacy,
    Limits,
    efficacy_limits,
    limits_with_futility,
)
from equipoise.statistics.spending import (
    MOST_OBSERVED,
    SPENDING,
    Spending,
    checked_information,
    error_spent,
)

_NORMAL = NormalDist()
_MOST_INFLATED = 10.0
"""The multiple of the fixed design's drift beyond which no design is looked for."""


@dataclass(frozen=True, slots=True)
class StoppingProbabilities:
    """What happens at each look under one drift.

    `efficacy` is the probability of stopping there with the null hypothesis rejected in favour of
    the effect, `opposite` of rejecting it against the effect (two-sided tests), `futility` of
    stopping for futility; the rest goes on, and at the last look accepts. `rejected` is the sum of
    `efficacy`. `expected_information` is a share of the greatest one.
    """

    drift: float
    efficacy: tuple[float, ...]
    opposite: tuple[float, ...]
    futility: tuple[float, ...]
    rejected: float
    expected_information: float


@dataclass(frozen=True, slots=True)
class GroupSequentialDesign:
    """A design with its limits on the scale of Z and its operating characteristics.

    `critical` are the critical values (two-sided: of |Z|); `futility` the limits of every look but
    the last, where what is not rejected is accepted, or None; `stage_levels` the one-sided
    P values that correspond to `critical`; `alpha_spent` and `beta_spent` the error up to each
    look, of both sides, and as if nobody stopped for futility unless that is binding.
    `no_effect`, `half_effect` and `full_effect` are under a drift of 0, half of it, and it.
    """

    information: tuple[float, ...]
    sides: int
    critical: tuple[float, ...]
    futility: tuple[float, ...] | None
    binding: bool
    stage_levels: tuple[float, ...]
    alpha_spent: tuple[float, ...]
    beta_spent: tuple[float, ...] | None
    drift: float
    inflation: float
    no_effect: StoppingProbabilities
    half_effect: StoppingProbabilities
    full_effect: StoppingProbabilities

    @property
    def expected_over_fixed(self) -> tuple[float, float, float]:
        """Expected information over that of the fixed design: no, half and the full effect."""
        characteristics = (self.no_effect, self.half_effect, self.full_effect)
        no, half, full = (each.expected_information * self.inflation for each in characteristics)
        return no, half, full


def group_sequential_design(
    information: Sequence[float],
    *,
    alpha: float,
    power: float,
    sides: Literal[1, 2] = 1,
    efficacy: Efficacy = "obrien_fleming_like",
    parameter: float | None = None,
    futility: Spending | None = None,
    futility_parameter: float | None = None,
    binding: bool = False,
) -> GroupSequentialDesign:
    """The design with looks at these shares of information and exactly this alpha and power.

    `efficacy` and its `parameter` are those of `critical_values`. `futility` spends beta by a
    spending function of `spending.error_spent`; with `binding`, alpha is computed for a trial that
    stops there without fail, otherwise (the usual choice) for one that may go on. Power counts
    rejections in the direction of the effect. Jennison and Turnbull 2000, Group Sequential
    Methods, chapters 2, 4, 7 and 19.

    >>> design = group_sequential_design([0.5, 1], alpha=0.025, power=0.80,
    ...                                  efficacy="obrien_fleming")
    >>> [round(each, 4) for each in design.critical], round(design.inflation, 4)
    ([2.7965, 1.9774], 1.0078)
    """
    looks = _looks(information)
    level = _level(alpha, sides)
    target_power(power, alpha)
    one_of(efficacy, EFFICACY, "efficacy")
    fixed = _NORMAL.inv_cdf(1 - level) + _NORMAL.inv_cdf(power)
    if futility is None:
        if binding or futility_parameter is not None:
            raise BadInput("a spending function of beta", field="futility", found="none")
        limits = efficacy_limits(looks, level, sides, efficacy, parameter)
        drift = _drift_of_power(looks, limits, power, fixed)
        return _design(looks, sides, limits, None, binding, drift, fixed)
    one_of(futility, SPENDING, "futility")
    if sides == 2:
        raise BadInput("1: futility is for one-sided tests", field="sides", found=sides)
    if binding and efficacy not in SPENDING:
        raise BadInput(
            "a spending function, if futility is binding", field="efficacy", found=efficacy
        )
    beta = error_spent(futility, looks, total=1 - power, parameter=futility_parameter)
    given = (
        error_spent(efficacy, looks, total=level, parameter=parameter)  # type: ignore[arg-type]
        if binding
        else efficacy_limits(looks, level, sides, efficacy, parameter)
    )
    drift, limits = _drift_of_futility(looks, given, beta, fixed)
    return _design(looks, sides, limits, beta, binding, drift, fixed)


def critical_values(
    information: Sequence[float],
    *,
    alpha: float,
    sides: Literal[1, 2] = 1,
    efficacy: Efficacy = "obrien_fleming_like",
    parameter: float | None = None,
) -> tuple[float, ...]:
    """The critical values of Z (two-sided: of |Z|) at looks at these shares of information.

    - `obrien_fleming`: C / sqrt t, and `pocock`: C (O'Brien and Fleming 1979, Biometrics
      35:549-556; Pocock 1977, Biometrika 64:191-199);
    - `wang_tsiatis`: C t^(parameter - 1/2) (Wang and Tsiatis 1987, Biometrics 43:193-199);
    - `haybittle_peto`: `parameter`, 3 if none is given, before the last look (Haybittle 1971,
      Br J Radiol 44:793-797);
    - or a spending function (`spending.error_spent`). A two-sided test spends alpha / 2 on each
      side.

    C, or the last value, makes the test's error alpha.

    >>> [round(c, 3) for c in critical_values([0.2, 0.4, 0.6, 0.8, 1], alpha=0.05, sides=2,
    ...                                       efficacy="pocock")]
    [2.413, 2.413, 2.413, 2.413, 2.413]
    """
    level = _level(alpha, sides)
    one_of(efficacy, EFFICACY, "efficacy")
    return efficacy_limits(_looks(information), level, sides, efficacy, parameter).upper


def stopping_probabilities(
    information: Sequence[float],
    critical: Sequence[float],
    *,
    drift: float,
    sides: Literal[1, 2] = 1,
    futility: Sequence[float] | None = None,
) -> StoppingProbabilities:
    """What a design does under one drift, from its limits alone (`GroupSequentialDesign`).

    Information is a share of the planned greatest one; what was observed may exceed it.

    >>> found = stopping_probabilities([0.5, 1], [2.7965, 1.9774], drift=2.8124)
    >>> round(found.rejected, 3), round(found.expected_information, 3)
    (0.8, 0.895)
    """
    looks, limits = given_limits(information, critical, sides, futility)
    if not math.isfinite(drift):
        raise BadInput("a finite number", field="drift", found=drift)
    return _stopping(looks, limits, drift, sides)


def given_limits(
    information: Sequence[float],
    critical: Sequence[float],
    sides: int,
    futility: Sequence[float] | None,
) -> tuple[tuple[float, ...], Limits]:
    """The looks and the limits of a design as a user states them, checked."""
    looks = checked_information(information, most=MOST_OBSERVED)
    one_of(str(sides), ("1", "2"), "sides")
    upper = tuple(float(each) for each in critical)
    if len(upper) != len(looks) or any(math.isnan(each) for each in upper):
        raise BadInput(f"{len(looks)} numbers", field="critical", found=list(critical))
    if sides == 2:
        if futility is not None or min(upper) <= 0:
            raise BadInput(
                "two-sided critical values above 0, and no futility", field="critical", found=upper
            )
        return looks, Limits(tuple(-each for each in upper), upper)
    lower = (
        tuple(float(each) for each in futility)
        if futility is not None
        else (-math.inf,) * (len(looks) - 1)
    )
    if len(lower) != len(looks) - 1 or not all(a < b for a, b in zip(lower, upper, strict=False)):
        raise BadInput(
            f"{len(looks) - 1} numbers, one for each look but the last, below the critical values",
            field="futility",
            found=list(lower),
        )
    return looks, Limits((*lower, upper[-1]), upper)


def _level(alpha: float, sides: int) -> float:
    level = level_per_side(alpha, sides)
    if level >= 0.5:
        raise BadInput("below 0.5 on each side", field="alpha", found=alpha)
    return level


def _looks(information: Sequence[float]) -> tuple[float, ...]:
    looks = checked_information(information)
    if looks[-1] != 1:
        raise BadInput("shares that end with 1", field="information", found=list(information))
    return looks


def _drift_of_power(looks: tuple[float, ...], limits: Limits, power: float, fixed: float) -> float:
    def missing(drift: float) -> float:
        return power - sum(crossing_probabilities(looks, limits.lower, limits.upper, drift)[1])

    return _root(missing, fixed)


def _drift_of_futility(
    looks: tuple[float, ...],
    given: Limits | tuple[float, ...],
    beta: tuple[float, ...],
    fixed: float,
) -> tuple[float, Limits]:
    """The drift at which the last futility limit is the last critical value, and all limits."""

    def missing(drift: float) -> float:
        return limits_with_futility(looks, given, beta, drift)[1] - beta[-1]

    drift = _root(missing, fixed)
    return drift, limits_with_futility(looks, given, beta, drift)[0]


def _root(missing: Callable[[float], float], fixed: float) -> float:
    """The drift that misses nothing of the power: at least the fixed design's."""
    from scipy.optimize import brentq

    low, high = 0.5 * fixed, _MOST_INFLATED * fixed
    if missing(high) >= 0:
        raise BadInput(
            f"limits that reach the power with less than {_MOST_INFLATED**2:g} times the fixed "
            "design's information",
            field="efficacy, futility",
        )
    return float(brentq(missing, low, high, xtol=1e-12, rtol=1e-14))


def _design(
    looks: tuple[float, ...],
    sides: int,
    limits: Limits,
    beta: tuple[float, ...] | None,
    binding: bool,
    drift: float,
    fixed: float,
) -> GroupSequentialDesign:
    lower = limits.lower if binding or beta is None else (-math.inf,) * len(looks)
    _, above = crossing_probabilities(looks, lower, limits.upper, 0.0)
    alpha_spent, spent = [], 0.0
    for each in above:
        spent += each * sides
        alpha_spent.append(spent)
    return GroupSequentialDesign(
        looks,
        sides,
        limits.upper,
        None if beta is None else limits.lower[:-1],
        binding,
        tuple(_NORMAL.cdf(-each) for each in limits.upper),
        tuple(alpha_spent),
        beta,
        drift,
        (drift / fixed) ** 2,
        _stopping(looks, limits, 0.0, sides),
        _stopping(looks, limits, drift / 2, sides),
        _stopping(looks, limits, drift, sides),
    )


def _stopping(
    looks: tuple[float, ...], limits: Limits, drift: float, sides: int
) -> StoppingProbabilities:
    below, above = crossing_probabilities(looks, limits.lower, limits.upper, drift)
    nothing = (0.0,) * len(looks)
    early = [a + b for a, b in zip(above[:-1], below[:-1], strict=True)]
    expected = looks[-1] - sum(
        (looks[-1] - t) * share for t, share in zip(looks[:-1], early, strict=True)
    )
    return StoppingProbabilities(
        drift,
        above,
        below if sides == 2 else nothing,
        nothing if sides == 2 else (*below[:-1], 0.0),
        sum(above),
        expected,
    )
