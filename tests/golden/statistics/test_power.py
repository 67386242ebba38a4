"""Sample size and power against R: gsDesign, closed forms, enumeration; MGMT-NET's planning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.statistics.power import Test as PowerTest
from equipoise.statistics.power import exact_power, two_proportions_size
from equipoise.statistics.proportion import Side

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))["design"]
TOLERANCE = 1e-6


@pytest.mark.parametrize("row", GOLDEN["two_proportions_n"])
def test_two_proportions_size(row: dict[str, Any]) -> None:
    for corrected, key in ((False, "n1_pooled"), (True, "n1_fleiss_cc")):
        sizes = two_proportions_size(
            row["p1"],
            row["p2"],
            alpha=row["alpha"],
            power=row["power"],
            sides=row["sided"],
            ratio=row["ratio_n2_over_n1"],
            continuity_correction=corrected,
        )
        assert sizes.n1 == pytest.approx(row["closed_form"][key], abs=TOLERANCE)
        assert sizes.n2 == pytest.approx(sizes.n1 * row["ratio_n2_over_n1"], abs=TOLERANCE)
        if not corrected:
            assert sizes.n2 == pytest.approx(row["gsDesign_nBinomial"]["n2"], abs=TOLERANCE)


@pytest.mark.parametrize("row", GOLDEN["exact_power"])
@pytest.mark.parametrize(
    ("test", "side", "alpha", "key"),
    [
        ("fisher", "two_sided", 0.05, "fisher_two_sided"),
        ("fisher", "greater", 0.05, "fisher_one_sided_0.05"),
        ("fisher", "greater", 0.025, "fisher_one_sided_0.025"),
        ("chi_square", "two_sided", 0.05, "chi2_pooled"),
        ("chi_square_corrected", "two_sided", 0.05, "chi2_yates"),
    ],
)
def test_exact_power(
    row: dict[str, Any], test: PowerTest, side: Side, alpha: float, key: str
) -> None:
    found = exact_power(
        row["n1"], row["n2"], row["p1"], row["p2"], alpha=alpha, test=test, side=side
    )
    assert found == pytest.approx(row[key], abs=TOLERANCE)


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
