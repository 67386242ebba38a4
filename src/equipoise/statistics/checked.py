"""The numbers of a design, checked: each function gives its argument back or names the field."""

from __future__ import annotations

import math
from collections.abc import Sequence

from equipoise.errors import BadInput


def probability(value: float, field: str) -> float:
    """`value`, if it is a probability of 0 to 1; else BadInput.

    >>> probability(0.15, "p1")
    0.15
    """
    if not 0 <= value <= 1:
        raise BadInput("a probability of 0 to 1", field=field, found=value)
    return value


def inner_probability(value: float, field: str) -> float:
    """`value`, if it is a probability strictly between 0 and 1; else BadInput.

    >>> inner_probability(0.05, "alpha")
    0.05
    """
    if not 0 < value < 1:
        raise BadInput("a probability strictly between 0 and 1", field=field, found=value)
    return value


def positive(value: float, field: str) -> float:
    """`value`, if it is a finite number above 0; else BadInput."""
    if not 0 < value < math.inf:
        raise BadInput("a finite number above 0", field=field, found=value)
    return value


def not_negative(value: float, field: str) -> float:
    """`value`, if it is a finite number of 0 or more; else BadInput."""
    if not 0 <= value < math.inf:
        raise BadInput("a finite number of 0 or more", field=field, found=value)
    return value


def level_per_side(alpha: float, sides: int) -> float:
    """The level of each side of a test: alpha of one side, half of it on each of two.

    >>> level_per_side(0.05, 2)
    0.025
    """
    if sides not in (1, 2):
        raise BadInput("1 or 2", field="sides", found=sides)
    return inner_probability(alpha, "alpha") / sides


def target_power(power: float, alpha: float) -> float:
    """`power`, if it is a probability above alpha and below 1; else BadInput."""
    if inner_probability(power, "power") <= alpha:
        raise BadInput(f"a power above alpha, which is {alpha}", field="power", found=power)
    return power


def one_of(value: str, allowed: Sequence[str], field: str) -> str:
    """`value`, if it is one of `allowed`; else BadInput, which lists them."""
    if value not in allowed:
        raise BadInput(f"one of {', '.join(allowed)}", field=field, found=value)
    return value
