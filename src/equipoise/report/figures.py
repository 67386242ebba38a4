"""Kaplan–Meier curves as inline SVG, with numbers at risk under the ticks of the axis.

matplotlib draws without a display, a date or a random identifier, so that the same data give the
same bytes. Colours are Okabe and Ito's, told apart by every common form of colour vision; line
styles tell the groups apart in black and white.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.report.wording import counted
from equipoise.statistics.kaplan_meier import kaplan_meier

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito, Color Universal Design, 2008; the fourth darkened for contrast on white."""

STYLES: tuple[object, ...] = ("-", (0, (6, 2)), (0, (2, 1.6)), (0, (7, 2, 1.6, 2)))
STEPS = {"months": (1, 2, 3, 6, 12, 24, 60), "days": (7, 14, 30, 60, 90, 180, 365, 730)}
MOST_TICKS = 10
WIDTH = 8.4
"""Inches; the page scales the figure to its column."""

PLOT = 3.0
"""Inches between the axis and the top of the curves."""

ROW = 0.22
"""Inches between rows of numbers at risk."""

SWATCH = 0.016
"""Width of the line in a group's colour before its numbers, as a share of the axis."""

LETTER = 0.078
"""Inches allowed for a letter of a group's label."""

_LIST = "list:"
"""Before the identifier of a list of events until a link leads to it: `#` begins names here."""

INK = "#1d2733"
MUTED = "#5a6675"
SETTINGS: Any = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True, slots=True)
class Curve:
    """One group: its label, its median in words, times in `unit`, and whether each is an event.

    `to` is the identifier of the list of events behind it, to which its numbers at risk lead.
    """

    label: str
    median: str
    time: Sequence[float]
    event: Sequence[bool]
    to: str = ""


def kaplan_meier_figure(
    name: str, curves: Sequence[Curve], unit: str, *, start: str, outcome: str
) -> str:
    """The figure as SVG text with title and description; `name` makes its identifiers unique."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rows = len(curves)
    below, above = 0.85 + ROW * rows, 0.2 + ROW * rows
    height = PLOT + below + above
    margin = max(0.95, 0.55 + LETTER * max((len(curve.label) for curve in curves), default=0))
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, height))
        FigureCanvasSVG(figure)
        axes = figure.add_axes(
            (margin / WIDTH, below / height, 1 - (margin + 0.15) / WIDTH, PLOT / height)
        )
        last = max((max(curve.time, default=0.0) for curve in curves), default=0.0)
        ticks = axis_ticks(last, unit)
        for place, curve in enumerate(curves):
            _draw(axes, curve, place)
        _dress(axes, ticks, f"{unit.capitalize()} since {start}", outcome)
        _numbers_at_risk(axes, curves, ticks, -(margin - 0.05) / (WIDTH - margin - 0.15))
        text = io.StringIO()
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", metadata=metadata)
    title = f"{outcome} by group, Kaplan–Meier curves"
    return _inline(text.getvalue(), name, title, described(curves, unit))


def axis_ticks(last: float, unit: str) -> list[float]:
    """Whole multiples of a step that people think in, from 0 to past `last`.

    >>> axis_ticks(31.5, "months")
    [0.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0]
    """
    steps = STEPS[unit]
    step = next((each for each in steps if last / each <= MOST_TICKS - 1), steps[-1])
    count = max(1, int(np.ceil(last / step)))
    return [float(step * place) for place in range(count + 1)]


def at_risk(time: Sequence[float], ticks: Sequence[float]) -> list[int]:
    """Subjects observed up to each tick or longer.

    >>> at_risk([2.0, 6.0, 7.5], [0, 6, 12])
    [3, 2, 0]
    """
    return [sum(each >= tick for each in time) for tick in ticks]


def described(curves: Sequence[Curve], unit: str) -> str:
    """The figure in words, for those who cannot see it."""
    said = []
    for curve in curves:
        events = sum(bool(each) for each in curve.event)
        said.append(
            f"{curve.label}: {counted(len(curve.time), 'subject')}, {counted(events, 'event')}, "
            f"median {curve.median}"
        )
    return f"Step curves of the probability of being free of the event, time in {unit}. " + (
        "; ".join(said) + "."
    )


def _draw(axes: Axes, curve: Curve, place: int) -> None:
    colour, style = COLOURS[place % len(COLOURS)], STYLES[place % len(STYLES)]
    found = kaplan_meier(curve.time, curve.event)
    time = np.concatenate([[0.0], found.time])
    survival = np.concatenate([[1.0], found.survival])
    axes.step(
        time, survival, where="post", color=colour, linestyle=style, linewidth=1.8,
        label=f"{curve.label}: median {curve.median}",
    )  # fmt: skip
    censored = found.censored > 0
    axes.plot(
        found.time[censored], found.survival[censored], linestyle="none", marker="|",
        markersize=5.5, markeredgewidth=1.0, color=colour,
    )  # fmt: skip


def _dress(axes: Axes, ticks: Sequence[float], x_title: str, y_title: str) -> None:
    axes.set_xlim(0, ticks[-1])
    axes.set_ylim(0, 1.02)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(x_title, labelpad=4)
    axes.set_ylabel(f"{y_title}, share of subjects", labelpad=6)
    axes.grid(axis="y", color="#dfe4ea", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=9.5, handlelength=3.2,
        borderaxespad=0.3, labelspacing=0.35,
    )  # fmt: skip


def _numbers_at_risk(
    axes: Axes, curves: Sequence[Curve], ticks: Sequence[float], left: float
) -> None:
    """Counts under their ticks; rows are placed in inches, so that they never touch."""
    across = axes.get_xaxis_transform()
    heading = -0.58 / PLOT
    axes.text(left, heading, "Number at risk", transform=axes.transAxes, weight="bold", fontsize=9)
    for place, curve in enumerate(curves):
        y = heading - ROW * (place + 1) / PLOT
        axes.plot(
            [left, left + SWATCH], [y + 0.035 / PLOT] * 2, transform=axes.transAxes, clip_on=False,
            color=COLOURS[place % len(COLOURS)], linewidth=2.6,
        )  # fmt: skip
        axes.text(left + 1.6 * SWATCH, y, curve.label, transform=axes.transAxes, fontsize=9)
        for tick, count in zip(ticks, at_risk(curve.time, ticks), strict=True):
            url = _LIST + curve.to if curve.to and count else None
            axes.text(tick, y, str(count), transform=across, ha="center", fontsize=9, url=url)


def _inline(svg: str, name: str, title: str, description: str) -> str:
    """The `<svg>` element alone, sized by the page, with its text alternative."""
    body = svg[svg.index("<svg") :].strip()
    view = re.search(r'viewBox="([^"]+)"', body)
    box = view.group(1) if view else "0 0 600 300"
    inner = body[body.index(">") + 1 :]
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    inner = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", inner)
    inner = inner.replace(f'xlink:href="{_LIST}', 'href="#')
    return (
        f'<svg class="plot" viewBox="{box}" role="group" '
        f'aria-labelledby="{name}-title {name}-desc" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>{inner}'
    )
