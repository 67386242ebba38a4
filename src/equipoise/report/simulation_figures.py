"""Figures of a simulation as inline SVG: estimates with their Monte-Carlo limits, and grids."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from equipoise.report.figures import COLOURS

WIDTH, LINE, PAD = 880, 19, 14
LABEL_LETTERS = 44
LEFT, RIGHT, TEXT = 372, 664, 690
"""Where the axis begins and ends, and where numbers stand; labels are left of it."""

MOST_TICKS = 6
DASHES = ("", "7 3", "2 3", "9 3 2 3")


@dataclass(frozen=True, slots=True)
class Interval:
    """A line of a figure: its label, estimate and limits, and these in words. An `empty` mark is
    not filled: it is another kind of thing than the others."""

    label: str
    estimate: float
    lower: float
    upper: float
    words: str
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points (x, estimate, lower, upper)."""

    label: str
    points: Sequence[tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis with round ticks, from `begin` to `end` on the page."""

    ticks: tuple[float, ...]
    begin: float
    end: float

    def place(self, value: float) -> float:
        """Where a value stands; the ends of the axis where it is beyond them."""
        low, high = self.ticks[0], self.ticks[-1]
        share = (min(max(value, low), high) - low) / (high - low)
        return self.begin + share * (self.end - self.begin)


def linear_axis(low: float, high: float, begin: float, end: float) -> Axis:
    """An axis with ticks at multiples of 1, 2 or 5 times a power of ten around the values.

    >>> linear_axis(0.03, 0.62, 0, 100).ticks
    (0.0, 0.2, 0.4, 0.6, 0.8)
    """
    if high <= low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / (MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(part * power for part in (1, 2, 5, 10) if part * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(round(step * place, 12) for place in range(first, last + 1)), begin, end)


def interval_figure(
    name: str, title: str, rows: Sequence[Interval], *, across: str, heading: str,
    lines: Sequence[float] = (), bounds: tuple[float, float] | None = None, unit: str = "%",
) -> str:  # fmt: skip
    """A line for each of `rows`: mark and limits along one axis, and the numbers beside them.

    `across` names the axis, `heading` the numbers; `lines` are values at which a dashed line
    stands, `bounds` values that the axis holds in any case. The axis shows hundredths of 1, with
    their `unit`.
    """
    known = [*lines, *(bounds or ())]
    known += [value for row in rows for value in (row.lower, row.upper)]
    axis = linear_axis(min(known), max(known), LEFT, RIGHT)
    labels = [textwrap.wrap(row.label, LABEL_LETTERS) or [""] for row in rows]
    parts, said, y = [_text(TEXT, 16, heading, "heading")], [], 36.0
    for row, label in zip(rows, labels, strict=True):
        middle = y + (len(label) * LINE) / 2
        parts += [_text(0, y + LINE * (place + 0.75), line, "") for place, line in enumerate(label)]
        parts += _mark(row, axis, middle)
        parts.append(_text(TEXT, middle + 5, row.words, ""))
        said.append(f"{row.label}: {row.words}")
        y += len(label) * LINE + PAD
    parts += _under(axis, y, across, 100.0, unit)
    parts += [
        f'<line class="none" x1="{_n(axis.place(value))}" y1="28" x2="{_n(axis.place(value))}" '
        f'y2="{_n(y)}"/>'
        for value in lines
    ]
    return _figure(name, title, "; ".join(said), y + 52, parts)


def grid_figure(name: str, title: str, series: Sequence[Series], *, along: str, upward: str) -> str:
    """Lines of estimates, with their Monte-Carlo limits, over the values of a field."""
    xs = [x for each in series for x, *_ in each.points]
    ys = [value for each in series for _, _, *limits in each.points for value in limits]
    legend = 24.0 * len(series)
    top, bottom = 20.0 + legend, 320.0 + legend
    across = linear_axis(min(xs), max(xs), 70, WIDTH - 40)
    above = linear_axis(min(*ys, 0.0), max(ys), bottom, top)
    parts = [_text(0, 14, upward, "heading")]
    for tick in above.ticks:
        y = above.place(tick)
        parts.append(f'<path class="rule" d="M70,{_n(y)} H{WIDTH - 40}"/>')
        parts.append(_text(60, y + 5, f"{100 * tick:g}%", "end"))
    said = []
    for place, each in enumerate(series):
        colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
        style = f'stroke="{colour}" fill="none" stroke-width="2"'
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        path = " L".join(f"{_n(across.place(x))},{_n(above.place(y))}" for x, y, *_ in each.points)
        parts.append(f'<path d="M{path}" {style}{dashed}/>')
        for x, y, lower, upper in each.points:
            at = _n(across.place(x))
            low, high = _n(above.place(lower)), _n(above.place(upper))
            parts.append(f'<path d="M{at},{low} V{high}" {style}/>')
            parts.append(f'<circle cx="{at}" cy="{_n(above.place(y))}" r="3.6" fill="{colour}"/>')
        row = 30 + 24.0 * place
        parts.append(f'<path d="M70,{_n(row)} h44" {style}{dashed}/>')
        parts.append(_text(124, row + 5, each.label, ""))
        values = ", ".join(f"{x:g}: {100 * y:.1f}%" for x, y, *_ in each.points)
        said.append(f"{each.label}: {values}")
    parts += _under(across, bottom, along, 1.0, "")
    return _figure(name, title, "; ".join(said), bottom + 52, parts)


def _mark(row: Interval, axis: Axis, y: float) -> list[str]:
    low, high, x = (axis.place(value) for value in (row.lower, row.upper, row.estimate))
    fill = ' style="fill:#fff"' if row.empty else ""
    return [
        f'<line class="effect" x1="{_n(low)}" y1="{_n(y)}" x2="{_n(high)}" y2="{_n(y)}"/>',
        f'<path class="effect" d="M{_n(low)},{_n(y - 4.5)} v9 M{_n(high)},{_n(y - 4.5)} v9"/>',
        f'<path class="effect" transform="translate({_n(x)} {_n(y)})" d="M-4.5,0 '
        f'a4.5,4.5 0 1,0 9,0 a4.5,4.5 0 1,0 -9,0 Z"{fill}/>',
    ]


def _under(axis: Axis, y: float, title: str, factor: float, unit: str) -> list[str]:
    """The axis below a figure, with its ticks and title."""
    parts = [
        f'<line class="axis" x1="{_n(axis.begin)}" y1="{_n(y)}" x2="{_n(axis.end)}" y2="{_n(y)}"/>'
    ]
    for tick in axis.ticks:
        shown = f"{factor * tick:g}".replace("-", "−") + unit
        parts.append(f'<path class="axis" d="M{_n(axis.place(tick))},{_n(y)} v6"/>')
        parts.append(_text(axis.place(tick), y + 21, shown, "middle"))
    parts.append(_text((axis.begin + axis.end) / 2, y + 44, title, "middle"))
    return parts


def _figure(name: str, title: str, said: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg class="drawing forest" viewBox="0 0 {WIDTH} {_n(height)}" role="group" '
        f'aria-labelledby="{name}-title {name}-desc" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(said)}.</desc>{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{_n(x)}" y="{_n(y)}">{escape(text)}</text>'


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
