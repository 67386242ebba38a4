"""Whether an analysis of the plan can be run on end points that are drawn directly."""

from __future__ import annotations

import re

from equipoise.analysis.subjects import end_point_of, estimand_of
from equipoise.simulation.endpoint_network import PARENTS
from equipoise.simulation.endpoint_outcomes import DEATH, PROGRESSION
from equipoise.study.analysis_plan import (
    MARKER_STATUS,
    Analysis,
    BinaryEndPoint,
    IntercurrentName,
)
from equipoise.study.definition import Study

_POPULATION = re.compile(
    r"(randomised|treated|status_known_as_randomised|status_known_as_redetermined)"
    r"( AND (randomised|treated|status_known_as_randomised|status_known_as_redetermined))*"
)
_OTHER_TREATMENT: tuple[IntercurrentName, ...] = (
    "switch_of_therapy",
    "prrt",
    "surgery_on_tumour",
    "treatment_discontinuation",
)
_LONGER = "it takes longer than all others together: name it in endpoints.analyses"
_COUNTED_BY, _LISTED_BY = PARENTS - 3, PARENTS - 2
"""Items that counts (by status, arm and response) and listings (by status and arm) may be by."""
_SLOW = ("logistic", "firth", "cmh_exact", "boschloo", "barnard")
SOURCES = {"progression": PROGRESSION, "death": DEATH}
"""Events of a time that are drawn, by the latent time of each."""


def unfit(study: Study, analysis: Analysis, *, named: bool) -> str:
    """Why an analysis cannot be run on end points that are drawn directly; empty if it can.

    What takes far longer than the trial itself is run where the scenario names it.
    """
    plan = study.analysis
    end_point, estimand = end_point_of(plan, analysis), estimand_of(plan, analysis)
    if not _POPULATION.fullmatch(population_of(study, analysis)):
        return f"its population is {population_of(study, analysis)!r}"
    strategies = {each.event: each.strategy for each in estimand.intercurrent_events}
    if isinstance(end_point, BinaryEndPoint):
        if set(end_point.responses) != {"CR", "PR"}:
            return "stable disease is not drawn"
        if end_point.confirmed:
            return "confirmation of a response is not drawn"
        if _items(analysis) > _COUNTED_BY:
            return f"it has more than {_COUNTED_BY} items as covariates and strata"
        return _LONGER if analysis.method in _SLOW and not named else ""
    if end_point.start == "response":
        return "times from a response are not drawn"
    if unknown := [each for each in end_point.events if each not in SOURCES]:
        return f"{unknown[0].replace('_', ' ')} is not drawn"
    for event in (*_OTHER_TREATMENT, "missing_scan"):
        if strategies.get(event, "treatment_policy") != "treatment_policy":
            return f"{event.replace('_', ' ')}, which censors, is not drawn"
    if _items(analysis) > _LISTED_BY:
        return f"it has more than {_LISTED_BY} items as covariates and strata"
    return _LONGER if listed(analysis) and analysis.method == "cox" and not named else ""


def listed(analysis: Analysis) -> bool:
    """Whether an analysis of times reads patients one by one: it is no comparison of groups that
    log-rank sums, or one coefficient of a Cox model in the strata of one item, would answer."""
    if analysis.method != "cox":
        return analysis.method != "log_rank"
    plain = analysis.interaction is None and not analysis.adjust and len(analysis.stratify) <= 1
    return not plain or len(analysis.groups) != 2 or analysis.test not in (None, "wald")


def _items(analysis: Analysis) -> int:
    return len([code for code in (*analysis.adjust, *analysis.stratify) if code != MARKER_STATUS])


def population_of(study: Study, analysis: Analysis) -> str:
    """The expression of the analysis's population."""
    wanted = estimand_of(study.analysis, analysis).population
    return next(each for each in study.analysis.populations if each.code == wanted).expression
