"""What was given beside what was planned, programmed again: exposure, cycles, dose intensity.

Written from the descriptions in words of these tables and of the plan of treatment, by somebody who
has not read the rules. One subject at a time, in exact fractions.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from equipoise.treatment.plan import Regimen, TreatmentPlan
from tests.second_programming.rows_by_subject import Row

Found = dict[str, list[dict[str, Any]]]
TABLES = ("cycle_started", "dose_given", "planned_dose")
"""`planned_dose` is taken as it is: it has a second program of its own."""


def tables_of_subject(subject: dict[str, list[Row]], plan: TreatmentPlan) -> Found:
    """The rows of every table, in the columns that the specification settles."""
    regimens = {each.code: each for each in plan.regimens}
    cycles = sorted(subject["cycle_started"], key=lambda row: (row["cycle"], row["event"]))
    given = [row for row in subject["dose_given"] if row["amount"] and row["administrations"]]
    lasting = _cycles(cycles, regimens)
    intensity = _intensity(subject["planned_dose"], given, lasting)
    return {
        "exposure": _exposure(subject["planned_dose"], given, cycles, regimens),
        "treatment_cycle": lasting,
        "dose_intensity": intensity,
        "relative_dose_intensity": _over_all(intensity, lasting),
    }


def _exposure(
    planned: Sequence[Row], given: Sequence[Row], cycles: Sequence[Row], regimens: Any
) -> list[dict[str, Any]]:
    regimen = {row["cycle"]: regimens.get(row["regimen"]) for row in cycles}
    found = []
    for drug in sorted({row["drug"] for row in (*planned, *given)}):
        mine = [row for row in given if row["drug"] == drug]
        ends = [_last_day(row, regimen.get(row["cycle"])) for row in mine]
        found.append(
            {
                "drug": drug,
                "cycles": len({row["cycle"] for row in mine}),
                "administered": sum(row["amount"] * row["administrations"] for row in mine),
                "planned": sum(row["cycle_amount"] for row in planned if row["drug"] == drug),
                "first_dose": min((row["occurred"] for row in mine), default=None),
                "last_dose": max(ends, default=None),
            }
        )
    return found


def _last_day(row: Row, regimen: Regimen | None) -> datetime.date:
    """The day of the last of several administrations that were recorded once.

    From a day that the regimen does not have they go on day by day, and so do more of them than
    its days hold.
    """
    day: datetime.date = row["occurred"]
    doses = [] if regimen is None else [each for each in regimen.doses if each.drug == row["drug"]]
    planned = sorted({each for dose in doses for each in dose.days})
    days = [row["day"]]
    if row["day"] in planned:
        days += [each for each in planned if each > row["day"]]
    needed = -(-row["administrations"] // (doses[0].times_per_day if doses else 1))
    beyond = max(needed - len(days), 0)
    last = days[min(needed, len(days)) - 1] + beyond
    return day + datetime.timedelta(days=last - row["day"])


def _cycles(cycles: Sequence[Row], regimens: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place, row in enumerate(cycles):
        regimen = regimens.get(row["regimen"])
        planned = None if regimen is None else regimen.cycle_days
        started: datetime.date = row["occurred"]
        due = found[-1]["next_due"] if found else None
        days = planned
        if place + 1 < len(cycles):
            days = (cycles[place + 1]["occurred"] - started).days
        found.append(
            {
                "cycle": row["cycle"], "regimen": row["regimen"], "started": started, "due": due,
                "delay": None if due is None else (started - due).days,
                "next_due": None if planned is None else started + datetime.timedelta(planned),
                "days": days, "planned_days": planned,
            }
        )  # fmt: skip
    return found


def _intensity(
    planned: Sequence[Row], given: Sequence[Row], cycles: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    found = []
    for row in planned:
        mine = [
            each["amount"] * each["administrations"]
            for each in given
            if (each["cycle"], each["drug"]) == (row["cycle"], row["drug"])
        ]
        cycle = next(each for each in cycles if each["cycle"] == row["cycle"])
        found.append(
            {
                "cycle": row["cycle"], "drug": row["drug"], "planned": row["cycle_amount"],
                "administered": sum(mine),
                "relative_dose": _share(sum(mine), 1, row["cycle_amount"], 1),
                "relative_intensity": _share(
                    sum(mine), cycle["days"], row["cycle_amount"], cycle["planned_days"]
                ),
            }
        )  # fmt: skip
    return found


def _over_all(
    intensity: Sequence[dict[str, Any]], cycles: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    lengths = {each["cycle"]: each for each in cycles}
    found = []
    for drug in sorted({row["drug"] for row in intensity}):
        mine = [row for row in intensity if row["drug"] == drug]
        over = [lengths[row["cycle"]] for row in mine]
        administered = sum(row["administered"] for row in mine)
        planned = sum(row["planned"] for row in mine)
        days = _sum_of([each["days"] for each in over])
        planned_days = _sum_of([each["planned_days"] for each in over])
        found.append(
            {
                "drug": drug, "cycles": len(mine), "days": days, "planned_days": planned_days,
                "planned": planned, "administered": administered,
                "relative_dose": _share(administered, 1, planned, 1),
                "relative_intensity": _share(administered, days, planned, planned_days),
            }
        )  # fmt: skip
    return found


def _sum_of(days: Sequence[int | None]) -> int | None:
    known = [each for each in days if each is not None]
    return sum(known) if len(known) == len(days) else None


def _share(given: int, days: int | None, planned: int, planned_days: int | None) -> int | None:
    """Given per day of planned per day in 1/100 %, rounded half up."""
    if not planned or not days or planned_days is None or days < 0:
        return None
    exact = Fraction(given, days) / Fraction(planned, planned_days) * 10_000
    return int(exact + Fraction(1, 2))
