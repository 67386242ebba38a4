"""Sample size and power against R (rpact, gsDesign, Exact, clinfun); MGMT-NET's planning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.statistics.interaction import interaction_power
from equipoise.statistics.power import (
    Method,
    critical_difference,
    exact_group_sizes,
    exact_power,
    two_proportions_power,
    two_proportions_size,
)
from equipoise.statistics.proportion import Side
from equipoise.statistics.rejection import Test as PowerTest
from equipoise.statistics.single_arm import single_stage_designs, single_stage_rule
from equipoise.statistics.survival_size import (
    SurvivalMethod,
    events_needed,
    hazard_of_median,
    hazard_of_share,
    survival_power,
    survival_size,
)

GOLDEN = json.loads((Path(__file__).parent / "design.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-6
ROOT_OF_R = 5e-4
"""power.prop.test stops its search for n here (tol = .Machine$double.eps^0.25)."""


def _size(row: dict[str, Any], **chosen: Any) -> tuple[float, float]:
    sizes = two_proportions_size(
        row["p1"],
        row["p2"],
        alpha=row["alpha"],
        power=row["power"],
        sides=row["sided"],
        ratio=row["ratio_n2_over_n1"],
        **chosen,
    )
    assert sizes.n2 == pytest.approx(sizes.n1 * row["ratio_n2_over_n1"], abs=TOLERANCE)
    return sizes.n1, sizes.n1 + sizes.n2


@pytest.mark.parametrize("row", GOLDEN["two_proportions_n"])
def test_two_proportions_size(row: dict[str, Any]) -> None:
    closed, by_gs_design = row["closed_form"], row["gsDesign_nBinomial"]
    n1, total = _size(row)
    assert n1 == pytest.approx(closed["n1_pooled"], abs=TOLERANCE)
    assert (n1, total - n1) == pytest.approx((by_gs_design["n1"], by_gs_design["n2"]), abs=1e-6)
    assert total == pytest.approx(by_gs_design["total"], abs=TOLERANCE)
    assert total == pytest.approx(by_gs_design["RR_total"], abs=TOLERANCE)
    assert total == pytest.approx(row["rpact_pooled"]["n_total"], abs=TOLERANCE)
    if row["power.prop.test_n_per_group"] is not None:
        assert n1 == pytest.approx(row["power.prop.test_n_per_group"], abs=ROOT_OF_R)
    corrected, _ = _size(row, continuity_correction=True)
    assert corrected == pytest.approx(closed["n1_fleiss_cc"], abs=TOLERANCE)
    for method, key in (("unpooled", "n1_unpooled"), ("arcsine", "n1_arcsine_cohen_h")):
        assert _size(row, method=method)[0] == pytest.approx(closed[key], abs=TOLERANCE)
    _, by_odds_ratio = _size(row, method="log_odds_ratio")
    for key in ("OR_total", "LNOR_total"):
        assert by_odds_ratio == pytest.approx(by_gs_design[key], abs=TOLERANCE)


@pytest.mark.parametrize(
    "row", [row for row in GOLDEN["two_proportions_n"] if row["rpact_pooled"]["critical_effect"]]
)
def test_critical_difference(row: dict[str, Any]) -> None:
    found = critical_difference(
        row["rpact_pooled"]["n_p1arm"],
        row["rpact_pooled"]["n_p2arm"],
        row["p1"],
        alpha=row["alpha"],
        sides=row["sided"],
    )
    assert found == pytest.approx(row["rpact_pooled"]["critical_effect"], abs=TOLERANCE)


@pytest.mark.parametrize("row", GOLDEN["exact_power"])
@pytest.mark.parametrize(
    ("test", "side", "alpha", "key"),
    [
        ("fisher", "two_sided", 0.05, "fisher_two_sided"),
        ("fisher", "two_sided", 0.05, "exact2x2_power2x2_fisher"),
        ("fisher", "greater", 0.05, "fisher_one_sided_0.05"),
        ("fisher", "greater", 0.025, "fisher_one_sided_0.025"),
        ("chi_square", "two_sided", 0.05, "chi2_pooled"),
        ("z_pooled", "two_sided", 0.05, "chi2_pooled"),
        ("chi_square_corrected", "two_sided", 0.05, "chi2_yates"),
        ("z_unpooled", "two_sided", 0.05, "z_unpooled"),
        ("boschloo", "two_sided", 0.05, "Exact_boschloo"),
        ("barnard", "two_sided", 0.05, "Exact_zpooled"),
    ],
)
def test_exact_power(
    row: dict[str, Any], test: PowerTest, side: Side, alpha: float, key: str
) -> None:
    found = exact_power(
        row["n1"], row["n2"], row["p1"], row["p2"], alpha=alpha, test=test, side=side
    )
    assert found == pytest.approx(row[key], abs=TOLERANCE)


@pytest.mark.parametrize("row", GOLDEN["exact_power"])
def test_approximate_power(row: dict[str, Any]) -> None:
    """gsDesign counts one direction only, and for p1 < p2 it is the wrong one."""
    rates = row["n1"], row["n2"], row["p1"], row["p2"]
    both = two_proportions_power(*rates, alpha=row["alpha"])
    assert both == pytest.approx(row["rpact_getPowerRates"], abs=TOLERANCE)
    if row["p1"] > row["p2"]:
        one = two_proportions_power(*rates, alpha=row["alpha"] / 2, sides=1)
        assert one == pytest.approx(row["gsDesign_nBinomial_power"], abs=TOLERANCE)
    if row["p1"] < row["p2"]:
        wrong = two_proportions_power(*rates, alpha=row["alpha"] / 2, sides=1, side="greater")
        assert wrong == pytest.approx(row["gsDesign_nBinomial_power"], rel=1e-6)


@pytest.mark.parametrize("row", GOLDEN["survival_n"])
def test_survival_size(row: dict[str, Any]) -> None:
    hazard = hazard_of_median(row["median_control"])
    dropout = hazard_of_share(row["dropout12"], 12)
    course = {
        "control_hazard": hazard,
        "accrual": row["accrual"],
        "follow_up": row["followup_min"],
        "dropout_hazard": dropout,
    }
    level = {"alpha": row["alpha"], "sides": row["sided"]}
    methods: dict[str, SurvivalMethod] = {
        "Schoenfeld": "schoenfeld",
        "Freedman": "freedman",
        "HsiehFreedman": "hsieh_freedman",
    }
    expected = [(methods[each["method"]], each["events"], each["n"]) for each in row["rpact"]]
    by_gs_design = row["gsDesign_nSurv_LachinFoulkes"]
    expected.append(("lachin_foulkes", by_gs_design["d"], by_gs_design["n"]))
    ratio, power = row["ratio_exp_over_ctl"], 1 - row["beta"]
    for method, events, subjects in expected:
        size = survival_size(row["hr"], power=power, ratio=ratio, method=method, **course, **level)
        assert size.events == pytest.approx(events, abs=TOLERANCE)
        assert size.subjects == pytest.approx(subjects, abs=TOLERANCE)
        assert size.experimental == pytest.approx(ratio * size.control)
        back = survival_power(
            size.control, size.experimental, row["hr"], method=method, **course, **level
        )
        assert back == pytest.approx(power, abs=1e-12)
    alone = events_needed(row["hr"], power=power, ratio=ratio, **level)
    for key in ("gsDesign_nEvents_schoenfeld", "schoenfeld_closed"):
        assert alone == pytest.approx(row[key], abs=TOLERANCE)


@pytest.mark.parametrize("key", ["mgmtnet", "planned"])
def test_interaction_power(key: str) -> None:
    row = GOLDEN["interaction_power_wald"][key]
    found = interaction_power(row["n"], row["p"], alpha=0.05)
    assert found.contrasts == pytest.approx((row["theta"],), abs=TOLERANCE)
    assert found.standard_error == pytest.approx(row["se"], abs=TOLERANCE)
    assert found.power == pytest.approx(row["power"], abs=TOLERANCE)


@pytest.mark.parametrize("row", GOLDEN["single_stage_exact"])
def test_single_stage_designs(row: dict[str, Any]) -> None:
    found = single_stage_designs(
        row["p0"],
        row["p1"],
        alpha=row["alpha"],
        power=1 - row["beta"],
        designs=len(row["designs"]),
    )
    for mine, r in zip(found, row["designs"], strict=True):
        assert (mine.n, mine.r) == (r["n"], r["r"])
        assert mine.size == pytest.approx(r["Type I error"], abs=TOLERANCE)
        assert 1 - mine.power == pytest.approx(r["Type II error"], abs=TOLERANCE)


def test_nci_match_arm() -> None:
    """31 patients, 5 % v 25 %, at least 5 responses: one-sided 1.8 %, power 92 %.

    Flaherty et al. 2020, J Clin Oncol 38:3883-3894, statistical design.
    """
    rule = single_stage_rule(31, 0.05, 0.25, alpha=0.02)
    assert (rule.r, round(rule.size, 3), round(rule.power, 2)) == (4, 0.018, 0.92)


def test_single_arm_of_temozolomide_in_colorectal_cancer() -> None:
    """15 % v 35 %: 28 patients at 5 % and 80 % (assumed); 29 were enrolled (FACTS, section 5)."""
    (design,) = single_stage_designs(0.15, 0.35, alpha=0.05, power=0.80)
    assert (design.n, design.r) == (28, 7)


@pytest.mark.parametrize(
    ("power", "corrected", "printed"), [(0.8, False, 26.9), (0.8, True, 32.4), (0.9, False, 35.5)]
)
def test_planned_size_of_mgmt_net(power: float, corrected: bool, printed: float) -> None:
    """15 % v 50 %, two-sided 5 %: 26.9 a group, hence 27 (alpha and power are assumed)."""
    sizes = two_proportions_size(
        0.15, 0.50, alpha=0.05, power=power, continuity_correction=corrected
    )
    assert (round(sizes.n1, 1), round(sizes.n2, 1)) == (printed, printed)
    if (power, corrected) == (0.8, False):
        assert sizes.whole == (27, 27)


@pytest.mark.parametrize(
    ("n1", "n2", "p1", "p2", "test", "printed"),
    [
        (26, 26, 0.15, 0.50, "fisher", 0.706),
        (26, 34, 0.15, 0.50, "fisher", 0.797),
        (31, 31, 0.15, 0.50, "fisher", 0.797),
        (26, 26, 0.15, 0.50, "chi_square", 0.809),
        (26, 34, 0.15, 0.50, "chi_square", 0.837),
        (25, 34, 0.08, 0.294, "fisher", 0.47),
    ],
)
def test_power_of_mgmt_net(
    n1: int, n2: int, p1: float, p2: float, test: PowerTest, printed: float
) -> None:
    """Exact powers at the planned and at the published response rates (enumerated in R)."""
    digits = len(str(printed)) - 2
    assert round(exact_power(n1, n2, p1, p2, alpha=0.05, test=test), digits) == printed


def test_exact_sizes_of_mgmt_net() -> None:
    """Fisher needs 32 a group: 31 have a power of 0.797."""
    found = exact_group_sizes(0.15, 0.50, alpha=0.05, power=0.80)
    assert (found.n1, found.n2) == (32, 32)
    assert found.power >= 0.80 and found.size <= 0.05


@pytest.mark.parametrize("method", ["pooled", "unpooled", "arcsine", "log_odds_ratio"])
def test_published_closed_form_power(method: Method) -> None:
    """Size and power are each other's inverse, but for the wrong direction of two."""
    sizes = two_proportions_size(0.15, 0.50, alpha=0.025, power=0.80, sides=1, method=method)
    back = two_proportions_power(
        sizes.n1, sizes.n2, 0.15, 0.50, alpha=0.025, sides=1, method=method
    )
    assert back == pytest.approx(0.80, abs=1e-12)
