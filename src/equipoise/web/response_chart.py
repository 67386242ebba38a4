"""The sum of diameters of one evaluator along time, as the shapes of a drawing.

Days and sums become places; the sums, limits and responses are those of the rules.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.response.events import DIAMETER_PLACES
from equipoise.web.axis import Frame, Plane
from equipoise.web.response_view import Judged

MARGINS, INSIDE = (40, 56, 30, 26), 220
SCALE = 10**DIAMETER_PLACES


@dataclass(frozen=True, slots=True)
class Point:
    """One assessment: its place, on the axis where it has no complete sum."""

    judged: Judged
    x: int
    y: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart(Frame):
    """The drawing: points, the line through the complete sums, the limits as steps that end at the
    assessment that they hold for, marks of both axes."""

    points: tuple[Point, ...]
    line: str
    partial: str
    progression: str
    nadir: str


def chart(course: Sequence[Judged]) -> Chart | None:
    """The drawing of the assessments with a complete day; None without a sum among them."""
    dated = [(each, each.occurred) for each in course if each.occurred is not None]
    if not any(each.row["diameter_sum"] is not None for each, _ in dated):
        return None
    first, last = dated[0][1], max(dated[-1][1], dated[0][1] + datetime.timedelta(28))
    drawn = ("diameter_sum", "progression_at")
    most = max(each.row[name] or 0 for each, _ in dated for name in drawn)
    plane = Plane(first, last, -(-most // SCALE), MARGINS, INSIDE)
    x = plane.x

    def y(scaled: int) -> int:
        return plane.y(scaled, SCALE)

    points = tuple(
        Point(each, x(day), y(each.row["diameter_sum"] or 0), each.row["diameter_sum"] is not None)
        for each, day in dated
    )
    steps = {
        name: _steps(
            points, [y(e.row[name]) if e.row[name] is not None else None for e, _ in dated]
        )
        for name in ("partial_at", "progression_at", "nadir")
    }
    return Chart(
        points=points, line=" ".join(f"{e.x},{e.y}" for e in points if e.known),
        partial=steps["partial_at"], progression=steps["progression_at"], nadir=steps["nadir"],
        **plane.frame(),
    )  # fmt: skip


def _steps(points: Sequence[Point], levels: Sequence[int | None]) -> str:
    """A path of level pieces: from the assessment before to the one for which the level holds."""
    return " ".join(
        f"M{before.x} {level}H{point.x}"
        for before, point, level in zip(points, points[1:], levels[1:], strict=False)
        if level is not None
    )
