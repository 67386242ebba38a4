"""Which analyses of the plan end-point simulation runs, and on which counts and comparisons."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.subjects import denominator_rule, end_point_of, estimand_of
from equipoise.simulation.endpoint_fit import SOURCES, listed, population_of
from equipoise.simulation.endpoint_listed import Listed
from equipoise.simulation.endpoint_marker import MISSING, MarkerVariables
from equipoise.simulation.endpoint_medians import Median, median_table
from equipoise.simulation.endpoint_network import Variable, pointers
from equipoise.simulation.endpoint_outcomes import (
    DEATH,
    NO,
    NOT_EVALUABLE,
    PROGRESSION,
    YES,
    Outcomes,
)
from equipoise.simulation.endpoint_truths import Truths
from equipoise.statistics.trial_tables import (
    COMPARED,
    RAW,
    Comparisons,
    EndPoints,
    Listings,
    Medians,
    Tallies,
)
from equipoise.study.analysis_plan import (
    MARKER_STATUS,
    Analysis,
    BinaryEndPoint,
    Group,
    TimeToEventEndPoint,
)
from equipoise.study.definition import Study

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counted:
    """An analysis of counts: columns of raw counts summed to events, then subjects, of each group
    and combination of codes (of adjusting covariates, or of strata).

    `beside` names other tests of the same table; with `interval` the estimate of the plan has its
    interval in every trial. `rates` are the true proportions of the groups, `truth` the true value
    of their comparison.
    """

    analysis: Analysis
    columns: tuple[int, int]
    sums: FloatArray
    beside: tuple[str, ...] = ()
    adjusting: tuple[tuple[str, ...], ...] = ()
    interval: bool = False
    rates: tuple[float, ...] = ()
    truth: float | None = None

    @property
    def combinations(self) -> tuple[tuple[str, ...], ...]:
        """Every combination of the codes of the adjusting covariates, in order."""
        return tuple(itertools.product(*self.adjusting))


@dataclass(frozen=True, slots=True)
class Compared:
    """An analysis of times: the number of its comparison, its first column among those of
    comparisons, and the true log hazard ratio."""

    analysis: Analysis
    comparison: int
    column: int
    truth: float | None = None


@dataclass(slots=True)
class Analyses:
    """Tables of counts, end points and comparisons, each made once, for the analyses that ask."""

    study: Study
    outcomes: Outcomes
    arm: Variable
    beside: tuple[str, ...] = ()
    intervals: tuple[str, ...] = ()
    columns: int = 0
    tallied: dict[tuple[int, ...], int] = field(default_factory=dict)
    parents: list[tuple[Variable, ...]] = field(default_factory=list)
    end_points: list[tuple[tuple[bool, bool], bool, int]] = field(default_factory=list)
    comparisons: list[tuple[int, int, tuple[int, ...], int, int]] = field(default_factory=list)
    cox: list[bool] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    many: list[int] = field(default_factory=list)
    compared: int = 0
    listings: list[tuple[int, tuple[Variable, ...]]] = field(default_factory=list)
    run: list[Counted | Compared | Listed | Median] = field(default_factory=list)

    def counts(self, *variables: Variable) -> int:
        """The first column of the counts of these variables crossed."""
        key = tuple(each.number for each in variables)
        if key not in self.tallied:
            self.tallied[key] = RAW + self.columns
            self.parents.append(variables)
            self.columns += int(np.prod([len(each.codes) for each in variables]))
        return self.tallied[key]

    def sizes(self, status: Variable) -> tuple[int, int]:
        """The first column of counts by status and arm, and how many columns each pair has."""
        for (key, base), parents in zip(self.tallied.items(), self.parents, strict=True):
            if key[:2] == (status.number, self.arm.number):
                return base, int(np.prod([len(each.codes) for each in parents[2:]]))
        return self.counts(status, self.arm), 1

    def add(self, analysis: Analysis, marker: MarkerVariables, items: dict[str, Variable]) -> None:
        """Take in an analysis that `unfit` finds nothing against."""
        status = status_of(marker, self.study, analysis)
        if isinstance(end_point_of(self.study.analysis, analysis), BinaryEndPoint):
            self._counted(analysis, status, items)
        elif analysis.method == "kaplan_meier":
            self._median(analysis, status)
        elif listed(analysis):
            self._listed(analysis, status, items)
        else:
            self._compared(analysis, status, items)

    def told(
        self, truths: Truths
    ) -> tuple[tuple[Counted, ...], tuple[Compared, ...], tuple[Listed | Median, ...]]:
        """What was taken in, by kind, with what is true of it."""
        counted = tuple(
            replace(
                each,
                rates=tuple(truths.rate(each.analysis, group) for group in each.analysis.groups),
                truth=truths.estimate(each.analysis),
            )
            for each in self.run
            if isinstance(each, Counted)
        )
        compared = tuple(
            replace(each, truth=truths.estimate(each.analysis))
            for each in self.run
            if isinstance(each, Compared)
        )
        return (
            counted,
            compared,
            tuple(
                replace(each, truth=truths.estimate(each.analysis))
                if isinstance(each, Listed)
                else replace(each, truths=truths.medians(each.analysis))
                for each in self.run
                if isinstance(each, (Listed, Median))
            ),
        )

    def _counted(self, analysis: Analysis, status: Variable, items: dict[str, Variable]) -> None:
        plan = self.study.analysis
        end_point = end_point_of(plan, analysis)
        assert isinstance(end_point, BinaryEndPoint)
        windowed = end_point.read == "response_window"
        value = self.outcomes.in_window if windowed else self.outcomes.best
        covariates = analysis.stratify or analysis.adjust
        others = [items[code] for code in covariates if code != MARKER_STATUS]
        crossed = status, self.arm, value, *others
        base = self.counts(*crossed)
        codes = [_codes(self.study, code) for code in covariates]
        combinations = list(itertools.product(*codes))
        groups = len(analysis.groups)
        shape = [len(each.codes) for each in crossed]
        sums = np.zeros((*shape, 2, groups, len(combinations)))
        everybody = denominator_rule(plan, analysis) == "all"
        for number, group in enumerate(analysis.groups):
            for code, arm in self._cells(analysis, group, status):
                for levels in itertools.product(*(range(len(each.codes)) for each in others)):
                    found = {MARKER_STATUS: status.codes[code]} | {
                        name: items[name].codes[level]
                        for name, level in zip(
                            [c for c in covariates if c != MARKER_STATUS], levels, strict=True
                        )
                    }
                    combination = tuple(found[name] for name in covariates)
                    if combination not in combinations:
                        continue
                    place = number, combinations.index(combination)
                    sums[(code, arm, YES, *levels, 0, *place)] = 1
                    for counted in (NO, YES, NOT_EVALUABLE) if everybody else (NO, YES):
                        sums[(code, arm, counted, *levels, 1, *place)] = 1
        flat = sums.reshape(int(np.prod(shape)), -1)
        adjusting = () if analysis.stratify else tuple(codes)
        limits = base, base + len(flat)
        interval = analysis.id in self.intervals
        self.run.append(Counted(analysis, limits, flat, self.beside, adjusting, interval))

    def _compared(self, analysis: Analysis, status: Variable, items: dict[str, Variable]) -> None:
        place, group = self._end_point(analysis), self._group_of(analysis, status)
        layer, layers = -1, 1
        if analysis.stratify:
            own = status if analysis.stratify[0] == MARKER_STATUS else items[analysis.stratify[0]]
            layer, layers = own.number, len(own.codes)
        key = (place, status.number, tuple(group.tolist()), layer, layers)
        if key not in self.comparisons:
            self.comparisons.append(key)
            self.cox.append(False)
            many = len(analysis.groups)
            self.bases.append(self.compared)
            self.many.append(many)
            self.compared += COMPARED if many == 2 else (3 + many) * many
        number = self.comparisons.index(key)
        self.cox[number] |= analysis.method == "cox"
        self.run.append(Compared(analysis, number, self.bases[number]))

    def _median(self, analysis: Analysis, status: Variable) -> None:
        end_point = end_point_of(self.study.analysis, analysis)
        assert isinstance(end_point, TimeToEventEndPoint)
        column = sum(each.columns for each in self.medians)
        self.run.append(
            Median(
                analysis, self._end_point(analysis), status.number,
                self._group_of(analysis, status), column, end_point.unit == "months",
            )
        )  # fmt: skip

    def _group_of(self, analysis: Analysis, status: Variable) -> IntArray:
        """The group of each status x arms + arm, -1 for none."""
        group = np.full((len(status.codes), len(self.arm.codes)), -1, dtype=np.int64)
        for number, each in enumerate(analysis.groups):
            for code, arm in self._cells(analysis, each, status):
                group[code, arm] = number
        return group.ravel()

    def _listed(self, analysis: Analysis, status: Variable, items: dict[str, Variable]) -> None:
        covariates = (*analysis.adjust, *analysis.stratify)
        others = [items[code] for code in covariates if code != MARKER_STATUS]
        crossed = (status, self.arm, *others)
        key = self._end_point(analysis), crossed
        if key not in self.listings:
            self.listings.append(key)
        shape = [len(each.codes) for each in crossed]
        group, combination, stratum = (np.full(shape, -1, dtype=np.int64) for _ in range(3))
        for number, each in enumerate(analysis.groups):
            for code, arm in self._cells(analysis, each, status):
                group[code, arm] = number
        names = [code for code in covariates if code != MARKER_STATUS]
        adjusting = tuple(_codes(self.study, code) for code in analysis.adjust)
        strata = [_codes(self.study, code) for code in analysis.stratify]
        for cell in itertools.product(*map(range, shape)):
            found = {MARKER_STATUS: status.codes[cell[0]]} | {
                name: variable.codes[level]
                for name, variable, level in zip(names, others, cell[2:], strict=True)
            }
            combination[cell] = _place(analysis.adjust, adjusting, found)
            stratum[cell] = _place(analysis.stratify, strata, found)
        self.run.append(
            Listed(
                analysis, self.listings.index(key), group.ravel(), combination.ravel(),
                stratum.ravel(), adjusting,
            )
        )  # fmt: skip

    def _end_point(self, analysis: Analysis) -> int:
        """The number of the end point of an analysis of times, as the kernel has it."""
        end_point = end_point_of(self.study.analysis, analysis)
        assert isinstance(end_point, TimeToEventEndPoint)
        events = {SOURCES[each] for each in end_point.events if each in SOURCES}
        sources = (PROGRESSION in events, DEATH in events)
        at_assessment = end_point.censor_at == "last_adequate_assessment"
        made = (sources, at_assessment, -1 if DEATH in events else DEATH)
        if made not in self.end_points:
            self.end_points.append(made)
        return self.end_points.index(made)

    def _cells(self, analysis: Analysis, group: Group, status: Variable) -> list[tuple[int, int]]:
        """Statuses and arms of a group; without a status only where the population allows it."""
        known = "status_known" in population_of(self.study, analysis)
        arms = [
            place
            for place, code in enumerate(self.arm.codes)
            if not group.arms or code in group.arms
        ]
        codes = [
            place
            for place, code in enumerate(status.codes)
            if (code in group.statuses if group.statuses else code != MISSING or not known)
        ]
        return [(code, arm) for code in codes for arm in arms]

    @property
    def read(self) -> set[int]:
        """The numbers of the variables that counts and comparisons read."""
        crossed = [*self.parents, *(parents for _, parents in self.listings)]
        found = {each.number for parents in crossed for each in parents}
        found |= {each.status for each in self.medians}
        return found | {n for each in self.comparisons for n in (each[1], each[3]) if n >= 0}

    @property
    def medians(self) -> list[Median]:
        """The analyses of medians."""
        return [each for each in self.run if isinstance(each, Median)]

    def median_table(self) -> Medians:
        """The kernel's table of medians."""
        return median_table(self.medians)

    def tallies(self) -> Tallies:
        """The kernel's table of counts."""
        parent, stride = pointers(self.parents)
        base = np.array(list(self.tallied.values()), dtype=np.int64)
        return Tallies(base, parent, stride, self.columns)

    def end_point_table(self) -> EndPoints:
        """The kernel's table of end points."""
        return EndPoints(
            sources=np.array([each[0] for each in self.end_points], dtype=bool).reshape(-1, 2),
            at_assessment=np.array([each[1] for each in self.end_points], dtype=bool),
            ended_by=np.array([each[2] for each in self.end_points], dtype=np.int64),
        )

    def listing_table(self, wanted: int) -> Listings:
        """The kernel's table of listings, of at most `wanted` patients each."""
        parent, stride = pointers([parents for _, parents in self.listings])
        cells = [int(np.prod([len(v.codes) for v in parents])) for _, parents in self.listings]
        places = [place for place, _ in self.listings]
        return Listings(
            end_point=np.array(places, dtype=np.int64),
            parent=parent,
            stride=stride,
            cells=np.array(cells, dtype=np.int64),
            each=wanted,
        )

    def comparison_table(self) -> Comparisons:
        """The kernel's table of comparisons."""
        found = self.comparisons
        groups = [each[2] for each in found]
        width = max((len(each) for each in groups), default=1)
        table = np.full((len(found), width), -1, dtype=np.int64)
        for row, each in enumerate(groups):
            table[row, : len(each)] = each
        return Comparisons(
            end_point=np.array([each[0] for each in found], dtype=np.int64),
            status=np.array([each[1] for each in found], dtype=np.int64),
            group=table,
            layer=np.array([each[3] for each in found], dtype=np.int64),
            layers=np.array([each[4] for each in found], dtype=np.int64),
            cox=np.array(self.cox, dtype=bool),
            groups=np.array(self.many, dtype=np.int64),
            base=np.array(self.bases, dtype=np.int64),
            columns=self.compared,
        )


def _codes(study: Study, covariate: str) -> tuple[str, ...]:
    """The codes of a covariate, in the order of the study file, as in the analysis."""
    if covariate == MARKER_STATUS:
        return tuple(each.code for each in study.biomarker.marker.statuses)
    items = (item for form in study.visits.forms for item in form.items)
    return tuple(code.code for code in next(i for i in items if i.code == covariate).codes)


def status_of(marker: MarkerVariables, study: Study, analysis: Analysis) -> Variable:
    """The status that the analysis's estimand names."""
    estimand = estimand_of(study.analysis, analysis)
    if estimand.status_basis == "as_randomised":
        return marker.as_randomised(estimand.status_rule)
    return marker.as_redetermined(estimand.status_rule)


def _place(
    covariates: tuple[str, ...], codes: Sequence[tuple[str, ...]], found: dict[str, str]
) -> int:
    """The place of a patient's codes among their combinations; -1 where one is missing."""
    place = 0
    for covariate, known in zip(covariates, codes, strict=True):
        if found[covariate] not in known:
            return -1
        place = place * len(known) + known.index(found[covariate])
    return place
