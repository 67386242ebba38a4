"""How numbers are written in a report: digits, percentages, P values, intervals, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOT_GIVEN = "–"
"""What stands where a number cannot be given; the reason stands beside it."""

JOINED = "\u2060–\u2060"
"""A dash at which no line breaks."""

SMALLEST_P = 0.001
"""Below this a P value is written as a bound (ICMJE and BMJ house style); the whole value stays
in the title of the cell."""


@dataclass(frozen=True, slots=True)
class Written:
    """A number as printed, and in full."""

    text: str
    full: str = ""


def p_value(p: float | None) -> Written:
    """A P value: three decimals, and a bound where it is small.

    >>> p_value(0.0547169), p_value(0.00002).text, p_value(None).text
    (Written(text='0.055', full='0.0547169'), '<0.001', '–')
    """
    if p is None:
        return Written(NOT_GIVEN)
    text = f"<{SMALLEST_P}" if p < SMALLEST_P else f"{p:.3f}"
    return Written(text, f"{p:.12g}")


def percentage(numerator: int, denominator: int) -> str:
    """A share in per cent with one decimal.

    >>> percentage(10, 34), percentage(0, 0)
    ('29.4%', '–')
    """
    return f"{100 * numerator / denominator:.1f}%" if denominator else NOT_GIVEN


def share(numerator: int, denominator: int) -> str:
    """A count and its share.

    >>> share(10, 34), share(0, 0)
    ('10 (29%)', '0')
    """
    return f"{numerator} ({100 * numerator / denominator:.0f}%)" if denominator else f"{numerator}"


def spread(values: Sequence[float], places: int, *, halves: bool = True) -> str:
    """Median and range of numbers with so many decimals; the range does not break over lines.

    With `halves` a median between two numbers has one decimal more, where it needs it.

    >>> spread([63, 30, 84], 0).replace(JOINED, "–"), spread([1, 2], 0).replace(JOINED, "–")
    ('63 (30–84)', '1.5 (1–2)')
    """
    known = sorted(values)
    if not known:
        return NOT_GIVEN
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    exact = f"{middle:.{places}f}"
    text = (
        exact
        if not halves or float(exact) == round(middle, places + 1)
        else f"{middle:.{places + 1}f}"
    )
    return f"{text} ({known[0]:.{places}f}{JOINED}{known[-1]:.{places}f})"


def quantity(value: float | None, kind: str) -> str:
    """An estimate in the unit that readers expect of its `kind` (the plan's `estimate`).

    Proportions in per cent, risk differences in percentage points, odds ratios with two decimals,
    medians with one below 100.

    >>> quantity(0.2141176, "risk_difference"), quantity(-0.004, "risk_difference")
    ('21.4', '−0.4')
    >>> quantity(4.7917, "odds_ratio"), quantity(48.47, "odds_ratio"), quantity(0.5, "proportion")
    ('4.79', '48.5', '50.0%')
    """
    if value is None:
        return NOT_GIVEN
    if kind == "proportion":
        text = f"{100 * value:.1f}%"
    elif kind == "risk_difference":
        text = f"{100 * value:.1f}"
    elif kind.endswith(("ratio", "ratios")):
        text = f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
    else:
        text = f"{value:.1f}" if value < 100 else f"{value:.0f}"
    return text.replace("-", "−")


def interval(lower: float | None, upper: float | None, kind: str) -> str:
    """Two limits; an open end is said in words.

    >>> interval(0.0052, 0.4013, "risk_difference"), interval(7.2, None, "median")
    ('0.5 to 40.1', '7.2 to not reached')
    """
    if lower is None and upper is None:
        return ""
    open_end = "not reached" if kind == "median" else "∞"
    low = quantity(lower, kind) if lower is not None else open_end
    high = quantity(upper, kind) if upper is not None else open_end
    return f"{low} to {high}"


def unit_of(kind: str, time_unit: str = "months") -> str:
    """The unit of an estimate of this kind, in words; empty where the text already has it."""
    return {"risk_difference": "percentage points", "median": time_unit}.get(kind, "")


def counted(count: int, singular: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "subject"), counted(0, "subject"), counted(2, "death")
    ('1 subject', '0 subjects', '2 deaths')
    """
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def moment(recorded: str) -> str:
    """The time of an event, to the second, with its zone.

    >>> moment("2026-11-23T03:22:55.123456Z")
    '2026-11-23 03:22:55 UTC'
    """
    return f"{recorded[:10]} {recorded[11:19]} UTC" if recorded else ""


def plain(code: str) -> str:
    """A code as words.

    >>> plain("not_eligible")
    'not eligible'
    """
    return code.replace("_", " ")
