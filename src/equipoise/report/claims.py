"""What a comparison can and cannot show: association, effect of treatment, or prediction.

Arms are randomised against one another, marker statuses are not. A difference between statuses
under one treatment is an association (prognosis, or anything else in which the groups differ).
Whether the marker predicts who benefits is the question whether the effect of treatment differs
between statuses, which only their interaction answers (Polley and others 2013, J Natl Cancer Inst
105:1677-1683).
"""

from __future__ import annotations

from equipoise.study.analysis_plan import MARKER_STATUS, Analysis

ASSOCIATION = "Association, not prediction: nobody was randomised between the statuses."
PREDICTION = (
    "Speaks to prediction: whether the effect of treatment differs between the marker statuses."
)
POOLED = (
    "An average over the marker statuses: it does not say who benefits, and means little where "
    "the effect differs between them."
)


def predictive(analysis: Analysis) -> bool:
    """Whether the analysis asks if the effect of treatment differs between marker statuses."""
    homogeneity = analysis.method == "breslow_day" and MARKER_STATUS in analysis.stratify
    return analysis.interaction is not None or (homogeneity and _arms_differ(analysis))


def claim(analysis: Analysis) -> str:
    """What the comparison can show, in one sentence; empty where nothing needs to be said."""
    if predictive(analysis):
        return PREDICTION
    if _statuses_differ(analysis):
        return ASSOCIATION
    return POOLED if _pooled(analysis) else ""


def caution(analysis: Analysis) -> str:
    """What a comparison of these groups can and cannot show.

    Groups that differ in status within the same arms were not randomised against one another:
    association. Only the interaction of treatment and marker speaks to prediction.
    """
    if predictive(analysis):
        return (
            "Whether the effect of treatment differs between the statuses: the only comparison "
            "that speaks to prediction. Arms are randomised within each status; the statuses are "
            "not."
        )
    if _statuses_differ(analysis):
        return (
            "The groups differ in marker status under the same treatment; nobody was randomised "
            "between them. The result is an association of the marker with the outcome, and other "
            "differences between the groups may explain it. Whether the marker predicts who "
            "benefits from a treatment, only the interaction of treatment and marker can show."
        )
    if _within_a_status(analysis):
        return "The groups are randomised arms within the same marker status."
    return POOLED if _pooled(analysis) else ""


def arms_within_a_status(analysis: Analysis) -> bool:
    """Whether two groups are compared that differ in their arm alone, within one status."""
    return len(analysis.groups) == 2 and _within_a_status(analysis)


def _within_a_status(analysis: Analysis) -> bool:
    statuses = {group.statuses for group in analysis.groups}
    return _arms_differ(analysis) and len(statuses) == 1 and len(next(iter(statuses))) == 1


def _pooled(analysis: Analysis) -> bool:
    """Whether arms are compared, or a common effect estimated, over several statuses together."""
    compares = analysis.method not in ("proportion", "kaplan_meier")
    statuses = {group.statuses for group in analysis.groups}
    return (
        compares
        and _arms_differ(analysis)
        and len(statuses) == 1
        and len(next(iter(statuses))) != 1
    )


def _arms_differ(analysis: Analysis) -> bool:
    return len({group.arms for group in analysis.groups}) > 1


def _statuses_differ(analysis: Analysis) -> bool:
    """Whether groups of other statuses are compared under the same arms."""
    compares = analysis.method not in ("proportion", "kaplan_meier")
    statuses = {group.statuses for group in analysis.groups}
    return compares and len(statuses) > 1 and not _arms_differ(analysis)
