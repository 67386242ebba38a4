"""What the assay's errors cost the comparison that the size is for, and what a better one buys.

Whoever is reported a status is randomised by it, so that each group is a mixture of true statuses
and the difference of its rates shrinks; whoever has none is screened in vain. Powers are exact and
nothing is drawn: `equipoise simulate` shows the same of every analysis by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.analysis.sample_size import (
    compared_groups,
    evaluable,
    lost_included,
    needed_method,
    planned_test,
    sized,
)
from equipoise.simulation.assay_quality import assay_qualities
from equipoise.simulation.assay_reading import Reading, as_reported, reading, with_accuracy
from equipoise.simulation.planned_population import PlannedPatients
from equipoise.simulation.planned_power import mean_sizes
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.marker_comparison import expected_power, random_sizes, subjects_needed
from equipoise.statistics.marker_designs import Design, Population, class_in_arm, screened
from equipoise.study.definition import Study

PERFECT = "perfect assay"
AS_SET = "assay as set"
AS_STATED = "assay as the scenario says"
_NEEDED = ("needed_randomised", "needed_screened", "needed_months")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Another assay than the scenario's: how often each true status is reported as it is, where
    any is reported, and how often none is. Empty where nothing was set."""

    right: Mapping[str, float] = field(default_factory=dict)
    no_status: float | None = None


@dataclass(frozen=True, slots=True)
class Assayed:
    """An assay with what it reports, and those who are reported a status."""

    label: str
    reading: Reading
    statuses: tuple[str, ...]
    population: Population


def assays(
    study: Study, scenario: Scenario, patients: PlannedPatients, accuracy: Accuracy
) -> tuple[Assayed, ...]:
    """The assay as set (where it is), as the scenario says, better ones, and each step alone."""
    truths = reading(study, scenario).truths
    places = [patients.status(code) for code in truths]
    shares = [patients.population.prevalence[place] for place in places]
    whole = math.fsum(shares)
    true = Population(
        tuple(share / whole for share in shares),
        1.0,
        tuple(patients.population.rates[place] for place in places),
    )
    found: list[tuple[str, Reading]] = []
    if accuracy.right or accuracy.no_status is not None:
        own = with_accuracy(reading(study, scenario), accuracy.right, accuracy.no_status)
        found.append((AS_SET, own))
    found += [(each.label, reading(study, each.scenario)) for each in assay_qualities(scenario)]
    found += _steps_alone(study, scenario)
    return tuple(Assayed(label, told, *as_reported(true, told)) for label, told in found)


def assay_exhibits(
    study: Study, scenario: Scenario, patients: PlannedPatients, accuracy: Accuracy
) -> tuple[Exhibit, Exhibit]:
    """What the assay reports of each true status, and what its errors cost in power and patients.

    `assay_reading` has a row for each assay and true status; `assay_power` for each assay the
    rates, sizes and exact power of the sized comparison, its `cost` in percentage points against a
    perfect assay, and what the wanted power needs.
    """
    found = assays(study, scenario, patients, accuracy)
    stated = [each for each in found if each.label in (AS_SET, AS_STATED) or _alone(each)]
    perfect = next(each for each in found if each.label == PERFECT)
    shown = _shown(study, patients, perfect)
    best = None if shown is None else float(shown["power"] or 0)
    one, two = compared_groups(study)
    return (
        Exhibit(
            "assay_reading",
            "What is reported of each true status",
            tuple(row for each in stated for row in _reported(each)),
            (
                "no_status: of all who are screened; the statuses: of those who are reported one",
                "of two statuses: the sensitivity for the one is the specificity for the other",
            ),
        ),
        Exhibit(
            "assay_power",
            f"What the assay costs: {one.label} v {two.label}",
            tuple(_cost(study, patients, each, best) for each in found),
            (
                "false_status: of those who are randomised; no_status: of those who are screened",
                f"first: {one.label}; second: {two.label}, as reported: mixtures of the true "
                "statuses, whose rates are those of the sample size; sizes and exact power of the "
                "planned number after the loss",
                "cost: percentage points of power against a perfect assay; needed: for the wanted "
                "power, by the method of the sample size",
                "rates that were themselves observed by such an assay are mixtures already and "
                "lose nothing more",
                _dependence(scenario),
            ),
        ),
    )


def _dependence(scenario: Scenario) -> str:
    """Whether what is computed here is all, or errors go with the outcome in the scenario."""
    loadings = {} if scenario.endpoints is None else scenario.endpoints.loadings
    going = [code for code in scenario.marker.assays if loadings.get(code)]
    if not going or not loadings.get("response"):
        return "an error is independent of the outcome"
    return (
        f"an error is independent of the outcome here; the scenario lets those of "
        f"{' and '.join(going)} go with the response: simulate it for what that does"
    )


def assay_finding(exhibit: Exhibit) -> str:
    """What the first assay of `assay_power` costs, in a sentence."""
    row = exhibit.rows[0]
    perfect = next(each for each in exhibit.rows if each["assay"] == PERFECT)
    power, cost = row["power"], row["cost"]
    if power is None or cost is None:
        return "The assay never reports one of the compared statuses: it cannot show anything."
    whose = "The assay as set" if row["assay"] == AS_SET else "The assay that the scenario expects"
    return (
        f"{whose} gives {float(row['false_status'] or 0):.1%} of those who are randomised a false "
        f"status and {float(row['no_status'] or 0):.1%} of those who are screened none. That costs "
        f"{float(cost):.1f} percentage points of power ({float(power):.1%} instead of "
        f"{float(perfect['power'] or 0):.1%}); the wanted power takes {row['needed_randomised']} "
        f"randomised of {row['needed_screened']} screened instead of "
        f"{perfect['needed_randomised']} of {perfect['needed_screened']}."
    )


def reported_comparison(study: Study, patients: PlannedPatients, assayed: Assayed) -> Design | None:
    """The sized comparison of those who are reported the compared statuses; None without them."""
    one, two = compared_groups(study)
    if one.status not in assayed.statuses or two.status not in assayed.statuses:
        return None
    return class_in_arm(
        assayed.population,
        (assayed.statuses.index(one.status), assayed.statuses.index(two.status)),
        patients.arm(one.arms[0]),
        (float(one.share), float(two.share)),
    )


def _steps_alone(study: Study, scenario: Scenario) -> Iterator[tuple[str, Reading]]:
    """Each step of the rule in force without the others, where there are several."""
    marker = study.biomarker.marker
    rule = next(each for each in marker.rules if each.version == marker.rule_in_force)
    for step in rule.steps if len(rule.steps) > 1 else ():
        alone = rule.model_copy(update={"steps": (step,)})
        rules = tuple(alone if each is rule else each for each in marker.rules)
        changed = marker.model_copy(update={"rules": rules})
        biomarker = study.biomarker.model_copy(update={"marker": changed})
        yield (
            f"{step.assay} alone",
            reading(study.model_copy(update={"biomarker": biomarker}), scenario),
        )


def _alone(each: Assayed) -> bool:
    return each.label.endswith(" alone")


def _reported(each: Assayed) -> Iterator[Mapping[str, Value]]:
    told = each.reading
    for truth, row in zip(told.truths, told.table, strict=True):
        known = 1 - row[-1]
        shares = {
            f"as_{code}": value / known if known > 0 else None
            for code, value in zip(told.reported, row, strict=False)
        }
        yield {"assay": each.label, "true_status": truth, **shares, "no_status": row[-1]}


def _shown(study: Study, patients: PlannedPatients, each: Assayed) -> Mapping[str, Value] | None:
    """Rates, expected sizes and exact power of the sized comparison; None if it cannot be made."""
    design = reported_comparison(study, patients, each)
    if design is None:
        return None
    size, (test, side) = sized(study), planned_test(study)
    one, two = design.compared.first.rate, design.compared.second.rate
    sizes = random_sizes(design.compared, evaluable(size, size.planned))
    power = expected_power(sizes, one, two, alpha=float(size.alpha), test=test, side=side)
    return {"first_rate": one, "second_rate": two, **mean_sizes(sizes), "power": power}


def _cost(
    study: Study, patients: PlannedPatients, each: Assayed, best: float | None
) -> Mapping[str, Value]:
    head: dict[str, Value] = {
        "assay": each.label,
        "false_status": _false(patients, each),
        "no_status": 1 - each.population.answered,
    }
    shown, design = _shown(study, patients, each), reported_comparison(study, patients, each)
    if shown is None or design is None:
        names = ("first_rate", "second_rate", "first", "second", "power", "cost", *_NEEDED)
        return {**head, **dict.fromkeys(names)}
    power = float(shown["power"] or 0)
    cost = None if best is None else 100 * (best - power)
    return {**head, **shown, "cost": cost, **_needed(study, patients, design)}


def _false(patients: PlannedPatients, each: Assayed) -> float:
    """The part of those who are reported a status that are reported another true one's."""
    told = each.reading
    false = known = 0.0
    for truth, row in zip(told.truths, told.table, strict=True):
        share = patients.population.prevalence[patients.status(truth)]
        known += share * (1 - row[-1])
        pairs = zip(told.reported, row, strict=False)
        false += share * math.fsum(
            value for code, value in pairs if code in told.truths and code != truth
        )
    return false / known


def _needed(study: Study, patients: PlannedPatients, design: Design) -> Mapping[str, Value]:
    size = sized(study)
    method, corrected = needed_method(size)
    subjects = subjects_needed(
        design.compared, alpha=float(size.alpha), power=float(size.power), sides=size.sided,
        method=method, continuity_correction=corrected,
    )  # fmt: skip
    if subjects is None:
        return dict.fromkeys(_NEEDED)
    randomised = math.ceil(lost_included(size, Fraction(math.ceil(subjects - 1e-9))))
    number = screened(randomised, design.entering)
    months = round(number / patients.per_month, 1)
    return dict(zip(_NEEDED, (randomised, number, months), strict=True))
