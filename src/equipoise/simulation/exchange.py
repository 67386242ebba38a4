"""Draws that differ in times alone are exchanged until medians, hazard ratios and events fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.endpoints import convention
from equipoise.analysis.estimates import survival_times
from equipoise.analysis.model_data import Unadjusted, design_of
from equipoise.analysis.subjects import end_point_of
from equipoise.errors import BadInput
from equipoise.simulation.cohort_plan import ResultMargin
from equipoise.simulation.nature import Bools, Ints
from equipoise.statistics.cox import cox_fit
from equipoise.study.analysis_plan import Analysis, AnalysisPlan, TimeToEventEndPoint

_INSIDE = 0.8
"""The part of what a margin allows that is aimed at."""

_FAR = 10.0
"""How far from a margin counts what cannot be estimated."""

_MOST_EXCHANGES = 20_000


@dataclass(frozen=True, slots=True)
class TimeMargin:
    """One analysis of times: its margin, and days, events and groups (-1: none) of every draw of
    every subject."""

    plan: AnalysisPlan
    analysis: Analysis
    margin: ResultMargin
    days: NDArray[np.int64]
    event: Bools
    group: NDArray[np.int64]

    @property
    def unit(self) -> float:
        """Days in the unit of the end point."""
        end_point = end_point_of(self.plan, self.analysis)
        months = isinstance(end_point, TimeToEventEndPoint) and end_point.unit == "months"
        return float(convention("days_per_month")) if months else 1.0

    def found(self, pick: Ints) -> tuple[list[float | None], int]:
        """The estimates, and the events of all groups, of the draws `pick` of the subjects."""
        every = np.arange(len(pick))
        group = self.group[pick, every]
        inside = group >= 0
        days, event = self.days[pick, every][inside] / self.unit, self.event[pick, every][inside]
        group = group[inside]
        if self.analysis.method == "kaplan_meier":
            estimates = [
                None
                if wanted is None
                else survival_times(
                    self.analysis, days[group == place], event[group == place]
                ).estimate
                for place, wanted in enumerate(self.margin.estimates)
            ]
        elif self.margin.estimates:
            design = design_of(Unadjusted(), self.analysis)
            fit = cox_fit(days, event, design.rows[group, 1:])
            (tested,) = design.tested
            estimates = [math.exp(float(fit.coefficients[0, tested - 1]))]
        else:
            estimates = []
        return estimates, int(event.sum())

    def distances(self, pick: Ints) -> list[tuple[str, float, str]]:
        """Of everything asked for: name, distance in units of what is allowed, value."""
        return distances(self.margin, *self.found(pick))

    def missed(self, pick: Ints) -> list[str]:
        """In words, what the draws `pick` do not meet."""
        return missed(self.distances(pick))


def distances(
    margin: ResultMargin, estimates: Sequence[float | None], events: int
) -> list[tuple[str, float, str]]:
    """Of the estimates and events that a margin asks for: name, distance in units of what is
    allowed, value."""
    result = []
    for place, (wanted, value) in enumerate(zip(margin.estimates, estimates, strict=False)):
        if wanted is None:
            continue
        allowed = max(float(margin.within), 1e-9)
        far = _FAR if value is None else abs(value - float(wanted)) / allowed
        result.append((f"estimate {place + 1} of {margin.analysis}", far, str(value)))
    if margin.events is not None:
        far = abs(events - margin.events) / max(margin.events_within, 0.5)
        result.append((f"events of {margin.analysis}", far, str(events)))
    return result


def missed(found: Sequence[tuple[str, float, str]]) -> list[str]:
    """In words, which of `distances` are more than is allowed."""
    return [f"{name}: {value}" for name, far, value in found if far > 1]


def exchanged(
    margins: Sequence[TimeMargin], same: Bools, pick: Ints, random: np.random.Generator
) -> Ints:
    """Draws that meet the margins of times too, each in the place of one that is the `same` to all
    counts. Raises BadInput naming what is missed when none are found."""
    now = pick.copy()
    far = _distance(margins, now)
    several = np.flatnonzero(same.sum(axis=0) > 1)
    for _ in range(_MOST_EXCHANGES):
        if far == 0:
            return now
        subject = int(random.choice(several))
        other = int(random.choice(np.flatnonzero(same[:, subject])))
        before = now[subject]
        now[subject] = other
        after = _distance(margins, now)
        if after <= far:
            far = after
        else:
            now[subject] = before
    if found := [each for margin in margins for each in margin.missed(now)]:
        raise BadInput(
            f"draws that meet the margins of times; nearest: {'; '.join(found)}", where="cohort"
        )
    return now


def _distance(margins: Sequence[TimeMargin], pick: Ints) -> float:
    return sum(max(far - _INSIDE, 0.0) for each in margins for _, far, _ in each.distances(pick))
