"""Figures of a design: power by number, prevalence and control rate; designs; the assay."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from equipoise.analysis.exhibit import Exhibit
from equipoise.report.design_tables import written
from equipoise.report.simulation_figures import Interval, Series, grid_figure, interval_figure

NORMAL_975 = 1.959963984540054
"""The 97.5 per cent point of the standard normal distribution."""

MOST_LINES = 4
"""Lines of one figure; what is left out stands in its table."""


def number_figure(exhibit: Exhibit, wanted: float) -> Markup:
    """Power by the number randomised: the sized comparison, the interaction, arms in statuses.

    Of many statuses those in which the arms are told apart best.
    """
    arms = [name for name in exhibit.columns if name.startswith("arms_in_")]
    arms.sort(key=lambda name: -float(exhibit.rows[-1][name] or 0))
    names = ["sized_comparison", "interaction", *arms]
    labels = {"sized_comparison": "the sized comparison", "interaction": "the interaction"}
    series = [
        Series(labels.get(name, f"the arms in {name[8:]}"), points)
        for name in names[:MOST_LINES]
        if (points := _points(exhibit, "randomised", name))
    ]
    series.append(_level(exhibit, "randomised", wanted))
    return _lines("number-figure", exhibit.title, series, "Subjects randomised", "Power")


def prevalence_figure(exhibit: Exhibit, wanted: float, status: str) -> Markup:
    """Exact power of the planned number by the prevalence of a status, in per cent."""
    points = [(100 * x, *rest) for x, *rest in _points(exhibit, "prevalence", "exact_power")]
    series = [
        Series("the planned number, after the loss", [(p[0], p[1], p[2], p[3]) for p in points]),
        Series("the wanted power", [(p[0], wanted, wanted, wanted) for p in points]),
    ]
    along = f"Prevalence of {status}, per cent"
    return _lines("prevalence-figure", exhibit.title, series, along, "Exact power")


def control_figure(exhibit: Exhibit, control: str) -> Markup:
    """Power of the interaction by the rate under the control arm, in per cent."""
    series = [
        Series(label, [(100 * x, y, low, high) for x, y, low, high in points])
        for name, label in (
            ("power", "every planned subject evaluable"),
            ("power_after_loss", "after the loss"),
        )
        if (points := _points(exhibit, "control_rate", name))
    ]
    along = f"Response under {control}, per cent"
    return _lines("control-figure", exhibit.title, series, along, "Power of the interaction")


def designs_figure(exhibit: Exhibit, wanted: float) -> Markup:
    """The power of each design with the planned number; hollow where it was simulated."""
    rows = [
        Interval(
            f"{row['design']}: {row['question']}",
            power,
            max(0.0, power - NORMAL_975 * float(row["power_se"] or 0)),
            min(1.0, power + NORMAL_975 * float(row["power_se"] or 0)),
            written("power", power, row["power_se"]),
            row["power_se"] is not None,
        )
        for row in exhibit.rows
        if isinstance(power := row["power"], float)
    ]
    return Markup(
        interval_figure(
            "designs-figure", exhibit.title, rows, across="Power", heading="Power",
            lines=[wanted], bounds=(0.0, 1.0),
        )
    )  # fmt: skip


def assay_figure(exhibit: Exhibit) -> Markup:
    """What each assay costs in percentage points of power."""
    rows = [
        Interval(str(row["assay"]), cost / 100, cost / 100, cost / 100, f"{cost:.1f} points")
        for row in exhibit.rows
        if isinstance(cost := row["cost"], float)
    ]
    if not rows:
        return Markup()
    return Markup(
        interval_figure(
            "assay-figure", exhibit.title, rows, across="Cost in percentage points of power",
            heading="Cost", lines=[0.0], bounds=(0.0, 0.05), unit="",
        )
    )  # fmt: skip


def _points(exhibit: Exhibit, along: str, name: str) -> list[tuple[float, float, float, float]]:
    return [
        (float(x), float(y), float(y), float(y))
        for row in exhibit.rows
        if (y := row[name]) is not None and (x := row[along]) is not None
    ]


def _level(exhibit: Exhibit, along: str, wanted: float) -> Series:
    places = [float(row[along] or 0) for row in exhibit.rows]
    ends = (min(places), max(places))
    return Series("the wanted power", [(x, wanted, wanted, wanted) for x in ends])


def _lines(name: str, title: str, series: Sequence[Series], along: str, upward: str) -> Markup:
    kept = [each for each in series if len(each.points) > 1]
    return Markup(grid_figure(name, title, kept, along=along, upward=upward)) if kept else Markup()
