"""The analysis plan, walked from its first analysis to its last.

`run` analyses one trial: a record, or one replicate of a simulation; `results` several of them.
`operating_counts` gives the counts and P values of many replicates. All take their counts from the
same pass and their P values from the same cores, so that what was rehearsed is what runs.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.analysis.closed import with_decisions
from equipoise.analysis.counts import (
    Counts,
    GroupCounts,
    group_counts,
    p_values,
)
from equipoise.analysis.endpoints import convention
from equipoise.analysis.estimates import (
    COMPARISONS,
    PER_GROUP,
    Numbers,
    compared,
    empty_groups,
    has_test,
    method_in_words,
    single_proportion,
    survival_times,
    times_compared,
)
from equipoise.analysis.grid import Grid
from equipoise.analysis.models import REGRESSIONS, STRATIFIED, model_numbers
from equipoise.analysis.observed import SOURCES
from equipoise.analysis.result import Result, rounded
from equipoise.analysis.subjects import (
    DecidingEvents,
    analysed_subjects,
    denominator_rule,
    end_point_of,
    end_point_tables,
    estimand_of,
    in_group,
    labelled,
    variable_of,
)
from equipoise.record.rule import Tables
from equipoise.response.rules import RULES
from equipoise.study.analysis_plan import Analysis, AnalysisPlan, Group, TimeToEventEndPoint
from equipoise.study.definition import Study

_JUDGED_AGAIN = ("best_overall_response", "window_response")
READS = frozenset(
    (
        "allocation", "consent_withdrawn", "death_recorded", "disposition", "dose_given",
        "marker_status", "progression", "subject_item", "subject_screened",
        "time_point_response", "tumour_assessed", *_JUDGED_AGAIN,
        *(table for sources in SOURCES.values() for table, _ in sources),
        *(table for rule in RULES if rule.produces in _JUDGED_AGAIN for table in rule.requires),
    )
)  # fmt: skip
"""The tables that the analyses of any plan read: a strategy for what came in between may judge the
responses before it again."""


@dataclass(frozen=True, slots=True)
class OperatingCounts:
    """One analysis over many replicates: arrays of shape (replicates, groups), P (replicates).

    P is nan where the analysis tests nothing or a group is empty.
    """

    analysis: Analysis
    numerators: Counts
    denominators: Counts
    p: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Trial:
    """What the analyses of one trial read."""

    plan: AnalysisPlan
    replicate: int
    subjects: pl.DataFrame
    grid: Grid
    deciding: DecidingEvents


def run(
    tables: Tables, study: Study, *, cut: datetime.date | None = None, replicate: int = 0
) -> list[Result]:
    """The results of every analysis of the study's plan, in its order.

    A comparison gives one row, a proportion or a median one row per group. `tables` are event
    tables and derived tables; for a data cut they were cut before they were derived, and `cut`
    then caps what is imputed. That methods, groups and estimates fit, the study's check has seen.
    """
    mine = {name: table.filter(replicate=replicate) for name, table in tables.items()}
    return results(mine, study, [replicate], cut=cut)[0]


def results(
    tables: Tables, study: Study, replicates: Sequence[int], *, cut: datetime.date | None = None
) -> list[list[Result]]:
    """What `run` gives of each of `replicates`; what they have in common is done once for all."""
    plan = study.analysis
    end_points = end_point_tables(tables, study, cut=cut)
    subjects = analysed_subjects(tables, study, end_points)
    deciding = DecidingEvents(tables, plan, subjects, end_points)
    counted = group_counts(subjects, plan, replicates)
    found = []
    for place, replicate in enumerate(replicates):
        mine = subjects.filter(replicate=replicate)
        trial = _Trial(plan, replicate, mine, Grid(mine, [replicate]), deciding)
        rows = [row for counts in counted for row in _rows(trial, counts, place)]
        found.append(with_decisions(plan.closed_testing, rows))
    return found


def operating_counts(
    tables: Tables, study: Study, replicates: Sequence[int], *, cut: datetime.date | None = None
) -> list[OperatingCounts]:
    """Numerators, denominators and P of every analysis for each of `replicates`, in plan order."""
    plan = study.analysis
    end_points = end_point_tables(tables, study, cut=cut, with_sources=False)
    subjects = analysed_subjects(tables, study, end_points)
    grid = Grid(subjects, replicates)
    return [
        OperatingCounts(
            counts.analysis,
            counts.numerators,
            counts.denominators,
            p_values(plan, subjects, counts, grid),
        )
        for counts in group_counts(subjects, plan, replicates)
    ]


def _rows(trial: _Trial, counts: GroupCounts, row: int) -> list[Result]:
    """The results of one analysis of the trial that has `row` of the counts."""
    analysis = counts.analysis
    events, sizes = counts.numerators[row].tolist(), counts.denominators[row].tolist()
    rows = []
    if has_test(analysis) or analysis.estimate in COMPARISONS:
        found = _comparison(trial, analysis, events, sizes)
        estimate = analysis.estimate if analysis.estimate in COMPARISONS else "none"
        rows.append(_result(trial, analysis, analysis.groups, events, sizes, found, estimate))
    if analysis.estimate in PER_GROUP:
        for place, group in enumerate(analysis.groups):
            found = _single(trial, analysis, group, events[place], sizes[place])
            one = slice(place, place + 1)
            rows.append(
                _result(
                    trial, analysis, (group,), events[one], sizes[one], found, analysis.estimate
                )
            )
    return rows


def _comparison(
    trial: _Trial, analysis: Analysis, numerators: list[int], denominators: list[int]
) -> Numbers:
    if analysis.method in (*REGRESSIONS, *STRATIFIED):
        if empty := empty_groups(analysis, denominators):
            return Numbers(why=empty)
        return model_numbers(trial.plan, trial.subjects, analysis, trial.grid)
    if not _is_time(trial.plan, analysis):
        return compared(analysis, numerators, denominators)
    found = [_times(trial, analysis, group) for group in analysis.groups]
    time = [day for days, _ in found for day in days]
    event = [happened for _, events in found for happened in events]
    group = [place for place, (days, _) in enumerate(found) for _ in days]
    return times_compared(analysis, time, event, group)


def _single(
    trial: _Trial, analysis: Analysis, group: Group, numerator: int, denominator: int
) -> Numbers:
    if not _is_time(trial.plan, analysis):
        return single_proportion(analysis, numerator, denominator)
    return survival_times(analysis, *_times(trial, analysis, group))


def _times(trial: _Trial, analysis: Analysis, group: Group) -> tuple[list[float], list[bool]]:
    """Times in the end point's unit, and whether each is an event."""
    return group_times(trial.plan, analysis, group, trial.subjects)


def group_times(
    plan: AnalysisPlan, analysis: Analysis, group: Group, subjects: pl.DataFrame
) -> tuple[list[float], list[bool]]:
    """Times of the subjects of one group in the end point's unit, and whether each is an event.

    `subjects` are rows of one replicate of `analysed_subjects`.
    """
    end_point = end_point_of(plan, analysis)
    unit = 1.0
    if isinstance(end_point, TimeToEventEndPoint) and end_point.unit == "months":
        unit = float(convention("days_per_month"))
    code = variable_of(plan, estimand_of(plan, analysis))
    days, event = f"time_days/{code}", f"event/{code}"
    found = subjects.filter(in_group(plan, analysis, group), pl.col(days).is_not_null())
    return (found[days] / unit).to_list(), found[event].to_list()


def _result(
    trial: _Trial,
    analysis: Analysis,
    groups: Sequence[Group],
    numerators: Sequence[int],
    denominators: Sequence[int],
    found: Numbers,
    estimate: str,
) -> Result:
    plan, estimand = trial.plan, estimand_of(trial.plan, analysis)
    rule = None if _is_time(plan, analysis) else denominator_rule(plan, analysis)
    compares = has_test(analysis) and estimate not in PER_GROUP
    return Result(
        analysis=analysis.id,
        estimand=estimand.code,
        population=estimand.population,
        groups=tuple(group.label for group in groups),
        method=method_in_words(analysis, rule, estimate),
        side=analysis.side if compares else "none",
        numerators=tuple(numerators),
        denominators=tuple(denominators),
        estimate=rounded(found.estimate),
        lower=rounded(found.lower),
        upper=rounded(found.upper),
        p=rounded(found.p),
        sources=trial.deciding.of(analysis, groups, trial.replicate),
        label=labelled(plan, analysis) + (f" ({found.why})" if found.why else ""),
    )


def _is_time(plan: AnalysisPlan, analysis: Analysis) -> bool:
    return isinstance(end_point_of(plan, analysis), TimeToEventEndPoint)
