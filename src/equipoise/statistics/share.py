"""Counts against the percentages printed beside them, in whole numbers and exact fractions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from equipoise.statistics.claim import Claim, Finding, Share
from equipoise.statistics.printed import Printed, fitting


def share_findings(claim: Claim) -> Iterator[Finding]:
    """What is wrong with counts and percentages of a printed result, group by group.

    >>> from equipoise.statistics.printed import printed
    >>> wrong = Claim(label="x", shares=(Share(8, 27, printed("31%")),))
    >>> print(next(share_findings(wrong)).text)
    8 of 27 is 29.6 %, not 31 %; with 8 it fits the denominator 26, and no numerator of 27 gives it
    """
    for each in claim.shares:
        if each.numerator > each.denominator:
            text = f"{each.numerator} of {each.denominator}: more than there are"
            yield Finding("impossible", ("numerator", "denominator"), text)
        elif each.percent is not None:
            yield from _percentage(each, each.percent)
    if claim.measure == "proportion" and len(claim.shares) == 1 and claim.estimate is not None:
        yield from _estimate(claim.shares[0], claim.estimate, 100 if claim.in_percent else 1)


def _estimate(each: Share, figure: Printed, size: int) -> Iterator[Finding]:
    if not each.denominator or each.numerator > each.denominator or figure.is_open:
        return
    value = Fraction(size * each.numerator, each.denominator)
    if not figure.low <= value <= figure.high:
        fits = {"estimate": fitting(figure, float(value), float(value))}
        text = f"{each.numerator}/{each.denominator} is {fits['estimate'][0]}, not {figure.text}"
        yield Finding("impossible", ("estimate", "numerator", "denominator"), text, fits)


def _percentage(each: Share, percent: Printed) -> Iterator[Finding]:
    low = Fraction(percent.low) if percent.low.is_finite() else Fraction(-1)
    high = Fraction(percent.high) if percent.high.is_finite() else Fraction(101)
    x, n = each.numerator, each.denominator
    printed = percent.text.rstrip("% ")
    if n and low <= Fraction(100 * x, n) <= high:
        return
    of = f"{x} of {n} is {100 * x / n:.1f} %, not" if n else f"{x} of 0 has no percentage, not even"
    fits = {}
    told = []
    least = math.ceil(100 * x / high) if x and high > 0 else None
    most = math.floor(100 * x / low) if low > 0 else None
    if least is not None and most is not None and x <= most and least <= most:
        fits["denominator"] = (str(max(least, x)), str(most))
        told.append(f"with {x} it fits the denominator{_between(max(least, x), most)}")
    first, last = max(0, math.ceil(low * n / 100)), min(n, math.floor(high * n / 100))
    if first <= last:
        fits["numerator"] = (str(first), str(last))
        told.append(f"of {n} it fits the numerator{_between(first, last)}")
    elif told:
        told.append(f"no numerator of {n} gives it")
    else:
        told.append("no other numerator or denominator alone gives it")
    text = f"{of} {printed} %; {', and '.join(told)}"
    yield Finding("impossible", ("numerator", "denominator", "percent"), text, fits)


def _between(first: int, last: int) -> str:
    return f" {first}" if first == last else f"s {first} to {last}"
