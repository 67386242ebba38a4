"""The question of the trial under other designs, side by side: who is randomised, what it shows.

Each design is randomised to the planned number and, apart from that, to the number that the wanted
power needs. Loss is the same in all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.analysis.sample_size import (
    Compared,
    compared_groups,
    evaluable,
    lost_included,
    needed_method,
    planned_test,
    sized,
)
from equipoise.errors import BadInput
from equipoise.simulation.planned_population import PlannedPatients
from equipoise.statistics.marker_comparison import planned_power, subjects_needed
from equipoise.statistics.marker_designs import (
    Design,
    all_comers,
    arms_in_class,
    class_in_arm,
    enrichment,
    marker_strategy,
    screened,
)
from equipoise.statistics.proportion import Side
from equipoise.statistics.rejection import Test
from equipoise.study.definition import Study

STRATIFIED = "marker-stratified"
ENRICHMENT = "enrichment"
ALL_COMERS = "all comers"
STRATEGY = "marker-strategy"

_FREIDLIN = "Freidlin, McShane and Korn 2010, J Natl Cancer Inst 102:152-160"
_DEFINITIONS: tuple[Mapping[str, Value], ...] = (
    {
        "design": STRATIFIED,
        "randomised": "everybody with a status, within the statuses",
        "compared": "two statuses within an arm (association); two arms within a status",
        "reference": _FREIDLIN,
    },
    {
        "design": ENRICHMENT,
        "randomised": "the status with the higher expected response only",
        "compared": "two arms",
        "reference": "Simon and Maitournam 2004, Clin Cancer Res 10:6759-6763",
    },
    {
        "design": ALL_COMERS,
        "randomised": "everybody, 1:1, without a marker",
        "compared": "two arms",
        "reference": "Mandrekar and Sargent 2009, J Clin Oncol 27:4027-4034",
    },
    {
        "design": STRATEGY,
        "randomised": "everybody with a status, 1:1, to the better arm of each or one for all",
        "compared": "treated by the marker against all alike",
        "reference": "Sargent et al. 2005, J Clin Oncol 23:2020-2027",
    },
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A design with the question that it asks."""

    name: str
    question: str
    design: Design


def control_arm(study: Study, wanted: str | None = None) -> str:
    """The arm that the compared arm is set against: `wanted`, or the plan's own.

    That is the last arm of an analysis of interaction which has the compared arm, else the first
    other arm of the study.

    >>> from equipoise.study.load import load_study
    >>> control_arm(load_study("mgmt-net")), control_arm(load_study("lung-tmb"))
    ('OX', 'CHEMO')
    """
    one, two = compared_groups(study)
    if len(one.arms) != 1 or one.arms != two.arms:
        raise BadInput(
            "must compare two statuses within one arm, the same in both groups",
            field="analysis.sample_size.analysis",
            found=f"{one.label} and {two.label}",
        )
    arm = one.arms[0]
    others = [each.code for each in study.randomisation.arms if each.code != arm]
    if wanted is not None:
        if wanted not in others:
            raise BadInput(f"must be one of {', '.join(others)}", field="control", found=wanted)
        return wanted
    referring = (
        each.interaction.arms[-1]
        for each in study.analysis.analyses
        if each.interaction and arm in each.interaction.arms and each.interaction.arms[-1] != arm
    )
    if not others:
        raise BadInput("must be two or more", field="randomisation.arms", found=arm)
    return next(referring, others[0])


def favoured_group(study: Study) -> Compared:
    """The compared group with the higher expected rate: the status that the treatment is for."""
    return max(compared_groups(study), key=lambda each: each.rate)


def candidates(study: Study, patients: PlannedPatients, control: str) -> tuple[Candidate, ...]:
    """The designs that compare two groups, once each for every question that they answer."""
    groups, favoured = compared_groups(study), favoured_group(study)
    arm, population = favoured.arms[0], patients.population
    pair = patients.arm(arm), patients.arm(control)
    against = f"{arm} v {control}"
    places = (patients.status(groups[0].status), patients.status(groups[1].status))
    shares = (float(groups[0].share), float(groups[1].share))
    best = patients.status(favoured.status)
    guided = [pair[0] if row[pair[0]] > row[pair[1]] else pair[1] for row in population.rates]
    found = [
        Candidate(
            STRATIFIED,
            f"{groups[0].status} v {groups[1].status} within {arm} (as planned)",
            class_in_arm(population, places, pair[0], shares),
        )
    ]
    for status in patients.statuses:
        both = shares_of(study, status, arm, control)
        if both is not None:
            design = arms_in_class(population, patients.status(status), pair, both)
            found.append(Candidate(STRATIFIED, f"{against} within {status}", design))
    two = shares_alone(shares_of(study, favoured.status, arm, control))
    found += [
        Candidate(
            ENRICHMENT, f"{against} in {favoured.status}", enrichment(population, best, pair, two)
        ),
        Candidate(ALL_COMERS, f"{against} in everybody", all_comers(population, pair, (0.5, 0.5))),
        Candidate(
            STRATEGY, f"by the marker v {control}", marker_strategy(population, guided, pair[1])
        ),
        Candidate(STRATEGY, f"by the marker v {arm}", marker_strategy(population, guided, pair[0])),
    ]
    return tuple(found)


def compared_designs(
    study: Study, patients: PlannedPatients, control: str
) -> tuple[Exhibit, Exhibit, Exhibit]:
    """What each design shows with the planned number, what it needs for the power, what it is."""
    found = candidates(study, patients, control)
    size = sized(study)
    power = float(size.power)
    error = (
        "error: probability of rejecting when both groups respond as the second does",
        "greatest_error: the same at the common rate at which it is greatest",
        "months: patients screened over patients screened a month; nothing is added for follow-up",
    )
    return (
        Exhibit(
            "designs_planned",
            f"Designs with {size.planned} randomised",
            tuple(_with_planned(study, patients, each) for each in found),
            error,
        ),
        Exhibit(
            "designs_needed",
            f"Designs with the number for a power of {power:g}",
            tuple(_with_needed(study, patients, each) for each in found),
            ("by the method of the sample size; where that is exact, by the pooled approximation",),
        ),
        Exhibit("designs", "The designs", _DEFINITIONS),
    )


def _with_planned(study: Study, patients: PlannedPatients, each: Candidate) -> Mapping[str, Value]:
    size = sized(study)
    test, side = _test(study, each)
    found = planned_power(
        each.design.compared, evaluable(size, size.planned),
        alpha=float(size.alpha), test=test, side=side,
    )  # fmt: skip
    return {
        "design": each.name,
        "question": each.question,
        **_rates(each),
        "randomised": size.planned,
        **_screening(patients, each.design, size.planned),
        "first": round(found.sizes[0], 1),
        "second": round(found.sizes[1], 1),
        "power": found.power,
        "error": found.error,
        "greatest_error": found.greatest_error,
    }


def _with_needed(study: Study, patients: PlannedPatients, each: Candidate) -> Mapping[str, Value]:
    size = sized(study)
    method, corrected = needed_method(size)
    subjects = subjects_needed(
        each.design.compared, alpha=float(size.alpha), power=float(size.power), sides=size.sided,
        method=method, continuity_correction=corrected,
    )  # fmt: skip
    head: dict[str, Value] = {"design": each.name, "question": each.question, **_rates(each)}
    if subjects is None:
        return {**head, "evaluable": None, "randomised": None, "screened": None, "months": None}
    left = math.ceil(subjects - 1e-9)
    randomised = math.ceil(lost_included(size, Fraction(left)))
    return {
        **head,
        "evaluable": left,
        "randomised": randomised,
        **_screening(patients, each.design, randomised),
    }


def _rates(each: Candidate) -> Mapping[str, Value]:
    compared = each.design.compared
    return {"first_rate": compared.first.rate, "second_rate": compared.second.rate}


def _screening(patients: PlannedPatients, design: Design, subjects: int) -> Mapping[str, Value]:
    number = screened(subjects, design.entering)
    return {"screened": number, "months": round(number / patients.per_month, 1)}


def shares_of(study: Study, status: str, arm: str, control: str) -> tuple[float, float] | None:
    """The parts of a status in arm and control; None where one of them is not allocated."""
    ratio = next(each.ratio for each in study.randomisation.scheme.ratios if each.status == status)
    weights = ratio.get(arm, 0), ratio.get(control, 0)
    total = sum(ratio.values())
    return (weights[0] / total, weights[1] / total) if all(weights) else None


def shares_alone(shares: tuple[float, float] | None) -> tuple[float, float]:
    """The same ratio in a trial of these two arms alone; 1:1 where the status has no such ratio."""
    one, two = shares or (1.0, 1.0)
    return one / (one + two), two / (one + two)


def _test(study: Study, each: Candidate) -> tuple[Test, Side]:
    """The planned test; one-sided, in the direction that this design expects."""
    test, side = planned_test(study)
    if side == "two_sided":
        return test, side
    compared = each.design.compared
    return test, "greater" if compared.first.rate >= compared.second.rate else "less"
