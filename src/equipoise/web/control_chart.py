"""The controls of an assay's runs as a drawing: where each point and line lies on the picture.

Mean and spread come from `biomarker.quality`, and whether a control reads what it has to from the
rules; only places on the picture are computed here.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from equipoise.biomarker.plan import Assay, BiomarkerPlan, RunControl
from equipoise.biomarker.quality import spread

WIDTH, HEIGHT = 760, 190
LEFT, RIGHT, TOP, BOTTOM = 54, 84, 12, 30
MOST_POINTS = 200
"""The latest runs that a picture shows."""


@dataclass(frozen=True, slots=True)
class Point:
    """A control of a run: its place, what it read, whether that is what it has to read.

    Places are texts with a point, whatever the language of the page.
    """

    x: str
    y: str
    value: str
    day: datetime.date | None
    result: str
    subject: str
    state: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the picture: `kind` is limit, mean, two or three (standard deviations)."""

    y: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One control of one assay, its runs in order."""

    assay: Assay
    control: RunControl
    points: list[Point]
    lines: list[Line]
    number: int
    outside: int
    mean: str | None
    deviation: str | None
    trace: str
    first: datetime.date | None
    last: datetime.date | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM
    end: int = WIDTH - RIGHT


def charts(controls: pl.DataFrame, plan: BiomarkerPlan) -> list[Chart]:
    """A picture of every control that was run, in the order of the study."""
    return list(_charts(controls, plan))


def _charts(controls: pl.DataFrame, plan: BiomarkerPlan) -> Iterator[Chart]:
    for assay in plan.marker.assays:
        for control in assay.controls:
            rows = controls.filter(assay=assay.code, control=control.code)
            if len(rows):
                yield _chart(assay, control, rows)


def _chart(assay: Assay, control: RunControl, rows: pl.DataFrame) -> Chart:
    shown = rows.tail(MOST_POINTS)
    found = spread(rows["value"])
    lines = [*_limits(control), *_spread(found)]
    at = [each for each, _, _ in lines] + shown["value"].to_list()
    low, high = min(at), max(at)
    room = (high - low) * 0.08 or 1.0
    low, high = low - room, high + room

    def down(value: float) -> str:
        return f"{TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM):.1f}"

    step = (WIDTH - LEFT - RIGHT) / max(len(shown) - 1, 1)
    points = [
        Point(f"{LEFT + place * step:.1f}", down(row["value"]), reading(row["value"]),
              row["occurred"], row["result"], row["subject"], _state(row))
        for place, row in enumerate(shown.iter_rows(named=True))
    ]  # fmt: skip
    days = shown["occurred"].drop_nulls()
    return Chart(
        assay, control, points, [Line(down(value), kind, text) for value, kind, text in lines],
        len(rows), int((~rows["within"].fill_null(True)).sum()),
        reading(found[0]) if found else None, reading(found[1]) if found else None,
        " ".join(f"{each.x},{each.y}" for each in points),
        days[0] if len(days) else None, days[-1] if len(days) else None,
    )  # fmt: skip


def _limits(control: RunControl) -> list[tuple[float, str, str]]:
    given = (control.at_least, control.above, control.below, control.at_most)
    return [(float(each), "limit", reading(float(each))) for each in given if each is not None]


def _spread(found: tuple[float, float] | None) -> list[tuple[float, str, str]]:
    if found is None:
        return []
    mean, deviation = found
    around = ((0, "mean", "x̄"), (2, "two", "+2s"), (-2, "two", "−2s"), (3, "three", "+3s"),
              (-3, "three", "−3s"))  # fmt: skip
    return [(mean + times * deviation, kind, text) for times, kind, text in around]


def _state(row: dict[str, Any]) -> str:
    return "outside" if row["within"] is False else "silent" if not row["signal"] else "inside"


def reading(value: float) -> str:
    """What a control reads, to two places.

    >>> reading(99.30000000000001), reading(4.0)
    ('99.3', '4')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")
