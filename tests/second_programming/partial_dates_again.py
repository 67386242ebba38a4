"""Partly known dates programmed again: what a date can mean, and which day stands for it (DT1).

Written from the descriptions in words, by somebody who has not read the rules.
"""

from __future__ import annotations

import datetime
import re

from tests.second_programming.rows_by_subject import latest_day
from tests.second_programming.visits_again import earliest_day

Day = datetime.date


def dated(text: str | None) -> bool:
    """Whether at least the year is known."""
    return text is not None and re.fullmatch(r"\d{4}(-\d{2}){0,2}", text) is not None


def earliest(complete: Day | None, text: str | None) -> Day | None:
    return complete or (earliest_day(text) if text is not None and dated(text) else None)


def latest(complete: Day | None, text: str | None) -> Day | None:
    return complete or (latest_day(text) if text is not None and dated(text) else None)


def flag(complete: Day | None, text: str | None) -> str | None:
    """D where the day was put in, M day and month, Y the whole date."""
    if complete is not None or text is None:
        return None
    return {7: "D", 4: "M"}[len(text)] if dated(text) else "Y"


def imputed(
    complete: Day | None,
    text: str | None,
    method: str,
    not_before: Day | None = None,
    not_after: Day | None = None,
) -> Day | None:
    """The complete date; else the day put in, moved between the two as far as what is known
    allows; of a date of which nothing is known but that it was, the first that it may be."""
    if complete is not None or text is None or method == "none":
        return complete
    first, last = earliest(None, text), latest(None, text)
    if first is None or last is None:
        return not_before
    middle = first + datetime.timedelta(days=(last - first).days // 2)
    found = {"earliest": first, "middle": middle, "latest": last}[method]
    if not_before is not None:
        found = max(found, min(not_before, last))
    if not_after is not None:
        found = min(found, max(not_after, first))
    return found
