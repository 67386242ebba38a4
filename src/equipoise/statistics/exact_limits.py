"""Exact tests and limits of a count whose probabilities are in proportion to weight * ratio^count.

A binomial count is one of these (the ratio is the odds), the count of a 2 x 2 table with fixed
margins another (the ratio is the odds ratio), the sum of such counts over strata a third. `counts`
are the possible counts, `weights` the logarithms of their weights; `observed` is one of `counts`.

A limit is 0 or infinite where the observed count is the least or the greatest possible one.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.proportion import Estimate, checked_level, unbounded_root

FloatArray = NDArray[np.float64]
Rule = Literal["central", "mid_p", "min_likelihood", "blaker"]
RULES: tuple[Rule, ...] = get_args(Rule)

TIE = 1.0 + 1e-7
"""Probabilities within this factor of one another are equal, as in R fisher.test."""


def exact_p(counts: FloatArray, weights: FloatArray, observed: int, rule: Rule) -> float:
    """The two-sided P value of a ratio of 1.

    `central`: twice the smaller tail; `mid_p`: the same, the tails with half of what is observed;
    `min_likelihood`: the probability of all counts no more probable than the observed one;
    `blaker`: of all counts whose smaller tail is no greater (Blaker 2000, Can J Stat 28:783-798).

    >>> import numpy as np
    >>> round(exact_p(np.arange(4.0), np.log([1.0, 3.0, 3.0, 1.0]), 3, "blaker"), 6)
    0.25
    """
    shares = probabilities(counts, weights, 0.0)
    place = int(np.searchsorted(counts, observed))
    below, above = np.cumsum(shares), np.cumsum(shares[::-1])[::-1]
    if rule == "min_likelihood":
        return min(1.0, float(shares[shares <= shares[place] * TIE].sum()))
    tails = np.minimum(below, above)
    if rule == "blaker":
        return min(1.0, float(shares[tails <= tails[place] * TIE].sum()))
    left_out = shares[place] / 2 if checked_rule(rule) == "mid_p" else 0.0
    return min(1.0, 2 * float(tails[place] - left_out))


def exact_ratio(
    counts: FloatArray, weights: FloatArray, observed: int, level: float, rule: Rule = "central"
) -> Estimate:
    """The ratio by maximum likelihood, with the limits of the test by `rule`.

    0 or infinite at the ends of the range of `counts`, None where there is one possible count only.
    The limits of `central` and `mid_p` have the tail (1 - level) / 2. Those of `min_likelihood` and
    `blaker` are the outermost ratios that the test does not reject: between them may lie some that
    it does.

    >>> import numpy as np
    >>> found = exact_ratio(np.arange(2.0), np.zeros(2), 1, 0.95, "blaker")
    >>> (found.estimate, round(found.lower, 4), found.upper)
    (inf, 0.0526, inf)
    """
    checked_level(level)
    checked_rule(rule)
    least, most = counts[0], counts[-1]
    lower = -_upper(-counts[::-1], weights[::-1], -observed, level, rule)
    upper = _upper(counts, weights, observed, level, rule)
    if least < observed < most:

        def excess(t: float) -> float:
            return observed - float(probabilities(counts, weights, t) @ counts)

        return Estimate(math.exp(unbounded_root(excess)), _exp(lower), _exp(upper))
    estimate = None if least == most else 0.0 if observed == least else math.inf
    return Estimate(estimate, _exp(lower), _exp(upper))


def probabilities(counts: FloatArray, weights: FloatArray, log_ratio: float) -> FloatArray:
    """The probabilities of `counts` at this logarithm of the ratio."""
    exponents = weights + counts * log_ratio
    shares = np.exp(exponents - exponents.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def checked_rule(rule: Rule) -> Rule:
    """`rule`, if it is one; else BadInput."""
    if rule not in RULES:
        raise BadInput(f"one of {', '.join(RULES)}", field="rule", found=rule)
    return rule


def _upper(
    counts: FloatArray, weights: FloatArray, observed: int, level: float, rule: Rule
) -> float:
    """The upper limit as a logarithm; the lower one is that of the mirrored counts, mirrored."""
    alpha = 1 - level
    if observed == counts[-1]:
        return math.inf
    at_most = counts <= observed
    if rule in ("central", "mid_p"):
        share = np.where(counts == observed, 0.5 if rule == "mid_p" else 1.0, at_most)
        return unbounded_root(
            lambda t: float(probabilities(counts, weights, t) @ share) - alpha / 2
        )

    def excess(from_count: float, t: float) -> float:
        inside = at_most | (counts >= from_count)
        return float(probabilities(counts, weights, t)[inside].sum()) - alpha

    # Going down from infinity, the other tail takes in one count after the other at `joined`:
    # from there the P value falls to a minimum and rises again, until the next one is taken in.
    beyond = counts[counts > observed][::-1]
    joined = _joined(counts, weights, observed, beyond, rule)
    taken = [math.inf, *beyond]
    for place, low in enumerate(joined):
        if place > 0 and excess(taken[place], joined[place - 1]) > 0:
            return joined[place - 1]
        if excess(taken[place], low) > 0:
            high = joined[place - 1] if place > 0 else None
            return unbounded_root(partial(excess, taken[place]), low, high)
    return joined[-1]


def _joined(
    counts: FloatArray, weights: FloatArray, observed: int, beyond: FloatArray, rule: Rule
) -> list[float]:
    """For each count beyond, the log ratio below which it is as extreme as the observed one."""
    if rule == "min_likelihood":
        here = weights[counts == observed][0]
        there = weights[np.searchsorted(counts, beyond)]
        return [float(each) for each in (here - there) / (beyond - observed)]

    def difference(count: float, t: float) -> float:
        shares = probabilities(counts, weights, t)
        return float(shares[counts <= observed].sum() - shares[counts >= count].sum())

    return [unbounded_root(partial(difference, count)) for count in beyond.tolist()]


def _exp(logarithm: float) -> float:
    return math.exp(logarithm) if logarithm < 709 else math.inf
