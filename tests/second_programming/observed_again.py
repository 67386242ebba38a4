"""What was observed of one randomised subject, programmed again for times and yes/no end points.

Written from the specification of the end-point engine in words (docs/decisions/0015, its public
docstrings, `study/censoring.py`, the visits' and the analysis plan), by somebody who has not read
the engine. One subject at a time.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.study.analysis_plan import AnalysisPlan
from equipoise.visits.plan import VisitsPlan
from tests.second_programming.rows_by_subject import Row

Day = datetime.date
Recorded = tuple[Day, int, str]
"""When something was, its place in the record, and its code."""

TABLES = (
    "allocation", "disposition", "time_point_response", "progression", "tumour_assessed",
    "subsequent_therapy_recorded", "procedure_recorded", "treatment_discontinued",
)  # fmt: skip
"""Those that are derived from these are taken as they are: they are compared elsewhere."""


@dataclass(frozen=True)
class Observation:
    """One randomised subject as the primary evaluator saw it."""

    randomised: Day
    first_dose: Day | None
    screened: Day | None
    last_known_alive: Day | None
    death: Day | None
    death_text: str | None
    progressed_at: int | None
    """The place of the progression in the order of assessments."""
    progression: Day | None
    responses: tuple[tuple[int, str, Day | None, str], ...]
    """Place, assessment, day and overall response."""
    baselines: tuple[Day | None, ...]
    therapies: tuple[Recorded, ...]
    procedures: tuple[Recorded, ...]
    discontinued: tuple[Recorded, ...]

    def adequate(self, since: Day, until: Day | None) -> list[Day]:
        """The days of adequate assessments, in order of assessment."""
        found = []
        for place, _, day, response in self.responses:
            if self.progressed_at is not None and place >= self.progressed_at:
                continue
            if day is None or response == "NE" or day < since:
                continue
            if until is None or day <= until:
                found.append(day)
        return found

    def those(
        self, event: str, plan: AnalysisPlan, causes: Sequence[str], since: Day
    ) -> list[Recorded]:
        """Every start of a treatment, or end of the study's, on or after `since`."""
        if event == "clinical_progression":
            found = [each for each in self.discontinued if each[2] == "progression"]
        elif event == "treatment_discontinuation":
            found = [each for each in self.discontinued if each[2] in causes]
        else:
            codes = [each for each in plan.intercurrent_codes if each.event == event]
            therapies = {code for each in codes for code in each.therapies}
            procedures = {code for each in codes for code in each.procedures}
            listed = {code for each in plan.intercurrent_codes for code in each.therapies}
            found = [each for each in self.therapies if each[2] in therapies]
            found += [each for each in self.procedures if each[2] in procedures]
            if event == "switch_of_therapy":
                found += [each for each in self.therapies if each[2] not in listed]
        return [each for each in found if each[0] >= since]

    def died(self, method: str, cut: Day | None) -> tuple[Day | None, bool]:
        """The day of death, put in where only a part of it is known, and whether it was."""
        if self.death is not None or self.death_text is None:
            return self.death, False
        first, last = span(self.death_text)
        day = {
            "earliest": first,
            "middle": first + datetime.timedelta(days=(last - first).days // 2),
            "latest": last,
        }[method]
        if self.last_known_alive is not None:
            day = max(day, self.last_known_alive)
        if cut is not None:
            day = min(day, cut)
        return min(max(day, first), last), True


def span(text: str) -> tuple[Day, Day]:
    """The first and the last day that a year or a month can stand for."""
    parts = [int(part) for part in text.split("-")]
    year, months = parts[0], parts[1:] or [1, 12]
    last = calendar.monthrange(year, months[-1])[1]
    return Day(year, months[0], 1), Day(year, months[-1], last)


def observation(subject: dict[str, list[Row]], evaluator: str) -> Observation | None:
    """The subject, if it was randomised."""
    if not subject["allocation"]:
        return None
    where = subject["disposition"][0]
    progressed = [row for row in subject["progression"] if row["evaluator"] == evaluator]
    read = [row for row in subject["time_point_response"] if row["evaluator"] == evaluator]
    read.sort(key=lambda row: row["order"])
    return Observation(
        randomised=subject["allocation"][0]["randomised"],
        first_dose=where["first_dose"],
        screened=where["screened"],
        last_known_alive=where["last_known_alive"],
        death=where["death"],
        death_text=where["death_text"],
        progressed_at=progressed[0]["progression_order"] if progressed else None,
        progression=progressed[0]["progression"] if progressed else None,
        responses=tuple(
            (row["order"], row["assessment"], row["occurred"], row["overall_response"])
            for row in read
        ),
        baselines=tuple(
            row["occurred"]
            for row in subject["tumour_assessed"]
            if row["baseline"] and row["evaluator"] == evaluator
        ),
        therapies=_dated(subject["subsequent_therapy_recorded"], "therapy"),
        procedures=_dated(subject["procedure_recorded"], "procedure"),
        discontinued=_dated(subject["treatment_discontinued"], "cause"),
    )


def _dated(rows: Sequence[Row], item: str) -> tuple[Recorded, ...]:
    """With a day, and not taken back."""
    dated = [row for row in rows if row["occurred"] is not None and row[item] is not None]
    return tuple((row["occurred"], row["event"], row[item]) for row in dated)


def missed(seen: Observation, visits: VisitsPlan, since: Day, until: Day) -> int:
    """How many planned assessments lie whole between the two days.

    The first imaging visit of the schedule is that of the baseline.
    """
    count = 0
    for visit in [each for each in visits.visits if each.imaging][1:]:
        anchor = {
            "randomisation": seen.randomised,
            "first_dose": seen.first_dose,
            "screening": seen.screened,
        }[visit.anchor]
        if anchor is None:
            continue
        target = anchor + datetime.timedelta(days=visit.day)
        while target <= until:
            begin = target - datetime.timedelta(days=visit.window_before)
            end = target + datetime.timedelta(days=visit.window_after)
            count += since < begin and end < until
            if visit.repeat_every is None:
                break
            target += datetime.timedelta(days=visit.repeat_every)
    return count
