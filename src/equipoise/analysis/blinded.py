"""What a plan yields to whoever is blinded to the arms: its end points, all arms together.

A comparison of arms is left out, and so is the count of a group that names arms, which would show
how many each arm has. What remains of an analysis is its estimand: the same population, end point,
handling of intercurrent events and denominator, of all arms together, and by the marker status at
which the arms are mixed in the ratio that the protocol states anyway. Source: ICH E9, 4.5, and
E6(R3), 4.3, on what stays blinded before the data are locked.
"""

from __future__ import annotations

from collections.abc import Iterator

from equipoise.analysis.subjects import denominator_rule, end_point_of, estimand_of, population_of
from equipoise.record.expression import Expression
from equipoise.study.analysis_plan import Analysis, AnalysisPlan, BinaryEndPoint, Group
from equipoise.study.definition import Study

ALL = "all"
"""The group of everybody, whatever the marker status."""


def blinded(study: Study) -> Study:
    """The study with one analysis per estimand and denominator of its plan, no group by arm.

    A proportion with its exact interval, or a median time; groups are everybody and each marker
    status. What the plan tests together, and its size, which name comparisons, are gone. An
    estimand whose population reads the arm is left out.

    >>> from equipoise.study.load import load_study
    >>> plan = blinded(load_study("lung-tmb")).analysis
    >>> plan.analyses[0].id, [each.label for each in plan.analyses[0].groups]
    ('response_evaluable', ['all', 'LOW', 'MID', 'HIGH'])
    >>> any(group.arms for each in plan.analyses for group in each.groups)
    False
    """
    plan = study.analysis
    statuses = [each.code for each in study.biomarker.marker.statuses]
    groups = (Group(label=ALL), *(Group(label=each, statuses=(each,)) for each in statuses))
    found = {each.id: each for each in _analyses(plan, groups)}
    kept = {"analyses": tuple(found.values()), "closed_testing": None, "sample_size": None}
    return study.model_copy(update={"analysis": plan.model_copy(update=kept)})


def left_out(plan: AnalysisPlan) -> tuple[str, ...]:
    """The analyses of which nothing remains: their population reads the arm."""
    return tuple(each.id for each in plan.analyses if _reads_arm(plan, each))


def _analyses(plan: AnalysisPlan, groups: tuple[Group, ...]) -> Iterator[Analysis]:
    for each in plan.analyses:
        if _reads_arm(plan, each):
            continue
        estimand, rule = estimand_of(plan, each), denominator_rule(plan, each)
        if isinstance(end_point_of(plan, each), BinaryEndPoint):
            yield Analysis(
                id=f"{estimand.code}_{rule}", label=estimand.label, role="exploratory",
                estimand=estimand.code, groups=groups, method="proportion", side="none",
                estimate="proportion", interval="clopper_pearson",
                denominator="all" if rule == "all" else "evaluable",
            )  # fmt: skip
        else:
            yield Analysis(
                id=estimand.code, label=estimand.label, role="exploratory",
                estimand=estimand.code, groups=groups, method="kaplan_meier", side="none",
                estimate="median", interval="brookmeyer_crowley",
            )  # fmt: skip


def _reads_arm(plan: AnalysisPlan, analysis: Analysis) -> bool:
    return "arm" in Expression(population_of(plan, analysis).expression).items
