"""What must agree within the analysis plan, and between it and the other parts."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.study.analysis_plan import (
    Analysis,
    BinaryEndPoint,
    SampleSize,
    TimeToEventEndPoint,
)
from equipoise.study.closed_checks import closed_disagreements
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown
from equipoise.study.estimand_checks import estimand_disagreements
from equipoise.study.interim_checks import interim_disagreements
from equipoise.study.method_checks import COMPARING, OF_RESPONSES, method_disagreements
from equipoise.study.source import FieldPath


def analysis_disagreements(study: Study) -> Disagreements:
    """Populations, end points, estimands, analyses and sample size."""
    plan, path = study.analysis, ("analysis",)
    populations = [population.code for population in plan.populations]
    end_points = [end_point.code for end_point in plan.end_points]
    estimands = [estimand.code for estimand in plan.estimands]
    analyses = [analysis.id for analysis in plan.analyses]
    yield from repeated((*path, "populations"), populations, "code", "populations")
    yield from repeated((*path, "end_points"), end_points, "code", "end points")
    yield from repeated((*path, "estimands"), estimands, "code", "estimands")
    yield from repeated((*path, "analyses"), analyses, "id", "analyses")
    for number, end_point in enumerate(plan.end_points):
        yield from _end_point(study, end_point, (*path, "end_points", number))
    versions = [rule.version for rule in study.biomarker.marker.rules]
    for number, estimand in enumerate(plan.estimands):
        at = (*path, "estimands", number)
        yield from unknown((*at, "population"), estimand.population, populations, "a population")
        yield from unknown((*at, "end_point"), estimand.end_point, end_points, "an end point")
        yield from unknown((*at, "status_rule"), estimand.status_rule, versions, "a rule")
        events = [event.event for event in estimand.intercurrent_events]
        yield from repeated((*at, "intercurrent_events"), events, "event", "this estimand")
    yield from estimand_disagreements(study)
    for number, analysis in enumerate(plan.analyses):
        yield from _analysis(study, analysis, (*path, "analyses", number))
    primary = [analysis.id for analysis in plan.analyses if analysis.role == "primary"]
    if len(primary) != 1:
        allowed = "must have exactly one analysis of the role primary"
        yield Disagreement((*path, "analyses"), allowed, ", ".join(primary) or "none")
    yield from closed_disagreements(study)
    yield from interim_disagreements(study)
    yield from _sample_size(study)


def _end_point(
    study: Study, end_point: BinaryEndPoint | TimeToEventEndPoint, path: FieldPath
) -> Disagreements:
    if isinstance(end_point, TimeToEventEndPoint):
        if not end_point.events:
            yield Disagreement((*path, "events"), "must list at least one event", "none")
        return
    windows = [window.code for window in study.response.windows]
    if end_point.read == "response_window":
        found = end_point.window or "nothing"
        yield from unknown((*path, "window"), found, windows, "a response window")
    elif end_point.window is not None:
        allowed = "must be left out, because best overall response has no window"
        yield Disagreement((*path, "window"), allowed, end_point.window)
    if end_point.confirmed and end_point.read != "best_overall_response":
        allowed = "must be left out, because only a best overall response is confirmed"
        yield Disagreement((*path, "confirmed"), allowed, "true")
    if not end_point.responses:
        yield Disagreement((*path, "responses"), "must list at least one response", "none")


def _analysis(study: Study, analysis: Analysis, path: FieldPath) -> Disagreements:
    estimands = {estimand.code: estimand for estimand in study.analysis.estimands}
    yield from unknown((*path, "estimand"), analysis.estimand, estimands, "an estimand")
    yield from method_disagreements(study, analysis, path)
    yield from _groups(study, analysis, path)
    if analysis.estimand not in estimands:
        return
    kinds = {end_point.code: end_point.kind for end_point in study.analysis.end_points}
    kind = kinds.get(estimands[analysis.estimand].end_point)
    binary = analysis.method in OF_RESPONSES
    if kind is not None and binary != (kind == "binary"):
        allowed = f"must fit the end point, whose kind is {kind}"
        yield Disagreement((*path, "method"), allowed, analysis.method)
    if kind == "time_to_event" and analysis.denominator is not None:
        allowed = "must be left out: a time to event has none"
        yield Disagreement((*path, "denominator"), allowed, analysis.denominator)


def _groups(study: Study, analysis: Analysis, path: FieldPath) -> Disagreements:
    arms = [arm.code for arm in study.randomisation.arms]
    statuses = [status.code for status in study.biomarker.marker.statuses]
    yield from repeated((*path, "groups"), [g.label for g in analysis.groups], "label", "groups")
    cells: set[tuple[str, str]] = set()
    for number, group in enumerate(analysis.groups):
        at = (*path, "groups", number)
        for position, arm in enumerate(group.arms):
            yield from unknown((*at, "arms", position), arm, arms, "an arm")
        for position, status in enumerate(group.statuses):
            yield from unknown((*at, "statuses", position), status, statuses, "a status")
        own = {(arm, status) for arm in group.arms or arms for status in group.statuses or statuses}
        if own & cells and analysis.method in COMPARING:
            allowed = "must share no subjects with an earlier group of the comparison"
            yield Disagreement(at, allowed, group.label)
        cells |= own


def _sample_size(study: Study) -> Disagreements:
    size = study.analysis.sample_size
    if size is None:
        return
    path: FieldPath = ("analysis", "sample_size")
    analyses = {analysis.id: analysis for analysis in study.analysis.analyses}
    statuses = [status.code for status in study.biomarker.marker.statuses]
    yield from unknown((*path, "analysis"), size.analysis, analyses, "an analysis")
    for status, rate in size.rates.items():
        at = (*path, "rates", status)
        yield from unknown(at, status, statuses, "a status")
        if not 0 <= rate <= 1:
            yield Disagreement(at, "must be a proportion from 0 to 1", rate)
    if len(size.rates) != 2:
        allowed = "must be two rates, one for each status that is compared"
        yield Disagreement((*path, "rates"), allowed, ", ".join(size.rates))
    for name in ("alpha", "power"):
        value = getattr(size, name)
        if not 0 < value < 1:
            yield Disagreement((*path, name), "must lie between 0 and 1", value)
    if not 0 <= size.loss < 1:
        yield Disagreement((*path, "loss"), "must be a proportion below 1", size.loss)
    if size.planned < 2:
        yield Disagreement((*path, "planned"), "must be at least 2", size.planned)
    compared = analyses[size.analysis].groups if size.analysis in analyses else ()
    named = {status for group in compared for status in group.statuses}
    if compared and set(size.rates) <= set(statuses) and not set(size.rates) <= named:
        allowed = f"must be statuses that the analysis {size.analysis} compares"
        yield Disagreement((*path, "rates"), allowed, ", ".join(size.rates))
    yield from _not_compared(size, [each for each in statuses if each not in size.rates], path)


def _not_compared(size: SampleSize, others: Sequence[str], path: FieldPath) -> Disagreements:
    for status, share in size.not_compared.items():
        at = (*path, "not_compared", status)
        yield from unknown(at, status, others, "a status without a rate")
        if not 0 <= share < 1:
            yield Disagreement(at, "must be a proportion below 1", share)
    if sum(size.not_compared.values()) >= 1:
        allowed = "must leave subjects to compare: proportions whose sum is below 1"
        yield Disagreement((*path, "not_compared"), allowed, sum(size.not_compared.values()))
