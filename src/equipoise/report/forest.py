"""Forest plot of the effects of treatment within each marker status, with their interaction.

Rows come from the plan: comparisons of two arms within one status that estimate a ratio, and the
interaction of the same end point by the same version of the marker status. Squares are effects,
diamonds interactions; shape, not colour alone, tells them apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from equipoise.analysis.estimates import ESTIMATES
from equipoise.analysis.subjects import denominator_rule, end_point_of, estimand_of
from equipoise.report.claims import arms_within_a_status
from equipoise.report.findings import BASES, ResultView
from equipoise.report.layout import status_label
from equipoise.study.analysis_plan import AnalysisPlan, BinaryEndPoint, StatusBasis
from equipoise.study.definition import Study

SCALES = {
    "odds_ratio": ("odds_ratio", "ratio_of_odds_ratios"),
    "hazard_ratio": ("hazard_ratio", "ratio_of_hazard_ratios"),
}
"""Each scale has a figure of its own: the ratio of an effect, and that of an interaction."""

TICKS = (*(part * 10.0**power for power in range(-3, 3) for part in (1, 2, 5)), 1000.0)
WIDEST = 20.0
"""Limits further from 1 than this leave the axis by an arrow; estimates never do."""
BEYOND = 2.0
"""The axis goes on by this factor beyond an estimate whose limit does."""

CAPTION = (
    "Effects of treatment within each marker status (squares) and their interaction (diamonds), "
    "with their intervals; an arrow marks a limit beyond the axis. The dashed line is no effect. "
    "Methods stand with each analysis below."
)
WIDTH, LINE, TOP = 880, 27, 54
LABEL, FIRST, SECOND, LEFT, RIGHT, TEXT = 16, 250, 316, 366, 666, 692
"""Where columns stand: labels, counts of both groups (their middles), the axis, the numbers."""
LETTER = 8.2
"""Width allowed for a letter; longer labels move the other columns."""


@dataclass(frozen=True, slots=True)
class ForestRow:
    """A line of the plot. A heading has no view."""

    label: str
    view: ResultView | None = None
    interaction: bool = False


@dataclass(frozen=True, slots=True)
class Forest:
    """The lines of one scale. `arms` are the two that every line compares, else empty."""

    scale: str
    arms: tuple[str, ...]
    rows: tuple[ForestRow, ...]


def forests(study: Study, views: Sequence[ResultView]) -> list[Forest]:
    """A forest for each scale on which the plan compares arms within a status."""
    found = []
    for scale, kinds in SCALES.items():
        rows: list[ForestRow] = []
        arms: set[tuple[str, ...]] = set()
        for heading, block in _blocks(study, [view for view in views if view.kind in kinds]):
            rows += [ForestRow(heading), *block]
            arms |= {_arms(row.view) for row in block if row.view and not row.interaction}
        if rows:
            found.append(Forest(scale, next(iter(arms)) if len(arms) == 1 else (), tuple(rows)))
    return found


def _arms(view: ResultView) -> tuple[str, ...]:
    return tuple(" + ".join(group.arms) for group in view.analysis.groups)


def _blocks(study: Study, views: Sequence[ResultView]) -> Iterator[tuple[str, list[ForestRow]]]:
    """Heading and lines of each end point by each version of the status."""
    plan = study.analysis
    found: dict[tuple[str, StatusBasis, str], list[ResultView]] = {}
    for view in views:
        if _shown(plan, view):
            estimand = estimand_of(plan, view.analysis)
            key = (estimand.end_point, estimand.status_basis, estimand.status_rule)
            found.setdefault(key, []).append(view)
    end_points = list(dict.fromkeys(end_point for end_point, _, _ in found))
    for key in sorted(found, key=lambda each: end_points.index(each[0])):
        name = end_point_of(plan, found[key][0].analysis).label.en
        yield f"{name}, marker status {BASES[key[1]]}", _lines(study, found[key])


def _shown(plan: AnalysisPlan, view: ResultView) -> bool:
    """Whether the row belongs here: as planned, by the denominator of its end point."""
    analysis = view.analysis
    if view.flags:
        return False
    end_point = end_point_of(plan, analysis)
    own = end_point.denominator if isinstance(end_point, BinaryEndPoint) else "all"
    if denominator_rule(plan, analysis) != own:
        return False
    return analysis.interaction is not None or arms_within_a_status(analysis)


def _lines(study: Study, views: Sequence[ResultView]) -> list[ForestRow]:
    """A line for each comparison of arms in a status, in the study's order; one interaction."""
    order = [status.code for status in study.biomarker.marker.statuses]
    within = [view for view in views if view.analysis.interaction is None]
    within.sort(key=lambda view: order.index(view.analysis.groups[0].statuses[0]))
    rows = [
        ForestRow(status_label(study, view.analysis.groups[0].statuses[0]), view) for view in within
    ]
    crossed = [view for view in views if view.analysis.interaction is not None]
    crossed.sort(key=lambda view: not view.interval)
    return rows + [
        ForestRow(f"Interaction: {ESTIMATES[view.kind]}", view, interaction=True)
        for view in crossed[:1]
    ]


@dataclass(frozen=True, slots=True)
class Axis:
    """A logarithmic axis from its first to its last tick."""

    ticks: tuple[float, ...]

    def holds(self, value: float) -> bool:
        """Whether a ratio lies on the axis."""
        return self.ticks[0] <= value <= self.ticks[-1]

    def labelled(self) -> list[float]:
        """The ticks whose labels do not touch: powers of ten first, then from 1 outwards."""
        kept: list[float] = []
        for tick in sorted(self.ticks, key=lambda tick: (not _decade(tick), abs(math.log(tick)))):
            if all(abs(self.place(tick) - self.place(each)) > _gap(tick, each) for each in kept):
                kept.append(tick)
        return kept

    def place(self, value: float) -> float:
        """Where a ratio stands; the ends of the axis where it is beyond them."""
        low, high = self.ticks[0], self.ticks[-1]
        inside = min(max(value, low), high)
        share = math.log(inside / low) / math.log(high / low)
        return LEFT + share * (RIGHT - LEFT)


def _decade(tick: float) -> bool:
    return f"{tick:e}".startswith("1.0")


def _gap(one: float, other: float) -> float:
    """The least distance of the middles of two labels."""
    return LETTER * (len(f"{one:g}") + len(f"{other:g}")) / 2 + 5


def axis(rows: Sequence[ForestRow]) -> Axis:
    """The axis that holds every estimate, and the limits unless they are very far.

    >>> axis([]).ticks
    (0.5, 1.0, 2.0)
    """
    low, high = 0.5, 2.0
    for row in rows:
        if row.view is None:
            continue
        estimate, lower, upper = (
            row.view.result.estimate or 1.0,
            row.view.result.lower,
            row.view.result.upper,
        )
        if lower is not None:
            low = min(low, max(lower, min(1 / WIDEST, estimate / BEYOND)))
        if upper is not None:
            high = max(high, min(upper, max(WIDEST, estimate * BEYOND)))
        low, high = min(low, estimate), max(high, estimate)
    first = max((place for place, tick in enumerate(TICKS) if tick <= low), default=0)
    last = min((place for place, tick in enumerate(TICKS) if tick >= high), default=len(TICKS) - 1)
    return Axis(TICKS[first : last + 1])


def forest_figure(name: str, forest: Forest) -> str:
    """The figure as SVG text with title and description."""
    scale, along = ESTIMATES[forest.scale], axis(forest.rows)
    bottom = TOP + LINE * len(forest.rows)
    longest = max(len(row.label) for row in forest.rows if row.view is not None)
    shift = max(0.0, LABEL + LETTER * longest + 36 - FIRST)
    width = WIDTH + shift
    labels, parts, said, heading = [], _frame(forest, along, bottom), [], ""
    for place, row in enumerate(forest.rows):
        y = TOP + LINE * (place + 0.5)
        if row.view is None:
            heading = row.label
            labels.append(_text(0, y + 5, row.label, "heading"))
            continue
        labels.append(_text(LABEL, y + 5, row.label, ""))
        parts += _line(row, row.view, along, y)
        said.append(f"{heading}, {row.label}: {_counts(row.view)}{numbers(row.view)}")
    title = f"{scale.capitalize()} within each marker status, and their interaction"
    words = f"{scale.capitalize()} on a logarithmic axis. " + "; ".join(said) + "."
    return (
        f'<svg class="drawing forest" viewBox="0 0 {_n(width)} {bottom + 84}" role="group" '
        f'aria-labelledby="{name}-title {name}-desc" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(words)}</desc>'
        f'<path class="rule" d="M0,46 H{_n(width)}"/>{"".join(labels)}'
        f'<g transform="translate({_n(shift)} 0)">{"".join(parts)}</g></svg>'
    )


def numbers(view: ResultView) -> str:
    """Estimate and interval in words."""
    if view.result.estimate is None and view.interval:
        return f"no finite estimate ({view.interval})"
    return view.in_words


def _counts(view: ResultView) -> str:
    if len(view.groups) != 2:
        return ""
    return " v ".join(group.count for group in view.groups) + ", "


def _frame(forest: Forest, along: Axis, bottom: float) -> list[str]:
    """Heads of the columns, line of no effect, axis with ticks and titles."""
    scale = ESTIMATES[forest.scale]
    binary = forest.scale == "odds_ratio"
    first, second = forest.arms or ("first arm", "second arm")
    counts = "responders / N" if binary else "events / N"
    middle, none = (LEFT + RIGHT) / 2, along.place(1)
    parts = [
        _text(FIRST, 16, first, "heading middle"),
        _text(SECOND, 16, second, "heading middle"),
        _text((FIRST + SECOND) / 2, 36, counts, "soft middle"),
        _text(TEXT, 16, f"{scale.capitalize()}", "heading"),
        _text(TEXT, 36, "and interval", "soft"),
        f'<line class="none" x1="{_n(none)}" y1="48" x2="{_n(none)}" y2="{_n(bottom)}"/>',
        f'<line class="axis" x1="{LEFT}" y1="{_n(bottom)}" x2="{RIGHT}" y2="{_n(bottom)}"/>',
    ]
    for tick in along.ticks:
        parts.append(f'<path class="axis" d="M{_n(along.place(tick))},{_n(bottom)} v6"/>')
    for tick in along.labelled():
        parts.append(_text(along.place(tick), bottom + 21, f"{tick:g}", "middle"))
    versus = f", {first} v {second}" if forest.arms else ""
    parts.append(_text(middle, bottom + 45, f"{scale.capitalize()}{versus} (log scale)", "middle"))
    what = ("fewer responses", "more responses") if binary else ("fewer events", "more events")
    parts.append(_text(none - 12, bottom + 68, f"← {what[0]} under {first}", "soft end"))
    parts.append(_text(none + 12, bottom + 68, f"{what[1]} under {first} →", "soft"))
    return parts


def _line(row: ForestRow, view: ResultView, along: Axis, y: float) -> list[str]:
    """Counts, interval with its mark, and the numbers of one line, which lead to their events."""
    kind = "interaction" if row.interaction else "effect"
    parts = []
    if len(view.groups) == 2:
        for column, group in zip((FIRST, SECOND), view.groups, strict=True):
            parts.append(_linked(view, _text(column, y + 5, group.count, "middle")))
    result = view.result
    if result.lower is not None or result.upper is not None:
        parts += _whisker(kind, along, y, result.lower or 0.0, result.upper or math.inf)
    if result.estimate is not None and along.holds(result.estimate):
        x = along.place(result.estimate)
        shape = "M-6.5,0 L0,-6.5 L6.5,0 L0,6.5 Z" if row.interaction else "M-5,-5 H5 V5 H-5 Z"
        parts.append(f'<path class="{kind}" transform="translate({_n(x)} {_n(y)})" d="{shape}"/>')
    parts.append(_linked(view, _text(TEXT, y + 5, numbers(view), "")))
    return parts


def _whisker(kind: str, along: Axis, y: float, lower: float, upper: float) -> list[str]:
    """The interval; an arrow head where a limit is beyond the axis, a stroke where it is not."""
    low, high = along.place(lower), along.place(upper)
    parts = [f'<line class="{kind}" x1="{_n(low)}" y1="{_n(y)}" x2="{_n(high)}" y2="{_n(y)}"/>']
    for x, limit, way in ((low, lower, -1), (high, upper, 1)):
        d = "M0,-4.5 V4.5" if along.holds(limit) else f"M0,-5 L{way * 9},0 L0,5 Z"
        parts.append(f'<path class="{kind} end" transform="translate({_n(x)} {_n(y)})" d="{d}"/>')
    return parts


def _linked(view: ResultView, text: str) -> str:
    return f'<a href="#{escape(view.sources)}">{text}</a>'


def _text(x: float, y: float, text: str, style: str) -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{_n(x)}" y="{_n(y)}">{escape(text)}</text>'


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
