"""A printed result computed again from its counts: by the method named, or by each in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from equipoise.statistics.binomial_interval import PROPORTION_INTERVALS
from equipoise.statistics.claim import METHODS, NAMES, TESTS, Claim, Finding
from equipoise.statistics.odds_ratio import ODDS_RATIO_INTERVALS
from equipoise.statistics.printed import Printed, fitting
from equipoise.statistics.proportion import Estimate, chi_square, fisher_exact_p
from equipoise.statistics.rejection import barnard_p, boschloo_p
from equipoise.statistics.risk_difference import RISK_DIFFERENCE_INTERVALS
from equipoise.statistics.risk_ratio import RISK_RATIO_INTERVALS

_TWO: Mapping[str, Mapping[str, Callable[[int, int, int, int, float], Estimate]]] = {
    "odds_ratio": ODDS_RATIO_INTERVALS,
    "risk_difference": RISK_DIFFERENCE_INTERVALS,
    "risk_ratio": RISK_RATIO_INTERVALS,
}
_NAMED: Mapping[str, Callable[..., float]] = {
    "fisher_mid_p": partial(fisher_exact_p, mid_p=True),
    "boschloo": boschloo_p,
    "barnard": barnard_p,
}
"""Tests that are computed only where they are named."""
_BINARY = 1e-11
"""Relative: what the last binary digits of a computed value may do."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the counts give by one method: figures by name, None for one that they cannot give."""

    method: str
    values: Mapping[str, float | None]

    def differing(self, claim: Claim) -> list[str]:
        """The figures of `claim` that are not those of the counts."""
        figures = claim.figures
        return [
            name
            for name, value in self.values.items()
            if name in figures and value is not None and not is_printed_as(value, figures[name])
        ]


def is_printed_as(value: float, figure: Printed) -> bool:
    """Whether `value` rounds to `figure`; a figure that was not reached says nothing.

    >>> from equipoise.statistics.printed import printed
    >>> is_printed_as(0.716499, printed(".716")), is_printed_as(0.717, printed(".716"))
    (True, False)
    """
    near = abs(value) * _BINARY if math.isfinite(value) else 0.0
    return float(figure.low) - near <= value <= float(figure.high) + near


def intervals(claim: Claim) -> Iterator[Recomputed]:
    """Estimate and interval from the counts, by the method named or by each that there is.

    By `wald` too, which an adjusted analysis has as well: that the counts do not give it says
    nothing.

    >>> from equipoise.statistics.claim import Share
    >>> crude = Claim(label="x", measure="odds_ratio", shares=(Share(10, 34), Share(2, 25)))
    >>> [(each.method, round(each.values["estimate"], 2)) for each in intervals(crude)][:2]
    [('woolf', 4.79), ('conditional_exact', 4.68)]
    """
    counts = [count for each in claim.shares for count in (each.numerator, each.denominator)]
    if any(each.numerator > each.denominator for each in claim.shares):
        return
    level, size = float(claim.level), 100.0 if claim.in_percent else 1.0
    found: dict[str, Estimate] = {}
    if len(counts) == 2 and claim.measure == "proportion":
        x, n = counts
        for name, one in PROPORTION_INTERVALS.items():
            if _asked(claim, name):
                found[name] = one(x, n, level)
    elif len(counts) == 4 and claim.measure in _TWO:
        for name, two in _TWO[claim.measure].items():
            if _asked(claim, name):
                found[name] = two(counts[0], counts[1], counts[2], counts[3], level)
    for name, each in found.items():
        yield Recomputed(name, {part: _sized(getattr(each, part), size) for part in _PARTS})


def _asked(claim: Claim, name: str) -> bool:
    if claim.method == "wald":
        return name in ("wald", "woolf", "katz")
    return claim.method in ("", name)


_PARTS = ("estimate", "lower", "upper")


def p_values(claim: Claim) -> Iterator[Recomputed]:
    """P from the counts of two groups, by the test named or by each that there is."""
    if len(claim.shares) != 2 or any(e.numerator > e.denominator for e in claim.shares):
        return
    if claim.measure not in ("", "odds_ratio", "risk_difference", "risk_ratio"):
        return
    one, other = claim.shares
    table = (one.numerator, one.denominator, other.numerator, other.denominator)
    if claim.test in ("", "fisher"):
        yield Recomputed("fisher", {"p": fisher_exact_p(*table, side=claim.side)})
    if claim.test in _NAMED:
        yield Recomputed(claim.test, {"p": _NAMED[claim.test](*table, side=claim.side)})
    if claim.test == "chi_square_corrected" and claim.side == "two_sided":
        p = chi_square(*table, continuity_correction=True).p
        yield Recomputed("chi_square_corrected", {"p": p})
    if claim.test in ("", "chi_square") and claim.side == "two_sided":
        plain, yates = (chi_square(*table, continuity_correction=each).p for each in (False, True))
        near = claim.p is not None and is_printed_as(yates, claim.p)
        yield Recomputed("chi_square", {"p": yates if near else plain})


def contradiction(claim: Claim, again: Recomputed) -> Finding | None:
    """The finding that `claim` is not what its counts give by the method that it names."""
    wrong = again.differing(claim)
    if not wrong:
        return None
    fits = {}
    for name in wrong:
        value = again.values[name]
        assert value is not None
        fits[name] = fitting(claim.figures[name], value, value)
    counts = " v ".join(f"{each.numerator}/{each.denominator}" for each in claim.shares)
    method = {**METHODS, **TESTS}[again.method]
    told = "; ".join(
        f"{NAMES[name]} {claim.figures[name].text} would be printed {fits[name][0]}"
        for name in wrong
    )
    text = f"{counts} do not give these figures by the method named ({method}): {told}"
    return Finding("impossible", tuple(wrong), text, fits)


def _sized(value: float | None, size: float) -> float | None:
    return None if value is None else value * size
