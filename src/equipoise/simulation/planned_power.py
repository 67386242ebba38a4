"""What a planned trial can show: of its sized comparison, and of the interaction behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.analysis.sample_size import (
    compared_groups,
    evaluable,
    lost_included,
    planned_test,
    reasoning,
    sized,
)
from equipoise.errors import BadInput
from equipoise.simulation.planned_population import PlannedPatients
from equipoise.statistics.interaction import Scale, interaction_power, interaction_size
from equipoise.statistics.marker_comparison import (
    Comparison,
    Sizes,
    expected_power,
    random_sizes,
)
from equipoise.statistics.marker_designs import Population, class_in_arm
from equipoise.statistics.rejection import Test
from equipoise.study.definition import Study

_SCALES: Mapping[Scale, str] = {"log_odds": "log odds", "difference": "risk difference"}
_STEPS = (-0.2, -0.1, 0.0, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Observed:
    """What a trial observed in the two compared groups: responses among evaluable subjects."""

    first: tuple[int, int]
    second: tuple[int, int]

    def __post_init__(self) -> None:
        for (x, n), field in ((self.first, "first"), (self.second, "second")):
            if not 0 <= x <= n or n == 0:
                raise BadInput("must be X/N with X from 0 to N", field=field, found=f"{x}/{n}")


def sized_comparison(study: Study, patients: PlannedPatients) -> Comparison:
    """The comparison that the size is for, among the expected patients."""
    one, two = compared_groups(study)
    return class_in_arm(
        patients.population,
        (patients.status(one.status), patients.status(two.status)),
        patients.arm(one.arms[0]),
        (float(one.share), float(two.share)),
    ).compared


def power_of_sizes(
    study: Study,
    patients: PlannedPatients,
    observed: Observed | None = None,
    drawn: tuple[float, float] | None = None,
) -> Exhibit:
    """The exact power of several tests, by how large the two groups turn out to be.

    As the reasoning asks for; as the planned number gives them on average, its split being random,
    before and after the loss; the same at the rates that the scenario draws, where they are others;
    as observed, at the assumed and at the observed rates.
    """
    one, two = compared_groups(study)
    assumed = float(one.rate), float(two.rate)
    in_group, planned = reasoning(study).in_group, sized(study).planned
    compared = sized_comparison(study, patients)
    left = evaluable(sized(study), planned)
    cases: list[tuple[str, str, Sizes, tuple[float, float]]] = [
        ("as the reasoning asks for", "assumed", {(in_group, in_group): 1.0}, assumed),
        (f"{planned} evaluable", "assumed", random_sizes(compared, planned), assumed),
        (f"{left} evaluable, after the loss", "assumed", random_sizes(compared, left), assumed),
    ]
    if drawn is not None:
        cases.append((cases[2][0], "drawn", random_sizes(compared, left), drawn))
    if observed is not None:
        (x1, n1), (x2, n2) = observed.first, observed.second
        counted: Sizes = {(n1, n2): 1.0}
        cases.append(("as observed", "assumed", counted, assumed))
        cases.append(("as observed", "observed", counted, (x1 / n1, x2 / n2)))
    rows = tuple(
        {"sizes": label, "rates": rates, **mean_sizes(sizes), **_by_test(study, sizes, at)}
        for label, rates, sizes, at in cases
    )
    notes = (
        f"first: {one.label}; second: {two.label}",
        "where the marker splits the subjects at random, sizes are means and powers expectations",
    )
    return Exhibit("power", "Exact power by the sizes of the groups", rows, notes)


def by_prevalence(study: Study, patients: PlannedPatients) -> Exhibit:
    """What the prevalence of the first compared status does to power and to the size.

    The others keep their proportions. `exact_power` is that of the planned number after the loss,
    `needed_randomised` how many so that both groups have their sizes on average.
    """
    one, _ = compared_groups(study)
    base = patients.population.prevalence[patients.status(one.status)]
    shares = sorted({base, *(round(base + step, 2) for step in _STEPS if step)})
    rows = tuple(
        _at_prevalence(study, with_prevalence(patients, one.status, share), share)
        for share in shares
        if 0 < share < 1
    )
    notes = (f"prevalence of {one.status} among those with a status; the others in proportion",)
    return Exhibit("by_prevalence", "Power and size by the prevalence", rows, notes)


def needed_on_average(study: Study, patients: PlannedPatients) -> Fraction:
    """How many are randomised, loss included, so that both sized groups reach their size on
    average; not rounded."""
    found = reasoning(study)
    population = patients.population
    scarcest = max(
        float(found.randomised[each.status]) / population.prevalence[patients.status(each.status)]
        for each in found.groups
    )
    return lost_included(sized(study), Fraction(scarcest))


def interaction(study: Study, patients: PlannedPatients, control: str) -> Exhibit:
    """The power of the treatment by marker interaction, and the number that the wanted power needs.

    Of the two compared statuses and the compared arm with its control; where the study has more
    statuses or arms, of all of them too. Wald's test at the level of the sample size, two-sided.
    """
    one, two = compared_groups(study)
    arm = one.arms[0]
    both = [one.status, two.status]
    rows = [*_interactions(study, patients, both, [arm, control])]
    every = list(patients.statuses), list(patients.arms)
    if set(every[0]) != set(both) or set(every[1]) != {arm, control}:
        rows += _interactions(study, patients, *every)
    notes = (
        "Wald's test, normal approximation with the variance of the expected rates",
        "power: with every planned subject evaluable, and after the loss",
    )
    return Exhibit("interaction", "Treatment by marker interaction", tuple(rows), notes)


def interaction_by_control(study: Study, patients: PlannedPatients, control: str) -> Exhibit:
    """The same by the rate under the control arm, alike in both compared statuses."""
    one, two = compared_groups(study)
    rows: list[Mapping[str, Value]] = []
    for rate in (each / 20 for each in range(2, 11)):
        changed = patients
        for each in (one, two):
            changed = with_rate(changed, each.status, control, rate)
        for row in _interactions(
            study, changed, [one.status, two.status], [one.arms[0], control], ("log_odds",)
        ):
            kept = ("power", "power_after_loss", "needed_evaluable", "needed_randomised")
            rows.append({"control_rate": rate, **{name: row[name] for name in kept}})
    notes = (f"response to {control} alike in {one.status} and {two.status}; log odds",)
    title = "Interaction by the rate under the control arm"
    return Exhibit("interaction_by_control", title, tuple(rows), notes)


def with_rate(patients: PlannedPatients, status: str, arm: str, rate: float) -> PlannedPatients:
    """The same patients with another response rate of one status under one arm."""
    population = patients.population
    rates = [list(row) for row in population.rates]
    rates[patients.status(status)][patients.arm(arm)] = rate
    table = tuple(tuple(row) for row in rates)
    changed = Population(population.prevalence, population.answered, table)
    return replace(patients, population=changed)


def with_prevalence(patients: PlannedPatients, status: str, share: float) -> PlannedPatients:
    """The same patients with another prevalence of one status, the others in proportion."""
    population, place = patients.population, patients.status(status)
    before = population.prevalence[place]
    rest = (1 - share) / (1 - before)
    prevalence = [share if k == place else q * rest for k, q in enumerate(population.prevalence)]
    changed = Population(tuple(prevalence), population.answered, population.rates)
    return replace(patients, population=changed)


def _at_prevalence(study: Study, patients: PlannedPatients, share: float) -> Mapping[str, Value]:
    left = evaluable(sized(study), sized(study).planned)
    sizes = random_sizes(sized_comparison(study, patients), left)
    one, two = compared_groups(study)
    test, side = planned_test(study)
    power = expected_power(
        sizes, float(one.rate), float(two.rate),
        alpha=float(sized(study).alpha), test=test, side=side,
    )  # fmt: skip
    needed = math.ceil(needed_on_average(study, patients))
    return {
        "prevalence": share,
        **mean_sizes(sizes),
        "exact_power": power,
        "needed_randomised": needed,
    }


def mean_sizes(sizes: Sizes) -> Mapping[str, Value]:
    """The expected sizes of both groups, `first` and `second`."""
    whole = math.fsum(sizes.values())
    first, second = (
        round(math.fsum(chance * pair[of] for pair, chance in sizes.items()) / whole, 1)
        for of in (0, 1)
    )
    return {"first": first, "second": second}


def _by_test(study: Study, sizes: Sizes, rates: tuple[float, float]) -> Mapping[str, Value]:
    planned, side = planned_test(study)
    tests: Sequence[Test] = (
        ("fisher", "chi_square", "chi_square_corrected", "z_unpooled")
        if side == "two_sided"
        else ("fisher", "z_pooled", "z_unpooled")
    )
    alpha = float(sized(study).alpha)
    return {
        test: expected_power(sizes, *rates, alpha=alpha, test=test, side=side)
        for test in dict.fromkeys((*tests, planned))
    }


def _interactions(
    study: Study,
    patients: PlannedPatients,
    statuses: Sequence[str],
    arms: Sequence[str],
    scales: Sequence[Scale] = ("log_odds", "difference"),
) -> Iterator[dict[str, Value]]:
    size, population = sized(study), patients.population
    shares = cell_shares(study, patients, statuses, arms)
    rates = [
        [population.rates[patients.status(s)][patients.arm(a)] for a in arms] for s in statuses
    ]
    alpha, left = float(size.alpha), evaluable(size, size.planned)
    certain = any(rate in (0, 1) for row in rates for rate in row)
    for scale in scales:
        powers: list[float | None] = [None, None]
        needed = None
        if not certain:
            cells = [[[n * share for share in row] for row in shares] for n in (size.planned, left)]
            powers = [interaction_power(n, rates, alpha=alpha, scale=scale).power for n in cells]
            needed = _interaction_needed(study, shares, rates, scale)
        yield {
            "scale": _SCALES[scale],
            "statuses": ", ".join(statuses),
            "arms": ", ".join(arms),
            "planned": size.planned,
            "power": powers[0],
            "power_after_loss": powers[1],
            "needed_evaluable": needed,
            "needed_randomised": needed and math.ceil(lost_included(size, Fraction(needed))),
        }


def _interaction_needed(
    study: Study, shares: Sequence[Sequence[float]], rates: Sequence[Sequence[float]], scale: Scale
) -> int | None:
    """Evaluable subjects of the whole trial; None where the rates have no interaction."""
    size = sized(study)
    try:
        found = interaction_size(
            rates, shares, power=float(size.power), alpha=float(size.alpha), scale=scale
        )
    except BadInput as error:
        if error.allowed == "rates with an interaction":
            return None
        raise
    return math.ceil(found.subjects / sum(map(sum, shares)) - 1e-9)


def cell_shares(
    study: Study, patients: PlannedPatients, statuses: Sequence[str], arms: Sequence[str]
) -> list[list[float]]:
    """The part of all randomised subjects in each status (rows) and arm (columns)."""
    ratios = {each.status: each.ratio for each in study.randomisation.scheme.ratios}
    return [
        [
            patients.population.prevalence[patients.status(status)]
            * ratios[status].get(arm, 0)
            / sum(ratios[status].values())
            for arm in arms
        ]
        for status in statuses
    ]
