"""The survival figures of the plan: one for each Kaplan–Meier analysis, with its medians."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from equipoise.analysis.run import group_times
from equipoise.analysis.subjects import end_point_of, labelled
from equipoise.report.figures import Curve, kaplan_meier_figure
from equipoise.report.findings import ResultView
from equipoise.study.analysis_plan import TimeToEventEndPoint
from equipoise.study.definition import Study

STARTS = {
    "randomisation": "randomisation",
    "first_dose": "first dose",
    "response": "first response",
}


def survival_figures(
    study: Study, subjects: pl.DataFrame, views: list[ResultView]
) -> Iterator[tuple[str, str, list[ResultView]]]:
    """Title, SVG and the rows of results of every Kaplan–Meier analysis that has subjects."""
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
            curves.append(Curve(group.label, median, *group_times(plan, analysis, group, subjects)))
        if any(len(curve.time) for curve in curves):
            name = f"curves-{analysis.id}"
            start, outcome = STARTS[end_point.start], end_point.label.en
            figure = kaplan_meier_figure(name, curves, end_point.unit, start=start, outcome=outcome)
            yield labelled(plan, analysis), figure, rows
