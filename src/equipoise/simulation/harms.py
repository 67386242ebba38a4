"""Harms of treatment, drawn before treatment so that dosing rules can look at them day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.safety.events import AdverseEventFollowedUp, AdverseEventReported
from equipoise.simulation.answers import Texts
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Bools, Ints, Nature, by_level
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import Scenario
from equipoise.treatment.toxicity import Standing


@dataclass(frozen=True, slots=True)
class Harms:
    """Adverse events of every subject that has any: one element of each array per event.

    `at` is the place of the subject among those of all replicates, ascending; `term` the place of
    the term in the scenario; from `day` to before `over` it lasts.
    """

    terms: list[str]
    at: Ints
    term: Ints
    grade: Ints
    day: Ints
    over: Ints

    def standing(self, at: Ints, since: Ints, on: Ints) -> Standing:
        """Those of the subjects `at` as they stood on the days `on`, if not before `since`."""
        first = np.searchsorted(self.at, at, side="left")
        number = np.searchsorted(self.at, at, side="right") - first
        row = np.repeat(np.arange(len(at)), number)
        event = np.repeat(first - np.cumsum(number) + number, number) + np.arange(len(row))
        known = (self.day[event] <= on[row]) & (self.day[event] >= since[row])
        row, event = row[known], event[known]
        grade = self.grade[event]
        return Standing(
            self.terms, row, self.term[event], grade, grade, self.over[event] > on[row], [event]
        )


def harmed(scenario: Scenario, nature: Nature, people: People, arm: Texts, until: Ints) -> Harms:
    """Adverse events between the first dose and the day `until`."""
    size = people.screened.shape[1]
    found: list[tuple[Ints, ...]] = []
    span = np.maximum(until - people.first_dose, 1)
    for position, harm in enumerate(scenario.harms):
        chance = np.nan_to_num(by_level(arm, dict(harm.chance)))
        happens = nature.uniform(f"harm/{harm.term}", size) < chance
        happens &= until > people.first_dose
        day = people.first_dose + np.floor(nature.uniform(f"harm day/{harm.term}", size) * span)
        grades = {str(grade): weight for grade, weight in harm.grades.items()}
        grade = np.array(list(harm.grades))[nature.choice(f"grade/{harm.term}", grades, size)]
        lasts = nature.integer(f"harm lasts/{harm.term}", *harm.lasts, size)
        at = np.flatnonzero(happens.ravel())
        first = day.astype(np.int64).ravel()[at]
        found.append(
            (at, np.full(len(at), position), grade.ravel()[at], first, first + lasts.ravel()[at])
        )
    nothing = [(np.empty(0, dtype=np.int64),) * 5]
    columns = [np.concatenate(column) for column in zip(*nothing, *found, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Harms([harm.term for harm in scenario.harms], *(each[order] for each in columns))


def enter_harms(harms: Harms, end: Ints, seen: Ints, entries: Entries) -> None:
    """Enter what began by the day `end` of treatment, and recovery before the day `seen`."""
    under = harms.day <= end.ravel()[harms.at]
    lived = under & (harms.over < seen.ravel()[harms.at])
    for position, term in enumerate(harms.terms):
        name = {"adverse_event": f"AE{position + 1}"}
        at, grade, day, over = _some(harms, under & (harms.term == position))
        reported = {
            **name, "term": term, "grade": grade, "serious": grade >= 4, "outcome": "not_recovered",
        }  # fmt: skip
        place = np.divmod(at, end.shape[1])
        entries.add(AdverseEventReported, *place, day, reported, order=position)
        at, grade, day, over = _some(harms, lived & (harms.term == position))
        recovered = {**name, "grade": grade, "outcome": "recovered"}
        place = np.divmod(at, end.shape[1])
        entries.add(AdverseEventFollowedUp, *place, over, recovered, order=position)


def _some(harms: Harms, which: Bools) -> tuple[Ints, Ints, Ints, Ints]:
    return harms.at[which], harms.grade[which], harms.day[which], harms.over[which]
