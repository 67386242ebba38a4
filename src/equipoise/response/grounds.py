"""By which sentence of the standard a response at one time point is what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from equipoise.response.criteria import NO_LESION, Criteria


@dataclass(frozen=True, slots=True)
class Ground:
    """What was judged, the verdict, and where the standard says so.

    `row`: of an overall response the row of the standard's table that decided, from 1.
    """

    about: Literal["target", "non_target", "new_lesion", "overall", "reappeared"]
    verdict: str
    section: str
    row: int | None = None


def grounds(row: Mapping[str, Any], found: Criteria) -> tuple[Ground, ...]:
    """The grounds of one row of `time_point_response`, parts first and the overall response last.

    Parts that the baseline does not have are left out, and so is everything of a baseline itself.

    Source: RECIST 1.1, sections 4.3 and 4.4 (recist_1_1.yaml).

    >>> from equipoise.response.criteria import standard
    >>> row = {"target_response": "PR", "non_target_response": None, "new_lesion": True,
    ...        "reappeared": False, "overall_response": "PD"}
    >>> [(each.about, each.verdict, each.section) for each in grounds(row, standard("recist_1_1"))]
    [('target', 'PR', '4.3.1'), ('new_lesion', 'PD', '4.3.5'), ('overall', 'PD', '4.4.1, tables 1 and 2')]
    """  # noqa: E501
    sections = found.response_sections
    told: list[Ground] = []
    if target := row["target_response"]:
        told.append(Ground("target", target, sections.target[target]))
    if other := row["non_target_response"]:
        told.append(Ground("non_target", other, sections.non_target[other]))
    if row["new_lesion"]:
        told.append(Ground("new_lesion", "PD", sections.new_lesion))
    overall = row["overall_response"]
    again = found.conventions.reappearance_is_progression
    if row["reappeared"] and again.value:
        told.append(Ground("reappeared", overall, again.section or ""))
    else:
        table = found.time_point_response
        parts = (target or NO_LESION, other or NO_LESION, bool(row["new_lesion"]))
        number = next(n for n, each in enumerate(table.rows, 1) if each.fits(*parts))
        told.append(Ground("overall", overall, table.section, number))
    return tuple(told)
