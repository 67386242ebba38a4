"""The limits of a group-sequential design, look by look."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from equipoise.errors import BadInput
from equipoise.statistics.recursive_integration import Ongoing, crossing_probabilities
from equipoise.statistics.spending import SPENDING, error_spent

Efficacy = Literal[
    "obrien_fleming",
    "pocock",
    "wang_tsiatis",
    "haybittle_peto",
    "obrien_fleming_like",
    "pocock_like",
    "kim_demets",
    "hwang_shih_decani",
]

EFFICACY: tuple[str, ...] = (
    "obrien_fleming",
    "pocock",
    "wang_tsiatis",
    "haybittle_peto",
    *SPENDING,
)
_HAYBITTLE = 3.0
_DELTAS = {"obrien_fleming": 0.0, "pocock": 0.5}
_WIDEST = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of Z at each look, below and above; beyond either the trial stops."""

    lower: tuple[float, ...]
    upper: tuple[float, ...]


def efficacy_limits(
    looks: tuple[float, ...], level: float, sides: int, efficacy: str, parameter: float | None
) -> Limits:
    """The critical values that spend `level` on each side; their mirror, or nothing, below."""
    if efficacy in SPENDING:
        spent = error_spent(efficacy, looks, total=level, parameter=parameter)
        return spending_limits(looks, spent, sides)
    if efficacy == "haybittle_peto":
        early = _HAYBITTLE if parameter is None else parameter
        if not 0 < early < math.inf:
            raise BadInput("a critical value above 0", field="parameter", found=early)
        return _solved(
            looks,
            level,
            sides,
            lambda last: (*(early,) * (len(looks) - 1), last),
        )
    delta = _delta(efficacy, parameter)
    return _solved(looks, level, sides, lambda c: tuple(c * t ** (delta - 0.5) for t in looks))


def limits_with_futility(
    looks: tuple[float, ...],
    given: Limits | tuple[float, ...],
    beta: tuple[float, ...],
    drift: float,
) -> tuple[Limits, float]:
    """The limits that spend beta under this drift, and the type II error that they have in all.

    `given` are the critical values, if futility is not binding; else the alpha to be spent up to
    each look among the trials that did not stop for futility. A futility limit that would pass
    the critical value ends there. The last limit is the last critical value.
    """
    null, effect = Ongoing.before_the_first_look(0.0), Ongoing.before_the_first_look(drift)
    lower: list[float] = []
    upper: list[float] = []
    missed = spent = 0.0
    for look, t in enumerate(looks):
        if isinstance(given, Limits):
            critical = given.upper[look]
        else:
            critical = null.critical(given[look] - spent, t, upper=True)
            spent = given[look]
        if look + 1 == len(looks):
            missed += effect.below(critical, t)
            return Limits((*lower, critical), (*upper, critical)), missed
        futile = min(effect.critical(beta[look] - missed, t, upper=False), critical)
        missed += effect.below(futile, t)
        null = null.go_on(futile, critical, t, looks[look + 1])
        effect = effect.go_on(futile, critical, t, looks[look + 1])
        lower.append(futile)
        upper.append(critical)
    raise AssertionError("a design has a last look")


def _delta(efficacy: str, parameter: float | None) -> float:
    if efficacy == "wang_tsiatis":
        if parameter is None or not abs(parameter) <= _WIDEST:
            raise BadInput(
                f"the shape, at most {_WIDEST:g} in size", field="parameter", found=parameter
            )
        return parameter
    if parameter is not None:
        raise BadInput(f"none for {efficacy}", field="parameter", found=parameter)
    return _DELTAS[efficacy]


def spending_limits(looks: tuple[float, ...], spent: tuple[float, ...], sides: int) -> Limits:
    """The critical values that spend so much on each side up to each look."""
    ongoing, before = Ongoing.before_the_first_look(0.0), 0.0
    lower: list[float] = []
    upper: list[float] = []
    for look, (t, now) in enumerate(zip(looks, spent, strict=True)):
        critical = ongoing.critical(now - before, t, upper=True)
        upper.append(critical)
        lower.append(-critical if sides == 2 else -math.inf)
        before = now
        if look + 1 < len(looks):
            ongoing = ongoing.go_on(lower[-1], critical, t, looks[look + 1])
    return Limits(tuple(lower), tuple(upper))


def _solved(
    looks: tuple[float, ...],
    level: float,
    sides: int,
    shape: Callable[[float], tuple[float, ...]],
) -> Limits:
    """The limits of this shape whose error on one side is `level`."""
    from scipy.optimize import brentq

    def limits(c: float) -> Limits:
        upper = shape(c)
        return Limits(
            tuple(-each for each in upper) if sides == 2 else (-math.inf,) * len(upper), upper
        )

    def excess(c: float) -> float:
        tried = limits(c)
        return sum(crossing_probabilities(looks, tried.lower, tried.upper, 0.0)[1]) - level

    low, high = 1e-6, 38.0
    if excess(low) <= 0 or excess(high) >= 0:
        raise BadInput(
            "greater critical values before the last look: these spend all of alpha",
            field="parameter",
            found=[round(each, 4) for each in shape(high)[:-1]],
        )
    return limits(float(brentq(excess, low, high, xtol=1e-13, rtol=1e-14)))
