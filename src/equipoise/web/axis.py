"""The frame of a drawing along time: its axes, their marks, where a day and a number stand."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

MOST_MARKS = 8
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The plane of a drawing, its margins in pixels; `marks` and `heights` are those of its axes,
    each with its place."""

    marks: tuple[tuple[int, datetime.date], ...] = ()
    heights: tuple[tuple[int, int], ...] = ()
    width: int = 900
    left: int
    right: int
    top: int
    base: int
    height: int


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane from a first day to a last, from 0 to a number at least `most`.

    >>> first, last = datetime.date(2024, 1, 1), datetime.date(2024, 4, 10)
    >>> plane = Plane(first, last, 7, margins=(24, 46, 24, 28))
    >>> plane.x(datetime.date(2024, 1, 1)), plane.y(0), plane.y(7), plane.highest
    (46, 254, 53, 8)
    """

    first: datetime.date
    last: datetime.date
    most: int
    margins: tuple[int, int, int, int]
    inside: int = 230
    width: int = 900

    @property
    def highest(self) -> int:
        """The number at the top of the plane."""
        return heights(self.most)[-1]

    def x(self, day: datetime.date) -> int:
        """Where a day stands."""
        _, left, right, _ = self.margins
        across = self.width - left - right
        return left + (day - self.first).days * across // (self.last - self.first).days

    def y(self, number: int, scale: int = 1) -> int:
        """Where a number stands, which is `scale` times as large as the axis says."""
        return self.margins[0] + self.inside - number * self.inside // (self.highest * scale)

    def frame(self) -> dict[str, Any]:
        """The fields of a `Frame`."""
        top, left, right, bottom = self.margins
        return {
            "marks": tuple((self.x(day), day) for day in months(self.first, self.last)),
            "heights": tuple((self.y(each), each) for each in heights(self.most)),
            "width": self.width, "left": left, "right": self.width - right, "top": top,
            "base": top + self.inside, "height": top + self.inside + bottom,
        }  # fmt: skip


def months(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    """First days of months between two days, at most `MOST_MARKS`, evenly chosen.

    >>> [each.month for each in months(datetime.date(2024, 1, 5), datetime.date(2024, 4, 2))]
    [2, 3, 4]
    """
    number = (last.year - first.year) * 12 + last.month - first.month
    step = max(-(-number // MOST_MARKS), 1)
    months = [first.month + each for each in range(step, number + 1, step)]
    return [datetime.date(first.year + (m - 1) // 12, (m - 1) % 12 + 1, 1) for m in months]


def heights(most: int, number: int = 5) -> list[int]:
    """Round numbers from 0 that reach `most`, about `number` of them.

    >>> heights(115), heights(7), heights(0)
    ([0, 50, 100, 150], [0, 2, 4, 6, 8], [0, 1])
    """
    step = next(
        step * 10**power
        for power in range(12)
        for step in STEPS
        if step * 10**power * number >= most
    )
    return [step * each for each in range(max(-(-most // step), 1) + 1)]
