"""The survival figures of the plan: one for each Kaplan–Meier analysis, with medians and ratios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl
from markupsafe import Markup

from equipoise.analysis.run import group_times
from equipoise.analysis.subjects import end_point_of, estimand_of, titled
from equipoise.report.figures import Curve, kaplan_meier_figure
from equipoise.report.findings import ResultView
from equipoise.study.analysis_plan import Analysis, AnalysisPlan, TimeToEventEndPoint
from equipoise.study.definition import Study

STARTS = {
    "randomisation": "randomisation",
    "first_dose": "first dose",
    "response": "first response",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Groups whose times are compared: by a model, by the log-rank test, or by both."""

    model: ResultView | None = None
    log_rank: ResultView | None = None

    @property
    def row(self) -> ResultView:
        """The row that names the groups and their counts."""
        return next(view for view in (self.model, self.log_rank) if view is not None)


@dataclass(frozen=True, slots=True)
class SurvivalView:
    """A figure with its medians, and what compares its groups or others of its end point."""

    title: str
    figure: Markup
    rows: list[ResultView]
    comparisons: list[Comparison]


def survival_figures(
    study: Study, subjects: pl.DataFrame, views: list[ResultView]
) -> Iterator[SurvivalView]:
    """A view of every Kaplan–Meier analysis that has subjects."""
    plan = study.analysis
    for analysis in plan.analyses:
        end_point = end_point_of(plan, analysis)
        if analysis.method != "kaplan_meier" or not isinstance(end_point, TimeToEventEndPoint):
            continue
        rows = [view for view in views if view.result.analysis == analysis.id]
        curves = []
        for group in analysis.groups:
            row = next((each for each in rows if each.result.groups == (group.label,)), None)
            median = row.in_words if row else "not given"
            times = group_times(plan, analysis, group, subjects)
            curves.append(Curve(group.label, median, *times, row.sources if row else ""))
        if any(len(curve.time) for curve in curves):
            name = f"curves-{analysis.id}"
            start, outcome = STARTS[end_point.start], end_point.label.en
            figure = kaplan_meier_figure(name, curves, end_point.unit, start=start, outcome=outcome)
            beside = comparisons(plan, analysis, views)
            yield SurvivalView(titled(plan, analysis), Markup(figure), rows, beside)


def comparisons(
    plan: AnalysisPlan, analysis: Analysis, views: Sequence[ResultView]
) -> list[Comparison]:
    """What compares times of the same end point, status and population, in plan order.

    A log-rank test and a model of the same groups, without covariates or strata, share a line.
    """
    found: list[Comparison] = []
    for view in views:
        if not _same(plan, analysis, view.analysis):
            continue
        if view.analysis.method == "log_rank":
            found.append(Comparison(log_rank=view))
        elif view.analysis.method == "cox":
            found.append(Comparison(model=view))
    for place, tested in enumerate(found):
        model = _model_of(tested, found)
        if model is not None:
            found[place] = replace(model, log_rank=tested.log_rank)
            found[found.index(model)] = Comparison()
    return [each for each in found if each != Comparison()]


def _same(plan: AnalysisPlan, one: Analysis, other: Analysis) -> bool:
    first, second = estimand_of(plan, one), estimand_of(plan, other)
    apart = {"code", "label", "summary_measure", "intercurrent_events"}
    return first.model_dump(exclude=apart) == second.model_dump(exclude=apart)


def _model_of(tested: Comparison, found: Sequence[Comparison]) -> Comparison | None:
    """The crude model of the groups that a log-rank test compares, if it stands alone."""
    if tested.log_rank is None or tested.model is not None:
        return None
    groups = tested.log_rank.analysis.groups
    return next(
        (
            each
            for each in found
            if each.model is not None
            and each.log_rank is None
            and each.model.analysis.groups == groups
            and not (each.model.analysis.adjust or each.model.analysis.stratify)
        ),
        None,
    )
