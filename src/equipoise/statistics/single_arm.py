"""One arm against a fixed response rate, in one stage: exact binomial designs."""

from __future__ import annotations

from dataclasses import dataclass

from equipoise.errors import BadInput
from equipoise.statistics.binomial import binomial_probabilities
from equipoise.statistics.checked import inner_probability, probability, target_power

ROUNDING = 1e-12
"""A size that exceeds alpha by this share of it is alpha but for rounding."""
LARGEST = 1000
"""Subjects at which the search for a one-arm design gives up."""


@dataclass(frozen=True, slots=True)
class SingleStage:
    """A design that rejects p <= p0 when more than `r` of `n` respond, its exact size and power."""

    n: int
    r: int
    size: float
    power: float


def single_stage_rule(n: int, p0: float, p1: float, *, alpha: float) -> SingleStage:
    """The most powerful exact one-sided test of p0 with n subjects, and its power at p1.

    `r` is the least number whose excess has a probability of at most alpha at p0. With r = n
    the test never rejects.

    >>> single_stage_rule(25, 0.10, 0.30, alpha=0.05).r
    5
    """
    check_rates(p0, p1)
    inner_probability(alpha, "alpha")
    if n < 1:
        raise BadInput("at least one subject", field="n", found=n)
    null, alternative = binomial_probabilities(n, p0), binomial_probabilities(n, p1)
    r, size = n, 0.0
    while r > 0 and size + null[r] <= alpha * (1 + ROUNDING):
        size += float(null[r])
        r -= 1
    return SingleStage(n, r, size, float(alternative[r + 1 :][::-1].sum()))


def single_stage_designs(
    p0: float, p1: float, *, alpha: float, power: float, designs: int = 1
) -> tuple[SingleStage, ...]:
    """The smallest exact one-stage designs of this level and power: A'Hern's (2001, Stat Med
    20:859-866), whose normal approximation is Fleming's.

    The power rises in saw teeth, so a larger n need not do where a smaller one did.

    >>> [(each.n, each.r) for each in single_stage_designs(0.1, 0.3, alpha=0.05, power=0.80,
    ...                                                    designs=4)]
    [(25, 5), (26, 5), (27, 5), (29, 6)]
    """
    check_rates(p0, p1)
    target_power(power, inner_probability(alpha, "alpha"))
    if designs < 1:
        raise BadInput("at least one design", field="designs", found=designs)
    found: list[SingleStage] = []
    for n in range(1, LARGEST + 1):
        rule = single_stage_rule(n, p0, p1, alpha=alpha)
        if rule.power >= power:
            found.append(rule)
            if len(found) == designs:
                return tuple(found)
    raise BadInput(f"rates for which {LARGEST} subjects suffice", field="p0, p1", found=(p0, p1))


def check_rates(p0: float, p1: float) -> None:
    """Raise BadInput unless p0 < p1 are both probabilities."""
    probability(p0, "p0")
    probability(p1, "p1")
    if p0 >= p1:
        raise BadInput(f"a rate above p0, which is {p0}", field="p1", found=p1)
