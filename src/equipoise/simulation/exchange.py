"""Draws that differ in times alone are exchanged until medians, hazard ratios and events fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.endpoints import convention
from equipoise.analysis.estimates import survival_times
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
            fit = cox_fit(days, event, (group == 0).astype(np.float64)[:, None])
            estimates = [math.exp(float(fit.coefficients[0, 0]))]
        else:
            estimates = []
        return estimates, int(event.sum())

    def distances(self, pick: Ints) -> list[tuple[str, float, str]]:
        """Of everything asked for: name, distance in units of what is allowed, value."""
        estimates, events = self.found(pick)
        result = []
        for place, (wanted, value) in enumerate(zip(self.margin.estimates, estimates, strict=True)):
            if wanted is None:
                continue
            allowed = max(float(self.margin.within), 1e-9)
            far = _FAR if value is None else abs(value - float(wanted)) / allowed
            result.append((f"estimate {place + 1} of {self.margin.analysis}", far, str(value)))
        if self.margin.events is not None:
            far = abs(events - self.margin.events) / max(self.margin.events_within, 0.5)
            result.append((f"events of {self.margin.analysis}", far, str(events)))
        return result

    def missed(self, pick: Ints) -> list[str]:
        """In words, what the draws `pick` do not meet."""
        return [f"{name}: {value}" for name, far, value in self.distances(pick) if far > 1]


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
    if missed := [each for margin in margins for each in margin.missed(now)]:
        raise BadInput(
            f"draws that meet the margins of times; nearest: {'; '.join(missed)}", where="cohort"
        )
    return now


def _distance(margins: Sequence[TimeMargin], pick: Ints) -> float:
    return sum(max(far - _INSIDE, 0.0) for each in margins for _, far, _ in each.distances(pick))
