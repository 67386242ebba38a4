"""The patients whom a scenario expects at screening, as numbers that a design needs.

The scenario says how common each status is, how often no status is found, how many patients are
screened a month, and how likely a response is in each status under each arm. For the groups that
the sample size compares the rates of the study file stand instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from equipoise.analysis.sample_size import Step, compared_groups
from equipoise.errors import BadInput
from equipoise.simulation.scenario import Draw, Scenario
from equipoise.statistics.marker_designs import Population
from equipoise.study.definition import Study


@dataclass(frozen=True, slots=True)
class PlannedPatients:
    """The expected patients: classes are `statuses`, treatments are `arms`, in these orders.

    `per_month`: patients screened a month. `steps` say where each number comes from.
    """

    statuses: tuple[str, ...]
    arms: tuple[str, ...]
    population: Population
    per_month: float
    steps: tuple[Step, ...]

    def status(self, code: str) -> int:
        """The class of a status."""
        return self.statuses.index(code)

    def arm(self, code: str) -> int:
        """The treatment of an arm."""
        return self.arms.index(code)


def planned_patients(study: Study, scenario: Scenario) -> PlannedPatients:
    """What the design of `study` may expect of the patients of `scenario`.

    A status that no assay gives, in which patients without an answer are randomised, has the
    prevalence of no answer, and responses as in all the others together.
    """
    known = prevalence(scenario)
    answered = 1 - no_status(study, scenario)
    arms = tuple(arm.code for arm in study.randomisation.arms)
    rates = {status: _rates(study, scenario, status, arms) for status in known}
    path = study.biomarker.marker.path
    if path is not None and path.then == "stratum" and path.status is not None:
        mixed = [math.fsum(known[s] * rates[s][a] for s in known) for a in range(len(arms))]
        known = {status: share * answered for status, share in known.items()}
        if answered < 1:
            known[path.status], rates[path.status] = 1 - answered, mixed
        answered = 1.0
    _all_randomised(study, scenario, known)
    statuses = tuple(known)
    population = Population(
        tuple(known.values()), answered, tuple(tuple(rates[status]) for status in statuses)
    )
    per_month = float(scenario.enrolment.per_month)
    steps = _steps(study, scenario, known, answered, rates, arms)
    return PlannedPatients(statuses, arms, population, per_month, steps)


def drawn_rates(study: Study, scenario: Scenario) -> tuple[float, float] | None:
    """The rates of response that the scenario draws in the two compared groups, where they are not
    those of the sample size; else None.

    >>> from equipoise.simulation.scenario import load_scenario
    >>> from equipoise.study.load import load_study, study_path
    >>> planning = load_scenario(study_path("lung-tmb").parent, "planning")
    >>> drawn_rates(load_study("lung-tmb"), planning)
    (0.6, 0.2)
    """
    groups = compared_groups(study)
    one, two = (
        float(scenario.tumour.shrinkage.get(each.status, {}).get(each.arms[0], each.rate))
        for each in groups
    )
    planned = [float(each.rate) for each in groups]
    return None if [one, two] == planned else (one, two)


def prevalence(scenario: Scenario) -> dict[str, float]:
    """How common each true status is among all patients, over the levels of what it depends on.

    >>> from equipoise.simulation.scenario import load_scenario
    >>> from equipoise.study.load import study_path
    >>> planning = load_scenario(study_path("mgmt-net").parent, "planning")
    >>> {status: round(share, 4) for status, share in prevalence(planning).items()}
    {'DEFICIENT': 0.5723, 'PROFICIENT': 0.4277}
    """
    plan = scenario.marker
    levels: Mapping[str, float] = dict.fromkeys(plan.prevalence, 1.0)
    if plan.depends_on is not None:
        levels = level_shares(scenario, plan.depends_on)
    found: dict[str, float] = {}
    for level, share in levels.items():
        weights = plan.prevalence.get(level)
        if not weights:
            raise _lacking(scenario, f"a prevalence for the level {level}", "marker.prevalence")
        total = float(sum(weights.values()))
        if min(weights.values()) < 0 or abs(total - 1) > 1e-6:
            raise BadInput(
                "must be probabilities of 0 to 1 that sum to 1",
                where=f"scenario {scenario.name}",
                field=f"marker.prevalence.{level}",
                found=", ".join(f"{status} {weight}" for status, weight in weights.items()),
            )
        for status, weight in weights.items():
            found[status] = found.get(status, 0.0) + share * float(weight)
    return {status: share / math.fsum(found.values()) for status, share in found.items()}


def level_shares(scenario: Scenario, item: str) -> Mapping[str, float]:
    """How common each level of an item is, where the scenario draws it from levels."""
    draw = scenario.items.get(item)
    if draw is None:
        raise _lacking(scenario, f"a draw of the item {item}", f"items.{item}")
    return _levels(scenario, item, draw)


def no_status(study: Study, scenario: Scenario) -> float:
    """How often no status is found: the sample is inadequate, or every assay of the rule fails.

    As a rehearsal draws it: one sample, one run of each assay.

    >>> from equipoise.simulation.scenario import load_scenario
    >>> from equipoise.study.load import load_study, study_path
    >>> planning = load_scenario(study_path("mgmt-net").parent, "planning")
    >>> round(no_status(load_study("mgmt-net"), planning), 4)
    0.0577
    """
    marker = study.biomarker.marker
    rule = next(each for each in marker.rules if each.version == marker.rule_in_force)
    failing = 1.0
    for step in rule.steps:
        assay = scenario.marker.assays.get(step.assay)
        if assay is None:
            raise _lacking(scenario, f"how the assay {step.assay} behaves", "marker.assays")
        failing *= float(assay.failure)
    inadequate = float(scenario.marker.sample.inadequate)
    return inadequate + (1 - inadequate) * failing


def _levels(scenario: Scenario, item: str, draw: Draw) -> Mapping[str, float]:
    if draw.choice is not None:
        total = float(sum(draw.choice.values()))
        return {level: float(weight) / total for level, weight in draw.choice.items()}
    if draw.value is not None:
        return {draw.value: 1.0}
    if draw.chance is not None:
        return {"true": float(draw.chance), "false": 1 - float(draw.chance)}
    if draw.given is not None:
        ((other, options),) = draw.given.items()
        found: dict[str, float] = {}
        for level, share in level_shares(scenario, other).items():
            if level not in options:
                raise _lacking(scenario, f"a draw for {other} {level}", f"items.{item}.given")
            for own, part in _levels(scenario, item, options[level]).items():
                found[own] = found.get(own, 0.0) + share * part
        return found
    raise _lacking(
        scenario, "a draw from levels, on which a prevalence can depend", f"items.{item}"
    )


def _rates(study: Study, scenario: Scenario, status: str, arms: Sequence[str]) -> list[float]:
    """Responses of a status by arm: the sample size's own, else what nature's tumours do."""
    planned = {
        arm: float(each.rate)
        for each in compared_groups(study)
        if each.status == status
        for arm in each.arms
    }
    drawn = scenario.tumour.shrinkage.get(status, {})
    for arm in arms:
        if arm not in planned and arm not in drawn:
            field = f"tumour.shrinkage.{status}.{arm}"
            raise _lacking(scenario, "a probability of response", field)
    return [planned[arm] if arm in planned else float(drawn[arm]) for arm in arms]


def _all_randomised(study: Study, scenario: Scenario, known: Mapping[str, float]) -> None:
    ratios = {each.status for each in study.randomisation.scheme.ratios}
    for status in known:
        if status not in ratios:
            field = f"marker.prevalence.{status}"
            raise _lacking(scenario, "a status that the scheme randomises", field)
    for each in compared_groups(study):
        if not known.get(each.status):
            field = f"marker.prevalence.{each.status}"
            raise _lacking(scenario, f"patients of the status {each.status}", field)


def _steps(
    study: Study,
    scenario: Scenario,
    known: Mapping[str, float],
    answered: float,
    rates: Mapping[str, Sequence[float]],
    arms: Sequence[str],
) -> tuple[Step, ...]:
    marker, tumour, enrolment = scenario.marker, scenario.tumour, scenario.enrolment
    whole = f"scenario {scenario.name}"
    shares = ", ".join(f"{status} {share:.4f}" for status, share in known.items())
    table = "; ".join(
        f"{status}: " + ", ".join(f"{arm} {rate:g}" for arm, rate in zip(arms, row, strict=True))
        for status, row in rates.items()
    )
    compared = " and ".join(each.label for each in compared_groups(study))
    return (
        Step("prevalence", whole, shares, marker.source, marker.assumption or scenario.assumption),
        Step(
            "no status found",
            f"{whole}: an inadequate sample, or every assay fails",
            f"{1 - answered:.4f}",
            marker.source,
            marker.sample.assumption or marker.assumption or scenario.assumption,
        ),
        Step(
            "responses",
            f"{whole}; {compared}: the study file's rates",
            table,
            tumour.source,
            tumour.assumption or scenario.assumption,
        ),
        Step(
            "screened a month",
            whole,
            f"{float(enrolment.per_month):g}",
            enrolment.source,
            enrolment.assumption or scenario.assumption,
        ),
    )


def _lacking(scenario: Scenario, allowed: str, field: str) -> BadInput:
    return BadInput(f"must be given: {allowed}", where=f"scenario {scenario.name}", field=field)
