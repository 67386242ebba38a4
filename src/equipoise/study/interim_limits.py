"""The limits of the looks of an analysis, on the scale of a normal statistic Z.

Z is directed: it is great where the first group does better, by the side of the boundary. Two-sided
boundaries are of its size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from equipoise.errors import BadInput
from equipoise.statistics.group_sequential import critical_values, group_sequential_design
from equipoise.statistics.interim import conditional_power
from equipoise.study.interim_plan import FutilityBoundary, Interims

_NORMAL = NormalDist()
_FARTHEST = 40.0
"""No limit of Z lies beyond it."""


@dataclass(frozen=True, slots=True)
class InterimLimits:
    """What stops at each look, the last included.

    `critical` is infinite where only futility stops; `futility` has a limit for each look but the
    last, or is None. `drift` is the mean of Z at full information for which the design has its
    power, where it states one.
    """

    information: tuple[float, ...]
    sides: Literal[1, 2]
    critical: tuple[float, ...]
    futility: tuple[float, ...] | None
    drift: float | None

    @property
    def nominal(self) -> tuple[float, ...]:
        """The P value, of as many sides as the boundary has, that corresponds to each critical
        value."""
        return tuple(self.sides * _NORMAL.cdf(-each) for each in self.critical)


def interim_limits(interims: Interims) -> InterimLimits:
    """The limits of the looks. Raises BadInput where the boundary cannot be."""
    sides: Literal[1, 2] = 2 if interims.side == "two_sided" else 1
    looks, alpha, futility = interims.shares, float(interims.alpha), interims.futility
    if futility is None:
        return InterimLimits(looks, sides, _critical(interims, sides), None, None)
    if sides == 2:
        raise BadInput("greater or less: futility is for boundaries of one side", field="side")
    if futility.rule == "beta_spending":
        return _beta_spending(interims, futility, looks, alpha)
    critical = _critical(interims, sides)
    drift = None
    if futility.under == "planned_effect":
        drift = _planned_drift(interims, looks, critical, alpha, float(futility.power or 0))
    threshold = float(futility.threshold or 0)
    lower = tuple(
        _least_z(look, looks, critical, drift, threshold) for look in range(1, len(looks))
    )
    return InterimLimits(looks, sides, critical, _below(lower, critical), drift)


def _critical(interims: Interims, sides: Literal[1, 2]) -> tuple[float, ...]:
    looks, alpha, efficacy = interims.shares, float(interims.alpha), interims.efficacy
    if efficacy is None:
        last = _NORMAL.inv_cdf(1 - alpha / sides)
        return (*(math.inf,) * (len(looks) - 1), last)
    return critical_values(
        looks, alpha=alpha, sides=sides, efficacy=efficacy.family,
        parameter=None if efficacy.parameter is None else float(efficacy.parameter),
    )  # fmt: skip


def _beta_spending(
    interims: Interims, futility: FutilityBoundary, looks: tuple[float, ...], alpha: float
) -> InterimLimits:
    """The design of `group_sequential`; without early efficacy Haybittle's with no early end."""
    efficacy = interims.efficacy
    parameter = None if futility.parameter is None else float(futility.parameter)
    design = group_sequential_design(
        looks, alpha=alpha, power=float(futility.power or 0),
        efficacy="haybittle_peto" if efficacy is None else efficacy.family,
        parameter=_FARTHEST if efficacy is None else _number(efficacy.parameter),
        futility=futility.family, futility_parameter=parameter, binding=futility.binding,
    )  # fmt: skip
    critical = design.critical
    if efficacy is None:
        critical = (*(math.inf,) * (len(looks) - 1), critical[-1])
    assert design.futility is not None
    return InterimLimits(looks, 1, critical, _below(design.futility, critical), design.drift)


def _planned_drift(
    interims: Interims,
    looks: tuple[float, ...],
    critical: tuple[float, ...],
    alpha: float,
    power: float,
) -> float:
    """The drift for which the critical values, without futility, have the power."""
    if interims.efficacy is None:
        return critical[-1] + _NORMAL.inv_cdf(power)
    return group_sequential_design(
        looks, alpha=alpha, power=power, efficacy=interims.efficacy.family,
        parameter=_number(interims.efficacy.parameter),
    ).drift  # fmt: skip


def _least_z(
    look: int,
    looks: tuple[float, ...],
    critical: tuple[float, ...],
    drift: float | None,
    threshold: float,
) -> float:
    """The Z whose conditional power at this look is the threshold: it rises with Z."""
    from scipy.optimize import brentq

    upper = tuple(min(each, _FARTHEST) for each in critical)

    def excess(z: float) -> float:
        return conditional_power(z, look, looks, upper, drift=drift) - threshold

    return float(brentq(excess, -_FARTHEST, _FARTHEST, xtol=1e-12, rtol=1e-14))


def _below(futility: tuple[float, ...], critical: tuple[float, ...]) -> tuple[float, ...]:
    """The futility limits, if each leaves room below its critical value; else BadInput."""
    if not all(low < high for low, high in zip(futility, critical, strict=False)):
        raise BadInput(
            "limits below the critical values: these leave no room to go on",
            field="futility",
            found=[round(each, 3) for each in futility],
        )
    return futility


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
