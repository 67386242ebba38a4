"""End-point simulation: whole trials drawn from study and scenario without a record.

Patients, statuses, allocation and end points are drawn directly, and the analyses of the plan that
need no more are run on them by the functions of the analysis itself. What is not drawn (lesions,
doses, toxicity, visits) is the rehearsal's business; `skipped` says which analyses need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.randomisation.plan import SITE
from equipoise.simulation.endpoint_analyses import Analyses, Compared, Counted
from equipoise.simulation.endpoint_closed import SKIPPED as CLOSED_TEST
from equipoise.simulation.endpoint_closed import (
    Closed,
    closed_columns,
    closed_described,
    closed_test,
)
from equipoise.simulation.endpoint_column import Column
from equipoise.simulation.endpoint_columns import (
    Known,
    compared_columns,
    counted_columns,
    described,
)
from equipoise.simulation.endpoint_entry import (
    accrual,
    effects,
    periods,
    randomisation,
    site_variable,
    true_status,
)
from equipoise.simulation.endpoint_fingerprint import fingerprint, study_digest
from equipoise.simulation.endpoint_fit import unfit
from equipoise.simulation.endpoint_listed import Listed, listed_columns
from equipoise.simulation.endpoint_looks import SKIPPED as LOOKS
from equipoise.simulation.endpoint_looks import (
    Looked,
    look_columns,
    look_tables,
    looked,
    looks_described,
)
from equipoise.simulation.endpoint_marker import MarkerVariables, weights_of
from equipoise.simulation.endpoint_medians import Median, median_columns
from equipoise.simulation.endpoint_network import Network, Variable
from equipoise.simulation.endpoint_outcomes import (
    LATENT,
    Outcomes,
    latent_times,
    outcomes,
    watching,
)
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.simulation.endpoint_truths import Truths
from equipoise.simulation.nature import DAYS_PER_MONTH
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.trial_kernel import run_trials
from equipoise.statistics.trial_tables import (
    LAST_DAY,
    RANDOMISED,
    RAW,
    SCREENED,
    Randomisation,
    TrialTables,
    no_looks,
)
from equipoise.study.analysis_plan import MARKER_STATUS, Analysis
from equipoise.study.definition import Study

FloatArray = NDArray[np.float64]

TESTS = ("p", "rejected")
"""Measures of columns that say whether a null hypothesis is rejected."""


@dataclass(frozen=True, slots=True)
class EndpointSimulation:
    """A compiled simulation: small, picklable, without study or scenario.

    `described` says of every column of a trial what it is. `tested` are the analyses that reject or
    not: where their P stands is in `p_columns`, and at most what rejects in `limits`; of a trial
    that stops by its looks there stands whether it rejects. `skipped`:
    analyses of the plan that cannot be run, each with the reason. `fingerprint` differs whenever a
    bit could differ.
    """

    name: str
    tables: TrialTables
    described: tuple[Column, ...]
    counted: tuple[Counted, ...]
    compared: tuple[Compared, ...]
    listed: tuple[Listed | Median, ...]
    sizes: tuple[int, int, int, int]
    wrong: tuple[int, FloatArray]
    tested: tuple[str, ...]
    limits: tuple[float, ...]
    p_columns: tuple[int, ...]
    skipped: tuple[tuple[str, str], ...]
    closed: Closed | None
    looked: Looked | None
    fingerprint: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what each trial yields."""
        return tuple(each.name for each in self.described)

    def trials(self, seed: int, first: int, count: int, *, threads: int = 1) -> FloatArray:
        """Trials `first` to `first + count - 1` of a seed, shape (count, columns).

        Trial i depends on the seed and i alone; nan where an analysis has no answer.
        """
        raw = run_trials(self.tables, seed, first, count, threads=threads)
        base, each_, statuses, arms = self.sizes
        cells = raw.T[base : base + statuses * arms * each_].reshape(statuses, arms, -1, count)
        cells = cells.sum(axis=2)
        months = (raw[:, LAST_DAY] + self.tables.accrual.follow_up) / DAYS_PER_MONTH
        found = [raw[:, SCREENED], raw[:, RANDOMISED], months]
        begin, weights = self.wrong
        wrong = raw[:, begin : begin + len(weights)] @ weights
        found.append(wrong / np.maximum(raw[:, RANDOMISED], 1))
        for status in range(statuses):
            found.append(cells[status].sum(axis=0))
            found += list(cells[status])
        tested: Known = {}
        for each in self.counted:
            found += counted_columns(each, raw, tested)
        comparing = RAW + self.tables.tallies.columns
        for one in self.compared:
            found += compared_columns(one, raw, comparing)
        listing = comparing + self.tables.comparisons.columns
        medians = listing + len(self.tables.listings.end_point) * self.tables.listings.each
        for mine in self.listed:
            if isinstance(mine, Median):
                found += median_columns(mine, raw[:, medians:])
            else:
                found += listed_columns(mine, self.tables.listings, raw[:, listing:])
        trials = np.column_stack(found)
        added = [trials]
        if self.closed is not None:
            added.append(closed_columns(self.closed, trials))
        if self.looked is not None:
            added.append(look_columns(self.looked, self.tables.looks, raw, trials, months))
        return np.column_stack(added) if len(added) > 1 else trials


def endpoint_simulation(study: Study, scenario: Scenario) -> EndpointSimulation:
    """Compile study and scenario. Raises BadInput, with field and reason, for what cannot be."""
    if scenario.study != study.id:
        raise BadInput(
            f"a scenario of the study {study.id}",
            where=f"scenario {scenario.name}",
            field="study",
            found=scenario.study,
        )
    extra = scenario.endpoints or EndpointNature()
    _check_names(study, scenario, extra)
    wanted, skipped = _wanted(study, scenario, extra)
    made = _patients(study, scenario, extra, wanted)
    found = outcomes(study, scenario, extra, made.net, made.truth)
    _check_intervals(scenario, extra, wanted)
    analyses = Analyses(study, found, made.net.arm, extra.beside_fisher, extra.intervals)
    for analysis in wanted:
        analyses.add(analysis, made.marker, made.items)
    wrong = _wrong(made, analyses)
    tables = _tables(study, scenario, extra, made, found, analyses)
    truths = Truths(study, scenario)
    counted, compared, listed = analyses.told(truths)
    columns = described(made.status.codes, made.net.arms, counted, compared, listed, truths)
    closed, untold = closed_test(study.analysis, columns)
    if untold:
        skipped.append((CLOSED_TEST, untold))
    looking, unseen = looked(study, [*counted, *compared], columns)
    if unseen:
        skipped.append((LOOKS, unseen))
    if closed is not None:
        columns = (*columns, *closed_described(closed, columns))
    if looking is not None:
        columns = (*columns, *looks_described(looking))
        tables = look_tables(study, looking, tables)
    tested = [place for place, each in enumerate(columns) if each.measure in TESTS]
    return EndpointSimulation(
        name=scenario.name,
        tables=tables,
        described=columns,
        counted=counted,
        compared=compared,
        listed=listed,
        sizes=(*analyses.sizes(made.status), len(made.status.codes), len(made.net.arms)),
        wrong=wrong,
        tested=tuple(columns[place].subject for place in tested),
        limits=tuple(columns[place].limit for place in tested),
        p_columns=tuple(tested),
        skipped=tuple(skipped),
        closed=closed,
        looked=looking,
        fingerprint=fingerprint(study_digest(study), scenario),
    )


@dataclass(frozen=True, slots=True)
class _Patients:
    """The network up to allocation, and the variables that others read."""

    net: Network
    items: dict[str, Variable]
    truth: Variable
    rows: list[list[float]]
    site: Variable | None
    marker: MarkerVariables
    status: Variable
    plan: Randomisation


def _patients(
    study: Study, scenario: Scenario, extra: EndpointNature, wanted: Sequence[Analysis]
) -> _Patients:
    net = Network(len(periods(extra)), tuple(each.code for each in study.randomisation.arms))
    varied = extra.prevalence.between_sites > 0
    varies = varied or extra.prevalence.between_trials > 0
    needed = {
        *study.randomisation.scheme.factors,
        *(i for a in wanted for i in (*a.stratify, *a.adjust)),
    }
    site = site_variable(study, scenario, extra, net) if varied or SITE in needed else None
    items: dict[str, Variable] = {} if site is None else {SITE: site}
    for code in sorted(needed - {SITE, MARKER_STATUS}):
        weights_of(net, scenario, code, items)
    depends = scenario.marker.depends_on
    level = weights_of(net, scenario, depends, items) if depends is not None else None
    tied = site if varied else None
    truth, rows = true_status(scenario, net, level, tied, varies)
    unfit = float(scenario.marker.sample.inadequate)
    fit = net.draw("sample", ("adequate", "inadequate"), (), lambda: (1 - unfit, unfit))
    marker = MarkerVariables(study, scenario, extra, net, truth, fit)
    status = marker.as_randomised(study.biomarker.marker.rule_in_force)
    fails = float(extra.screening_failure)
    enters = net.draw("screening", ("enters", "fails"), (), lambda: (1 - fails, fails))
    factors = [items[code] for code in study.randomisation.scheme.factors]
    plan = randomisation(study, net, status, enters, factors)
    net.allocated()
    return _Patients(net, items, truth, rows, tied, marker, status, plan)


def _tables(
    study: Study,
    scenario: Scenario,
    extra: EndpointNature,
    made: _Patients,
    found: Outcomes,
    analyses: Analyses,
) -> TrialTables:
    times = latent_times(study, scenario, extra, made.net, made.truth, found)
    watched = watching(study, scenario, extra, found)
    read = {made.plan.stratum, *made.plan.factors.tolist(), watched.leaving}
    read |= {*times.delayed_by.tolist(), *times.parent.ravel().tolist()} | analyses.read
    nodes = made.net.nodes(read)
    coming = accrual(study, scenario, extra)
    return TrialTables(
        accrual=coming,
        nodes=nodes,
        effects=effects(extra, made.truth, made.rows, made.site, nodes.variable.tolist()),
        randomisation=made.plan,
        times=times,
        watching=watched,
        end_points=analyses.end_point_table(),
        tallies=analyses.tallies(),
        comparisons=analyses.comparison_table(),
        listings=analyses.listing_table(coming.wanted),
        medians=analyses.median_table(),
        arms=len(made.net.arms),
        looks=no_looks(),
    )


def _wrong(made: _Patients, analyses: Analyses) -> tuple[int, FloatArray]:
    """The first column of counts of status by true status, and which of them are not the true one.

    Where the status is always the true one nothing needs to be counted.
    """
    pairs = [float(a != b) for a in made.status.codes for b in made.truth.codes]
    if made.net.same(made.status, made.truth):
        return 0, np.zeros(0)
    return analyses.counts(made.status, made.truth), np.array(pairs)


def _check_names(study: Study, scenario: Scenario, extra: EndpointNature) -> None:
    """BadInput for a draw or an assay that the study does not have."""
    assays = [each.code for each in study.biomarker.marker.assays]
    for field, found, known in (
        ("loadings", extra.loadings, ["response", *LATENT, *assays]),
        ("contrary", extra.contrary, assays),
    ):
        for name in found:
            if name not in known:
                raise BadInput(
                    f"one of {', '.join(known)}",
                    where=f"scenario {scenario.name}",
                    field=f"endpoints.{field}",
                    found=name,
                )


def _wanted(
    study: Study, scenario: Scenario, extra: EndpointNature
) -> tuple[list[Analysis], list[tuple[str, str]]]:
    """The analyses to run, in the plan's order: those that the scenario names, or else all that can
    be; and which cannot, with the reason."""
    plan = study.analysis.analyses
    known = [each.id for each in plan]
    where, field = f"scenario {scenario.name}", "endpoints.analyses"
    for name in extra.analyses:
        if name not in known:
            allowed = f"an analysis of the plan: {', '.join(known)}"
            raise BadInput(allowed, where=where, field=field, found=name)
    wanted, skipped = [], []
    for each in plan:
        named = each.id in extra.analyses
        if extra.analyses and not named:
            continue
        reason = unfit(study, each, named=named)
        if reason and named:
            allowed = f"an analysis that can be run ({reason})"
            raise BadInput(allowed, where=where, field=field, found=each.id)
        if reason:
            skipped.append((each.id, reason))
        else:
            wanted.append(each)
    return wanted, skipped


def _check_intervals(scenario: Scenario, extra: EndpointNature, wanted: Sequence[Analysis]) -> None:
    """BadInput for an interval of an analysis that is not simulated or has none."""
    having = [each.id for each in wanted if each.interval != "none"]
    for name in extra.intervals:
        if name not in having:
            raise BadInput(
                "a simulated analysis with an interval",
                where=f"scenario {scenario.name}",
                field="endpoints.intervals",
                found=name,
            )
