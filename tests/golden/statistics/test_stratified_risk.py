"""Common risk differences and ratios of the 13 trials of BCG as printed by other people's programs.

R's metafor and Stata's metan, both with four digits or fewer (SOURCES.md).
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from equipoise.statistics.stratified import mantel_haenszel
from equipoise.statistics.stratified_risk import (
    risk_difference_mantel_haenszel,
    risk_ratio_mantel_haenszel,
)

with Path(__file__).with_name("bcg.csv").open(encoding="utf-8", newline="") as file:
    TRIALS = list(csv.DictReader(file))
X1 = [int(row["vaccinated_cases"]) for row in TRIALS]
N1 = [int(row["vaccinated_cases"]) + int(row["vaccinated_others"]) for row in TRIALS]
X2 = [int(row["control_cases"]) for row in TRIALS]
N2 = [int(row["control_cases"]) + int(row["control_others"]) for row in TRIALS]
PRINTED = 5e-5


def test_risk_ratio() -> None:
    found = risk_ratio_mantel_haenszel(X1, N1, X2, N2)
    assert found.estimate is not None and found.standard_error is not None
    figures = (math.log(found.estimate), math.log(found.lower), math.log(found.upper))
    assert figures == pytest.approx((-0.4537, -0.5308, -0.3766), abs=PRINTED)
    assert figures[0] / found.standard_error == pytest.approx(-11.5338, abs=PRINTED)
    limits = (found.estimate, found.lower, found.upper)
    assert limits == pytest.approx((0.6353, 0.5881, 0.6862), abs=PRINTED)


def test_risk_difference() -> None:
    """metafor has the variance of Sato, metan that of Greenland and Robins."""
    sato = risk_difference_mantel_haenszel(X1, N1, X2, N2)
    summed = risk_difference_mantel_haenszel(X1, N1, X2, N2, variance="greenland_robins")
    limits = (sato.estimate, sato.lower, sato.upper)
    assert limits == pytest.approx((-0.0033, -0.0039, -0.0027), abs=PRINTED)
    for found, z, digit in ((sato, -11.4708, PRINTED), (summed, -11.56, 5e-3)):
        assert found.estimate is not None and found.standard_error is not None
        assert found.estimate / found.standard_error == pytest.approx(z, abs=digit)


def test_odds_ratio() -> None:
    found = mantel_haenszel(X1, N1, X2, N2)
    limits = (found.estimate, found.lower, found.upper)
    assert limits == pytest.approx((0.6229, 0.5748, 0.6750), abs=PRINTED)
