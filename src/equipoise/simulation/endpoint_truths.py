"""What is true in a scenario of what an analysis estimates, group by group of true status and arm.

A group of several true statuses or arms is standardised: the statuses are as common as in the
scenario, whatever the arm, and the arms within a status as its ratio has them. So the truth of an
unadjusted comparison of arms is that of all who are randomised, and a ratio that differs between
statuses shows as bias. Who is not evaluable has a truth too.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

from equipoise.analysis.endpoints import convention
from equipoise.analysis.subjects import end_point_of
from equipoise.simulation.endpoint_outcomes import planned_imaging
from equipoise.simulation.nature import DAYS_PER_MONTH
from equipoise.simulation.planned_population import no_status, prevalence
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.proportion import unbounded_root
from equipoise.study.analysis_plan import (
    MARKER_STATUS,
    Analysis,
    BinaryEndPoint,
    Group,
    TimeToEventEndPoint,
)
from equipoise.study.definition import Study

_EQUAL = 1e-9
"""Logarithms of odds or hazards this close are the same."""
Cell = tuple[str, str]
"""A true status and an arm."""
_OF_MODELS = (
    "odds_ratio",
    "hazard_ratio",
    "ratio_of_odds_ratios",
    "ratio_of_hazard_ratios",
)


@dataclass(frozen=True, slots=True)
class Law:
    """What times depend on: median of progression in months, shares of early and of late
    response, which put it off."""

    median: float
    early: float
    late: float


class Truths:
    """What is true in a scenario of groups that are defined by true status and arm."""

    def __init__(self, study: Study, scenario: Scenario) -> None:
        self.study, self.scenario = study, scenario
        self.arms = tuple(each.code for each in study.randomisation.arms)
        self._mixtures: dict[tuple[tuple[str, ...], ...], dict[Cell, float]] = {}
        self._put_off: dict[Cell, list[tuple[float, float]]] = {}
        self._halves: dict[tuple[object, ...], float] = {}

    def rate(self, analysis: Analysis, group: Group) -> float:
        """The probability of response of a group, standardised."""
        return math.fsum(
            share * self._response(analysis, cell) for cell, share in self._mixture(group).items()
        )

    def null(self, analysis: Analysis) -> bool:
        """Whether the null hypothesis is true of true statuses, in every cell of the groups."""
        if analysis.interaction is not None:
            values = [self._interaction(analysis, *pair) for pair in self._products(analysis)]
            return all(each is not None and abs(each) < _EQUAL for each in values)
        if MARKER_STATUS in (*analysis.stratify, *analysis.adjust):
            found = [self._contrast(analysis, *pair) for pair in self._by_status(analysis)]
            known = [each for each in found if each is not None]
            same = len(known) == len(found) and max(known) - min(known) < _EQUAL
            return same and (analysis.method == "breslow_day" or abs(known[0]) < _EQUAL)
        cells = {cell for group in analysis.groups for cell in self._mixture(group)}
        if self._is_time(analysis):
            return len({self._law(cell) for cell in cells}) == 1
        return len({self._response(analysis, cell) for cell in cells}) == 1

    def estimate(self, analysis: Analysis) -> float | None:
        """The true value of a comparison, ratios as logarithms; None where there is no single one.

        Of a model or strata with the marker's status as a covariate it is the common value of all
        statuses; with other covariates, of groups that have one each. Hazards must be proportional.
        """
        if analysis.interaction is not None:
            pairs = self._products(analysis)
            return self._interaction(analysis, *pairs[0]) if len(pairs) == 1 else None
        if len(analysis.groups) != 2:
            return None
        covariates = (*analysis.adjust, *analysis.stratify)
        if self._is_time(analysis) or (analysis.estimate in _OF_MODELS and covariates):
            by_status = MARKER_STATUS in covariates
            groups = self._by_status(analysis) if by_status else [analysis.groups]
            found = [self._contrast(analysis, *pair) for pair in groups]
            known = [each for each in found if each is not None]
            alike = len(known) == len(found) and max(known) - min(known) < _EQUAL
            return known[0] if alike else None
        first, second = (self.rate(analysis, group) for group in analysis.groups)
        if analysis.estimate == "odds_ratio":
            return _difference(_logit(first), _logit(second))
        if analysis.estimate == "risk_ratio":
            return _difference(_log(first), _log(second))
        return first - second

    def medians(self, analysis: Analysis) -> tuple[float | None, ...]:
        """The median time of each group."""
        return tuple(self.median(analysis, group) for group in analysis.groups)

    def median(self, analysis: Analysis, group: Group) -> float | None:
        """The median time to the end point, in its unit; None where the scenario has no formula.

        That of the latent time, before assessments and their dates. Times that are drawn together
        (loadings) are left to simulation, as is what else the end point waits for.
        """
        end_point = end_point_of(self.study.analysis, analysis)
        extra = self.scenario.endpoints
        if not isinstance(end_point, TimeToEventEndPoint) or (
            extra is not None and len([each for each in extra.loadings.values() if each]) > 1
        ):
            return None
        progression, death = ("progression" in end_point.events, "death" in end_point.events)
        cells = self._mixture(group)

        def excess(days: float) -> float:
            if days <= 0:
                return 0.5
            return math.fsum(
                share * self._survival(cell, days, progression=progression, death=death)
                for cell, share in cells.items()
            ) - 0.5  # fmt: skip

        unit = float(convention("days_per_month")) if end_point.unit == "months" else 1.0
        asked = (progression, death, *cells.items())
        if asked not in self._halves:
            self._halves[asked] = unbounded_root(excess, low=0.0)
        return self._halves[asked] / unit

    def _is_time(self, analysis: Analysis) -> bool:
        return isinstance(end_point_of(self.study.analysis, analysis), TimeToEventEndPoint)

    def _response(self, analysis: Analysis, cell: Cell) -> float:
        end_point = end_point_of(self.study.analysis, analysis)
        assert isinstance(end_point, BinaryEndPoint)
        plan, (status, arm) = self.scenario.tumour, cell
        rate = float(plan.shrinkage[status][arm])
        if end_point.read == "best_overall_response" and plan.late_shrinkage:
            rate += (1 - rate) * float(plan.late_shrinkage[status][arm])
        return rate

    def _law(self, cell: Cell) -> Law:
        plan, (status, arm) = self.scenario.tumour, cell
        return Law(
            float(plan.progression_median_months[status][arm]),
            float(plan.shrinkage[status][arm]) if plan.shrunken_until_day else 0.0,
            float(plan.late_shrinkage[status][arm]) if plan.late_shrinkage else 0.0,
        )

    def _contrast(self, analysis: Analysis, first: Group, second: Group) -> float | None:
        """Log odds or log hazards of two groups that have one each; else None."""
        if self._is_time(analysis):
            laws = [{self._law(cell) for cell in self._mixture(each)} for each in (first, second)]
            if len(laws[0]) != 1 or len(laws[1]) != 1:
                return None
            return self._log_hazard_ratio(analysis, laws[0].pop(), laws[1].pop())
        rates = [
            {self._response(analysis, cell) for cell in self._mixture(each)}
            for each in (first, second)
        ]
        if len(rates[0]) != 1 or len(rates[1]) != 1:
            return None
        return _difference(_logit(rates[0].pop()), _logit(rates[1].pop()))

    def _log_hazard_ratio(self, analysis: Analysis, first: Law, second: Law) -> float | None:
        end_point = end_point_of(self.study.analysis, analysis)
        assert isinstance(end_point, TimeToEventEndPoint)
        if first == second:
            return 0.0
        if first.early or first.late or second.early or second.late:
            return None
        if "progression" not in end_point.events:
            return None
        life = self.scenario.survival
        dying = 1 / float(life.median_without_progression_months)
        dying = dying if "death" in end_point.events else 0.0
        return math.log((1 / first.median + dying) / (1 / second.median + dying))

    def _products(self, analysis: Analysis) -> list[tuple[str, str]]:
        """The arms and statuses of an interaction that are compared with the last ones."""
        assert analysis.interaction is not None
        arms, statuses = analysis.interaction.arms, analysis.interaction.statuses
        return list(itertools.product(arms[:-1], statuses[:-1]))

    def _interaction(self, analysis: Analysis, arm: str, status: str) -> float | None:
        """The logarithm of a ratio of ratios."""
        assert analysis.interaction is not None
        last_arm, last_status = analysis.interaction.arms[-1], analysis.interaction.statuses[-1]
        found = [
            self._contrast(analysis, *(_group(each, of) for each in (arm, last_arm)))
            for of in (status, last_status)
        ]
        return _difference(*found)

    def _by_status(self, analysis: Analysis) -> list[tuple[Group, ...]]:
        """The groups in each true status."""
        return [
            tuple(each.model_copy(update={"statuses": (status,)}) for each in analysis.groups)
            for status in self._prevalence
        ]

    @cached_property
    def _prevalence(self) -> dict[str, float]:
        return prevalence(self.scenario)

    def _mixture(self, group: Group) -> dict[Cell, float]:
        """True statuses and arms of a group with their shares, standardised."""
        asked = (group.statuses, group.arms)
        if asked not in self._mixtures:
            self._mixtures[asked] = self._mixed(group)
        return self._mixtures[asked]

    def _mixed(self, group: Group) -> dict[Cell, float]:
        known, arms = self._prevalence, group.arms or self.arms
        shares = dict(known)
        if group.statuses:
            # Who has no status has any true one; the status that stands for none is not a true one.
            lost = no_status(self.study, self.scenario)
            nobody = any(status not in known for status in group.statuses)
            shares = {
                status: share * ((1 - lost) * (status in group.statuses) + lost * nobody)
                for status, share in known.items()
            }
        ratios = {each.status: each.ratio for each in self.study.randomisation.scheme.ratios}
        found = {}
        for status, share in shares.items():
            ratio = {arm: ratios.get(status, {}).get(arm, 1) for arm in arms}
            for arm in arms:
                weight = share * ratio[arm] / (sum(ratio.values()) or 1)
                if weight > 0:
                    found[status, arm] = weight
        whole = math.fsum(found.values())
        return {cell: weight / whole for cell, weight in found.items()}

    def _survival(self, cell: Cell, days: float, *, progression: bool, death: bool) -> float:
        """How likely the end point has not come after so many days."""
        life, rate = self.scenario.survival, math.log(2) / DAYS_PER_MONTH
        before = rate / float(life.median_without_progression_months)
        after = rate / float(life.median_after_progression_months)
        hazard = rate / self._law(cell).median
        found = 0.0
        for share, delay in self._delays(cell):
            free = math.exp(-hazard * max(0.0, days - delay))
            if progression:
                found += share * free * (math.exp(-before * days) if death else 1.0)
                continue
            found += share * free * math.exp(-before * days)
            if days > delay:
                # Who has progressed at u dies by one rate until then and by another from then on.
                gap = hazard + before - after
                spent = _exponential_integral(gap, delay, days)
                found += share * hazard * math.exp(hazard * delay - after * days) * spent
        return found

    def _delays(self, cell: Cell) -> list[tuple[float, float]]:
        """By how many days a response puts progression off, and how likely that is."""
        if cell not in self._put_off:
            self._put_off[cell] = self._delays_of(cell)
        return self._put_off[cell]

    def _delays_of(self, cell: Cell) -> list[tuple[float, float]]:
        plan, (status, arm) = self.scenario.tumour, cell
        early = float(plan.shrinkage[status][arm])
        found = [(early, float(plan.shrunken_until_day))]
        rest = 1 - early
        if plan.late_shrinkage:
            scan = planned_imaging(self.study).repeat_every or 0
            late = range(plan.late_by[0], plan.late_by[1] + 1)
            share = rest * float(plan.late_shrinkage[status][arm])
            rest -= share
            found += [
                (share / len(late), float(plan.shrunken_until_day + by * scan)) for by in late
            ]
        return [*found, (rest, 0.0)]


def _exponential_integral(rate: float, low: float, high: float) -> float:
    """The integral of exp(-rate u) from `low` to `high`."""
    if abs(rate) * (high - low) < 1e-12:
        return high - low
    return (math.exp(-rate * low) - math.exp(-rate * high)) / rate


def _group(arm: str, status: str) -> Group:
    return Group(label="", arms=(arm,), statuses=(status,))


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _log(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def _logit(rate: float) -> float | None:
    return math.log(rate / (1 - rate)) if 0 < rate < 1 else None
