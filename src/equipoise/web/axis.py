"""Marks of the axes of a drawing: where they stand is the only thing that is worked out here."""

from __future__ import annotations

import datetime

MOST_MARKS = 8
STEPS = (1, 2, 5)


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
