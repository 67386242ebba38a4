"""What the laboratory reports of each true status: exactly, from the scenario and the status rule.

The probabilities are those that end-point simulation draws from (`endpoint_marker`), added up over
every reading and failure of every assay: one sample, one run of each assay, the steps of the rule
in their order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from equipoise.errors import BadInput
from equipoise.simulation.endpoint_marker import MISSING, MarkerVariables
from equipoise.simulation.endpoint_network import Network
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.marker_designs import Population
from equipoise.study.definition import Study


@dataclass(frozen=True, slots=True)
class Reading:
    """The probability of each reported status (`reported`, columns) by true status (rows).

    The last column is that of no status. `truths` are the true statuses, in the order of the rows.
    """

    truths: tuple[str, ...]
    reported: tuple[str, ...]
    table: tuple[tuple[float, ...], ...]

    def right(self, truth: str) -> float:
        """How often a true status is reported as it is, where any status is reported.

        Of two statuses it is the sensitivity for the one, and the specificity for the other.
        """
        row = self.table[self.truths.index(truth)]
        return row[self.reported.index(truth)] / (1 - row[-1]) if row[-1] < 1 else math.nan


def reading(study: Study, scenario: Scenario, version: str | None = None) -> Reading:
    """What the status rule of `version`, else the one in force, reports of each true status.

    Raises BadInput for what the scenario does not say of an assay of the rule.

    >>> from equipoise.simulation.scenario import load_scenario
    >>> from equipoise.study.load import load_study, study_path
    >>> planning = load_scenario(study_path("mgmt-net").parent, "planning")
    >>> found = reading(load_study("mgmt-net"), planning)
    >>> [round(found.right(truth), 4) for truth in found.truths]
    [0.9854, 0.9976]
    """
    marker = study.biomarker.marker
    truths = tuple(
        dict.fromkeys(code for weights in scenario.marker.prevalence.values() for code in weights)
    )
    net = Network(1, tuple(arm.code for arm in study.randomisation.arms))
    truth = net.draw("true status", truths, (), lambda: [1.0] * len(truths), varies=True)
    unfit = float(scenario.marker.sample.inadequate)
    fit = net.draw("sample", ("adequate", "inadequate"), (), lambda: (1 - unfit, unfit))
    extra = scenario.endpoints or EndpointNature()
    variables = MarkerVariables(study, scenario, extra, net, truth, fit)
    status = variables.as_randomised(version or marker.rule_in_force)
    rows = [net.distribution(status, {truth.number: place}) for place in range(len(truth.codes))]
    none = status.codes.index(MISSING)
    kept = [place for place in range(len(status.codes)) if place != none]
    return Reading(
        truths,
        tuple(status.codes[place] for place in kept),
        tuple(tuple(row[place] for place in [*kept, none]) for row in rows),
    )


def with_accuracy(
    found: Reading, right: Mapping[str, float], no_status: float | None = None
) -> Reading:
    """The same with other probabilities to report a status as it is, and to report none.

    What is not right is spread over the other statuses as before, else evenly.

    >>> plain = Reading(("YES", "NO"), ("YES", "NO"), ((0.9, 0.0, 0.1), (0.0, 0.9, 0.1)))
    >>> [round(value, 4) for value in with_accuracy(plain, {"YES": 0.8}, no_status=0.5).table[0]]
    [0.4, 0.1, 0.5]
    """
    for truth in right:
        if truth not in found.truths:
            allowed = f"must name a true status: {', '.join(found.truths)}"
            raise BadInput(allowed, field=f"sensitivity.{truth}", found=right[truth])
    rows = []
    for truth, row in zip(found.truths, found.table, strict=True):
        known, own = 1 - row[-1], found.reported.index(truth)
        if known <= 0:
            raise BadInput("must be reported sometimes", field=f"sensitivity.{truth}")
        shares = [value / known for value in row[:-1]]
        if truth in right:
            wrong = 1 - shares[own]
            others = len(shares) - 1
            shares = [
                value / wrong * (1 - right[truth]) if wrong > 0 else (1 - right[truth]) / others
                for value in shares
            ]
            shares[own] = right[truth]
        none = row[-1] if no_status is None else no_status
        rows.append((*(value * (1 - none) for value in shares), none))
    return Reading(found.truths, found.reported, tuple(rows))


def as_reported(population: Population, found: Reading) -> tuple[tuple[str, ...], Population]:
    """Those who are reported a status, by what is reported: each is a mixture of true statuses.

    `population` has the true statuses as its classes. A status that is never reported is left out.

    >>> true = Population((0.5, 0.5), 1.0, ((0.5, 0.25), (0.1, 0.25)))
    >>> errs = Reading(("YES", "NO"), ("YES", "NO"), ((0.8, 0.2, 0.0), (0.2, 0.8, 0.0)))
    >>> codes, mixed = as_reported(true, errs)
    >>> codes, [round(row[0], 4) for row in mixed.rates]
    (('YES', 'NO'), [0.42, 0.18])
    """
    codes, shares, rates = [], [], []
    for place, code in enumerate(found.reported):
        parts = [
            share * row[place]
            for share, row in zip(population.prevalence, found.table, strict=True)
        ]
        whole = math.fsum(parts)
        if whole > 0:
            codes.append(code)
            shares.append(whole)
            rates.append(
                tuple(
                    math.fsum(
                        part * row[arm] for part, row in zip(parts, population.rates, strict=True)
                    )
                    / whole
                    for arm in range(len(population.rates[0]))
                )
            )
    answered = math.fsum(shares)
    if answered <= 0:
        raise BadInput("must leave somebody with a status", field="no_status", found=1)
    prevalence = tuple(share / answered for share in shares)
    return tuple(codes), Population(prevalence, min(1.0, answered), tuple(rates))
