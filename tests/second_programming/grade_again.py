"""Grade of the tumour programmed again: what the hospital says beside what central review counts.

Written from the plan of the study file (pathology), the events and the description in words of
`tumour_grade`, by somebody who has not read the rule. One subject at a time, in exact fractions.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from equipoise.biomarker.plan import Classification, PathologyPlan
from tests.second_programming.marker_again import within
from tests.second_programming.rows_by_subject import Row


def grades_of(answers: Mapping[str, Any], reviews: list[Row], plan: PathologyPlan) -> list[Row]:
    """By each version; of a subject of whom the hospital or a central pathologist said something.

    `answers` by item, as numbers and texts; `reviews` with counts in tenths.
    """
    local = plan.local
    items = (local.grade, local.differentiation, local.ki67, local.mitoses)
    said = [answers.get(item) if item else None for item in items]
    last = max(reviews, key=_when, default={})
    read = [last.get(name) for name in ("ki67", "mitoses", "differentiation")]
    if all(each is None for each in said + read):
        return []
    return [_by(each, said, last, plan) for each in plan.classifications]


def _by(version: Classification, said: list[Any], last: Row, plan: PathologyPlan) -> Row:
    grade, differentiation, ki67, mitoses = said
    stated = grade if version.version == plan.in_force else None
    derived = graded(version, ki67, mitoses)
    local = stated if stated is not None else derived
    central = graded(version, _tenths(last.get("ki67")), _tenths(last.get("mitoses")))
    by_this = last.get("classification") == version.version
    judged = last.get("differentiation") if by_this else None
    indices = [_ten_thousandths(ki67), _ten_thousandths(_tenths(last.get("ki67")))]
    used: Row = {}
    for name, both in (
        ("grade", (local, central)),
        ("differentiation", (differentiation, judged)),
        ("ki67", indices),
    ):
        reader = {"central_else_local": "local" if both[1] is None else "central"}.get(
            plan.analysed, plan.analysed
        )
        used |= {name: both[reader == "central"], f"{name}_reader": reader}
    return {
        "classification": version.version,
        "stated": stated,
        "stated_differs": _differ(stated, derived),
        "local": local,
        "central": central,
        "discordant": _differ(local, central),
        "local_differentiation": differentiation,
        "central_differentiation": judged,
        "differentiation_discordant": _differ(differentiation, judged),
        "local_ki67": indices[0],
        "central_ki67": indices[1],
        **used,
    }


def graded(version: Classification, ki67: Any, mitoses: Any) -> str | None:
    """The higher of the grades of the index and of the mitoses, or that of the one known."""
    found = [
        place
        for place, grade in enumerate(version.grades)
        if (ki67 is not None and within(Fraction(ki67), grade.ki67))
        or (mitoses is not None and within(Fraction(mitoses), grade.mitoses))
    ]
    return version.grades[max(found)].code if found else None


def _tenths(count: int | None) -> Fraction | None:
    return None if count is None else Fraction(count, 10)


def _ten_thousandths(index: Any) -> int | None:
    return None if index is None else int(Fraction(index) * 10_000)


def _when(review: Row) -> tuple[datetime.date, int]:
    """By day, then by order of entry; one without a day before all others."""
    return review["occurred"] or datetime.date.min, review["event"]


def _differ(one: Any, other: Any) -> bool | None:
    return None if one is None or other is None else bool(one != other)
