"""Adverse events and doses of one subject along time, as the shapes of a drawing.

Days become places; nothing else is worked out. Ends that go on reach the last day of the drawing.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.web.axis import months
from equipoise.web.harm_view import AdverseEvent

WIDTH, LEFT, RIGHT = 900, 250, 20
TOP, LINE = 46, 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One adverse event: where it begins and ends, its worst grade, whether it goes on."""

    event: AdverseEvent
    y: int
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing: its size, bars, days of doses and marks of the axis with their places."""

    height: int
    bars: tuple[Bar, ...]
    doses: tuple[tuple[int, datetime.date], ...]
    marks: tuple[tuple[int, datetime.date], ...]
    width: int = WIDTH
    left: int = LEFT


def chart(
    events: Sequence[AdverseEvent], doses: Sequence[datetime.date], today: datetime.date
) -> Chart | None:
    """The drawing of adverse events with a known first day; None where there is nothing to draw."""
    dated = [each for each in reversed(events) if each.row["onset"] is not None]
    if not dated:
        return None
    ends = [each.standing["ended"] or today for each in dated]
    first = min([*(each.row["onset"] for each in dated), *doses])
    last = max([*ends, *doses, first + datetime.timedelta(1)])

    def place(day: datetime.date) -> int:
        span = (last - first).days
        return int(LEFT + (day - first).days * (WIDTH - LEFT - RIGHT) // span)

    bars = tuple(
        Bar(each, TOP + number * LINE, place(each.row["onset"]),
            max(place(end) - place(each.row["onset"]), 5))
        for number, (each, end) in enumerate(zip(dated, ends, strict=True))
    )  # fmt: skip
    return Chart(
        height=TOP + len(dated) * LINE + 24, bars=bars,
        doses=tuple((place(day), day) for day in sorted(set(doses))),
        marks=tuple((place(day), day) for day in months(first, last)),
    )  # fmt: skip
