"""Analyses that read patients one by one, and intervals, are those of the analysis."""

from __future__ import annotations

import math

import numpy as np
import pytest

from equipoise.analysis.endpoints import convention
from equipoise.errors import BadInput
from equipoise.simulation.endpoint_listed import Listed
from equipoise.simulation.endpoint_medians import Median
from equipoise.simulation.endpoints import EndpointSimulation
from equipoise.statistics import trial_kernel as kernel
from equipoise.statistics.binomial_interval import clopper_pearson
from equipoise.statistics.cox import cox_effect
from equipoise.statistics.kaplan_meier import kaplan_meier, survival_quantile
from equipoise.statistics.logistic import logistic_effect
from equipoise.statistics.odds_ratio import odds_ratio_conditional
from equipoise.statistics.risk_difference import risk_difference_miettinen_nurminen
from equipoise.statistics.trial_tables import ARM
from tests.harness.watched import SEED, Watched, simulation_of

TRIALS = 3


class Patients:
    """The patients of one trial as the cores compared them, by what each analysis calls them."""

    def __init__(self, simulation: EndpointSimulation, trial: int, of: Listed | Median) -> None:
        watched, listings = Watched(simulation, trial), simulation.tables.listings
        listed = isinstance(of, Listed)
        end_point = listings.end_point[of.listing] if listed else of.end_point
        own = simulation.tables.comparisons.end_point.tolist()
        order_of = sorted(range(len(own)), key=lambda place: own[place])
        comparison = own.index(end_point)
        order, self.days, self.events = watched.sorted[order_of.index(comparison)]
        sizes = [name.split("/") for name in simulation.columns if name.startswith("size/")]
        statuses = list(dict.fromkeys(each[1] for each in sizes))
        arms = list(dict.fromkeys(each[2] for each in sizes if len(each) > 2))
        place = watched.values[simulation.tables.comparisons.status[comparison], order]
        self.status = np.array(statuses)[place]
        self.arm = np.array(arms)[watched.values[ARM, order]]
        self.others = [
            watched.values[variable, order]
            for variable in (listings.parent[of.listing][2:] if listed else ())
            if variable >= 0
        ]


def _listed(simulation: EndpointSimulation, name: str) -> Listed:
    found = next(each for each in simulation.listed if each.analysis.id == name)
    assert isinstance(found, Listed)
    return found


def _medians(simulation: EndpointSimulation, name: str) -> Median:
    found = next(each for each in simulation.listed if each.analysis.id == name)
    assert isinstance(found, Median)
    return found


@pytest.mark.parametrize(
    ("study", "names", "beside"),
    [
        ("mgmt-net", ["pfs_medians", "os_medians"], ["pfs_arms_deficient", "os_alky"]),
        ("lung-tmb", ["pfs_medians"], ["pfs_arms"]),
    ],
)
def test_medians_are_those_of_the_curves(study: str, names: list[str], beside: list[str]) -> None:
    simulation = simulation_of(study, analyses=[*names, *beside])
    trials = simulation.trials(SEED, 0, TRIALS)
    seen = 0
    for name in names:
        medians = _medians(simulation, name)
        unit = float(convention("days_per_month")) if medians.months else 1.0
        for trial in range(TRIALS):
            them = Patients(simulation, trial, medians)
            for group in medians.analysis.groups:
                mine = np.isin(them.arm, group.arms) if group.arms else them.arm == them.arm
                if group.statuses:
                    mine &= np.isin(them.status, group.statuses)
                curve = kaplan_meier(them.days[mine] / unit, them.events[mine])
                one = survival_quantile(curve)
                own = f"{name}/{group.label}"
                truth = simulation.described[simulation.columns.index(own)].truth
                assert truth is not None
                upper = math.inf if one.upper is None else one.upper
                told = {own: one.estimate, f"{own}/width": upper - (one.lower or 0.0)}
                if one.lower is not None:
                    told[f"{own}/covered"] = float(one.lower <= truth <= upper)
                for column, value in told.items():
                    found = trials[trial, simulation.columns.index(column)]
                    finite = value is not None and math.isfinite(value)
                    assert found == pytest.approx(value if finite else math.nan, nan_ok=True)
                    seen += finite
    assert seen > 10 * len(names)


def test_an_interaction_is_that_of_the_cox_model() -> None:
    names = ["pfs_interaction", "pfs_arms_deficient"]
    simulation = simulation_of("mgmt-net", analyses=names)
    trials = simulation.trials(SEED, 0, TRIALS)
    listed = _listed(simulation, "pfs_interaction")
    for trial in range(TRIALS):
        them = Patients(simulation, trial, listed)
        known = np.isin(them.status, ("DEFICIENT", "PROFICIENT"))
        arm, status = (them.arm == "ALKY")[known], (them.status == "DEFICIENT")[known]
        covariates = np.column_stack([arm, status, arm & status]).astype(float)
        found = cox_effect(them.days[known], them.events[known], covariates, [2])
        assert found.lower is not None and found.upper is not None
        told = {
            "p": found.p,
            "log_ratio_of_hazard_ratios": found.estimate,
            "width": found.upper - found.lower,
        }
        for column, value in told.items():
            place = simulation.columns.index(f"pfs_interaction/{column}")
            assert trials[trial, place] == pytest.approx(value)


def test_an_adjusted_ratio_is_that_of_the_cox_model_in_its_strata() -> None:
    simulation = simulation_of("lung-tmb", analyses=["pfs_hazard_ratio", "pfs_arms"])
    trials = simulation.trials(SEED, 0, TRIALS)
    listed = _listed(simulation, "pfs_hazard_ratio")
    first, second = (group.arms for group in listed.analysis.groups)
    for trial in range(TRIALS):
        them = Patients(simulation, trial, listed)
        known = np.isin(them.arm, (*first, *second)) & (them.status != "unknown")
        (smoking,) = them.others
        codes = np.unique(smoking[known])
        covariates = np.column_stack(
            [np.isin(them.arm, first), *(smoking == code for code in codes[1:])]
        )[known].astype(float)
        found = cox_effect(
            them.days[known], them.events[known], covariates, [0], strata=them.status[known]
        )
        for column, value in (("p", found.p), ("log_hazard_ratio", found.estimate)):
            place = simulation.columns.index(f"pfs_hazard_ratio/{column}")
            assert trials[trial, place] == pytest.approx(value)


def test_intervals_of_counts_are_those_of_the_plan() -> None:
    """An odds ratio that is infinite is left out; its interval, which has no end, is not."""
    names = ["primary", "primary_difference", "response_3m_proportions"]
    simulation = simulation_of("mgmt-net", analyses=names, intervals=names)
    trials = simulation.trials(SEED, 0, 60)
    raw = kernel.run_trials(simulation.tables, SEED, 0, 60)
    by_name = {each.analysis.id: each for each in simulation.counted}

    def table(name: str, trial: int) -> list[tuple[int, int]]:
        one = by_name[name]
        x, n = (raw[trial, slice(*one.columns)] @ one.sums).astype(int).reshape(2, -1).tolist()
        return list(zip(x, n, strict=True))

    def held(name: str, trial: int) -> list[float]:
        return [
            float(trials[trial, place])
            for place, column in enumerate(simulation.described)
            if column.subject == name and column.measure in ("estimate", "covered", "width")
        ]

    for trial in range(60):
        (x1, n1), (x2, n2) = table("primary", trial)
        ratio = odds_ratio_conditional(x1, n1, x2, n2)
        truth = math.log(0.5 / 0.5 / (0.15 / 0.85))
        _same(held("primary", trial), *np.log(_figures(ratio)).tolist(), truth)
        difference = risk_difference_miettinen_nurminen(x1, n1, x2, n2)
        _same(held("primary_difference", trial), *_figures(difference), 0.5 - 0.15)
        rates = {"DEFICIENT, ALKY": 0.5, "PROFICIENT, ALKY": 0.15}
        groups = by_name["response_3m_proportions"].analysis.groups
        for group, counts in zip(groups, table("response_3m_proportions", trial), strict=True):
            if group.label in rates:
                own = held(f"response_3m_proportions/{group.label}", trial)
                _same(own, *_figures(clopper_pearson(*counts)), rates[group.label])


def _figures(found: object) -> list[float]:
    return [getattr(found, name) for name in ("estimate", "lower", "upper")]


def _same(held: list[float], estimate: float, lower: float, upper: float, truth: float) -> None:
    width = upper - lower if math.isfinite(upper - lower) else math.nan
    finite = estimate if math.isfinite(estimate) else math.nan
    expected = [finite, float(lower <= truth <= upper), width]
    assert held == pytest.approx(expected, nan_ok=True)


def test_a_logistic_interaction_is_that_of_the_analysis() -> None:
    simulation = simulation_of("mgmt-net", analyses=["bor_interaction"])
    trials = simulation.trials(SEED, 0, 30)
    raw = kernel.run_trials(simulation.tables, SEED, 0, 30)
    (one,) = simulation.counted
    groups = one.analysis.groups
    design = [[1, group.arms == ("ALKY",), group.statuses == ("DEFICIENT",)] for group in groups]
    rows = [[*row, row[1] and row[2]] for row in design]
    finite = 0
    for trial in range(30):
        events, subjects = (raw[trial, slice(*one.columns)] @ one.sums).reshape(2, -1)
        found = logistic_effect(np.array(rows, float), events, subjects, [3])
        names = ("p", "log_ratio_of_odds_ratios")
        held = [trials[trial, simulation.columns.index(f"bor_interaction/{n}")] for n in names]
        told = [math.nan if each is None else each for each in (found.p, found.estimate)]
        assert held == pytest.approx(told, nan_ok=True)
        finite += found.estimate is not None
    assert finite > 20


def test_an_interval_of_nothing_is_refused() -> None:
    for name in ("nobody", "pfs_alky"):
        with pytest.raises(BadInput, match=r"endpoints\.intervals.*a simulated analysis"):
            simulation_of("mgmt-net", analyses=["primary", "pfs_alky"], intervals=[name])
