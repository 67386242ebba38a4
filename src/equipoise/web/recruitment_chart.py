"""Recruitment along time beside the plan, as the shapes of a drawing.

Days and numbers become places; the numbers are those of the rules.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.web.axis import Frame, Plane

MARGINS = (24, 46, 24, 28)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart(Frame):
    """The drawing: the steps of those randomised, the line of the plan, marks of both axes."""

    randomised: str
    planned: str
    last: tuple[int, int, int]


def chart(
    reached: Sequence[tuple[datetime.date, int]],
    planned: tuple[datetime.date, datetime.date, int] | None,
    until: datetime.date,
) -> Chart | None:
    """The drawing of the days on which the number grew, up to a day; None before anybody is in.

    `planned`: the planned start and end, and the number.
    """
    if not reached:
        return None
    start = min(reached[0][0], planned[0]) if planned else reached[0][0]
    end = max(reached[-1][0], planned[1] if planned else until, start + datetime.timedelta(28))
    most = max(reached[-1][1], planned[2] if planned else 0)
    plane = Plane(start, end, most, MARGINS)
    x, y = plane.x, plane.y
    path = f"M{x(reached[0][0])} {y(0)}"
    path += "".join(f"H{x(day)}V{y(number)}" for day, number in reached)
    path += f"H{x(min(max(until, reached[-1][0]), end))}"
    line = f"M{x(planned[0])} {y(0)}L{x(planned[1])} {y(planned[2])}H{x(end)}" if planned else ""
    return Chart(
        randomised=path, planned=line,
        last=(x(reached[-1][0]), y(reached[-1][1]), reached[-1][1]), **plane.frame(),
    )  # fmt: skip
