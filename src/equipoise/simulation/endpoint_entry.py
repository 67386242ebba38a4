"""Who comes, when, from where, with which true status, and into which stratum."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.randomisation.rules import method_of, minimisation_of
from equipoise.simulation.endpoint_network import Network, Variable
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.simulation.nature import DAYS_PER_MONTH
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.allocation import CompleteRandomisation, PermutedBlocks, padded
from equipoise.statistics.minimisation import Minimisation
from equipoise.statistics.trial_draws import stream_key
from equipoise.statistics.trial_tables import Accrual, Effects, Randomisation
from equipoise.study.definition import Study

IntArray = NDArray[np.int64]
_PERMUTED, _COMPLETE = 0, 1
_RANGE, _VARIANCE = 0, 1


def accrual(study: Study, scenario: Scenario, extra: EndpointNature) -> Accrual:
    """The rate of arrival in every period of the calendar, with the hospitals then open."""
    plan = scenario.enrolment
    shares, opens = _sites(study, scenario, extra)
    starts = [float(month) * DAYS_PER_MONTH for month in periods(extra)]
    rates = []
    for month in periods(extra):
        factor = 1.0
        for each in sorted(extra.calendar, key=lambda one: one.from_month):
            factor = float(each.factor) if each.from_month <= month else factor
        working = sum(s for s, o in zip(shares, opens, strict=True) if o <= month) / sum(shares)
        rates.append(float(plan.per_month) / DAYS_PER_MONTH * factor * working)
    if rates[-1] <= 0:
        raise BadInput(
            "a last period in which patients come",
            where=f"scenario {scenario.name}",
            field="endpoints.calendar",
        )
    low, high = plan.days_to_randomisation
    if plan.screen_at_most < plan.randomise or plan.randomise < 1 or high < low:
        raise BadInput(
            "at least one subject to randomise, no more than are screened, and days in order",
            where=f"scenario {scenario.name}",
            field="enrolment",
            found=(plan.randomise, plan.screen_at_most, low, high),
        )
    return Accrual(
        stream=np.uint64(stream_key("arrival")),
        delay_stream=np.uint64(stream_key("to randomisation")),
        until=np.array([*starts[1:], np.inf]),
        rate=np.array(rates),
        delay_low=low,
        delay_span=high - low,
        wanted=plan.randomise,
        most=plan.screen_at_most,
        follow_up=round(plan.follow_up_months * DAYS_PER_MONTH),
    )


def periods(extra: EndpointNature) -> list[int]:
    """The months at which the rate of arrival changes, 0 first."""
    months = {0, *(each.from_month for each in extra.calendar)}
    return sorted(months | {each.opens_month for each in extra.sites.values()})


def site_variable(
    study: Study, scenario: Scenario, extra: EndpointNature, net: Network
) -> Variable:
    """The hospital, among those open when the patient comes."""
    shares, opens = _sites(study, scenario, extra)
    months = periods(extra)
    return net.draw(
        "site", tuple(each.code for each in study.sites), (net.period,),
        lambda period: _open(shares, opens, months[period]),
    )  # fmt: skip


def _open(shares: Sequence[float], opens: Sequence[int], month: int) -> list[float]:
    """Shares of the hospitals open in this month; before the first opens nobody comes at all."""
    found = [s if o <= month else 0.0 for s, o in zip(shares, opens, strict=True)]
    return found if any(found) else list(shares)


def _sites(
    study: Study, scenario: Scenario, extra: EndpointNature
) -> tuple[list[float], list[int]]:
    """Share and month of opening of each hospital, equal shares where none are given."""
    codes = [each.code for each in study.sites]
    if unknown := sorted(set(extra.sites) - set(codes)):
        raise BadInput(
            f"one of {', '.join(codes)}",
            where=f"scenario {scenario.name}",
            field="endpoints.sites",
            found=unknown[0],
        )
    if not extra.sites:
        return [1.0] * len(codes), [0] * len(codes)
    if missing := [code for code in codes if code not in extra.sites]:
        raise BadInput(
            f"a share of every hospital, also of {missing[0]}",
            where=f"scenario {scenario.name}",
            field="endpoints.sites",
        )
    return (
        [float(extra.sites[code].share) for code in codes],
        [extra.sites[code].opens_month for code in codes],
    )


def true_status(
    scenario: Scenario,
    net: Network,
    depends_on: Variable | None,
    site: Variable | None,
    varies: bool,
) -> tuple[Variable, list[list[float]]]:
    """The true status, by the level of the item that it depends on; and its weights, row by row."""
    plan, where = scenario.marker, f"scenario {scenario.name}"
    levels = depends_on.codes if depends_on is not None else tuple(plan.prevalence)[:1]
    codes = tuple(dict.fromkeys(itertools.chain.from_iterable(plan.prevalence.values())))
    rows = []
    for level in levels:
        if level not in plan.prevalence:
            raise BadInput(
                f"a prevalence for {plan.depends_on} {level}",
                where=where,
                field="marker.prevalence",
            )
        weights = [float(plan.prevalence[level].get(code, 0)) for code in codes]
        if min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
            raise BadInput(
                "probabilities of 0 to 1 that sum to 1",
                where=where,
                field=f"marker.prevalence.{level}",
                found=weights,
            )
        rows.append(weights)
    parents = [each for each in (site, depends_on) if each is not None]

    def weights_of(*values: int) -> list[float]:
        return rows[values[-1] if depends_on is not None else 0]

    return net.draw("true status", codes, parents, weights_of, varies=varies), rows


def effects(
    extra: EndpointNature,
    truth: Variable,
    rows: Sequence[Sequence[float]],
    site: Variable | None,
    variables: Sequence[int],
) -> Effects:
    """How the prevalence differs between trials and hospitals."""
    spread = extra.prevalence
    varies = spread.between_trials > 0 or spread.between_sites > 0
    groups = 1 if site is None else len(site.codes)
    return Effects(
        node=variables.index(truth.number) if varies else -1,
        groups=groups,
        rows=len(rows),
        between_trials=float(spread.between_trials),
        between_groups=float(spread.between_sites),
        weight=np.array(list(rows) * groups),
        stream=np.uint64(stream_key("prevalence of the trial")),
        group_stream=np.uint64(stream_key("prevalence of the site")),
    )


def randomisation(
    study: Study,
    net: Network,
    status: Variable,
    enters: Variable,
    factors: Sequence[Variable],
) -> Randomisation:
    """The scheme of the study as the kernel's tables.

    Adds the variable of the stratum. Raises BadInput for a block that the ratio does not divide.
    """
    plan, scheme = study.randomisation, study.randomisation.scheme
    arms = [each.code for each in plan.arms]
    statuses = [each.status for each in scheme.ratios]
    minimised = scheme.method == "minimisation"
    crossed = () if minimised else tuple(factors)
    combinations = list(itertools.product(*(range(len(each.codes)) for each in crossed)))

    def stratum(code: int, entering: int, *levels: int) -> int:
        name = status.codes[code]
        if entering != 0 or name not in statuses:
            return -1
        return statuses.index(name) * len(combinations) + combinations.index(levels)

    names = tuple(
        "/".join([code, *(f.codes[level] for f, level in zip(crossed, levels, strict=True))])
        for code in statuses
        for levels in combinations
    )
    made = net.look_up("stratum", names, (status, enters, *crossed), stratum)
    streams = np.array([stream_key(f"allocation/{name}") for name in names], dtype=np.uint64)
    if minimised:
        methods = [minimisation_of(scheme, code, arms) for code in statuses]
        return _minimised(methods, made, streams, factors)
    each = [method_of(scheme, code, arms) for code in statuses for _ in combinations]
    return _in_blocks(each, made, streams)


def _in_blocks(
    methods: Sequence[PermutedBlocks | CompleteRandomisation],
    made: Variable,
    streams: NDArray[np.uint64],
) -> Randomisation:
    sizes = [each.sizes if isinstance(each, PermutedBlocks) else (1,) for each in methods]
    return Randomisation(
        stratum=made.number,
        stream=streams,
        kinds=np.array(
            [_PERMUTED if isinstance(each, PermutedBlocks) else _COMPLETE for each in methods],
            dtype=np.int64,
        ),
        ratios=padded([np.array(each.ratio, dtype=np.int64) for each in methods]),
        sizes=padded([np.array(each, dtype=np.int64) for each in sizes]),
        choices=np.array([len(each) for each in sizes], dtype=np.int64),
        limits=np.array([each.words_per_block for each in methods], dtype=np.int64),
        minimised=False,
        codes=np.zeros(1, dtype=np.int64),
        coins=np.zeros((1, 2), dtype=np.int64),
        weights=np.zeros((1, 1), dtype=np.int64),
        arm_of=np.zeros((1, 1), dtype=np.int64),
        slots=np.ones(1, dtype=np.int64),
        factors=np.zeros(0, dtype=np.int64),
        levels=1,
    )


def _minimised(
    methods: Sequence[Minimisation],
    made: Variable,
    streams: NDArray[np.uint64],
    factors: Sequence[Variable],
) -> Randomisation:
    return Randomisation(
        stratum=made.number,
        stream=streams,
        kinds=np.zeros(len(methods), dtype=np.int64),
        ratios=np.ones((len(methods), 1), dtype=np.int64),
        sizes=np.ones((len(methods), 1), dtype=np.int64),
        choices=np.ones(len(methods), dtype=np.int64),
        limits=np.array([each.words_per_block for each in methods], dtype=np.int64),
        minimised=True,
        codes=np.array(
            [_VARIANCE if each.measure == "variance" else _RANGE for each in methods],
            dtype=np.int64,
        ),
        coins=np.array([each.probability.as_integer_ratio() for each in methods], dtype=np.int64),
        weights=np.array([each.weights for each in methods], dtype=np.int64),
        arm_of=padded([np.array(each.arm_of, dtype=np.int64) for each in methods]),
        slots=np.array([each.notional for each in methods], dtype=np.int64),
        factors=np.array([each.number for each in factors], dtype=np.int64),
        levels=max(len(each.codes) for each in factors),
    )
