"""Simulated looks stop as often as the exact distribution of the statistics says.

Expected: recursive integration at the information that the looks really had. Tests are those of
the analysis, nearly normal in trials of this size. Tolerances follow from the trials: a right value
fails for one seed in 150 000.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.operating import OperatingRow, operating_characteristics, sums
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.statistics.group_sequential import StoppingProbabilities, stopping_probabilities
from equipoise.study.load import study_path
from tests.harness.looking import with_looks

TRIALS = 10_000
ERRORS = 4.5
pytestmark = pytest.mark.slow

Rows = dict[tuple[str, str], OperatingRow]


def _scenario(rates: tuple[str, str], medians: tuple[str, str], size: int) -> Scenario:
    """Rates by status, medians of progression by arm; statuses are true, everybody is seen."""
    told = load_scenario(study_path("mgmt-net").parent, "null").model_dump(
        mode="json", exclude_none=True
    )
    for assay in told["marker"]["assays"].values():
        for level in assay["levels"].values():
            level.update(between="0", within="0")
    told["tumour"].update(
        missed_scan="0", shrunken_until_day=0,
        shrinkage={
            status: dict.fromkeys(("ALKY", "OX"), rate)
            for status, rate in zip(("DEFICIENT", "PROFICIENT"), rates, strict=True)
        },
        progression_median_months={
            status: dict(zip(("ALKY", "OX"), medians, strict=True))
            for status in ("DEFICIENT", "PROFICIENT")
        },
    )  # fmt: skip
    told["tumour"].pop("late_shrinkage", None)
    told["tumour"]["reading"].update(not_evaluable="0")
    told.pop("withdrawal", None)
    told["enrolment"].update(randomise=size, screen_at_most=3 * size)
    told["endpoints"] = {"seen": "at_once"}
    return Scenario.model_validate(told)


def _rows(simulation: EndpointSimulation, seed: int) -> Rows:
    found = sums(simulation, simulation.trials(seed, 0, TRIALS))
    return {(row.measure, row.subject): row for row in operating_characteristics(simulation, found)}


def _estimate(rows: Rows, measure: str, subject: str) -> float:
    found = rows[measure, subject].estimate
    assert found is not None
    return found


def _information(rows: Rows, analysis: str, looks: int) -> list[float]:
    known = [_estimate(rows, "look_known", f"{analysis}/look {k + 1}") for k in range(looks)]
    return [each / known[-1] for each in known]


def _agree(rows: Rows, analysis: str, exact: StoppingProbabilities) -> None:
    """Every stop, and the sum of all rejections, within the error of so many trials."""
    upper = [a + b for a, b in zip(exact.efficacy, exact.opposite, strict=True)]
    wanted = {
        ("stop_efficacy", f"{analysis}/look {k + 1}"): each for k, each in enumerate(upper)
    } | {
        ("stop_futility", f"{analysis}/look {k + 1}"): each for k, each in enumerate(exact.futility)
    }
    rejected = ("type_1_error" if exact.drift == 0 else "power", f"{analysis}/interims")
    wanted[rejected] = sum(upper)
    for key, share in wanted.items():
        if key not in rows:
            assert share == 0 or key[1].endswith(f"look {len(upper)}"), key
            continue
        allowed = ERRORS * math.sqrt(share * (1 - share) / TRIALS)
        assert abs(_estimate(rows, *key) - share) <= allowed, (key, share)


@pytest.mark.parametrize("family", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("rates", [("0.5", "0.5"), ("0.55", "0.45")])
def test_responses_stop_as_the_recursion_says(family: str, rates: tuple[str, str]) -> None:
    """Chi-square, two-sided, three looks; without effect the error is 5 per cent."""
    looks: dict[str, Any] = {
        "counted": "evaluable", "information": ["0.33", "0.67", "1"], "full": 0,
        "side": "two_sided", "alpha": "0.05", "efficacy": {"family": family},
    }  # fmt: skip
    size = 1200
    looks["full"] = round(size * ((55 * 0.69 + 38 * 0.45 + 12 * 0.42) / 105 / 6 + 0.5))
    study = with_looks("mgmt-net", "primary", looks, method="chi_square")
    simulation = endpoint_simulation(study, _scenario(rates, ("12", "12"), size))
    rows = _rows(simulation, 17)
    assert simulation.looked is not None
    critical = simulation.looked.limits.critical
    information = _information(rows, "primary", 3)
    assert information == pytest.approx([0.33, 0.67, 1], abs=0.005)
    means = {
        name: _estimate(rows, "mean_size", f"{name}/ALKY") for name in ("DEFICIENT", "PROFICIENT")
    }
    one, two = map(float, rates)
    pooled = (one * means["DEFICIENT"] + two * means["PROFICIENT"]) / sum(means.values())
    error = math.sqrt(pooled * (1 - pooled) * sum(1 / each for each in means.values()))
    drift = (one - two) / error
    exact = stopping_probabilities(information, critical, drift=drift, sides=2)
    _agree(rows, "primary", exact)
    if drift == 0:
        assert abs(sum(exact.efficacy) + sum(exact.opposite) - 0.05) < 5e-4
    stopped = 1 - sum(exact.efficacy[:2]) - sum(exact.opposite[:2])
    early = _estimate(rows, "stopped_early", "primary/interims")
    assert abs(1 - early - stopped) <= ERRORS * math.sqrt(stopped * (1 - stopped) / TRIALS)
    sizes = [_estimate(rows, "look_randomised", f"primary/look {k}") for k in (1, 2, 3)]
    shares = [a + b for a, b in zip(exact.efficacy, exact.opposite, strict=True)][:2]
    expected = sum(n * p for n, p in zip(sizes, [*shares, 1 - sum(shares)], strict=True))
    found = rows["expected_size", "primary/interims"]
    assert found.estimate is not None and found.standard_error is not None
    assert abs(found.estimate - expected) <= ERRORS * found.standard_error + 1


@pytest.mark.parametrize("rule", ["beta_spending", "conditional_power"])
def test_events_stop_as_the_recursion_says(rule: str) -> None:
    """Log-rank, one-sided 2.5 per cent, without effect: stops for efficacy and for futility.

    Of two arms of one size: of 2:1 the statistic itself is skewed at 100 events.
    """
    futility: dict[str, Any] = {
        "beta_spending": {"family": "hwang_shih_decani", "parameter": "-2", "power": "0.9"},
        "conditional_power": {"threshold": "0.2", "under": "trend"},
    }[rule]
    looks = {
        "counted": "events", "at": [100, 150, 200], "side": "less", "alpha": "0.025",
        "efficacy": {"family": "obrien_fleming_like"}, "futility": {"rule": rule, **futility},
    }  # fmt: skip
    study = with_looks("mgmt-net", "pfs_arms_proficient", looks)
    simulation = endpoint_simulation(study, _scenario(("0.25", "0.25"), ("12", "12"), 700))
    rows = _rows(simulation, 23)
    assert simulation.looked is not None
    limits = simulation.looked.limits
    assert _information(rows, "pfs_arms_proficient", 3) == pytest.approx([0.5, 0.75, 1], abs=0.003)
    exact = stopping_probabilities(
        limits.information, limits.critical, drift=0.0, futility=limits.futility
    )
    _agree(rows, "pfs_arms_proficient", exact)
    ignored = _estimate(rows, "type_1_error", "pfs_arms_proficient/futility ignored")
    assert abs(ignored - 0.025) <= ERRORS * math.sqrt(0.025 * 0.975 / TRIALS)


def test_an_estimate_is_too_great_where_its_trial_stopped_early() -> None:
    """Cox model, with an effect: unbiased at the end, exaggerated where looks stop the trial."""
    looks = {
        "counted": "events", "at": [60, 120], "side": "less", "alpha": "0.025",
        "efficacy": {"family": "pocock"},
    }  # fmt: skip
    study = with_looks("mgmt-net", "pfs_hazard_ratio_deficient", looks)
    simulation = endpoint_simulation(study, _scenario(("0.25", "0.25"), ("15", "10"), 400))
    rows = _rows(simulation, 29)
    subject = "pfs_hazard_ratio_deficient"
    with_stops, at_end = rows["bias", f"{subject}/interims"], rows["bias", subject]
    assert with_stops.estimate is not None and with_stops.standard_error is not None
    assert at_end.estimate is not None
    assert with_stops.estimate < -0.02 < at_end.estimate < 0.02
    assert -with_stops.estimate > ERRORS * with_stops.standard_error
