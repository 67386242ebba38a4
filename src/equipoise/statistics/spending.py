"""How much of the error of a test is spent by each look: spending functions.

`total` is the error of one side of a test: alpha of a one-sided test, half of it for each side
of a two-sided one, beta for futility. Information is the share of the greatest one, above 0 and
up to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from equipoise.errors import BadInput
from equipoise.statistics.checked import inner_probability, one_of, positive

Spending = Literal["obrien_fleming_like", "pocock_like", "kim_demets", "hwang_shih_decani"]

SPENDING: tuple[Spending, ...] = (
    "obrien_fleming_like",
    "pocock_like",
    "kim_demets",
    "hwang_shih_decani",
)
_LEAST_STEP = 0.001
"""Information between two looks below which their statistics are the same for all purposes."""
MOST_OBSERVED = 10.0
"""Observed information, as a share of the planned, beyond which it is taken for a mistake."""
_STEEPEST = 50.0
"""The greatest size of the parameter: beyond it everything is spent at once, or at the end."""
_NORMAL = NormalDist()


def error_spent(
    spending: Spending,
    information: Sequence[float],
    *,
    total: float,
    parameter: float | None = None,
) -> tuple[float, ...]:
    """The error spent up to and including each look, `total` at full information.

    - `obrien_fleming_like`: 2 - 2 Phi(z / sqrt t), z the normal quantile of 1 - total / 2, and
      `pocock_like`: total log(1 + (e - 1) t) (Lan and DeMets 1983, Biometrika 70:659-663);
    - `kim_demets`: total t^rho, rho above 0 (Kim and DeMets 1987, Biometrika 74:149-154);
    - `hwang_shih_decani`: total (1 - exp(-gamma t)) / (1 - exp(-gamma)); gamma -4 is near
      O'Brien and Fleming, 1 near Pocock (Hwang, Shih and De Cani 1990, Stat Med 9:1439-1445).

    `parameter` is rho or gamma; the first two take none.

    >>> [round(each, 6) for each in error_spent("obrien_fleming_like", [0.5, 1], total=0.025)]
    [0.001525, 0.025]
    """
    one_of(spending, SPENDING, "spending")
    inner_probability(total, "total")
    known = _checked_parameter(spending, parameter)
    return tuple(
        total if t >= 1 else _spent(spending, t, total, known)
        for t in checked_information(information)
    )


def checked_information(information: Sequence[float], *, most: float = 1.0) -> tuple[float, ...]:
    """`information`, if it rises from above 0 to `most` by noticeable steps; else BadInput."""
    if len(information) < 1:
        raise BadInput("at least one look", field="information", found=list(information))
    before = 0.0
    for t in information:
        if not t - before >= _LEAST_STEP or t > most + 1e-9:
            raise BadInput(
                f"shares of the greatest information that rise to at most {most:g}, each by at "
                f"least {_LEAST_STEP}",
                field="information",
                found=list(information),
            )
        before = t
    return tuple(float(min(t, most)) for t in information)


def _checked_parameter(spending: str, parameter: float | None) -> float:
    if spending in ("obrien_fleming_like", "pocock_like"):
        if parameter is not None:
            raise BadInput(f"none for {spending}", field="parameter", found=parameter)
        return 0.0
    if parameter is None:
        raise BadInput(f"a number, for {spending} needs one", field="parameter", found="none")
    if not abs(parameter) <= _STEEPEST:
        raise BadInput(f"at most {_STEEPEST:g} in size", field="parameter", found=parameter)
    return positive(parameter, "parameter") if spending == "kim_demets" else parameter


def _spent(spending: str, t: float, total: float, parameter: float) -> float:
    if spending == "obrien_fleming_like":
        return math.erfc(_NORMAL.inv_cdf(1 - total / 2) / math.sqrt(2 * t))
    if spending == "pocock_like":
        return total * math.log1p((math.e - 1) * t)
    if spending == "kim_demets":
        return float(total * t**parameter)
    if abs(parameter) < 1e-9:
        return total * t
    return total * math.expm1(-parameter * t) / math.expm1(-parameter)
