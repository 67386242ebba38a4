"""Power by the number of subjects who are randomised: what the page of a design draws."""

from __future__ import annotations

import math
from collections.abc import Mapping

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.analysis.sample_size import compared_groups, evaluable, planned_test, sized
from equipoise.simulation.planned_population import PlannedPatients
from equipoise.simulation.planned_power import cell_shares, sized_comparison
from equipoise.statistics.interaction import interaction_power
from equipoise.statistics.marker_comparison import Sizes, expected_power, random_sizes
from equipoise.statistics.power import two_proportions_power
from equipoise.study.definition import Study

_LEFT_OUT = 0.001
"""The probability of the splits that a point of a curve leaves out, at most."""
_STEPS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
_FARTHER = (3.0, 4.0)
"""How many times the planned number; the farther ones by approximations alone."""


def power_by_number(study: Study, patients: PlannedPatients, control: str) -> Exhibit:
    """The powers of the sized comparison, of the arms within each status, and of the interaction.

    By the number randomised, after the loss. The sized comparison up to twice the planned number:
    exact, over the likely splits by the marker; the arms by the approximation of the pooled
    chi-square at the expected sizes; the interaction by Wald's test of the log odds.
    """
    planned = sized(study).planned
    numbers = [math.ceil(planned * step) for step in (*_STEPS, *_FARTHER)]
    limit = max(planned * step for step in _STEPS)
    rows = tuple(_at(study, patients, control, n, exact=n <= limit) for n in numbers)
    notes = (
        "after the loss; sized_comparison: exact, over the random split by the marker but for the "
        "unlikeliest thousandth",
        "arms: pooled chi-square, normal approximation at the expected sizes; interaction: Wald's "
        "test of the log odds",
    )
    return Exhibit("power_by_number", "Power by the number randomised", rows, notes)


def _likely(sizes: Sizes) -> Sizes:
    """The likeliest pairs of sizes that together leave out a thousandth at most."""
    left, kept = math.fsum(sizes.values()), {}
    for pair in sorted(sizes, key=lambda each: -sizes[each]):
        if left <= _LEFT_OUT:
            break
        kept[pair] = sizes[pair]
        left -= sizes[pair]
    return kept


def _at(
    study: Study, patients: PlannedPatients, control: str, number: int, *, exact: bool
) -> Mapping[str, Value]:
    size, (test, side) = sized(study), planned_test(study)
    one, two = compared_groups(study)
    left, alpha = evaluable(size, number), float(size.alpha)
    power = (
        expected_power(
            _likely(random_sizes(sized_comparison(study, patients), left)),
            float(one.rate), float(two.rate), alpha=alpha, test=test, side=side,
        )
        if exact
        else None
    )  # fmt: skip
    arms = [one.arms[0], control]
    shares = cell_shares(study, patients, patients.statuses, arms)
    found: dict[str, Value] = {"randomised": number, "evaluable": left, "sized_comparison": power}
    for status, row in zip(patients.statuses, shares, strict=True):
        rates = patients.population.rates[patients.status(status)]
        p1, p2 = (rates[patients.arm(arm)] for arm in arms)
        found[f"arms_in_{status}"] = (
            two_proportions_power(left * row[0], left * row[1], p1, p2, alpha=alpha)
            if all(row) and p1 != p2 and 0 < p1 + p2 < 2
            else None
        )
    compared = [patients.status(each.status) for each in (one, two)]
    table = [
        [patients.population.rates[place][patients.arm(arm)] for arm in arms] for place in compared
    ]
    cells = [[left * share for share in shares[place]] for place in compared]
    certain = any(rate in (0, 1) for row in table for rate in row)
    found["interaction"] = (
        None if certain else interaction_power(cells, table, alpha=alpha, scale="log_odds").power
    )
    return found
