"""What end-point simulation tells of each trial, column by column, and what would be true.

P values come from the functions of the analysis: Fisher's test and chi-square from the counts of
every trial, log-rank and Wald's test of Cox from the statistics that the kernel's cores give.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.counts import two_sided_p
from equipoise.analysis.estimates import side_of_test
from equipoise.analysis.models import REGRESSIONS, STRATIFIED, counts_p
from equipoise.analysis.subjects import end_point_of
from equipoise.analysis.table_tests import TABLE_TESTS
from equipoise.simulation.endpoint_analyses import Compared, Counted
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.cox import wald_p
from equipoise.statistics.log_rank import log_rank_p_batch
from equipoise.statistics.proportion import normal_quantile
from equipoise.statistics.trial_tables import COMPARED
from equipoise.study.analysis_plan import MARKER_STATUS, Analysis, BinaryEndPoint, Group
from equipoise.study.definition import Study

FloatArray = NDArray[np.float64]

_BESIDE = {"mid_p": "fisher_mid_p"}
"""Names of tests beside Fisher's where they are not those of the plan."""
_EQUAL = 1e-9
"""Log odds this close are the same."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a trial: `measure` says of what, `subject` of whom (an analysis, a stratum).

    `measure` is p, estimate (of a group or comparison, on the scale on which it is nearly normal),
    covered (1 if the interval holds the truth) or a code of its own. `truth` is the value in the
    scenario, where there is one; `null` whether the hypothesis tested is true; `limit` the greatest
    P that rejects.
    """

    name: str
    measure: str
    subject: str
    label: str
    truth: float | None = None
    null: bool = False
    limit: float = 0.0


class Truths:
    """What is true in a scenario of groups that are defined by true status and arm."""

    def __init__(self, study: Study, scenario: Scenario) -> None:
        self.study, self.scenario = study, scenario
        self.arms = tuple(each.code for each in study.randomisation.arms)

    def rate(self, analysis: Analysis, group: Group) -> float | None:
        """The probability of response; None where the group's cells differ."""
        end_point = end_point_of(self.study.analysis, analysis)
        if not isinstance(end_point, BinaryEndPoint):
            return None
        plan = self.scenario.tumour
        rates = set()
        for status, arm in self._cells(group):
            rate = float(plan.shrinkage[status][arm])
            if end_point.read == "best_overall_response" and plan.late_shrinkage:
                rate += (1 - rate) * float(plan.late_shrinkage[status][arm])
            rates.add(rate)
        return rates.pop() if len(rates) == 1 else None

    def null(self, analysis: Analysis) -> bool:
        """Whether the hypothesis of a regression or a stratified test is true of true statuses."""
        if analysis.interaction is not None:
            arms, statuses = analysis.interaction.arms, analysis.interaction.statuses
            odds = {
                (a, s): self._log_odds(analysis, Group(label="", arms=(a,), statuses=(s,)))
                for a, s in itertools.product(arms, statuses)
            }
            products = [
                odds[a, s]
                - odds[arms[-1], s]
                - odds[a, statuses[-1]]
                + odds[arms[-1], statuses[-1]]
                for a, s in odds
            ]
            return max(map(abs, products)) < _EQUAL
        if analysis.stratify == (MARKER_STATUS,):
            ratios = []
            for status in self.scenario.tumour.shrinkage:
                first, second = (
                    self._log_odds(analysis, each.model_copy(update={"statuses": (status,)}))
                    for each in analysis.groups
                )
                ratios.append(first - second)
            same = max(ratios) - min(ratios) < _EQUAL
            return same and (analysis.method == "breslow_day" or abs(ratios[0]) < _EQUAL)
        rates = [self.rate(analysis, group) for group in analysis.groups]
        return None not in rates and len(set(rates)) == 1

    def _log_odds(self, analysis: Analysis, group: Group) -> float:
        rate = self.rate(analysis, group)
        return math.log(rate / (1 - rate)) if rate is not None and 0 < rate < 1 else math.inf

    def law(self, group: Group) -> tuple[float, float, float] | None:
        """What the times depend on: median of progression, share of early and of late response."""
        plan = self.scenario.tumour
        laws = {
            (
                float(plan.progression_median_months[status][arm]),
                float(plan.shrinkage[status][arm]) if plan.shrunken_until_day else 0.0,
                float(plan.late_shrinkage[status][arm]) if plan.late_shrinkage else 0.0,
            )
            for status, arm in self._cells(group)
        }
        return laws.pop() if len(laws) == 1 else None

    def told(self, each: Compared) -> Compared:
        """The comparison with its true log hazard ratio, of progression or of it and death.

        None where the hazards are not proportional or the scenario gives none.
        """
        if len(each.analysis.groups) != 2:
            return each
        first, second = (self.law(group) for group in each.analysis.groups)
        if first is None or second is None or not each.progression:
            return each
        if first == second:
            return replace(each, truth=0.0)
        if any(first[1:]) or any(second[1:]):
            return each
        life = self.scenario.survival
        dying = 1 / float(life.median_without_progression_months) if each.death else 0.0
        ratio = (1 / first[0] + dying) / (1 / second[0] + dying)
        return replace(each, truth=math.log(ratio))

    def _cells(self, group: Group) -> list[tuple[str, str]]:
        statuses = group.statuses or tuple(self.scenario.tumour.shrinkage)
        return list(itertools.product(statuses, group.arms or self.arms))


def described(
    study: Study,
    statuses: Sequence[str],
    arms: Sequence[str],
    counted: Sequence[Counted],
    compared: Sequence[Compared],
    truths: Truths,
) -> tuple[Column, ...]:
    """Every column in order: the trial, its sizes, counts, comparisons."""
    found = [
        Column("screened", "screened", "", "Subjects screened"),
        Column("randomised", "randomised", "", "Subjects randomised"),
        Column("duration_months", "duration_months", "", "Months from start to last follow-up"),
        Column("misclassified", "misclassified", "", "Share randomised by a false status"),
    ]  # fmt: skip
    for status in statuses:
        name = status or "unknown"
        found.append(Column(f"size/{name}", "mean_size", name, f"Subjects with status {name}"))
        found += [
            Column(f"size/{name}/{arm}", "mean_size", f"{name}/{arm}", f"Subjects {name}, {arm}")
            for arm in arms
        ]
    for each in counted:
        found += _counted(each, truths)
    for one in compared:
        found += _compared(study, one, truths)
    return tuple(found)


def _counted(each: Counted, truths: Truths) -> list[Column]:
    analysis = each.analysis
    name, label = analysis.id, analysis.label.en
    limit = 1 - float(analysis.level)
    if analysis.method in (*REGRESSIONS, *STRATIFIED):
        null = truths.null(analysis)
        return [Column(f"{name}/p", "p", name, label, null=null, limit=limit)]
    rates = [truths.rate(analysis, group) for group in analysis.groups]
    found = []
    if analysis.method in TABLE_TESTS:
        null = None not in rates and len(set(rates)) == 1
        for test in ("", *each.beside):
            own = f"{name}/{test}" if test else name
            title = f"{label} ({test.replace('_', ' ')})" if test else label
            found.append(Column(f"{own}/p", "p", own, title, null=null, limit=limit))
        truth = None if None in rates else float(rates[0] or 0) - float(rates[1] or 0)
        found.append(Column(f"{name}/difference", "estimate", name, f"{label}: difference", truth))
        return found
    for group, rate in zip(analysis.groups, rates, strict=True):
        own = f"{name}/{group.label}"
        found.append(Column(own, "estimate", own, f"{label}: {group.label}", rate))
    return found


def _compared(study: Study, each: Compared, truths: Truths) -> list[Column]:
    analysis = each.analysis
    name, label, level = analysis.id, analysis.label.en, float(analysis.level)
    laws = {truths.law(group) for group in analysis.groups}
    null = len(laws) == 1 and None not in laws
    found = [Column(f"{name}/p", "p", name, label, null=null, limit=1 - level)]
    if analysis.method == "cox":
        truth = each.truth
        found.append(
            Column(
                f"{name}/log_hazard_ratio", "estimate", name, f"{label}: log hazard ratio", truth
            )
        )
        if truth is not None:
            found.append(Column(f"{name}/covered", "covered", name, f"{label}: interval", truth))
    return found


def counted_columns(each: Counted, raw: FloatArray) -> list[FloatArray]:
    """The columns of an analysis of counts, for every trial."""
    groups = len(each.analysis.groups)
    sums = raw[:, slice(*each.columns)] @ each.sums
    events, subjects = sums.reshape(len(raw), 2, groups, -1).swapaxes(0, 1)
    comparable = (subjects.sum(axis=2) > 0).all(axis=1)
    if each.analysis.method in (*REGRESSIONS, *STRATIFIED):
        whole = events.astype(np.int64), subjects.astype(np.int64)
        return [np.where(comparable, counts_p(each.analysis, *whole, each), np.nan)]
    events, subjects = events[:, :, 0], subjects[:, :, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = events / subjects
    if each.analysis.method not in TABLE_TESTS:
        return list(rates.T)
    x1, n1, x2, n2 = (
        np.ascontiguousarray(column, dtype=np.int64)
        for column in (events[:, 0], subjects[:, 0], events[:, 1], subjects[:, 1])
    )
    side = side_of_test(each.analysis)
    tests = (each.analysis.method, *(_BESIDE.get(test, test) for test in each.beside))
    found = [TABLE_TESTS[test](x1, n1, x2, n2, side, True) for test in tests]
    return [*(np.where(comparable, one, np.nan) for one in found), rates[:, 0] - rates[:, 1]]


def compared_columns(each: Compared, raw: FloatArray, comparing: int) -> list[FloatArray]:
    """The columns of an analysis of times, for every trial."""
    begin, many = comparing + each.column, len(each.analysis.groups)
    if many > 2:
        own = raw[:, begin : begin + (3 + many) * many].reshape(len(raw), 3 + many, many)
        comparable = (own[:, 0] > 0).all(axis=1) & (own[:, 1].sum(axis=1) > 0)
        return [np.where(comparable, log_rank_p_batch(own[:, 2], own[:, 3:]), np.nan)]
    mine = raw[:, begin : begin + COMPARED]
    comparable = (mine[:, :2] > 0).all(axis=1) & (mine[:, 2] + mine[:, 3] > 0)
    if each.analysis.method == "log_rank":
        informed = mine[:, 5] > 0
        z = np.zeros(len(raw))
        z[informed] = mine[informed, 4] / np.sqrt(mine[informed, 5])
        return [np.where(comparable, two_sided_p(z), np.nan)]
    beta, variance = mine[:, 6], 1 / mine[:, 7]
    found = [np.where(comparable, wald_p(beta, variance), np.nan), beta]
    if each.truth is not None:
        reach = normal_quantile(float(each.analysis.level)) * np.sqrt(variance)
        covered = np.where(np.abs(beta - each.truth) <= reach, 1.0, 0.0)
        found.append(np.where(np.isnan(beta), np.nan, covered))
    return found
